package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// startedView prints what a start answers: the bare id of the run, so that a script can keep it.
var startedView = view[runner.Started]{
	name:   func(s runner.Started) string { return s.RunID },
	detail: func(p *printer, s runner.Started) { _ = p.line(s.RunID) }, // kept in p.err
}

// startFlags are what a start takes besides the workflow.
type startFlags struct {
	input, context string
	labels         []string
	watch          watchFlags
}

func (f *startFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.input, "input", "", "the run's input: JSON, @FILE, or - for stdin")
	cmd.Flags().StringVar(&f.context, "context", "", "laid over the definition's context: JSON, @FILE, or - for stdin")
	cmd.Flags().StringArrayVar(&f.labels, "label", nil, "NAME=VALUE; may be given several times")
	f.watch.add(cmd, true)
}

// body makes the request for a run of a workflow.
func (f *startFlags) body(a *app, workflow, digest string) (gateway.RunStart, error) {
	if f.input == "-" && f.context == "-" {
		return gateway.RunStart{}, usagef("--input and --context cannot both come from stdin")
	}
	start := gateway.RunStart{Workflow: workflow, Digest: digest}
	var err error
	if start.Input, err = a.jsonValue("input", f.input); err != nil {
		return start, err
	}
	if start.Context, err = a.jsonValue("context", f.context); err != nil {
		return start, err
	}
	start.Labels, err = labels(f.labels)
	return start, err
}

// start starts a run and, with --wait, follows it to its end.
func (f *startFlags) start(ctx context.Context, a *app, c *client, body gateway.RunStart) error {
	var started doc[runner.Started]
	if err := c.post(ctx, "runs", body, &started); err != nil {
		return err
	}
	if f.watch.wait {
		return f.watch.follow(ctx, a, c, started.V.RunID)
	}
	if err := showOne(a, startedView, started); err != nil {
		return err
	}
	if a.errTTY {
		fmt.Fprintf(a.errOut, "watch it: cordum run watch %s\n", started.V.RunID)
	}
	return nil
}

func newRunStart(a *app) *cobra.Command {
	var f startFlags
	var digest string
	cmd := &cobra.Command{
		Use:   "start WORKFLOW",
		Short: "Start a run of a stored workflow",
		Long: "Starts a run of a stored workflow and prints the run's id. With --wait it shows the live timeline and ends with the\n" +
			"run, with an exit code that says how it ended.\n\n" + exitHelp(),
		Example: "  cordum run start db-migration --input '{\"version\": \"v2\"}'\n  cordum run start db-migration --wait --idempotency-key order-4711",
		Args:    wantArgs("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			body, err := f.body(a, args[0], digest)
			if err != nil {
				return err
			}
			return f.start(cmd.Context(), a, c, body)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&digest, "digest", "", "a version of the definition; the newest by default")
	return cmd
}

func newRunRerun(a *app) *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:     "rerun RUN",
		Short:   "Start a run again",
		Long:    "Starts a new run with the same definition, input and context as an earlier one, and prints its id.",
		Example: "  cordum run rerun 07… --wait --reason 'the database is back'",
		Args:    wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var started doc[runner.Started]
			if err := c.post(cmd.Context(), pathTo("runs", args[0], "rerun"), gateway.Reason{Reason: a.flags.reason}, &started); err != nil {
				return err
			}
			if f.wait {
				return f.follow(cmd.Context(), a, c, started.V.RunID)
			}
			return showOne(a, startedView, started)
		},
	}
	f.add(cmd, true)
	return cmd
}

func newRunSignal(a *app) *cobra.Command {
	var payload string
	cmd := &cobra.Command{
		Use:     "signal RUN NAME",
		Short:   "Send a run a signal",
		Long:    "Sends a named signal with a payload to a run. One that nothing waits for yet is kept.",
		Example: "  cordum run signal 07… paid --payload '{\"amount\": 12}'",
		Args:    wantArgs("RUN", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := a.jsonValue("payload", payload)
			if err != nil {
				return err
			}
			body := struct {
				Reason  string          `json:"reason,omitempty"`
				Name    string          `json:"name"`
				Payload json.RawMessage `json:"payload,omitempty"`
			}{a.flags.reason, args[1], value}
			return send(cmd.Context(), a, pathTo("runs", args[0], "signal"), body, verbView)
		},
	}
	cmd.Flags().StringVar(&payload, "payload", "", "JSON, @FILE, or - for stdin")
	return cmd
}

// confirm asks for confirmation on a terminal. Without one, or with --yes, the answer is yes: a script has said what it wants.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	if a.flags.yes || !a.inTTY || !a.errTTY {
		return true, nil
	}
	fmt.Fprintf(a.errOut, "%s [y/N] ", question)
	answer, err := a.readLine(ctx)
	if err != nil {
		return false, err
	}
	if answer != "y" && answer != "yes" {
		fmt.Fprintln(a.errOut, "nothing was done")
		return false, silent(exitError)
	}
	return true, nil
}

// readLine reads an answer, in lower case. ctx ends the waiting, not the reading: stdin has no deadline, and the process
// is about to end then.
func (a *app) readLine(ctx context.Context) (string, error) {
	answers := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		if err != nil && line == "" {
			line = "n"
		}
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answers:
		return answer, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
