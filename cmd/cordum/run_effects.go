package main

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newRunEffects(a *app) *cobra.Command {
	var cursor string
	var limit int
	cmd := &cobra.Command{
		Use:   "effects RUN",
		Short: "Show what a run did to the world, and what is not known of it",
		Long: "Shows each attempt that a worker may have begun (the intent) and what the worker answered (the receipt), with the\n" +
			"idempotency key under which to ask the target whether it happened.\n\n" +
			"The intent of a job that is not idempotent is recorded before the worker may begin, and of one for a plain CAP worker\n" +
			"before it is sent. A job that is idempotent begins at once: its intent is recorded a little later, and when the server\n" +
			"dies in between an effect may be there that is not listed. It is done again under the same key, and listed then.\n\n" +
			"done: the worker said so. undone: its compensation has succeeded since. unknown: it may have begun and nobody knows.\n" +
			"running: it is under way. none: it had no effect. What sub-workflows did is in their own runs.",
		Example: "  cordum run effects 07…\n  cordum run effects 07… -o json",
		Args:    wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			query := url.Values{"limit": {strconv.Itoa(limit)}}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			var d doc[gateway.Effects]
			if err := c.get(cmd.Context(), pathTo("runs", args[0], "effects"), query, &d); err != nil {
				return err
			}
			return a.showEffects(d)
		},
	}
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on with the page that the last call named")
	cmd.Flags().IntVar(&limit, "limit", 50, "rows of a page, 1 to 1000")
	return cmd
}

func (a *app) showEffects(d doc[gateway.Effects]) error {
	p := a.printer()
	switch a.flags.output {
	case "table":
	case "name":
		for i := range d.V.Items {
			_ = p.line(d.V.Items[i].Key) // kept in p.err
		}
		return p.err
	default:
		return a.encode(p, d)
	}
	rows := make([][]cell, len(d.V.Items))
	for i := range d.V.Items {
		rows[i] = effectRow(&d.V.Items[i])
	}
	_ = p.table([]string{"STEP", "EFFECT", "STATE", "ATTEMPT", "WORKER", "INTENT", "TOOK", "KEY"}, rows) // as above
	n := d.V.Counts
	_ = p.line(fmt.Sprintf("%s: %d done, %d undone, %d unknown, %d running, %d none",
		counted(n.Done+n.Undone+n.Unknown+n.Running+n.None, "effect", "effects"), n.Done, n.Undone, n.Unknown, n.Running, n.None)) // as above
	if d.V.NextCursor != "" {
		fmt.Fprintf(a.errOut, "there is more: --cursor %s\n", d.V.NextCursor)
	}
	return p.err
}

// effectTones are how states of effects look.
var effectTones = map[string]tone{
	runner.EffectDone: good, runner.EffectUnknown: bad, runner.EffectUndone: soft, runner.EffectNone: soft, runner.EffectRunning: busy,
}

func effectRow(e *runner.EffectView) []cell {
	took := ""
	if e.EndedAt != nil {
		took = span(e.IntentAt, e.EndedAt, time.Now())
	}
	return []cell{
		text(e.Step), text(e.Effect),
		{e.State, effectTones[e.State]},
		text(strconv.Itoa(e.Attempt)), text(e.Worker),
		text(e.IntentAt.Local().Format("15:04:05.000")), text(took), text(e.Key),
	}
}
