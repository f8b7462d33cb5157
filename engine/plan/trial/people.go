package trial

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

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
