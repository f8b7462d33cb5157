package trial

import (
	"encoding/json"
	"strconv"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// work is a node's job: the scheduler's machine of it, and the worker who has it.
type work struct {
	job scheduler.Job
	at  *attempt // the send under way; nil before the first
	// waits: it may start when it has its lock.
	waits bool
}

// attempt is one send of a job to a worker, who keeps to its stub.
type attempt struct {
	number  int32 // the engine's
	token   []byte
	worker  string
	stub    Stub
	began   bool
	settled bool // the worker has said its last word
}

// askJob begins an attempt: policy first.
func (m *member) askJob(f *engine.JobAsked) {
	j := m.jobs[f.Step]
	if j == nil {
		j = &work{}
		m.jobs[f.Step] = j
	}
	j.job.Ask(m.w.now, f.Attempt, f.Topic, f.Pack, f.Tool)
	j.job.Lock, j.at, j.waits = f.Lock, nil, false
	request := m.request(f)
	d := safety.Evaluate(m.w.policy, request)
	decided := scheduler.JobDecided{Verdict: d.Verdict.String(), Rule: d.Rule, Reason: d.Reason, Snapshot: d.Snapshot, Hash: request.Hash()}
	ask := d.Verdict == safety.RequireApproval && !m.covered(f.Step, decided.Hash, decided.Snapshot)
	allow := !ask && d.Verdict != safety.Deny
	waits := allow && f.Lock != ""
	m.job(f.Step, scheduler.Verdict{Decided: decided, Allow: allow, Ask: ask, Wait: waits, Token: m.token()}, nil)
	switch {
	case ask:
		m.askLeave(f.Step, d, &request)
	case waits:
		m.letStart(f.Step)
	}
}

// token is fresh and the same in every simulation of a case.
func (m *member) token() []byte { return []byte(strconv.FormatUint(m.w.draw(1<<62), 36)) }

// request is what the policy decides about.
func (m *member) request(f *engine.JobAsked) safety.Request {
	spec, def := m.run.Spec(f.Step), m.run.DefOf(f.Step)
	source := safety.SourceStep
	if m.run.IsUndo(f.Step) {
		source = safety.SourceCompensation
	}
	return safety.Request{
		Tenant: m.run.Tenant, Principal: tester, Source: source, Workflow: m.run.Workflow, Step: def.ID, Pack: f.Pack, Tool: f.Tool,
		Topic: f.Topic, Effect: effectNames[spec.Effect], Requires: def.Requires, Labels: m.run.JobLabels(f.Step), Input: m.run.Steps[f.Step].Input.Data,
	}
}

var effectNames = map[dag.Effect]string{
	dag.EffectNone: "none", dag.EffectRead: "read", dag.EffectWrite: "write", dag.EffectIrreversible: "irreversible",
}

// terms are what a node says of its job.
func (m *member) terms(node int32) scheduler.Terms {
	spec, def := m.run.Spec(node), m.run.DefOf(node)
	grace := m.plan.Def.CancelGrace
	if grace == 0 {
		grace = dag.DefaultCancelGrace
	}
	return scheduler.Terms{
		Idempotent: spec.Idempotent, Timeout: def.Timeout, QueueTimeout: def.QueueTimeout, HeartbeatTimeout: def.HeartbeatTimeout,
		CancelGrace: grace,
	}
}

// job gives a node's job an input and follows its ruling.
func (m *member) job(node int32, in scheduler.JobInput, result *engine.Outcome) scheduler.Ruling {
	j := m.jobs[node]
	if j == nil {
		return scheduler.Ruling{}
	}
	ruling := scheduler.Decide(&j.job, node, m.w.now, m.terms(node), in)
	for _, f := range ruling.Facts {
		if err := scheduler.Apply(&j.job, m.w.now, f); err != nil {
			m.w.broken("%s: %v", m.name(node), err)
			return ruling
		}
		m.follow(node, f)
	}
	if ruling.Release {
		m.send(node)
	}
	if ruling.Cancel {
		m.tellWorker(node)
	}
	if ruling.End != scheduler.NotEnded {
		_ = m.decide(m.outcome(node, ruling, result))
	}
	return ruling
}

// follow keeps the timers of a job.
func (m *member) follow(node int32, f scheduler.Fact) {
	switch f := f.(type) {
	case *scheduler.JobReleased:
		m.set(uint8(scheduler.TimerQueue), node, f.QueueAt)
	case *scheduler.JobBegun:
		m.set(uint8(scheduler.TimerQueue), node, time.Time{})
		m.set(uint8(scheduler.TimerAttempt), node, f.TimeoutAt)
	case *scheduler.JobCancelling:
		m.set(uint8(scheduler.TimerGrace), node, f.GraceAt)
	case *scheduler.JobEnded:
		m.unlock(node)
		for _, k := range []scheduler.JobTimer{scheduler.TimerQueue, scheduler.TimerAttempt, scheduler.TimerGrace, scheduler.TimerHeartbeat} {
			m.set(uint8(k), node, time.Time{})
		}
	}
}

// outcome is how the engine sees an attempt that ended.
func (m *member) outcome(node int32, ruling scheduler.Ruling, result *engine.Outcome) engine.Outcome {
	out := engine.Outcome{}
	if result != nil {
		out = *result
	} else {
		out.Result, out.Failure = unanswered(ruling)
	}
	out.Stamp, out.Step, out.Attempt = m.system(), node, m.jobs[node].job.Attempt
	return out
}

// unanswered is the end of an attempt without its worker's answer.
func unanswered(ruling scheduler.Ruling) (engine.Result, engine.Failure) {
	f := engine.Failure{Retryable: true, Unknown: ruling.Unknown}
	switch ruling.End {
	case scheduler.EndDenied:
		f.Code, f.Message, f.Retryable = engine.CodeDenied, "the policy denies this job", false
		return engine.ResultDenied, f
	case scheduler.EndCancelled:
		f.Code, f.Message, f.Retryable = engine.CodeCancelled, "the job was cancelled", false
		return engine.ResultCancelled, f
	case scheduler.EndTimeout:
		f.Code, f.Message = engine.CodeTimeout, "the attempt took longer than its timeout"
		return engine.ResultTimedOut, f
	case scheduler.EndQueueTimeout:
		f.Code, f.Message = engine.CodeQueueTimeout, "no worker took the job within queue_timeout"
		return engine.ResultTimedOut, f
	case scheduler.EndHeartbeatTimeout:
		f.Code, f.Message = engine.CodeHeartbeatTimeout, "the worker was silent for longer than heartbeat_timeout"
		return engine.ResultTimedOut, f
	}
	f.Code, f.Message = engine.CodeWorkerLost, "the worker that had the job is gone; whether it had its effect is unknown"
	return engine.ResultLost, f
}

// stopJob asks a job to end. One that still waits for people's leave has not been sent: it just ends.
func (m *member) stopJob(node int32, force bool) {
	j := m.jobs[node]
	if j == nil || j.job.State.Final() {
		return
	}
	m.withdraw(node)
	m.job(node, scheduler.Stop{Force: force, Held: j.job.Holds()}, nil)
}

// closeJob ends the job of a node that ended without its worker's answer.
func (m *member) closeJob(node int32) {
	j := m.jobs[node]
	if j == nil || j.job.State.Final() {
		return
	}
	if j.job.State != scheduler.JobRunning {
		m.job(node, scheduler.Stop{}, nil) // nobody has it
		return
	}
	m.job(node, scheduler.Due{Timer: scheduler.TimerAttempt}, nil)
}

// resumeJobs gives workers what was released before a pause, and asks again for what waits for a lock.
func (m *member) resumeJobs() {
	for node := range int32(len(m.run.Steps)) {
		switch j := m.jobs[node]; {
		case j == nil:
		case j.job.State == scheduler.JobScheduled:
			m.offer(node, j.at)
		case j.waits:
			m.w.later(0, func() { m.resumeWait(node) })
		}
	}
}

// resumeWait asks again for the lock of a job, if it still needs it.
func (m *member) resumeWait(node int32) {
	if m.jobs[node].waits {
		m.letStart(node)
	}
}

// result is a worker's success as the engine takes it: an output that does not fit is a failure that had its effect.
func (m *member) result(node int32, output json.RawMessage) engine.Outcome {
	if output == nil {
		output = []byte("{}")
	}
	out := engine.Outcome{Result: engine.ResultSucceeded, Output: engine.Payload{Data: output}}
	spec := m.run.Spec(node)
	if err := spec.CheckOutput(decoded(output)); err != nil {
		out.Result, out.Effect = engine.ResultFailed, true
		out.Failure = engine.Failure{Code: "output_invalid", Message: err.Error(), Retryable: spec.Idempotent}
	}
	return out
}
