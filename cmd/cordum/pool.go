package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newPool(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "pool",
		Short: "See pools of workers, drain them, and say what they serve",
		Long: "A pool is a group of workers; each says in its heartbeats which one it belongs to. pools.yaml says which topics a pool\n" +
			"serves and how much it may have at once; the document that pool config put stores is laid over that file.",
		Example: "  cordum pool list\n  cordum pool drain gpu --reason 'new drivers'\n  cordum pool config put pools.yaml",
	})
	cmd.AddCommand(newPoolList(a), newDrainOf(a, "pool"), newUndrainOf(a, "pool"), newFleetConfig(a, runner.PoolsDoc))
	return cmd
}

// poolView is how a pool looks.
var poolView = view[runner.PoolView]{
	name:   func(v runner.PoolView) string { return v.Name },
	header: []string{"POOL", "STATE", "WORKERS", "JOBS", "QUEUED", "LIMIT", "REQUIRES", "TOPICS"},
	row: func(_ *printer, v runner.PoolView) []cell {
		is, limit := "alive", ""
		switch {
		case v.Draining:
			is = "draining"
		case v.Workers == 0:
			is = "empty"
		}
		if v.MaxJobs > 0 {
			limit = strconv.Itoa(v.MaxJobs)
		}
		return []cell{
			text(v.Name), state(is), text(strconv.Itoa(v.Workers)), text(fmt.Sprintf("%d/%d", v.Active, v.Slots)), text(strconv.Itoa(v.Queued)), text(limit),
			text(clipText(strings.Join(v.Requires, " "), 40)), text(clipText(strings.Join(v.Topics, " "), 80)),
		}
	},
}

func newPoolList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List pools with their workers and limits",
		Long:    "Lists the pools that are configured or that a worker belongs to.",
		Example: "  cordum pool list\n  cordum pool list -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), a, "pools", nil, poolView)
		},
	}
}

// drainView is how a drain looks.
var drainView = view[runner.Drain]{
	name:   func(d runner.Drain) string { return d.Name },
	header: []string{"DRAINING", "NAME", "REASON", "BY", "SINCE"},
	row: func(_ *printer, d runner.Drain) []cell {
		return []cell{text(d.Of), text(d.Name), text(d.Reason), text(d.SetBy), text(ago(d.SetAt, time.Now()))}
	},
}

// undrainedView says that a drain is over.
var undrainedView = view[gateway.LiftedDrain]{
	name:   func(d gateway.LiftedDrain) string { return d.Name },
	header: []string{"LIFTED", "NAME"},
	row:    func(_ *printer, d gateway.LiftedDrain) []cell { return []cell{text(d.Of), text(d.Name)} },
}

func newDrainOf(a *app, of string) *cobra.Command {
	return &cobra.Command{
		Use:   "drain " + strings.ToUpper(of),
		Short: "Let a " + of + " run empty",
		Long: "When the command returns, the " + of + " gets nothing new; what it has goes on. It need not be there now: the drain stays\n" +
			"until " + of + " undrain.",
		Example: "  cordum " + of + " drain NAME --reason maintenance",
		Args:    wantArgs(strings.ToUpper(of)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd.Context(), a, pathTo(of+"s", args[0], "drain"), gateway.Reason{Reason: a.flags.reason}, drainView)
		},
	}
}

func newUndrainOf(a *app, of string) *cobra.Command {
	return &cobra.Command{
		Use:     "undrain " + strings.ToUpper(of),
		Short:   "Let a " + of + " take work again",
		Long:    "Ends a drain: the " + of + " gets work again.",
		Example: "  cordum " + of + " undrain NAME",
		Args:    wantArgs(strings.ToUpper(of)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd.Context(), a, pathTo(of+"s", args[0], "undrain"), gateway.Reason{Reason: a.flags.reason}, undrainedView)
		},
	}
}

