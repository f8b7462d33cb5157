package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// This file is what people do to approvals: answer one, edit its job, let somebody else answer.

// Decide answers an approval. It is ErrConflict when it was decided before or shows something else than d.ExpectHash, ErrGone
// when it has expired, ErrForbidden when the caller may not answer it, ErrNotFound when they may not even see it, and an
// *InvalidError when the values do not fit its form.
func (r *Runner) Decide(ctx context.Context, c Caller, approval string, d Decision) (ApprovalView, error) {
	if d.Approve && d.SendBack != "" {
		return ApprovalView{}, &InvalidError{Code: "invalid_argument", Message: "an approval is either approved or sent back"}
	}
	if len(d.Comment) > maxMessage || len(d.Values) > maxValues {
		return ApprovalView{}, &InvalidError{Code: "invalid_argument", Message: "the comment or the values are too long"}
	}
	what := fmt.Sprintf("%s %t %q %q %q %q %q", approval, d.Approve, d.SendBack, d.Comment, d.ExpectHash, d.Values, d.For)
	return r.onApproval(ctx, c, approval, what, func(t *turn, step int32, answer promise[ApprovalView]) {
		t.decideApproval(c, step, d, answer)
	})
}

// onApproval does something with an approval that the caller may see, on the lane of its run.
func (r *Runner) onApproval(ctx context.Context, c Caller, approval, what string, do func(*turn, int32, promise[ApprovalView])) (ApprovalView, error) {
	missing := fmt.Errorf("approval %.64q: %w", approval, ErrNotFound)
	ref, err := id.ParseJob(approval)
	if err != nil {
		return ApprovalView{}, missing
	}
	view, err := callRun(ctx, r, c.Tenant, task{run: ref.Run, once: commandOnce(c, ref.Run, what)}, func(t *turn, answer promise[ApprovalView]) {
		step, ok := t.live.approvalOf(ref)
		if !ok || !t.live.approvals[step].MaySee(c.person()) {
			t.decline(answer.fail, missing)
			return
		}
		if t.before != nil { // this very call was carried out
			t.answerApproval(step, answer)
			return
		}
		if t.live.run.Fault != "" {
			t.decline(answer.fail, fmt.Errorf("the engine could not go on with this run, resume it first: %w", ErrConflict))
			return
		}
		do(t, step, answer)
	})
	return view, aboutRun(ref.Run, err)
}

// decideApproval takes a person's answer.
func (t *turn) decideApproval(c Caller, step int32, d Decision, answer promise[ApprovalView]) {
	lr, a := t.live, t.live.approvals[step]
	if t.outdated(step) {
		t.judge(step)
		t.settle()
		t.reply(func(err error) {
			if err == nil {
				err = fmt.Errorf("what is asked has changed, look at it again: %w", ErrConflict)
			}
			answer.fail(err)
		})
		return
	}
	in := safety.Answer{
		Person: c.person(), For: d.For, Comment: d.Comment, Values: d.Values, ExpectHash: d.ExpectHash, Now: t.now, Channel: d.Channel,
		CheckForm: steps.CheckForm,
	}
	switch {
	case d.SendBack != "":
		in.Decision = safety.VoteSendBack
	case d.Approve:
		in.Decision = safety.VoteApprove
	}
	facts, err := a.Decide(step, in)
	if err == nil && d.SendBack != "" {
		err = lr.run.MaySendBack(step, d.SendBack)
	}
	if err != nil {
		t.decline(answer.fail, refusedAnswer(err))
		return
	}
	at := t.by(c)
	var closed *safety.ApprovalClosed
	for _, f := range facts {
		t.record(at, f)
		closed, _ = f.(*safety.ApprovalClosed)
	}
	t.saveApproval(step)
	t.keep()
	t.answerApproval(step, answer)
	if closed == nil {
		t.touch()
		return
	}
	t.closed(at, closed)
	if d.SendBack != "" && len(t.inputs) > 0 {
		in := t.inputs[len(t.inputs)-1].(engine.Answer)
		in.To = d.SendBack
		t.inputs[len(t.inputs)-1] = in
	}
	t.settle()
}

