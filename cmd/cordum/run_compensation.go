package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newRunCompensation(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "compensation",
		Short: "List and settle compensations that wait for a person",
		Long: "A compensation that policy denies, that cannot be tried again, or whose step may or may not have had its effect is held:\n" +
			"it waits for a person, and so does what its step depends on. Each word of a person is an event with its reason.",
		Example: "  cordum run compensation list\n  cordum run compensation retry 07… charge",
	})
	cmd.AddCommand(
		newCompensationList(a),
		newCompensationVerb(a, "retry", "Try a held compensation again", "Tries it again, with a fresh allowance of attempts.", false),
		newCompensationVerb(a, "skip", "Leave what it would undo", "Leaves the effect of the step where it is. The reason is kept.", true),
		newCompensationVerb(a, "done", "Say that it was undone by hand", "Says that the effect of the step was undone by hand. The reason is kept.", true))
	return cmd
}

// heldView is how a held compensation looks.
var heldView = view[runner.HeldView]{
	name:   func(h runner.HeldView) string { return h.JobID },
	header: []string{"RUN", "WORKFLOW", "STEP", "HELD", "WHY"},
	row: func(_ *printer, h runner.HeldView) []cell {
		why := ""
		if h.Error != nil {
			why = h.Error.Code + ": " + h.Error.Message
		}
		return []cell{text(h.RunID), text(h.Workflow), text(h.Step), text(ago(h.HeldAt, time.Now())), text(clipText(why, 80))}
	},
}

func newCompensationList(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list [RUN]",
		Aliases: []string{"ls"},
		Short:   "List compensations that are held",
		Long:    "Lists the compensations of all runs, or of one, that wait for a person.",
		Example: "  cordum run compensation list\n  cordum run compensation list 07… -o json",
		Args:    wantArgs("[RUN]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return list(cmd.Context(), a, "compensations", f.query(), heldView)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			run, err := c.heldOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var pg page[runner.HeldView]
			for _, h := range run {
				pg.Items = append(pg.Items, doc[runner.HeldView]{V: h})
			}
			return showPage(a, heldView, pg)
		},
	}
	f.add(cmd, nil)
	return cmd
}

// heldOf are the held compensations of a run.
func (c *client) heldOf(ctx context.Context, run string) ([]runner.HeldView, error) {
	var v runner.RunView
	err := c.get(ctx, pathTo("runs", run), nil, &v)
	return v.Held, err
}

func newCompensationVerb(a *app, verb, short, long string, needsReason bool) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " RUN STEP",
		Short:   short,
		Long:    long + " STEP is what the list calls it: charge, 'each[2]', 'poll[0]/ask'.",
		Example: fmt.Sprintf("  cordum run compensation %s 07… charge --reason 'paid back by hand, ticket 4711'", verb),
		Args:    wantArgs("RUN", "STEP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if needsReason && strings.TrimSpace(a.flags.reason) == "" {
				return usagef("--reason is missing: nothing else will tell later why it was not undone by its compensation")
			}
			path := pathTo("runs", args[0], "compensations", stepInPath(args[1]), verb)
			return send(cmd.Context(), a, path, gateway.Reason{Reason: a.flags.reason}, verbView)
		},
	}
}

// stepInPath writes the path of a step as addresses have it: a slash is a dot there.
func stepInPath(step string) string { return strings.ReplaceAll(step, "/", ".") }
