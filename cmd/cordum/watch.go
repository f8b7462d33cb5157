package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// watchFlags say how a run is followed.
type watchFlags struct {
	wait        bool
	ask         bool // ask at the terminal when an approval waits
	autoApprove bool
	noWait      bool // exit 8 when an approval waits
}

func (f *watchFlags) add(cmd *cobra.Command, withWait bool) {
	if withWait {
		cmd.Flags().BoolVar(&f.wait, "wait", false, "follow the run to its end and exit with its code")
	}
	cmd.Flags().BoolVar(&f.ask, "ask", false, "ask at the terminal when an approval waits")
	cmd.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "approve whatever waits, with a note in the record")
	cmd.Flags().BoolVar(&f.noWait, "no-wait-approval", false, "exit with code 8 when an approval waits, or a compensation is held")
	cmd.MarkFlagsMutuallyExclusive("ask", "auto-approve", "no-wait-approval")
}

func newRunWatch(a *app) *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch RUN",
		Short: "Follow a run live",
		Long: "Follows a run until nothing happens to it any more: it has ended, and what was to be undone is. What has happened so\n" +
			"far comes first. A lost connection is made again and nothing is left out. Ctrl-C only stops watching. The exit code\n" +
			"says how the run ended.\n\n" + exitHelp(),
		Example: "  cordum run watch 07…\n  cordum run watch 07… --ask",
		Args:    wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return f.follow(cmd.Context(), a, c, args[0])
		},
	}
	f.add(cmd, false)
	return cmd
}

// display shows a run while it goes on. It is used from one goroutine.
type display interface {
	event(runner.Event)
	note(string)               // something about the watching itself
	refresh(runner.RunView)    // the run as it is now
	wantsRefresh() bool        // whether the run should be read again now
	pause()                    // something else will be written
	finish(run runner.RunView) // the last view
}

// watching is one run being followed.
type watching struct {
	a     *app
	c     *client
	flags watchFlags
	run   string
	shown display
	told  map[string]bool // approvals that were dealt with
}

// follow shows a run until it ends and answers its exit code as an error. The last view goes to stdout.
func (f *watchFlags) follow(ctx context.Context, a *app, c *client, run string) error {
	w := &watching{a: a, c: c, flags: *f, run: run, shown: a.newDisplay(), told: map[string]bool{}}
	code, err := w.follow(ctx)
	if err != nil {
		w.shown.pause()
		return w.detached(ctx, err)
	}
	var last doc[runner.RunView]
	if err := c.get(ctx, pathTo("runs", run), nil, &last); err != nil {
		return w.detached(ctx, err)
	}
	w.shown.finish(last.V)
	if err := showOne(a, runView, last); err != nil {
		return err
	}
	if code == exitOK {
		code = runExit(&last.V)
	}
	return silent(code)
}

// detached explains that the run goes on when only the watching was ended.
func (w *watching) detached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		fmt.Fprintf(w.a.errOut, "stopped watching; the run goes on. Watch it again: cordum run watch %s\n", w.run)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return silent(exitTimeout)
	}
	if ctx.Err() != nil {
		return silent(exitInterrupted)
	}
	return err
}

const (
	frame       = 120 * time.Millisecond // of a live view
	eventBuffer = 256
)

// follow reads the stream and shows it. A code other than 0 ends the watching before the run has ended.
func (w *watching) follow(ctx context.Context) (code int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	calls := make(chan func() (int, error), eventBuffer)
	push := func(f func() (int, error)) {
		select {
		case calls <- f:
		case <-ctx.Done():
		}
	}
	done := make(chan error, 1)
	go func() {
		done <- w.c.follow(ctx, w.run, 0, follower{
			event: func(e runner.Event) { push(func() (int, error) { return w.event(ctx, e) }) },
			gap:   func(seq uint64) { push(w.say("events up to #%d were missed", seq)) },
			lost:  func(err error) { push(w.say("connection lost (%v); reconnecting", brief(err))) },
		})
		close(calls)
	}()
	ticks := time.NewTicker(frame)
	defer ticks.Stop()
	for {
		select {
		case call, more := <-calls:
			if !more {
				return 0, <-done
			}
			if code, err := call(); code != 0 || err != nil {
				return code, err
			}
		case <-ticks.C:
			if err := w.tick(ctx); err != nil {
				return 0, err
			}
		}
	}
}

func (w *watching) say(format string, args ...any) func() (int, error) {
	return func() (int, error) {
		w.shown.note(fmt.Sprintf(format, args...))
		return 0, nil
	}
}

