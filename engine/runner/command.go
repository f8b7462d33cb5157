package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps/expr"
)

// maxSignalName bounds a signal's name.
const maxSignalName = 128

// Command gives a run a verb and answers the run as it is after the commit.
func (r *Runner) Command(ctx context.Context, c Caller, run string, cmd Command) (RunView, error) {
	input, err := r.commandInput(ctx, c, run, cmd)
	if err != nil {
		return RunView{}, err
	}
	var view RunView
	err = r.call(ctx, c.Tenant, run, func(t *turn, answer func(error)) {
		err := t.decide(input(t.by(c)))
		var refusal *engine.Refusal
		if errors.As(err, &refusal) {
			answer(fmt.Errorf("%s: %w", refusal.Message, ErrConflict))
			return
		}
		if err != nil {
			return // the run is faulted, and the task's fail answers
		}
		lr := t.live
		t.reply(func(err error) {
			if err == nil {
				view = lr.view()
			}
			answer(err)
		})
	})
	return view, err
}

// commandInput checks a command's arguments and makes the engine's input of it.
func (r *Runner) commandInput(ctx context.Context, c Caller, run string, cmd Command) (func(engine.Stamp) engine.Input, error) {
	switch cmd.Verb {
	case VerbPause:
		return func(s engine.Stamp) engine.Input { return engine.Pause{Stamp: s} }, nil
	case VerbResume:
		return func(s engine.Stamp) engine.Input { return engine.Resume{Stamp: s} }, nil
	case VerbCancel:
		return func(s engine.Stamp) engine.Input { return engine.Cancel{Stamp: s, Force: cmd.Force} }, nil
	case VerbSignal:
		if cmd.Signal == "" || len(cmd.Signal) > maxSignalName {
			return nil, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("a signal's name has 1 to %d bytes", maxSignalName)}
		}
		if len(cmd.Payload) > 0 {
			if _, err := expr.DecodeJSON(cmd.Payload); err != nil || len(cmd.Payload) > maxInput {
				return nil, &InvalidError{Code: "invalid_payload", Message: "the payload is not JSON that can be kept"}
			}
		}
		if _, err := r.readHeader(ctx, c.Tenant, run); err != nil {
			return nil, err // no blob for a run that is not there
		}
		p, err := r.payload(ctx, run, c.Tenant, cmd.Payload)
		if err != nil {
			return nil, err
		}
		return func(s engine.Stamp) engine.Input { return engine.SignalIn{Stamp: s, Name: cmd.Signal, Payload: p} }, nil
	}
	return nil, &InvalidError{Code: "invalid_argument", Message: "the verb is pause, resume, cancel or signal"}
}

// call does something with a run on its lane and waits until answer was called.
func (r *Runner) call(ctx context.Context, tenant, run string, do func(t *turn, answer func(error))) error {
	l := r.laneOf(run)
	if l == nil || !id.IsRun(run) {
		return fmt.Errorf("run %.64q: %w", run, ErrNotFound)
	}
	result := make(chan error, 2) // a faulted task may answer twice; the first one counts
	answer := func(err error) {
		select {
		case result <- err:
		default:
		}
	}
	if !l.inbox.offer(task{run: run, tenant: tenant, do: func(t *turn) { do(t, answer) }, fail: answer}) {
		return fmt.Errorf("run %s: %w", run, ErrOverloaded)
	}
	return await(ctx, result)
}

// Decide answers an approval.
func (r *Runner) Decide(ctx context.Context, c Caller, approval string, d Decision) (ApprovalView, error) {
	ref, err := id.ParseJob(approval)
	if err != nil || ref.Iteration != 0 {
		return ApprovalView{}, fmt.Errorf("approval %.64q: %w", approval, ErrNotFound)
	}
	var view ApprovalView
	err = r.call(ctx, c.Tenant, ref.Run, func(t *turn, answer func(error)) {
		step, ok := t.live.plan.ByID[ref.Step]
		a := t.live.approvals[int32(step)]
		if !ok || a == nil {
			answer(fmt.Errorf("approval %.64q: %w", approval, ErrNotFound))
			return
		}
		closed, err := a.Decide(int32(step), safety.Answer{
			Approve: d.Approve, By: c.Actor, Comment: d.Comment, ExpectHash: d.ExpectHash, Now: t.now,
		})
		if err != nil {
			answer(refusedAnswer(err))
			return
		}
		at := t.by(c)
		t.record(at, closed)
		t.saveApproval(int32(step))
		lr := t.live
		t.reply(func(err error) {
			view = lr.approvalView(int32(step), true)
			answer(err)
		})
		_ = t.decide(answerInput(at, closed))
	})
	return view, err
}

func refusedAnswer(err error) error {
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
