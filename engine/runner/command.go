package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
)

// Command gives a run a verb and answers the run as it is after the commit. A run that is set aside because its records
// cannot be read takes two: resume reads it again, cancel with force ends it as it is.
func (r *Runner) Command(ctx context.Context, c Caller, run string, cmd Command) (RunView, error) {
	input, err := r.commandInput(ctx, c, run, cmd)
	if err != nil {
		return RunView{}, err
	}
	view, err := callRun(ctx, r, c.Tenant, task{run: run, again: cmd.Verb == VerbResume, once: commandOnce(c, run, cmd.once())},
		func(t *turn, answer promise[RunView]) {
			in, err := input(t.live, t.by(c))
			if err != nil {
				t.decline(answer.fail, err)
				return
			}
			t.command(cmd, in, answer)
		})
	err = aboutRun(run, err)
	if errors.Is(err, errSetAside) && cmd.Verb == VerbCancel && cmd.Force {
		if err := r.endUnread(ctx, c, run); err != nil {
			return RunView{}, aboutRun(run, err)
		}
		return r.View(ctx, c, run)
	}
	return view, err
}

// command decides a command, unless it was decided before, and answers the run as it is when that is durable.
func (t *turn) command(cmd Command, in engine.Input, answer promise[RunView]) {
	if t.before == nil {
		decided := len(t.live.pending)
		err := t.decide(in)
		if t.err != nil {
			return // the run is faulted, and the task's fail answers
		}
		if err != nil {
			t.decline(answer.fail, asConflict(err))
			return
		}
		t.mark(decided, cmd)
		t.keep()
	}
	lr := t.live
	t.reply(func(err error) {
		if err != nil {
			answer.fail(err)
			return
		}
		v, r := lr.view(), t.lane.r
		if r.alone() {
			r.placements(v.Steps)
			answer.give(v)
			return
		}
		r.work.Go(func() { // it may have to ask another process
			r.placements(v.Steps)
			answer.give(v)
		})
	})
}

// callRun does something with a run on its lane and waits for the answer.
func callRun[T any](ctx context.Context, r *Runner, tenant string, t task, do func(*turn, promise[T])) (T, error) {
	answer := newPromise[T]()
	l := r.laneOf(t.run)
	if l == nil || !id.IsRun(t.run) {
		answer.fail(fmt.Errorf("run %.64q: %w", t.run, ErrNotFound))
		return answer.wait(ctx)
	}
	t.tenant, t.fail = tenant, answer.fail
	t.do = func(t *turn) { do(t, answer) }
	if err := l.inbox.offer(t); err != nil {
		answer.fail(fmt.Errorf("run %s: %w", t.run, err))
	}
	return answer.wait(ctx)
}