// brief is the first line of an error.
func brief(err error) string {
	if err == nil {
		return "closed"
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// tick redraws a live view. A reading that fails is tried again at the next frame: the stream says when it is serious.
func (w *watching) tick(ctx context.Context) error {
	if !w.shown.wantsRefresh() {
		return nil
	}
	var run runner.RunView
	if err := w.c.get(ctx, pathTo("runs", w.run), nil, &run); err != nil {
		return ctx.Err()
	}
	w.shown.refresh(run)
	return nil
}

// event shows an event and does what it asks for: an approval may want an answer, a faulted run will not go on.
func (w *watching) event(ctx context.Context, e runner.Event) (code int, err error) {
	w.shown.event(e)
	switch {
	case strings.Contains(e.Type, "approval"):
		return w.approvals(ctx)
	case strings.Contains(e.Type, "fault"):
		return w.faulted(ctx)
	case e.Type == "undo_held":
		return w.held(e)
	}
	return 0, nil
}

// held says what a person can do about a compensation that waits for one.
func (w *watching) held(e runner.Event) (code int, err error) {
	step := strings.TrimPrefix(e.Step, "undo:")
	w.shown.note(fmt.Sprintf("undoing %s is held: it waits for a person\n  cordum run explain %s %s\n  %s",
		oneLine(step), w.run, shellWord(oneLine(e.Step)), nextForHeld(runner.HeldView{RunID: w.run, Step: oneLine(step)})))
	if w.flags.noWait {
		return exitWaiting, nil
	}
	return 0, nil
}

func (w *watching) faulted(ctx context.Context) (int, error) {
	var run runner.RunView
	if err := w.c.get(ctx, pathTo("runs", w.run), nil, &run); err != nil {
		return 0, err
	}
	if run.State != "faulted" {
		return 0, nil
	}
	w.shown.note(fmt.Sprintf("the engine cannot go on with this run: cordum run resume %s tries again, cordum run cancel --force %s ends it", w.run, w.run))
	return runExit(&run), nil
}

// approvals deals with each approval of the run that waits, once.
func (w *watching) approvals(ctx context.Context) (code int, err error) {
	waiting, err := w.c.waitingApprovals(ctx, w.run)
	if err != nil {
		return 0, err
	}
	for _, approval := range waiting {
		if w.told[approval.ID] {
			continue
		}
		w.told[approval.ID] = true
		if code, err := w.answer(ctx, approval); code != 0 || err != nil {
			return code, err
		}
	}
	return 0, nil
}

// answer does with a waiting approval what the flags say.
func (w *watching) answer(ctx context.Context, approval runner.ApprovalView) (code int, err error) {
	switch {
	case w.flags.autoApprove:
		w.shown.note(fmt.Sprintf("approving %q by itself (--auto-approve)", approval.Title))
		return 0, w.decide(ctx, approval, "approve", "approved by --auto-approve: nobody was asked")
	case w.flags.ask && w.a.inTTY && w.a.errTTY:
		return 0, w.askPerson(ctx, approval)
	case w.flags.noWait:
		w.shown.note(fmt.Sprintf("waiting for %q: cordum approval approve %s", approval.Title, approval.ID))
		return exitWaiting, nil
	}
	w.shown.note(fmt.Sprintf("%q waits for a person:\n  cordum approval show %s\n  cordum approval approve %s\n  cordum approval deny %s --comment 'why'",
		approval.Title, approval.ID, approval.ID, approval.ID))
	return 0, nil
}

func (w *watching) askPerson(ctx context.Context, approval runner.ApprovalView) error {
	// A row of a list leaves out what is long; what is decided about is shown whole.
	if err := w.c.get(ctx, pathTo("approvals", approval.ID), nil, &approval); err != nil {
		return err
	}
	w.shown.pause()
	fmt.Fprintf(w.a.errOut, "\n%s (step %s)\n", oneLine(approval.Title), approval.Step)
	if len(approval.Context) > 0 {
		fmt.Fprintf(w.a.errOut, "  %s\n", oneLine(string(approval.Context)))
	}
	fmt.Fprint(w.a.errOut, "Approve? [y = approve, d = deny, N = leave it waiting] ")
	answer, err := w.a.readLine(ctx)
	if err != nil {
		return err
	}
	switch answer {
	case "y", "yes", "approve":
		return w.decide(ctx, approval, "approve", "approved at the terminal")
	case "d", "deny":
		return w.decide(ctx, approval, "deny", "denied at the terminal")
	}
	w.shown.note("left waiting: cordum approval decide " + approval.ID)
	return nil
}

// decide answers an approval. When somebody else was faster, that is no error: the next event says how it ended.
func (w *watching) decide(ctx context.Context, approval runner.ApprovalView, decision, comment string) error {
	body := gateway.Verdict{Decision: decision, Comment: comment, ExpectHash: approval.Hash}
	err := w.c.post(ctx, pathTo("approvals", approval.ID, "decide"), body, nil)
	var problem *gateway.Problem
	if errors.As(err, &problem) && problem.Code == "conflict" {
		w.shown.note("somebody else has decided already")
		return nil
	}
	return err
}
