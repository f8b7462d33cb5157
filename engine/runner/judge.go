package runner

import (
	"strconv"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// This file is the way of a job from its asking to its release: decided by the policy, let start by people where it says so,
// reserved where it has limits, and looked at once more at the moment of its sending.

// jobAsked begins the way of an attempt.
func (t *turn) jobAsked(f *engine.JobAsked) {
	t.lane.r.metrics.topic(f.Topic).received.Inc()
	t.judge(f.Step)
}

// judge has the policy decide about an attempt, and carries the decision out in the same commit. While a hold is on, or nobody
// can decide, the job stays pending.
func (t *turn) judge(step int32) {
	r, lr := t.lane.r, t.live
	if t.unfitJob(step) {
		return
	}
	if h := r.holds.over(lr, step); h != nil {
		t.putOff(step, h.why())
		return
	}
	if remote := r.kernel.Remote(); remote != nil {
		t.askKernel(step, remote)
		return
	}
	req := lr.request(step)
	d, shadow, err := r.evaluate(req)
	r.crash(CrashDecided)
	if err != nil {
		t.putOff(step, whyNoKernel)
		return
	}
	t.rule(step, d, req.Hash(), shadow)
}

// rule carries out a decision.
func (t *turn) rule(step int32, d safety.Decision, hash, shadow string) {
	r, lr := t.lane.r, t.live
	delete(lr.putOff, step)
	lr.refusals = 0
	lr.demandKey(step, &d)
	lr.countRetries(step, &d)
	r.metrics.evaluated(d.Verdict)
	in := scheduler.Verdict{Token: t.nextToken(step), Decided: scheduler.JobDecided{
		Verdict: d.Verdict.String(), Rule: d.Rule, Reason: d.Reason, Snapshot: d.Snapshot, Hash: hash, Rules: d.Rules,
		Constraints: constraintsOf(d), Shadow: shadow,
	}}
	switch {
	case d.Verdict == safety.Deny:
		r.metrics.denied.Inc()
		t.job(step, in, nil)
	case d.Verdict == safety.RequireApproval && !t.covered(step, hash, d.Snapshot):
		in.Ask = true
		t.letGo(step)
		t.job(step, in, nil)
		t.askLeave(step, d, hash)
	case d.Verdict.MayStart() && len(d.Constraints) == 0 && !lr.limited(r, step):
		in.Allow = true
		t.letGo(step)
		t.drop(step)
		t.job(step, in, nil)
		t.idle(step, false)
	default:
		in.Wait = true
		if d.Verdict != safety.RequireApproval {
			t.drop(step)
		}
		t.job(step, in, nil)
		t.releaseJob(step)
	}
}

// letGo gives back what a job asked of limits that now waits for something else, or for nothing.
func (t *turn) letGo(step int32) {
	if t.live.reserved.jobs[step] != nil {
		t.unreserve(step)
	}
}

// releaseJob lets a decided job go, when its limits have room: from the commit on it may be sent. What people gave leave for is
// used up by it.
func (t *turn) releaseJob(step int32) {
	lr := t.live
	j := lr.jobs[step]
	switch {
	case j == nil || !undecided(j) || j.Snapshot == "" || lr.asked(step):
		return
	case j.Snapshot != t.lane.r.inForce(), t.lane.r.holds.over(lr, step) != nil, t.lapsed(step):
		t.judge(step)
		return
	case lr.run.Paused: // a resume has it decided again; until then it keeps nobody from a limit
		t.letGo(step)
		t.idle(step, false)
		return
	case !t.reserve(step):
		t.idle(step, false)
		return // it comes back when there is room
	}
	delete(lr.putOff, step)
	t.job(step, scheduler.Leave{Token: t.nextToken(step), Fence: lr.fence(step)}, nil)
	t.consume(step)
	t.idle(step, false)
}

// asked tells whether people are asked about a job now.
func (lr *live) asked(step int32) bool {
	a := lr.approvals[step]
	return a != nil && a.Source == safety.OfJob && a.Open()
}

// undecided tells whether a job waits for its release.
func undecided(j *scheduler.Job) bool {
	return j.State == scheduler.JobPending || j.State == scheduler.JobApprovalRequired
}

// demandKey denies a job that must have an idempotency key of its caller and has none. A workflow's steps always have one.
func (lr *live) demandKey(step int32, d *safety.Decision) {
	if lr.run.Kind != engine.KindJob || lr.run.Keyed || lr.run.IsUndo(step) || d.Verdict == safety.Deny {
		return
	}
	for i := range d.Constraints {
		if d.Constraints[i].Type == safety.RequireIdempotencyKey {
			d.Verdict, d.Reason = safety.Deny, "the policy wants an Idempotency-Key with this job, and it came without one"
			return
		}
	}
}

// countRetries denies an attempt beyond those that the policy allows: its round began when it allowed more.
func (lr *live) countRetries(step int32, d *safety.Decision) {
	if d.Verdict == safety.Deny {
		return
	}
	retries := int64(lr.jobs[step].Attempt-lr.run.Before(step)) - 1
	for i := range d.Constraints {
		if c := &d.Constraints[i]; c.Type == safety.MaxRetries && retries > c.Max {
			d.Verdict, d.Reason = safety.Deny, "the policy allows no more retries: MaxRetries "+strconv.FormatInt(c.Max, 10)
			return
		}
	}
}

// leave tells why what was decided of a job does not hold at the moment of its sending; "" when it does.
func (t *turn) leave(step int32) (why string) {
	r, lr := t.lane.r, t.live
	j := lr.jobs[step]
	if h := r.holds.over(lr, step); h != nil {
		return h.why()
	}
	if j.Snapshot == "" || j.Snapshot != r.inForce() {
		return "another policy is in force"
	}
	if req := lr.bare(step); req.Hash() != j.Hash {
		return "the job is not what was decided"
	}
	return ""
}

// withhold takes a released job back that was not sent, and has it decided again.
func (t *turn) withhold(step int32, why string) {
	t.job(step, scheduler.Withhold{Reason: why}, nil)
	t.unreserve(step)
	t.judge(step)
	t.settle()
}

// whyNoKernel is why a job waits that nobody can decide about.
const whyNoKernel = "the safety kernel is not available"

// putOff keeps a job pending: a hold is over it, or nobody can decide now. Nothing is recorded; whoever takes the run up has it
// decided again.
func (t *turn) putOff(step int32, why string) {
	l, lr := t.lane, t.live
	if lr.putOff == nil {
		lr.putOff = make(map[int32]string)
	}
	lr.putOff[step] = why
	l.waiting[lr.id] = lr
	t.letGo(step)
	t.idle(step, false)
	if why != whyNoKernel {
		return // it is called when the hold is lifted
	}
	l.r.metrics.unavailable.Inc()
	if lr.askAgain {
		return
	}
	lr.askAgain = true
	l.later(backoff(lr.refusals), task{run: lr.id, tenant: lr.run.Tenant, do: (*turn).judgeAgain})
	lr.refusals++
}

// judgeAgain has every job decided that nobody could decide about a while ago.
func (t *turn) judgeAgain() {
	t.live.askAgain = false
	t.judgePutOff()
}

// judgePutOff has every job decided that was put off, those included about which people are asked by a policy that is not in
// force any more.
func (t *turn) judgePutOff() {
	lr := t.live
	for _, step := range sortedKeys(lr.putOff) {
		delete(lr.putOff, step)
		if lr.pends(step) || lr.asked(step) && t.outdated(step) {
			t.judge(step)
		}
	}
	if len(lr.putOff) == 0 {
		delete(t.lane.waiting, lr.id)
	}
	t.settle()
}

// The pause before a job is decided again that nobody could decide about grows up to safetyPause.
const (
	firstPause  = 100 * time.Millisecond
	safetyPause = 5 * time.Second
)

func backoff(n int) time.Duration {
	return min(firstPause<<min(n, 10), safetyPause)
}

// pendingJobs has every job decided that is pending, for a new owner, or after a fault.
func (t *turn) pendingJobs() {
	for i := range t.live.jobs {
		if t.live.pends(int32(i)) {
			t.judge(int32(i))
		}
	}
}

// pends tells whether a job waits for a decision or its release, and not for people.
func (lr *live) pends(step int32) bool {
	j := lr.jobs[step]
	return j != nil && undecided(j) && lr.run.Steps[step].State == engine.StepRunning && lr.serves(step) && !lr.asked(step)
}

// idle tells the engine whether a job only waits for people.
func (t *turn) idle(step int32, only bool) {
	lr := t.live
	if s := &lr.run.Steps[step]; s.State == engine.StepRunning && lr.run.Idle(step) != only {
		t.inputs = append(t.inputs, engine.JobStatus{Stamp: t.system(""), Step: step, Attempt: s.Attempt, Idle: only})
	}
}

// request is what the safety kernel decides about.
func (lr *live) request(node int32) safety.Request {
	req, spec := lr.bare(node), lr.run.Spec(node)
	req.Principal, req.Roles, req.ActorType = lr.run.StartedBy, lr.run.Roles, lr.run.ActorType
	req.Source, req.Priority, req.Labels = lr.source(node), priorityName(spec.Priority), lr.run.JobLabels(node)
	if cost, err := strconv.ParseFloat(req.Labels[costLabel], 64); err == nil && cost > 0 {
		req.Cost = cost
	}
	return req
}

// costLabel is the label with which a step, or whoever starts a run, says what a job will cost: the same that a budget of the
// unit cost reserves.
const costLabel = "budget.cost"

// bare is what of a request its hash covers: what the worker will get.
func (lr *live) bare(node int32) safety.Request {
	spec, j := lr.run.Spec(node), lr.jobs[node]
	return safety.Request{
		Tenant: lr.run.Tenant, Workflow: lr.run.Workflow, Step: spec.Def.ID, Pack: j.Pack, Tool: j.Tool, Topic: j.Topic,
		Effect: effectName(spec.Effect), Requires: spec.Def.Requires, Input: lr.run.Steps[node].Input.Data,
	}
}

// source is which way a job comes to its dispatch.
func (lr *live) source(node int32) string {
	switch {
	case lr.run.IsUndo(node):
		return safety.SourceCompensation
	case lr.run.Kind == engine.KindJob:
		return safety.SourceAPI
	case lr.run.Before(node) > 0: // a person had it done again
		return safety.SourceRetry
	}
	return safety.SourceStep
}
