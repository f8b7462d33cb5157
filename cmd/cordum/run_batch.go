package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
)

const batchHelp = "With --filter it is done to every run that fits all parts of the filter and whose state allows it: workflow=ID, state=STATE,\n" +
	"compensation=STATE, started_by=ACTOR, label.NAME=VALUE. --dry-run only lists them. Without a terminal --yes is needed."

// batchFlags name the runs of a batch.
type batchFlags struct {
	filter string
	dryRun bool
}

func (f *batchFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.filter, "filter", "", "all runs that fit, like 'workflow=db-migration state=running'")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --filter: list the runs and do nothing")
}

// batchFilter reads a filter: NAME=VALUE parts with blanks between them.
func batchFilter(text string) (gateway.BatchFilter, error) {
	var f gateway.BatchFilter
	names := map[string]*string{"workflow": &f.Workflow, "state": &f.State, "compensation": &f.Compensation, "started_by": &f.StartedBy}
	seen := map[string]bool{}
	for _, part := range strings.Fields(text) {
		name, value, ok := strings.Cut(part, "=")
		label, isLabel := strings.CutPrefix(name, "label.")
		to := names[name]
		switch {
		case !ok || value == "" && !isLabel:
			return f, usagef("--filter: %q is not NAME=VALUE", part)
		case seen[name]:
			return f, usagef("--filter: %s is given twice", name)
		case isLabel && label != "":
			if f.Labels == nil {
				f.Labels = map[string]string{}
			}
			f.Labels[label] = value
		case to == nil:
			return f, usagef("--filter: the name %q is unknown; the names are workflow, state, compensation, started_by and label.NAME", name)
		default:
			*to = value
		}
		seen[name] = true
	}
	if len(seen) == 0 {
		return f, usagef("--filter is empty: it never means all runs")
	}
	return f, nil
}

// run counts the runs, asks for confirmation, and gives each the command.
func (f *batchFlags) run(ctx context.Context, a *app, v runVerb) error {
	filter, err := batchFilter(f.filter)
	if err != nil {
		return err
	}
	batch := gateway.Batch{Reason: gateway.Reason{Reason: a.flags.reason}, Filter: filter, Action: v.name}
	if v.batch != nil {
		if err := v.batch(&batch); err != nil {
			return err
		}
	}
	canAsk := a.inTTY && a.errTTY
	if !f.dryRun && !a.flags.yes && !canAsk {
		return usagef("--filter without a terminal needs --yes; see what it would do with --dry-run")
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	if f.dryRun || !a.flags.yes {
		batch.DryRun = true
		counted, err := c.batches(ctx, batch)
		if err != nil || f.dryRun {
			return a.showBatch(counted, err)
		}
		if ok, err := a.confirm(ctx, fmt.Sprintf("Give %d runs the command %s?", counted.Matched, v.name)); !ok {
			return err
		}
		batch.DryRun = false
	}
	return a.showBatch(c.batches(ctx, batch))
}

// batches sends a batch, and again for what is left, until nothing is. What was done before an error is in the answer.
func (c *client) batches(ctx context.Context, batch gateway.Batch) (gateway.BatchResult, error) {
	all := gateway.BatchResult{Runs: []string{}, Failed: []gateway.BatchFailed{}}
	for {
		var part gateway.BatchResult
		if err := c.post(ctx, "batches", batch, &part); err != nil {
			return all, err
		}
		all.Matched += part.Matched
		all.Done += part.Done
		all.Runs = slices.Concat(all.Runs, part.Runs)
		all.Failed = slices.Concat(all.Failed, part.Failed)
		if batch.Cursor = part.Cursor; batch.Cursor == "" {
			return all, nil
		}
	}
}

// showBatch prints what a batch did, or would do, also when it did not come to its end.
func (a *app) showBatch(r gateway.BatchResult, err error) error {
	if err != nil && r.Matched == 0 {
		return err
	}
	p := a.printer()
	switch a.flags.output {
	case "table":
		a.batchTable(p, r)
	case "name":
		for _, run := range r.Runs {
			_ = p.line(run) // kept in p.err
		}
	default:
		if encoded := a.encode(p, r); encoded != nil {
			return encoded
		}
	}
	switch {
	case err != nil:
		return err
	case p.err != nil:
		return p.err
	case len(r.Failed) > 0:
		return fmt.Errorf("%s did not take the command", counted(len(r.Failed), "run", "runs"))
	}
	return nil
}

func (a *app) batchTable(p *printer, r gateway.BatchResult) {
	if r.Done == 0 && len(r.Failed) == 0 {
		for _, run := range r.Runs {
			_ = p.line(run) // kept in p.err
		}
		fmt.Fprintf(a.errOut, "%s\n", counted(r.Matched, "run fits", "runs fit"))
		return
	}
	if len(r.Failed) > 0 {
		rows := make([][]cell, len(r.Failed))
		for i, f := range r.Failed {
			rows[i] = []cell{text(f.Run), {f.Code, bad}, text(f.Message)}
		}
		_ = p.table([]string{"RUN", "REFUSED", ""}, rows) // as above
	}
	_ = p.line(fmt.Sprintf("%d of %d done", r.Done, r.Matched)) // as above
}
