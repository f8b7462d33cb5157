package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// This file is approvals, of steps and of policy: how they are asked, answered, and used up by the release of what they allow.

// person is a caller as approvals see one.
func (c Caller) person() safety.Person {
	return safety.Person{Actor: c.Actor, Roles: c.Roles, Groups: c.Groups, Type: c.ActorType, Owner: c.Owner}
}

// openApproval asks people, because a step of the workflow says so.
func (t *turn) openApproval(at engine.Stamp, f *engine.ApprovalAsked) {
	lr := t.live
	ask := lr.run.Question(f.Step)
	opened := t.opened(f.Step)
	opened.Source, opened.ExpiresAt, opened.Form, opened.OnExpiry = safety.OfStep, f.ExpiresAt, ask.Form, onExpiry[ask.OnExpiry]
	opened.Needs = []safety.Need{needOf(ask)}
	opened.Subject = lr.subject(f.Step, opened.Needs)
	opened.Hash = safety.ShownHash(f.Title, f.Context, ask.Form, opened.Needs)
	t.record(at, opened)
	t.saveApproval(f.Step)
}

// onExpiry are the words of a step for what policies say in the same ones.
var onExpiry = map[steps.OnExpiry]string{
	steps.ExpiryDenies: safety.OnExpiryDeny, steps.ExpiryEscalates: safety.OnExpiryEscalate, steps.ExpiryRollsBack: safety.OnExpiryRollback,
}

// needOf is what a step asks of people.
func needOf(ask steps.Approval) safety.Need {
	n := safety.Need{Approvers: ask.Approvers, Quorum: ask.Quorum, DenyQuorum: ask.DenyQuorum, FourEyes: ask.FourEyes, ExcludeAuthor: ask.ExcludeAuthor}
	for _, e := range ask.Escalate {
		n.Escalate = append(n.Escalate, safety.Escalation{After: e.After, To: e.To})
	}
	return n
}

// opened is a question about a node as far as every source has it.
func (t *turn) opened(step int32) *safety.ApprovalOpened {
	lr := t.live
	return &safety.ApprovalOpened{
		Step: step, RequestedBy: lr.run.StartedBy, RequesterOwner: lr.run.Owner, Author: lr.run.Author,
	}
}

// subject is what expressions among the approvers read.
func (lr *live) subject(step int32, needs []safety.Need) safety.Subject {
	req := safety.Request{Tenant: lr.run.Tenant, Labels: lr.run.JobLabels(step), Input: lr.run.Input.Data}
	if lr.jobs[step] != nil {
		req = lr.request(step)
	}
	return safety.SubjectOf(&req, needs)
}

// askLeave asks people to let a job start.
func (t *turn) askLeave(step int32, d safety.Decision, hash string) {
	lr := t.live
	a := lr.approvals[step]
	if a == nil {
		a = &safety.Approval{}
		lr.setApproval(step, a)
	}
	if a.Open() && a.Hash == hash && a.Snapshot == d.Snapshot {
		return // they are asked
	}
	o := t.opened(step)
	o.Source, o.Hash, o.Snapshot, o.Needs = safety.OfJob, hash, d.Snapshot, safety.NeedsOf(d, t.lane.r.cfg.FourEyes)
	o.Title, o.Why, o.Subject = lr.leaveTitle(step, d), askedAgain(a, t.use(step, hash, d.Snapshot)), lr.subject(step, o.Needs)
	o.ExpiresAt, o.OnExpiry = safety.ExpiryOf(d, t.now)
	t.record(t.system(""), o)
	t.saveApproval(step)
	t.idle(step, true)
}

// askedAgain is why people are asked once more; "" the first time.
func askedAgain(a *safety.Approval, u safety.Use) string {
	switch {
	case !a.Asked():
		return ""
	case a.State == safety.ApprovalApproved || a.State == safety.ApprovalUsed:
		return a.Unusable(u)
	case a.Hash != u.Hash:
		return "the job's input has changed"
	case a.Snapshot != u.Snapshot:
		return "another policy is in force"
	}
	return "it is to run again"
}

