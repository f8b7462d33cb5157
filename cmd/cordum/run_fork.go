package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// forkFlags say where a fork begins and with what.
type forkFlags struct {
	from, input, context, digest string
	outputs                      []string
	preview                      bool
	watch                        watchFlags
}

func newRunFork(a *app) *cobra.Command {
	var f forkFlags
	cmd := &cobra.Command{
		Use:   "fork RUN --from STEP",
		Short: "Start a run from a step of another one",
		Long: "Starts a new run that begins at a step of an earlier one: that step and what is behind it run again, the outputs of all\n" +
			"others are reused, and may be edited with --set-output. --preview says which, and starts nothing. Prints the new run's id.",
		Example: "  cordum run fork 07… --from migrate --preview\n" +
			"  cordum run fork 07… --from migrate --set-output 'backup={\"file\": \"/b/2.tar\"}' --reason 'the backup was moved' --wait",
		Args: wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.from == "" {
				return usagef("--from is missing: the step to begin at")
			}
			body, err := f.body(a)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var forked doc[runner.Forked]
			if err := c.post(cmd.Context(), pathTo("runs", args[0], "fork"), body, &forked); err != nil {
				return err
			}
			if f.watch.wait && !f.preview {
				return f.watch.follow(cmd.Context(), a, c, forked.V.RunID)
			}
			return showOne(a, forkedView, forked)
		},
	}
	to := cmd.Flags()
	to.StringVar(&f.from, "from", "", "the step to begin at")
	to.StringArrayVar(&f.outputs, "set-output", nil, "STEP=JSON, or STEP=@FILE: another output of a step that is reused; may be given several times")
	to.StringVar(&f.input, "input", "", "another input: JSON, @FILE, or - for stdin")
	to.StringVar(&f.context, "context", "", "another context: JSON, @FILE, or - for stdin")
	to.StringVar(&f.digest, "digest", "", "another version of the definition")
	to.BoolVar(&f.preview, "preview", false, "say what would be reused and what would run, and start nothing")
	f.watch.add(cmd, true)
	return cmd
}

func (f *forkFlags) body(a *app) (gateway.ForkRun, error) {
	body := gateway.ForkRun{Reason: gateway.Reason{Reason: a.flags.reason}, From: f.from, Digest: f.digest, Preview: f.preview}
	var err error
	if body.Input, err = a.jsonValue("input", f.input); err != nil {
		return body, err
	}
	if body.Context, err = a.jsonValue("context", f.context); err != nil {
		return body, err
	}
	for _, given := range f.outputs {
		step, value, ok := strings.Cut(given, "=")
		if !ok || step == "" || value == "" {
			return body, usagef("--set-output %q: write STEP=JSON or STEP=@FILE", given)
		}
		if body.Outputs == nil {
			body.Outputs = map[string]json.RawMessage{}
		}
		if body.Outputs[step], err = a.jsonValue("set-output "+step, value); err != nil {
			return body, err
		}
	}
	return body, nil
}

// forkedView prints the id of the new run; of a preview what would be reused and what would run.
var forkedView = view[runner.Forked]{
	name: func(f runner.Forked) string { return f.RunID },
	detail: func(p *printer, f runner.Forked) {
		if f.RunID != "" {
			_ = p.line(f.RunID) // kept in p.err
			return
		}
		for _, part := range []struct {
			name  string
			steps []string
		}{{"reused", f.Reused}, {"edited", f.Edited}, {"runs again", f.Rerun}} {
			p.fact(part.name, text(fmt.Sprintf("%d: %s", len(part.steps), strings.Join(part.steps, ", "))))
		}
	},
}
