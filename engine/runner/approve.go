package runner

import (
	"cmp"
	"encoding/json"
	"slices"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
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

// opened is a question about a node as far as every source has it. Who had the run do again, or undo, what it did asks for it,
// on behalf of who started it.
func (t *turn) opened(step int32) *safety.ApprovalOpened {
	lr := t.live
	o := &safety.ApprovalOpened{
		Step: step, RequestedBy: lr.run.StartedBy, RequesterOwner: lr.run.Owner, Author: lr.run.Author,
	}
	if lr.mover != "" && lr.mover != lr.run.StartedBy {
		o.RequestedBy, o.RequesterOwner, o.RunFor = lr.mover, "", cmp.Or(lr.run.Owner, lr.run.StartedBy)
	}
	return o
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
	first := lr.run.Before(step) + 1
	if a.Open() && a.Hash == hash && a.Snapshot == d.Snapshot && a.Attempt >= first {
		return // they are asked
	}
	o := t.opened(step)
	o.Attempt = lr.jobs[step].Attempt
	o.Source, o.Hash, o.Snapshot, o.Needs = safety.OfJob, hash, d.Snapshot, safety.NeedsOf(d, t.lane.r.cfg.FourEyes)
	o.Title, o.Why, o.Subject = lr.leaveTitle(step, d), askedAgain(a, t.use(step, hash, d.Snapshot)), lr.subject(step, o.Needs)
	o.Expire(d, t.now)
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
		Hash: hash, Snapshot: snapshot, First: lr.run.Before(step) + 1, Now: t.now, Roles: t.lane.r.rolesNow(lr.run.Tenant),
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

// lapsed tells whether the leave that people gave for a decided job, and that its release would use up, does not hold any
// more: it expired while the job waited for something else, or who gave it may not any more.
func (t *turn) lapsed(step int32) bool {
	a, j := t.live.approvals[step], t.live.jobs[step]
	return a != nil && a.Source == safety.OfJob && a.State == safety.ApprovalApproved && !t.covered(step, j.Hash, j.Snapshot)
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

// closeApproval withdraws the question of a step that ended without an answer, or leave for a job that it did not use.
func (t *turn) closeApproval(at engine.Stamp, step int32) {
	a := t.live.approvals[step]
	if a == nil || !a.Open() && (a.Source != safety.OfJob || a.State != safety.ApprovalApproved) {
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
