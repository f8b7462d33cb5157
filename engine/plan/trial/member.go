package trial

import (
	"errors"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
)

// member is one run of the world: the case's own, or one that a sub-workflow step started.
type member struct {
	w      *world
	id     string
	plan   *steps.Workflow
	run    *engine.Run
	prefix string  // of its steps' names: "", "sub/"
	parent *member // nil: the case's own run
	from   engine.Parent

	jobs      map[int32]*work
	questions map[int32]*question // that wait for an answer
	approvals map[int32]*safety.Approval
	timers    map[timer]time.Time
	kids      map[int32]*member // by the step that started it; the newest attempt
	inputs    []engine.Input    // asked for by facts, not decided yet
	busy      bool

	witness *witness
	// idle and undone are what the parent was told last.
	idle   bool
	undone engine.Compensation
	ended  bool
	// undoFor is the parent's compensation that asked this run to undo what it did; -1: nobody.
	undoFor int32
	// undid counts compensations here that ended well; before is how many had, here and below, when the parent asked.
	undid, before int
	// byItself: this run was already undoing what it did when the parent asked.
	byItself bool
}

// timer names a timer of a run: what it is for, and the node that has it (-1: the run).
type timer struct {
	kind uint8
	node int32
}

// join makes a run part of the world.
func (w *world) join(id string, plan *steps.Workflow, parent *member, from engine.Parent) *member {
	m := &member{
		w: w, id: id, plan: plan, run: engine.New(id, plan), parent: parent, from: from, undoFor: -1,
		jobs: map[int32]*work{}, questions: map[int32]*question{}, approvals: map[int32]*safety.Approval{}, timers: map[timer]time.Time{}, kids: map[int32]*member{},
	}
	if parent != nil {
		m.prefix = parent.name(from.Step) + "/"
		parent.kids[from.Step] = m
	}
	m.witness = newWitness(m)
	w.runs[id], w.byPrefix[m.prefix] = m, m
	return m
}

// name is what people call a node, as seen from the case's own run.
func (m *member) name(node int32) string { return below(m.prefix, m.run.Name(node)) }

func (m *member) stamp(by, reason string) engine.Stamp {
	return engine.Stamp{At: m.w.now, Actor: by, Reason: reason}
}

func (m *member) system() engine.Stamp { return m.stamp("system", "") }

// decide gives the run an input and follows what its facts ask for until nothing asks. The error is a refusal: nothing has
// changed. Any other mistake of the engine's ends the simulation.
func (m *member) decide(in engine.Input) error {
	if m.busy { // a fact's consequence: it has its turn when the facts before it are carried out
		m.inputs = append(m.inputs, in)
		return nil
	}
	m.busy = true
	defer func() { m.busy = false }()
	err := m.feed(in)
	for len(m.w.wrong) == 0 && (len(m.inputs) > 0 || m.run.More()) {
		if len(m.inputs) == 0 {
			m.inputs = append(m.inputs, engine.Continue{Stamp: m.system()})
		}
		next := m.inputs[0]
		m.inputs = m.inputs[1:]
		if late := m.feed(next); late != nil {
			m.w.broken("the engine refused %T, which it asked for itself: %v", next, late)
		}
	}
	m.tellParent()
	return err
}

// feed decides one input.
func (m *member) feed(in engine.Input) error {
	facts, err := engine.Decide(m.run, in)
	if err != nil {
		var refusal *engine.Refusal
		if errors.As(err, &refusal) {
			return err
		}
		m.w.broken("the engine failed on %T: %v", in, err)
		return nil
	}
	at := engine.StampOf(in)
	for _, f := range facts {
		if m.witness.see(at, f); len(m.w.wrong) > 0 {
			return nil
		}
	}
	m.witness.decided()
	for _, f := range facts {
		m.carryOut(at, f)
	}
	return nil
}

// submit starts the run.
func (m *member) submit() {
	c := m.w.c
	input := c.Input
	if input == nil {
		input = []byte("{}")
	}
	m.start(engine.Submit{Stamp: m.stamp(tester, ""), Input: engine.Payload{Data: input}, Context: engine.Payload{Data: c.Context}})
}