// leaveTitle is what people read first.
func (lr *live) leaveTitle(step int32, d safety.Decision) string {
	if d.Reason != "" {
		return d.Reason
	}
	return "May " + lr.run.Name(step) + " run?"
}

// covered tells whether people have let this very job start: what they saw is what it is, by the policy that decided, in this
// round of its step, and their roles still allow it.
func (t *turn) covered(step int32, hash, snapshot string) bool {
	a := t.live.approvals[step]
	return a != nil && a.Source == safety.OfJob && a.Unusable(t.use(step, hash, snapshot)) == ""
}

// use is a node's job as people would let it start now.
func (t *turn) use(step int32, hash, snapshot string) safety.Use {
	lr := t.live
	return safety.Use{
		Hash: hash, Snapshot: snapshot, Since: lr.run.Steps[step].StartedAt, Now: t.now, Roles: t.lane.r.rolesNow(lr.run.Tenant),
	}
}

// rolesNow answers what roles people have now; nil when nobody knows.
func (r *Runner) rolesNow(tenant string) safety.RolesNow {
	if r.cfg.Roles == nil {
		return nil
	}
	return func(actor string) ([]string, bool) { return r.cfg.Roles(tenant, actor) }
}

// drop withdraws a question about a job that needs nobody's leave any more.
func (t *turn) drop(step int32) {
	if a := t.live.approvals[step]; a != nil && a.Source == safety.OfJob {
		t.closeApproval(t.system("the policy does not ask any more"), step)
	}
}

// consume uses up the leave that a job was released by.
func (t *turn) consume(step int32) {
	a := t.live.approvals[step]
	if a == nil || a.Source != safety.OfJob || a.State != safety.ApprovalApproved {
		return
	}
	t.record(t.system(""), &safety.ApprovalConsumed{Step: step})
	t.saveApproval(step)
}

// closeApproval withdraws the question of a step that ended without an answer.
func (t *turn) closeApproval(at engine.Stamp, step int32) {
	a := t.live.approvals[step]
	if a == nil || !a.Open() {
		return
	}
	t.record(at, &safety.ApprovalClosed{Step: step, State: safety.ApprovalCancelled, By: at.Actor})
	t.saveApproval(step)
}

// lapse does what the clock makes true of a question: further people are asked, or it ends.
func (t *turn) lapse(step int32) {
	a := t.live.approvals[step]
	if a == nil || !a.Open() {
		return
	}
	at := t.system("expired")
	for _, f := range a.Lapse(step, t.now) {
		t.record(at, f)
		if closed, is := f.(*safety.ApprovalClosed); is {
			t.saveApproval(step)
			t.closed(at, closed)
			t.settle()
			return
		}
	}
	t.saveApproval(step)
	t.touch()
}

// closed brings the end of a question to what waited for it.
func (t *turn) closed(at engine.Stamp, f *safety.ApprovalClosed) {
	lr := t.live
	a := lr.approvals[f.Step]
	if a.Source == safety.OfStep || a.Source == safety.OfOutput {
		t.inputs = append(t.inputs, answerInput(at, a, f))
		return
	}
	j := lr.jobs[f.Step]
	switch {
	case j == nil || j.State != scheduler.JobApprovalRequired:
	case f.State == safety.ApprovalApproved:
		t.judge(f.Step) // by what is in force now
	default:
		t.job(f.Step, scheduler.Refuse{}, &engine.Outcome{
			Result: engine.ResultRejected, Failure: rejection(f), Rollback: f.State == safety.ApprovalExpired && a.OnExpiry == safety.OnExpiryRollback,
		})
	}
}

