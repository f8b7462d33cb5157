package main

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

func newRun(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:     "run",
		Short:   "Start, watch and control runs",
		Long:    "A run is one execution of a workflow, pinned for ever to the definition it started with.",
		Example: "  cordum run list --state waiting\n  cordum run watch 07…\n  cordum run explain 07…",
	})
	cmd.AddCommand(
		newRunStart(a), newRunGet(a), newRunList(a), newRunWatch(a), newRunTimeline(a), newRunLogs(a), newRunExplain(a), newRunIterations(a),
		newRunRerun(a), newRunFork(a), newRunSignal(a), newRunCompensation(a), newRunEffects(a), newRunEvidence(a))
	for _, v := range runVerbs() {
		cmd.AddCommand(newRunVerb(a, v))
	}
	return cmd
}

// runView is how a run looks alone.
var runView = view[runner.RunView]{
	name:   func(r runner.RunView) string { return r.ID },
	header: []string{"RUN", "WORKFLOW", "STATE", "COMPENSATION", "STARTED", "TOOK"},
	row: func(_ *printer, r runner.RunView) []cell {
		now := time.Now()
		return []cell{
			text(r.ID), text(r.Workflow), state(r.State), compensation(r.Compensation), text(ago(r.StartedAt, now)),
			text(span(r.StartedAt, r.EndedAt, now)),
		}
	},
	detail: runDetail,
}

// headerView is how a run looks in a list.
var headerView = view[runner.RunHeader]{
	name:   func(r runner.RunHeader) string { return r.ID },
	header: []string{"RUN", "WORKFLOW", "STATE", "COMPENSATION", "STARTED", "TOOK", "BY"},
	row: func(_ *printer, r runner.RunHeader) []cell {
		now := time.Now()
		return []cell{
			text(r.ID), text(r.Workflow), state(r.State), compensation(r.Compensation), text(ago(r.StartedAt, now)), text(span(r.StartedAt, r.EndedAt, now)),
			text(r.StartedBy),
		}
	},
}

// inOrder sorts steps by when they began; those that have not come last, as the server lists them.
func inOrder(steps []runner.StepView) []*runner.StepView {
	out := make([]*runner.StepView, len(steps))
	for i := range steps {
		out[i] = &steps[i]
	}
	slices.SortStableFunc(out, func(a, b *runner.StepView) int {
		switch {
		case a.StartedAt != nil && b.StartedAt != nil:
			return a.StartedAt.Compare(*b.StartedAt)
		case a.StartedAt != nil:
			return -1
		case b.StartedAt != nil:
			return 1
		}
		return 0
	})
	return out
}

// listFlags are the flags of every list.
type listFlags struct {
	workflow, state, kind, cursor string
	limit                         int
}

func (f *listFlags) add(cmd *cobra.Command, states []string) {
	cmd.Flags().StringVar(&f.cursor, "cursor", "", "go on with the page that the last call named")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "rows of a page, 1 to 1000")
	if states == nil {
		return
	}
	cmd.Flags().StringVar(&f.workflow, "workflow", "", "only of this workflow")
	cmd.Flags().StringVar(&f.state, "state", "", "only in this state: "+strings.Join(states, ", "))
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

func (f *listFlags) query() url.Values {
	q := url.Values{"limit": {strconv.Itoa(f.limit)}}
	for name, value := range map[string]string{"workflow": f.workflow, "state": f.state, "kind": f.kind, "cursor": f.cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

var runStates = []string{"pending", "running", "waiting", "paused", "faulted", "succeeded", "failed", "cancelled", "timed_out"}

func newRunList(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List runs, newest first",
		Long:    "Lists runs, newest first. Jobs that were submitted alone are runs of one step; --kind job shows them.",
		Example: "  cordum run list --workflow db-migration --state failed\n  cordum run list -o name",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listFull(cmd.Context(), a, "runs", f.query(), headerView)
		},
	}
	f.add(cmd, runStates)
	cmd.Flags().StringVar(&f.kind, "kind", "workflow", "workflow or job")
	return cmd
}

// compensation shows a run's second state; none is left out.
func compensation(s string) cell {
	if s == "none" {
		return text("")
	}
	return state(s)
}

// list reads and prints a page.
func list[T any](ctx context.Context, a *app, path string, query url.Values, v view[T]) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var pg page[T]
	if err := c.get(ctx, path, query, &pg); err != nil {
		return err
	}
	return showPage(a, v, pg)
}

// listFull is list where the server may leave a page short, or even empty, since it has looked at as much as it does for one: it goes
// on by itself until the page has the rows that were asked for, or there are no more.
func listFull[T any](ctx context.Context, a *app, path string, query url.Values, v view[T]) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 1
	}
	var all page[T]
	for {
		var pg page[T]
		if err := c.get(ctx, path, query, &pg); err != nil {
			return err
		}
		all.Items, all.NextCursor = append(all.Items, pg.Items...), pg.NextCursor
		left := limit - len(all.Items)
		if left <= 0 || pg.NextCursor == "" {
			return showPage(a, v, all)
		}
		query.Set("cursor", pg.NextCursor)
		query.Set("limit", strconv.Itoa(left))
	}
}

// read reads and prints one thing.
func read[T any](ctx context.Context, a *app, path string, query url.Values, v view[T]) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var d doc[T]
	if err := c.get(ctx, path, query, &d); err != nil {
		return err
	}
	return showOne(a, v, d)
}

// send posts and prints the answer.
func send[T any](ctx context.Context, a *app, path string, body any, v view[T]) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var d doc[T]
	if err := c.post(ctx, path, body, &d); err != nil {
		return err
	}
	return showOne(a, v, d)
}

func newRunGet(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "get RUN",
		Aliases: []string{"show"},
		Short:   "Show a run and its steps",
		Long:    "Shows a run: its state, whether something was undone, and each step with its attempt and worker.",
		Example: "  cordum run get 07…\n  cordum run get 07… -o json",
		Args:    wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("runs", args[0]), nil, runView)
		},
	}
}
