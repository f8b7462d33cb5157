package trial

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// startChild starts the run that a step asked for. One that cannot be started has failed.
func (m *member) startChild(f *engine.ChildAsked) {
	plan, known := m.w.plans[f.Workflow]
	failed := func(code, message string) {
		_ = m.decide(engine.ChildEnded{
			Stamp: m.system(), Step: f.Step, Attempt: f.Attempt, State: engine.RunFailed,
			Failure: engine.Failure{Code: code, Message: message},
		})
	}
	name := m.name(f.Step)
	m.w.story.sent[name]++
	m.w.story.inputs[name] = f.Input.Data
	switch {
	case !known:
		failed("unknown_workflow", "the case has no workflow "+f.Workflow)
		return
	case len(m.w.runs) >= MaxRuns:
		m.w.broken("more than %d runs", MaxRuns)
		return
	case int(f.Depth) > MaxDepth:
		failed("too_deep", "sub-workflows nest too deep")
		return
	}
	input := f.Input.Data
	if input == nil {
		input = []byte("{}")
	}
	if why := plan.CheckInput(decoded(input)); why != nil {
		failed("invalid_input", why.Error())
		return
	}
	from := engine.Parent{Run: m.id, Step: f.Step, Attempt: f.Attempt, Depth: f.Depth}
	child := m.w.join(f.Run, plan, m, from)
	child.start(engine.Submit{Stamp: m.system(), Input: engine.Payload{Data: input}, Parent: from})
}

// stopChild cancels the run that a step started; one whose time is over ends as at its own timeout.
func (m *member) stopChild(f *engine.ChildStopAsked) {
	child := m.kids[f.Step]
	if child == nil || child.run.State.Final() {
		return
	}
	_ = child.decide(engine.Cancel{Stamp: m.system(), Rollback: f.Overdue && child.plan.OnFailure() == dag.Rollback})
}

// undoChild makes the run that was an attempt of a step undo what it did.
func (m *member) undoChild(f *engine.ChildUndoAsked) {
	child := m.w.runs[f.Run]
	if child == nil { // it could not be started: nothing to undo
		_ = m.decide(engine.ChildUndone{Stamp: m.system(), Step: f.Step, Attempt: f.Attempt, Compensation: engine.CompensationNone})
		return
	}
	child.askedToUndo(f.Step)
	_ = child.decide(engine.Rollback{Stamp: m.system()}) // a run that has nothing to undo says so below
	child.tellUndone()
}

// askedToUndo notes that a compensation of the parent asks for this run's undo.
func (m *member) askedToUndo(undo int32) {
	if m.undoFor != undo { // asked again, it goes on with what it was asked for
		m.before, m.byItself = m.undidBelow(), m.run.Undoing
	}
	m.undoFor, m.undone = undo, engine.CompensationRunning
}

// tellParent tells the parent what has become of its step's run.
func (m *member) tellParent() {
	if m.parent == nil || len(m.w.wrong) > 0 {
		return
	}
	if idle := m.status() == "waiting"; idle != m.idle && !m.run.State.Final() {
		m.idle = idle
		m.toParent(engine.ChildStatus{Stamp: m.system(), Step: m.from.Step, Attempt: m.from.Attempt, Idle: idle})
	}
	if m.run.State.Final() && !m.ended {
		m.ended = true
		m.toParent(engine.ChildEnded{
			Stamp: m.system(), Step: m.from.Step, Attempt: m.from.Attempt, State: m.run.State, Output: m.run.Output, Failure: m.run.Failure,
		})
	}
	m.tellUndone()
}

// tellUndone tells the parent's compensation how far this run has undone what it did.
func (m *member) tellUndone() {
	if m.undoFor < 0 {
		return
	}
	now := m.run.Compensation()
	switch {
	case !m.run.State.Final():
		now = engine.CompensationRunning
	case now == engine.CompensationDone && (m.byItself || m.undidBelow() == m.before):
		now = engine.CompensationNone // it undoes, or has undone, everything without being asked
	}
	if now != m.undone {
		m.undone = now
		m.toParent(engine.ChildUndone{Stamp: m.system(), Step: m.undoFor, Attempt: m.from.Attempt, Compensation: now})
	}
}

// toParent says something to the parent in an event of its own: a message between runs.
func (m *member) toParent(in engine.Input) {
	m.w.later(0, func() { _ = m.parent.decide(in) })
}
