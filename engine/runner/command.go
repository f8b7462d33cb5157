package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
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
				answer.fail(err)
				return
			}
			t.command(in, answer)
		})
	if errors.Is(err, errSetAside) && cmd.Verb == VerbCancel && cmd.Force {
		if err := r.endUnread(ctx, c, run); err != nil {
			return RunView{}, err
		}
		return r.View(ctx, c, run)
	}
	return view, err
}

// command decides a command, unless it was decided before, and answers the run as it is when that is durable.
func (t *turn) command(in engine.Input, answer promise[RunView]) {
	if t.before == nil {
		err := t.decide(in)
		if t.err != nil {
			return // the run is faulted, and the task's fail answers
		}
		if err != nil {
			answer.fail(asConflict(err))
			return
		}
		t.keep()
	}
	lr := t.live
	t.reply(func(err error) {
		if err != nil {
			answer.fail(err)
			return
		}
		answer.give(lr.view())
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

// Decide answers an approval. It is ErrConflict when it was decided before or shows something else than d.ExpectHash, ErrGone
// when it has expired.
func (r *Runner) Decide(ctx context.Context, c Caller, approval string, d Decision) (ApprovalView, error) {
	ref, err := id.ParseJob(approval)
	if err != nil {
		return ApprovalView{}, fmt.Errorf("approval %.64q: %w", approval, ErrNotFound)
	}
	if d.Approve && d.SendBack != "" {
		return ApprovalView{}, &InvalidError{Code: "invalid_argument", Message: "an approval is either approved or sent back"}
	}
	what := fmt.Sprintf("%s %t %q %q %q", approval, d.Approve, d.SendBack, d.Comment, d.ExpectHash)
	return callRun(ctx, r, c.Tenant, task{run: ref.Run, once: commandOnce(c, ref.Run, what)},
		func(t *turn, answer promise[ApprovalView]) {
			node, ok := t.live.approvalOf(ref)
			switch {
			case !ok:
				answer.fail(fmt.Errorf("approval %.64q: %w", approval, ErrNotFound))
			default:
				t.decideApproval(t.by(c), node, d, answer)
			}
		})
}

// decideApproval closes a question with a person's word, unless this word was taken before.
func (t *turn) decideApproval(at engine.Stamp, step int32, d Decision, answer promise[ApprovalView]) {
	lr := t.live
	var closed *safety.ApprovalClosed
	if t.before == nil {
		var err error
		closed, err = lr.approvals[step].Decide(step, safety.Answer{
			Approve: d.Approve, SendBack: d.SendBack != "", By: at.Actor, Comment: d.Comment, ExpectHash: d.ExpectHash, Now: t.now,
		})
		if err == nil && lr.run.Fault != "" {
			err = errors.New("the engine could not go on with this run: resume it first")
		}
		if err == nil && d.SendBack != "" {
			err = lr.run.MaySendBack(step, d.SendBack)
		}
		if err != nil {
			answer.fail(refusedAnswer(err))
			return
		}
		t.record(at, closed)
		t.saveApproval(step)
		t.keep()
	}
	t.answerApproval(step, answer)
	if closed != nil {
		in := answerInput(at, closed)
		in.To = d.SendBack
		_ = t.decide(in)
	}
}

// answerApproval answers an approval as it is when that is durable.
func (t *turn) answerApproval(step int32, answer promise[ApprovalView]) {
	r, lr := t.lane.r, t.live
	t.reply(func(err error) {
		if err != nil {
			answer.fail(err)
			return
		}
		r.crash(CrashApproved)
		answer.give(lr.approvalView(step, true))
	})
}

func refusedAnswer(err error) error {
	var refusal *engine.Refusal
	if errors.As(err, &refusal) {
		return asConflict(err)
	}
	if errors.Is(err, safety.ErrExpired) {
		return errors.Join(err, ErrGone)
	}
	return errors.Join(err, ErrConflict)
}

// answerInput is a closed approval as the engine's input.
func answerInput(at engine.Stamp, f *safety.ApprovalClosed) engine.Answer {
	in := engine.Answer{Stamp: at, Step: f.Step, Result: engine.ResultRejected}
	switch f.State {
	case safety.ApprovalApproved:
		in.Result = engine.ResultSucceeded
		out, _ := json.Marshal(map[string]any{"decision": "approve", "by": []string{f.By}, "comment": f.Comment}) // strings always encode
		in.Output = out
	case safety.ApprovalSentBack:
		in.Result, in.Comment = engine.ResultSentBack, f.Comment
	case safety.ApprovalExpired:
		in.Reject = engine.Failure{Code: engine.CodeExpired, Message: "nobody answered the approval in time"}
	default:
		in.Reject = engine.Failure{Code: engine.CodeRejected, Message: "the approval was denied"}
	}
	return in
}

// openApproval asks people.
func (t *turn) openApproval(at engine.Stamp, f *engine.ApprovalAsked) {
	t.record(at, &safety.ApprovalOpened{
		Step: f.Step, Hash: safety.ShownHash(f.Title, f.Context), RequestedBy: t.live.run.StartedBy, ExpiresAt: f.ExpiresAt,
	})
	t.saveApproval(f.Step)
}

// closeApproval withdraws the question of a step that ended without an answer.
func (t *turn) closeApproval(at engine.Stamp, step int32) {
	a := t.live.approvals[step]
	if a == nil || a.State != safety.ApprovalWaiting || a.Hash == "" {
		return
	}
	t.record(at, &safety.ApprovalClosed{Step: step, State: safety.ApprovalCancelled, By: at.Actor})
	t.saveApproval(step)
}

// expireApproval ends a question that nobody answered in time.
func (t *turn) expireApproval(step int32) {
	a := t.live.approvals[step]
	if a == nil || a.State != safety.ApprovalWaiting {
		return
	}
	at := t.system("expired")
	closed := &safety.ApprovalClosed{Step: step, State: safety.ApprovalExpired, By: "system"}
	t.record(at, closed)
	t.saveApproval(step)
	_ = t.decide(answerInput(at, closed))
}
