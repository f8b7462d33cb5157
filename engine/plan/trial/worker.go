package trial

import (
	"encoding/json"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps/expr"
)

// send puts a released attempt in line for a worker.
func (m *member) send(node int32) {
	j, story, name := m.jobs[node], m.w.story, m.name(node)
	story.sent[name]++
	story.inputs[name] = m.run.Steps[node].Input.Data
	a := &attempt{number: j.job.Attempt, token: j.job.Token, worker: fmt.Sprintf("worker-%d", m.w.made), stub: m.stub(name, story.sent[name])}
	j.at = a
	m.w.later(a.stub.Queued, func() { m.offer(node, a) })
}

// stub is what a name's n-th job is to do.
func (m *member) stub(name string, n int) Stub {
	list, _ := lookup(m.w.c.Stubs, name)
	if len(list) == 0 {
		return Stub{}
	}
	return list[min(n, len(list))-1]
}

// offer gives an attempt to a worker, unless it is no longer to be given away. A paused run starts nothing new.
func (m *member) offer(node int32, a *attempt) {
	j := m.jobs[node]
	if a == nil || j.at != a || a.began || j.job.State != scheduler.JobScheduled || m.run.Paused {
		return
	}
	m.job(node, scheduler.Sent{Worker: a.worker}, nil)
	if ruling := m.job(node, scheduler.Begin{Token: a.token, Worker: a.worker}, nil); ruling.Reply != scheduler.ReplyOK {
		return
	}
	a.began = true
	m.begin(node, a)
}

// begin lets a worker keep to its stub.
func (m *member) begin(node int32, a *attempt) {
	switch {
	case a.stub.Lost:
		if silence := m.terms(node).HeartbeatTimeout; silence > 0 {
			m.set(uint8(scheduler.TimerHeartbeat), node, m.w.now.Add(silence))
		}
		send := m.jobs[node].job.Send
		m.w.later(leaseLoss, func() { m.job(node, scheduler.Lost{Send: send, Token: m.token()}, nil) })
	case a.stub.Timeout:
	default:
		m.w.later(m.w.duration(a.stub), func() { m.answer(node, a, m.lastWord(node, a.stub)) })
	}
}

// duration is how long a worker takes.
func (w *world) duration(s Stub) time.Duration {
	if s.Takes > 0 {
		return s.Takes
	}
	return usualWork + time.Duration(w.draw(uint64(usualWork)))
}

// lastWord is the answer of a worker that was not kept from its work.
func (m *member) lastWord(node int32, s Stub) engine.Outcome {
	if s.Fail == nil {
		return m.result(node, s.Output)
	}
	return engine.Outcome{Result: engine.ResultFailed, Failure: engine.Failure{
		Code: s.Fail.Code, Message: s.Fail.Message, Retryable: s.Fail.Retryable, Details: s.Fail.Details,
	}}
}

// answer takes a worker's word to its job. One whose turn is over is late.
func (m *member) answer(node int32, a *attempt, result engine.Outcome) {
	if a.settled {
		return
	}
	a.settled, result.Answered = true, true
	ruling := m.job(node, scheduler.Answer{Token: a.token, Worker: a.worker, State: jobState(result.Result)}, &result)
	if !ruling.Late {
		return
	}
	m.w.story.note(m.w.now, "%s: a late answer (%s)", m.name(node), result.Result)
	_ = m.decide(engine.Late{
		Stamp: m.stamp(a.worker, ""), Step: node, Attempt: a.number, Result: result.Result, Output: result.Output, Effect: result.Effect,
	})
}

// jobState is the state of a job whose worker answered; what was refused of a success is a failure.
func jobState(r engine.Result) scheduler.JobState {
	switch r {
	case engine.ResultSucceeded:
		return scheduler.JobSucceeded
	case engine.ResultCancelled:
		return scheduler.JobCancelled
	}
	return scheduler.JobFailed
}

// tellWorker asks the worker of a job to stop. One whose time was over is not asked: its stub says when its late answer
// comes.
func (m *member) tellWorker(node int32) {
	j := m.jobs[node]
	a := j.at
	if a == nil || !a.began || a.settled || a.stub.Lost || j.job.State.Final() {
		return
	}
	switch a.stub.OnCancel {
	case CancelIgnored:
		return
	case CancelTooLate:
		m.w.later(promptly, func() { m.answer(node, a, m.result(node, a.stub.Output)) })
	default:
		m.w.later(promptly, func() {
			m.answer(node, a, engine.Outcome{Result: engine.ResultCancelled, Failure: engine.Failure{
				Code: engine.CodeCancelled, Message: "the worker stopped before it had an effect",
			}})
		})
	}
}

// decoded reads JSON of the case; what is unreadable is null.
func decoded(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	v, err := expr.DecodeJSON(raw)
	if err != nil {
		return nil
	}
	return v
}