// fleetConfigView prints a document, and what is wrong with its sources.
var fleetConfigView = view[runner.FleetConfig]{
	name: func(f runner.FleetConfig) string { return f.Name },
	detail: func(p *printer, f runner.FleetConfig) {
		for _, s := range f.Sources {
			switch read := ago(s.ReadAt, time.Now()); {
			case s.Problem != "":
				p.fact(s.Source, cell{"refused, the one before is in force: " + s.Problem, bad})
			case s.Empty:
				p.fact(s.Source, text("none, looked for "+read))
			default:
				p.fact(s.Source, text("in force, read "+read))
			}
		}
		if f.Document != "" {
			_ = p.line("") // kept in p.err, as the next
			_ = p.line(strings.TrimRight(f.Document, "\n"))
		}
	},
}

// newFleetConfig reads and replaces the document over pools.yaml or timeouts.yaml.
func newFleetConfig(a *app, name string) *cobra.Command {
	file := name + ".yaml"
	group := "pool config"
	if name == runner.TimeoutsDoc {
		group = "topic timeouts"
	}
	cmd := asGroup(&cobra.Command{
		Use:     group[strings.LastIndexByte(group, ' ')+1:],
		Short:   "Read, check and replace the document over " + file,
		Long:    "The document is laid over the file " + file + " that the server was started with: of what both name, the document counts.",
		Example: "  cordum " + group + " get\n  cordum " + group + " check " + file + "\n  cordum " + group + " put " + file,
	})
	get := &cobra.Command{
		Use: "get", Short: "Show the document and whether it and the file are in force", Args: wantArgs(),
		Long:    "Shows the document, and whether it and the file are in force, or why not.",
		Example: "  cordum " + group + " get -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return read(cmd.Context(), a, "config/"+name, nil, fleetConfigView)
		},
	}
	put := &cobra.Command{
		Use: "put FILE", Short: "Replace the document; it is in force when the command returns", Args: wantArgs("FILE"),
		Long:    "Replaces the document by FILE, or - for stdin. What cannot be read changes nothing. An empty file removes the document.",
		Example: "  cordum " + group + " put " + file,
		RunE: func(cmd *cobra.Command, args []string) error {
			return putFleetConfig(cmd, a, name, args[0])
		},
	}
	check := &cobra.Command{
		Use: "check FILE", Short: "Check a file without a server", Args: wantArgs("FILE"),
		Long:    "Says what is wrong with FILE, and where; it asks no server.",
		Example: "  cordum " + group + " check " + file,
		RunE: func(_ *cobra.Command, args []string) error {
			src, err := a.readFile(args[0])
			if err != nil {
				return err
			}
			if err := checkFleetConfig(name, src, args[0]); err != nil {
				return &coded{exitDefinition, err}
			}
			return nil
		},
	}
	cmd.AddCommand(get, put, check)
	return cmd
}

func checkFleetConfig(name string, src []byte, file string) error {
	if name == runner.PoolsDoc {
		_, err := config.ParseFleet(src, file)
		return err
	}
	_, err := config.ParseTimeouts(src, file)
	return err
}

func putFleetConfig(cmd *cobra.Command, a *app, name, file string) error {
	src, err := a.readFile(file)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	var d doc[runner.FleetConfig]
	r := request{method: http.MethodPut, path: "config/" + name, body: src, contentType: "application/yaml"}
	if err := c.do(cmd.Context(), r, &d); err != nil {
		return err
	}
	return showOne(a, fleetConfigView, d)
}

// fleetFiles are pools.yaml and timeouts.yaml as the settings name them.
type fleetFiles struct{ pools, timeouts fleetFile }

// Pools implements runner.FleetFiles.
func (f *fleetFiles) Pools() ([]byte, string, error) { return f.pools.read() }

// Timeouts implements runner.FleetFiles.
func (f *fleetFiles) Timeouts() ([]byte, string, error) { return f.timeouts.read() }

// fleetFile is a file that must be there if somebody named it.
type fleetFile struct {
	path   string
	wanted bool
}

func (f fleetFile) read() ([]byte, string, error) {
	stat, err := os.Stat(f.path)
	switch {
	case os.IsNotExist(err) && !f.wanted:
		return nil, f.path, nil
	case err != nil:
		return nil, f.path, err
	case stat.Size() > config.MaxBytes:
		return nil, f.path, fmt.Errorf("%s has %d bytes, at most %d are read", f.path, stat.Size(), config.MaxBytes)
	}
	src, err := os.ReadFile(f.path)
	return src, f.path, err
}
