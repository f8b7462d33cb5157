package trial

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// question is an approval that waits: of an approval step, or of a job that the policy lets start only with leave.
type question struct {
	expires time.Time             // zero: never
	job     *scheduler.JobDecided // the policy's decision; nil for an approval step
	attempt int32
}

// ask asks people, and lets them answer as the case says.
func (m *member) ask(node int32, q *question) {
	m.questions[node] = q
	w, name := m.w, m.name(node)
	w.asked[name]++
	w.story.note(w.now, "%s waits for approval", name)
	if !q.expires.IsZero() {
		w.at(q.expires, func() {
			if m.questions[node] == q {
				m.refuse(node, q, engine.Failure{Code: engine.CodeExpired, Message: "nobody answered the approval in time"})
			}
		})
	}
	replies, _ := lookup(w.c.Replies, name)
	if len(replies) == 0 {
		return
	}
	reply := replies[min(w.asked[name], len(replies))-1]
	w.later(promptly, func() {
		if m.questions[node] == q {
			m.reply(node, q, reply)
		}
	})
}

// reply takes a person's answer. One that is refused changes nothing: the question stays.
func (m *member) reply(node int32, q *question, r Reply) {
	m.w.story.note(m.w.now, "%s: %s by %s", m.name(node), r.Decision, r.By)
	switch r.Decision {
	case "approve":
		m.approve(node, q, r)
	case "deny":
		m.refuse(node, q, engine.Failure{Code: engine.CodeRejected, Message: "the approval was denied"})
	case "send_back":
		err := m.decide(engine.Answer{
			Stamp: m.stamp(r.By, r.Comment), Step: node, Result: engine.ResultSentBack, To: r.To, Comment: r.Comment,
			Output: answerOutput(r),
		})
		if err != nil {
			m.w.story.note(m.w.now, "%s: refused: %v", m.name(node), err)
		}
	}
}

func (m *member) approve(node int32, q *question, r Reply) {
	delete(m.questions, node)
	if q.job != nil {
		m.judged(node, true, *q.job)
		return
	}
	if err := m.decide(engine.Answer{Stamp: m.stamp(r.By, r.Comment), Step: node, Result: engine.ResultSucceeded, Output: answerOutput(r)}); err != nil {
		m.questions[node] = q
	}
}

// answerOutput is the output of an approval step.
func answerOutput(r Reply) json.RawMessage {
	answer := map[string]any{"decision": r.Decision, "by": []string{r.By}, "comment": r.Comment}
	if r.Values != nil {
		answer["values"] = r.Values
	}
	out, _ := json.Marshal(answer) // texts, and JSON that was read before
	return out
}

// refuse ends a question with no. A job that people do not let start is rejected before it was sent.
func (m *member) refuse(node int32, q *question, why engine.Failure) {
	delete(m.questions, node)
	if q.job == nil {
		_ = m.decide(engine.Answer{Stamp: m.system(), Step: node, Result: engine.ResultRejected, Reject: why})
		return
	}
	j := m.jobs[node]
	if err := scheduler.Apply(&j.job, m.w.now, &scheduler.JobEnded{Step: node, State: scheduler.JobDenied}); err != nil {
		m.w.broken("%s: %v", m.name(node), err)
		return
	}
	if err := m.decide(engine.Outcome{Stamp: m.system(), Step: node, Attempt: q.attempt, Result: engine.ResultRejected, Failure: why}); err != nil {
		m.w.broken("%s: the engine takes no refusal of leave: %v", m.name(node), err)
	}
}

// tell sends a signal, or gives an order, of the case.
func (w *world) tell(i int) {
	w.told[i] = true
	if i < len(w.c.Signals) {
		w.signal(&w.c.Signals[i])
		return
	}
	w.order(&w.c.Orders[i-len(w.c.Signals)])
}

func (w *world) signal(s *Signal) {
	w.story.note(w.now, "signal %s", s.Name)
	m := w.listener(s.Name)
	if err := m.decide(engine.SignalIn{Stamp: m.stamp(tester, ""), Name: s.Name, Payload: engine.Payload{Data: s.Payload}}); err != nil {
		w.story.note(w.now, "signal %s: refused: %v", s.Name, err)
	}
}

// listener is the run whose workflow waits for a signal: the case's own, else a sub-workflow that is under way.
func (w *world) listener(signal string) *member {
	if w.root.listens(signal) {
		return w.root
	}
	var found *member
	for _, m := range w.runs {
		if m.listens(signal) && !m.run.State.Final() && (found == nil || m.prefix < found.prefix) {
			found = m
		}
	}
	if found == nil {
		return w.root
	}
	return found
}

// listens tells whether a step of the run's workflow waits for a signal.
func (m *member) listens(signal string) bool {
	for i := range m.plan.Def.Steps {
		def := &m.plan.Def.Steps[i]
		if n := def.Own.Get("signal"); def.Type == "wait" && n != nil && n.Str == signal {
			return true
		}
	}
	return false
}

// order gives a verb to the run and compares whether it was accepted.
func (w *world) order(o *Order) {
	by := o.By
	if by == "" {
		by = tester
	}
	what := o.Verb
	if o.Compensation != "" {
		what += " of the compensation of " + o.Compensation
	}
	m, in := w.root, w.inputOf(o, w.root.stamp(by, o.Reason))
	if o.Compensation != "" {
		m, in = w.resolution(o, by)
	}
	if in == nil {
		if !o.Refused {
			w.broken("%s: there is no such compensation", what)
		}
		return
	}
	before := m.snapshot()
	err := m.decide(in)
	w.story.note(w.now, "%s by %s: %s", what, by, accepted(err))
	switch {
	case err != nil && !o.Refused:
		w.broken("%s after %s was refused: %v", what, o.After, err)
	case err == nil && o.Refused:
		w.broken("%s after %s was accepted; it must be refused", what, o.After)
	case err != nil && string(before) != string(m.snapshot()):
		w.broken("%s after %s was refused and yet changed the run", what, o.After)
	}
}

func accepted(err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	return "accepted"
}

var thens = map[string]dag.Then{"": dag.ThenUnsaid, "pause": dag.ThenPause, "retry": dag.ThenRetry, "fail": dag.ThenFail}

// inputOf is a verb about the whole run.
func (w *world) inputOf(o *Order, at engine.Stamp) engine.Input {
	switch o.Verb {
	case "pause":
		return engine.Pause{Stamp: at}
	case "resume":
		return engine.Resume{Stamp: at}
	case "cancel":
		return engine.Cancel{Stamp: at, Rollback: o.Rollback}
	case "rollback":
		return engine.Rollback{Stamp: at, To: o.To, Then: thens[o.Then]}
	case "retry":
		return engine.Retry{Stamp: at}
	}
	return nil
}

// resolution is a verb about a compensation that is held, and the run it belongs to.
func (w *world) resolution(o *Order, by string) (*member, engine.Input) {
	m, node := w.find(undoPrefix + o.Compensation)
	if m == nil {
		return nil, nil
	}
	how := map[string]engine.Resolution{"retry": engine.ResolveRetry, "skip": engine.ResolveSkip, "done": engine.ResolveDone}[o.Verb]
	return m, engine.Resolve{Stamp: m.stamp(by, o.Reason), Step: node, How: how}
}