// start begins a run with what its workflow's own templates give.
func (m *member) start(in engine.Submit) {
	open, err := engine.Open(m.plan, m.id, in.At, in.Input.Data, in.Context.Data, m.plan.Def.Labels)
	if err != nil {
		m.w.broken("the run could not start: %v", err)
		return
	}
	in.Tenant, in.Workflow, in.Labels = "default", m.plan.Def.ID, open.Labels
	if open.Context != nil {
		in.Context.Data = open.Context
	}
	if err := m.decide(in); err != nil {
		m.w.broken("the run could not start: %v", err)
	}
}

// carryOut does what a fact asks of the world.
func (m *member) carryOut(at engine.Stamp, f engine.Fact) {
	switch f := f.(type) {
	case *engine.RunStarted:
		m.set(uint8(engine.TimerRun), -1, f.TimeoutAt)
	case *engine.JobAsked:
		m.setTotal(f.Step, f.TotalAt)
		m.askJob(f)
	case *engine.JobStopAsked:
		m.stopJob(f.Step, f.Force)
	case *engine.ApprovalAsked:
		m.askStep(f)
	case *engine.DelaySet:
		m.set(uint8(engine.TimerDelay), f.Step, f.Due)
	case *engine.SignalAwaited:
		m.set(uint8(engine.TimerWait), f.Step, f.Due)
	case *engine.RetrySet:
		m.set(uint8(engine.TimerRetry), f.Step, f.Due)
	case *engine.StepSucceededFact:
		m.over(f.Step)
	case *engine.StepEnded:
		m.over(f.Step)
	case *engine.RunResumed:
		m.resumeJobs()
	default:
		m.carryOutNested(f)
	}
}

// carryOutNested does what a fact asks of sub-workflows.
func (m *member) carryOutNested(f engine.Fact) {
	switch f := f.(type) {
	case *engine.ChildAsked:
		m.set(uint8(engine.TimerChild), f.Step, f.DueAt)
		m.setTotal(f.Step, f.TotalAt)
		m.w.later(0, func() { m.startChild(f) })
	case *engine.ChildStopAsked:
		m.set(uint8(engine.TimerGrace), f.Step, f.GraceAt)
		m.w.later(0, func() { m.stopChild(f) })
	case *engine.ChildUndoAsked:
		m.w.later(0, func() { m.undoChild(f) })
	}
}

// over lets go of what a node that ended still had under way.
func (m *member) over(node int32) {
	m.clear(node)
	m.withdraw(node)
	m.closeJob(node)
}

// set sets a timer; one that was set before for the same thing is moved.
func (m *member) set(kind uint8, node int32, due time.Time) {
	key := timer{kind, node}
	if due.IsZero() {
		delete(m.timers, key)
		return
	}
	m.timers[key] = due
	m.w.at(due, func() {
		if when, set := m.timers[key]; set && when.Equal(due) {
			delete(m.timers, key)
			m.ring(key)
		}
	})
}

// setTotal sets the end of all attempts together; only the first one says when.
func (m *member) setTotal(node int32, due time.Time) {
	if !due.IsZero() {
		m.set(uint8(engine.TimerTotal), node, due)
	}
}

// clear forgets the engine's timers of a node.
func (m *member) clear(node int32) {
	for kind := engine.TimerRun; kind <= engine.TimerGrace; kind++ {
		delete(m.timers, timer{uint8(kind), node})
	}
}

// ring takes a timer whose time has come to the machine it belongs to.
func (m *member) ring(t timer) {
	if t.kind >= uint8(scheduler.TimerQueue) {
		m.job(t.node, scheduler.Due{Timer: scheduler.JobTimer(t.kind)}, nil)
		return
	}
	_ = m.decide(engine.TimerDue{Stamp: m.stamp("system", "timer"), Timer: engine.Timer(t.kind), Step: t.node})
}

// snapshot is the run as it is stored.
func (m *member) snapshot() []byte { return codec.Append(nil, m.run) }