// rejection is why people did not let something go on.
func rejection(f *safety.ApprovalClosed) engine.Failure {
	if f.State == safety.ApprovalExpired {
		return engine.Failure{Code: engine.CodeExpired, Message: "nobody answered the approval in time"}
	}
	message := "the approval was denied"
	if f.By != "" {
		message += " by " + f.By
	}
	if f.Comment != "" {
		message += ": " + f.Comment
	}
	return engine.Failure{Code: engine.CodeRejected, Message: cutText(message, maxMessage)}
}

// answerInput is a closed approval as the engine's input.
func answerInput(at engine.Stamp, a *safety.Approval, f *safety.ApprovalClosed) engine.Answer {
	in := engine.Answer{Stamp: at, Step: f.Step, Result: engine.ResultRejected}
	switch f.State {
	case safety.ApprovalApproved:
		in.Result = engine.ResultSucceeded
		answer := map[string]any{"decision": "approve", "by": a.DecidedBy, "comment": f.Comment}
		if len(f.Values) > 0 {
			answer["values"] = f.Values
		}
		in.Output, _ = json.Marshal(answer) // strings, and JSON that was read before
	case safety.ApprovalSentBack:
		in.Result, in.Comment = engine.ResultSentBack, f.Comment
	default:
		in.Reject = rejection(f)
		in.Rollback = a.Source == safety.OfOutput && f.State == safety.ApprovalExpired && a.OnExpiry == safety.OnExpiryRollback
	}
	return in
}

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
	return callRun(ctx, r, c.Tenant, task{run: ref.Run, once: commandOnce(c, ref.Run, what)}, func(t *turn, answer promise[ApprovalView]) {
		step, ok := t.live.approvalOf(ref)
		if !ok || !t.live.approvals[step].MaySee(c.person()) {
			answer.fail(missing)
			return
		}
		if t.before != nil { // this very call was carried out
			t.answerApproval(step, answer)
			return
		}
		if t.live.run.Fault != "" {
			answer.fail(fmt.Errorf("the engine could not go on with this run, resume it first: %w", ErrConflict))
			return
		}
		do(t, step, answer)
	})
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
		answer.fail(refusedAnswer(err))
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
	if !a.Open() || a.Source != safety.OfJob || j == nil || j.State != scheduler.JobApprovalRequired {
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
	ref, err := id.ParseJob(approval)
	if err != nil || r.laneOf(ref.Run) == nil {
		return ApprovalView{}, fmt.Errorf("approval %.64q: %w", approval, ErrNotFound)
	}
	if _, err := r.header(ctx, c.Tenant, ref.Run); err != nil {
		return ApprovalView{}, asUnavailable(err) // no blob for a run that is not there
	}
	input, err := r.payload(ctx, ref.Run, c.Tenant, e.Input)
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
		answer.fail(fmt.Errorf("only the input of a job that waits for its approval can be edited: %w", ErrConflict))
		return
	case e.ExpectHash != "" && e.ExpectHash != a.Hash:
		answer.fail(errors.Join(safety.ErrHash, ErrConflict))
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
		answer.fail(asConflict(err))
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
			answer.fail(refusedAnswer(err))
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

// maxAttempts is how many attempts the policy allows of a job's round; 0: it says nothing.
func maxAttempts(j *scheduler.Job) int32 {
	if len(j.Constraints) == 0 {
		return 0
	}
	list, err := safety.ReadConstraints(j.Constraints)
	if err != nil {
		return 1 // what cannot be read is the tightest
	}
	i := slices.IndexFunc(list, func(c safety.Constraint) bool { return c.Type == safety.MaxRetries })
	if i < 0 {
		return 0
	}
	return int32(min(list[i].Max, 1<<20)) + 1
}

// constraintsOf are a decision's constraints as they are stored and sent.
func constraintsOf(d safety.Decision) json.RawMessage {
	if len(d.Constraints) == 0 {
		return nil
	}
	out, err := json.Marshal(d.Constraints)
	if err != nil {
		panic("runner: constraints do not encode: " + err.Error()) // they were read from JSON
	}
	return out
}