// outdated tells whether people are asked about a job by a policy that is not in force any more.
func (t *turn) outdated(step int32) bool {
	a, j := t.live.approvals[step], t.live.jobs[step]
	if a == nil || !a.Open() || a.Source != safety.OfJob || j == nil || j.State != scheduler.JobApprovalRequired {
		return false
	}
	active := t.lane.r.inForce()
	req := t.live.bare(step)
	return active != "" && active != a.Snapshot || req.Hash() != a.Hash
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

// refusedAnswer is the refusal of an answer as callers see it.
func refusedAnswer(err error) error {
	var refusal *engine.Refusal
	var form *safety.FormError
	switch {
	case errors.As(err, &refusal):
		return asConflict(err)
	case errors.As(err, &form):
		return &InvalidError{Code: "invalid_values", Message: form.Error()}
	case errors.Is(err, safety.ErrExpired):
		return errors.Join(err, ErrGone)
	case errors.Is(err, safety.ErrNotApprover), errors.Is(err, safety.ErrFourEyes):
		return errors.Join(err, ErrForbidden)
	}
	return errors.Join(err, ErrConflict)
}

// EditJob gives a job that waits for people another input. What was answered so far is void, the policy decides anew, and who
// edits may not approve where the requester may not.
func (r *Runner) EditJob(ctx context.Context, c Caller, approval string, e Edit) (ApprovalView, error) {
	if _, err := expr.DecodeJSON(e.Input); err != nil || len(e.Input) > maxInput {
		return ApprovalView{}, &InvalidError{Code: "invalid_input", Message: "input: JSON that can be kept is needed"}
	}
	seen, err := r.Approval(ctx, c, approval) // no blob for what the caller may not see
	if err != nil {
		return ApprovalView{}, err
	}
	input, err := r.payload(ctx, seen.RunID, c.Tenant, e.Input)
	if err != nil {
		return ApprovalView{}, err
	}
	what := fmt.Sprintf("edit %s %s %q %q", approval, e.Input, e.Comment, e.ExpectHash)
	return r.onApproval(ctx, c, approval, what, func(t *turn, step int32, answer promise[ApprovalView]) {
		t.editJob(c, step, e, input, answer)
	})
}

func (t *turn) editJob(c Caller, step int32, e Edit, input engine.Payload, answer promise[ApprovalView]) {
	lr, a := t.live, t.live.approvals[step]
	switch {
	case !a.Open() || a.Source != safety.OfJob:
		t.decline(answer.fail, fmt.Errorf("only the input of a job that waits for its approval can be edited: %w", ErrConflict))
		return
	case e.ExpectHash != "" && e.ExpectHash != a.Hash:
		t.decline(answer.fail, errors.Join(safety.ErrHash, ErrConflict))
		return
	}
	value, err := expr.DecodeJSON(e.Input)
	if err == nil {
		err = lr.run.Spec(step).CheckInput(value)
	}
	if err != nil {
		answer.fail(&InvalidError{Code: "invalid_input", Message: err.Error()})
		return
	}
	at := t.by(c)
	if e.Comment != "" {
		at.Reason = e.Comment
	}
	if err := t.decide(engine.EditInput{Stamp: at, Step: step, Attempt: lr.run.Steps[step].Attempt, Input: input}); err != nil {
		t.decline(answer.fail, asConflict(err))
		return
	}
	t.record(at, &safety.ApprovalVoided{Step: step, By: c.Actor, Owner: c.Owner, Why: "the job's input was edited by " + c.Actor})
	t.saveApproval(step)
	t.keep()
	t.judge(step)
	t.settle()
	t.answerApproval(step, answer)
}

// Delegate lets somebody else answer an approval in the caller's place for a while.
func (r *Runner) Delegate(ctx context.Context, c Caller, approval string, d Delegation) (ApprovalView, error) {
	what := fmt.Sprintf("delegate %s %q %s %q", approval, d.To, d.Until.Format(time.RFC3339), d.Reason)
	return r.onApproval(ctx, c, approval, what, func(t *turn, step int32, answer promise[ApprovalView]) {
		facts, err := t.live.approvals[step].Delegate(step, c.person(), d.To, d.Until, t.now, d.Reason)
		if err != nil {
			if errors.Is(err, safety.ErrDelegation) || errors.Is(err, safety.ErrTooManyDelegations) {
				answer.fail(&InvalidError{Code: "invalid_delegation", Message: err.Error()})
				return
			}
			t.decline(answer.fail, refusedAnswer(err))
			return
		}
		for _, f := range facts {
			t.record(t.by(c), f)
		}
		t.saveApproval(step)
		t.keep()
		t.answerApproval(step, answer)
		t.touch()
	})
}
