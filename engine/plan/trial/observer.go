package trial

import (
	"errors"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// Observer follows the runs of a case that somebody else plays, a real runner say: it is shown their logs, says when the
// world around them has something to do, and compares what came of them with what the case expects and with the
// invariants, as for a simulated case. It is used by one goroutine.
//
//	o, err := c.Observe(run)
//	o.See(run, at, fact)            // every fact of every run, in the order in which they were committed
//	for _, cue := range o.Cues() {} // what workers and people do about it
//	for _, cue := range o.Rest() {} // what comes when nothing more happens by itself
//	o.Check()
type Observer struct {
	w    *world
	cues []Cue
}

// Cue says that somebody in the world around a run has something to do. Exactly one of Job, Reply, Signal and Order is set.
type Cue struct {
	Run  string // whose
	Node int32  // of Job, Reply and an Order about a compensation; else -1
	// Path is what people call the node in its own run, Name what they call it as seen from the case's run.
	Path, Name string

	Job    *Job
	Reply  *Reply
	Signal *Signal
	Order  *Order
}

// Job is an attempt that waits for a worker, and what that worker is to do.
type Job struct {
	Attempt  int32
	Topic    string
	Requires []string // capabilities
	Stub     Stub
	Endless  bool // its worker never answers, and nothing ends it
}

// Observe begins to follow a case whose own run has this id. The error says why the case cannot be run.
func (c *Case) Observe(run string) (*Observer, error) {
	plan, plans, policy, refused := c.load()
	if len(refused) > 0 {
		return nil, errors.New(strings.Join(refused, "\n"))
	}
	o := &Observer{w: newWorld(c, plans, policy, 0)}
	o.w.root = o.w.join(run, plan, nil, engine.Parent{})
	o.w.root.adopt()
	o.w.come = o.come
	return o, nil
}

// Snapshot is the policy of a case, compiled. The error says why the case cannot be run.
func (c *Case) Snapshot() (*safety.Snapshot, error) {
	_, _, policy, refused := c.load()
	if len(refused) > 0 {
		return nil, errors.New(strings.Join(refused, "\n"))
	}
	return policy, nil
}

// See takes the next fact of a run: the case's own, or one that a sub-workflow step started.
func (o *Observer) See(run string, at engine.Stamp, f engine.Fact) {
	w := o.w
	m := w.runs[run]
	if m == nil {
		if m = o.meet(run, f); m == nil {
			w.broken("run %s, which no step of the case started, has a %T", run, f)
			return
		}
	}
	w.now = at.At
	m.witness.see(at, f)
	if len(w.wrong) > 0 {
		return
	}
	o.cue(m, f)
	m.keepTimers(at, f)
	if _, began := f.(*engine.RunStarted); began && m == w.root {
		w.reached(AtStart)
	}
}

// meet makes the run of a sub-workflow part of the world.
func (o *Observer) meet(run string, f engine.Fact) *member {
	started, is := f.(*engine.RunStarted)
	if !is || o.w.runs[started.Parent.Run] == nil {
		return nil
	}
	plan := o.w.plans[started.Workflow]
	if plan == nil {
		return nil
	}
	m := o.w.join(run, plan, o.w.runs[started.Parent.Run], started.Parent)
	m.adopt()
	return m
}

// adopt makes the state that facts fold to the run's only one.
func (m *member) adopt() { m.run = m.witness.run }

// cue notes what a fact asks of the world.
func (o *Observer) cue(m *member, f engine.Fact) {
	switch f := f.(type) {
	case *engine.JobAsked:
		o.askJob(m, f.Step, f.Topic)
	case *engine.JobNoted:
		o.noteJob(m, f)
	case *engine.ChildAsked:
		m.countSent(f.Step)
	case *engine.ApprovalAsked:
		o.askPeople(m, f.Step)
	case *engine.ChildUndoAsked:
		if child := o.w.runs[f.Run]; child != nil {
			child.askedToUndo(f.Step)
		}
	case *engine.StepSucceededFact:
		delete(m.jobs, f.Step)
	case *engine.StepEnded:
		delete(m.jobs, f.Step)
		if f.State == engine.StepDenied {
			o.takeBack(m, f.Step)
		}
	case *engine.UndoHeld:
		delete(m.jobs, f.Step)
		if f.Failure.Code == engine.CodeDenied {
			o.takeBack(m, f.Step)
		}
	}
}

// countSent counts what was sent for a node, and with which input; it answers how often its name was.
func (m *member) countSent(node int32) int {
	name, story := m.name(node), m.w.story
	story.sent[name]++
	story.inputs[name] = m.run.Steps[node].Input.Data
	return story.sent[name]
}

func (o *Observer) askJob(m *member, node int32, topic string) {
	def, number := m.run.DefOf(node), m.run.Steps[node].Attempt
	stub := m.stub(m.name(node), m.countSent(node))
	m.jobs[node] = &work{job: scheduler.Job{State: scheduler.JobRunning, Topic: topic}, at: &attempt{number: number, stub: stub, began: true}}
	o.add(m, node, Cue{Job: &Job{
		Attempt: number, Topic: topic, Requires: def.Requires, Stub: stub, Endless: stub.Timeout && def.Timeout == 0,
	}})
}

// noteJob follows a job that the policy lets start only with leave: people are asked, or have given it.
func (o *Observer) noteJob(m *member, f *engine.JobNoted) {
	if !f.Idle {
		o.askJob(m, f.Step, m.jobs[f.Step].job.Topic)
		return
	}
	m.jobs[f.Step].at.began = false
	o.takeBack(m, f.Step)
	o.askPeople(m, f.Step)
}

// takeBack takes back a job that the policy did not let start: the facts that ask for it and that say so are one commit's.
func (o *Observer) takeBack(m *member, node int32) {
	name := m.name(node)
	o.cues = slices.DeleteFunc(o.cues, func(c Cue) bool {
		mine := c.Job != nil && c.Run == m.id && c.Node == node
		if mine {
			o.w.story.sent[name]--
			delete(o.w.story.inputs, name)
		}
		return mine
	})
}

func (o *Observer) askPeople(m *member, node int32) {
	name := m.name(node)
	o.w.asked[name]++
	replies, _ := lookup(o.w.c.Replies, name)
	if len(replies) == 0 {
		return
	}
	o.add(m, node, Cue{Reply: &replies[min(o.w.asked[name], len(replies))-1]})
}

// come is when the i-th of the case's signals and orders has its moment.
func (o *Observer) come(i int) {
	c := o.w.c
	if i < len(c.Signals) {
		o.add(o.w.listener(c.Signals[i].Name), -1, Cue{Signal: &c.Signals[i]})
		return
	}
	order := &c.Orders[i-len(c.Signals)]
	m, node := o.w.root, int32(-1)
	if order.Compensation != "" {
		if m, node = o.w.find(undoPrefix + order.Compensation); m == nil {
			m = o.w.root
		}
	}
	o.add(m, node, Cue{Order: order})
}

func (o *Observer) add(m *member, node int32, c Cue) {
	c.Run, c.Node = m.id, node
	if node >= 0 {
		c.Path, c.Name = m.run.Name(node), m.name(node)
	}
	o.cues = append(o.cues, c)
}

// Cues are what the facts seen since the last call ask of the world, in their order.
func (o *Observer) Cues() []Cue {
	out := o.cues
	o.cues = nil
	return out
}

// Rest is what comes next of what was to come when nothing more happens by itself; nothing when that is all.
func (o *Observer) Rest() []Cue {
	for i := range o.w.told {
		if !o.w.told[i] && o.w.after(i) == AtEnd {
			o.w.told[i] = true
			o.come(i)
			break
		}
	}
	return o.Cues()
}

// UnderWay tells whether the attempt of a job's cue has not ended.
func (o *Observer) UnderWay(c Cue) bool {
	m := o.w.runs[c.Run]
	if m == nil || c.Job == nil || int(c.Node) >= len(m.run.Steps) {
		return false
	}
	s := &m.run.Steps[c.Node]
	return s.State == engine.StepRunning && s.Attempt == c.Job.Attempt && (!m.run.State.Final() || s.Target >= 0)
}

// Still tells whether a run starts nothing more before somebody lets it go on: it is paused, or the engine could not go on.
func (o *Observer) Still(run string) bool {
	m := o.w.runs[run]
	return m != nil && (m.run.Paused || m.run.Fault != "")
}

// NextTimer is the earliest time after one at which a timer of the case's runs is over; the zero time when none is set. Timers
// of jobs that workers have are not counted.
func (o *Observer) NextTimer(after time.Time) (next time.Time) {
	for _, m := range o.w.runs {
		if m.run.Settled() || m.run.Fault != "" {
			continue
		}
		for _, due := range m.timers {
			if due.After(after) && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
	}
	return next
}

// Broken are the invariants that what was seen so far breaks.
func (o *Observer) Broken() []string { return o.w.wrong }

// Note adds a line to the timeline.
func (o *Observer) Note(at time.Time, line string) { o.w.story.note(at, "%s", line) }

// Wrong notes what must not have happened around the runs.
func (o *Observer) Wrong(what string) { o.w.broken("%s", what) }

// Check says what must not have happened and how what came of the case differs from what is expected; nothing when all is
// well.
func (o *Observer) Check() []string {
	if len(o.w.wrong) > 0 {
		return o.w.wrong
	}
	return o.w.check()
}

// Timeline is what happened, one thing a line.
func (o *Observer) Timeline() []string { return o.w.story.timeline() }

// keepTimers keeps what a run waits for by the clock.
func (m *member) keepTimers(at engine.Stamp, f engine.Fact) {
	keep := func(kind engine.Timer, node int32, due time.Time) {
		if due.IsZero() {
			delete(m.timers, timer{uint8(kind), node})
			return
		}
		m.timers[timer{uint8(kind), node}] = due
	}
	switch f := f.(type) {
	case *engine.RunStarted:
		keep(engine.TimerRun, -1, f.TimeoutAt)
	case *engine.RunEnded:
		clear(m.timers)
	case *engine.SetBack:
		if timeout := m.plan.Def.Timeout; timeout > 0 {
			keep(engine.TimerRun, -1, at.At.Add(timeout))
		}
	case *engine.StopBegun:
		if f.Stop == engine.StopTimeout {
			keep(engine.TimerRun, -1, time.Time{})
		}
	case *engine.StepSucceededFact:
		m.clear(f.Step)
	case *engine.StepEnded:
		m.clear(f.Step)
	case *engine.StepSkippedFact:
		m.clear(f.Step)
	case *engine.UndoHeld:
		m.clear(f.Step)
	case *engine.UndoSettled:
		m.clear(f.Step)
	default:
		m.keepStepTimers(keep, f)
	}
}

// keepStepTimers keeps the timers of a step that goes on.
func (m *member) keepStepTimers(keep func(engine.Timer, int32, time.Time), f engine.Fact) {
	total := func(node int32, due time.Time) {
		if !due.IsZero() {
			keep(engine.TimerTotal, node, due)
		}
	}
	switch f := f.(type) {
	case *engine.JobAsked:
		total(f.Step, f.TotalAt)
	case *engine.ApprovalAsked:
		keep(engine.TimerWait, f.Step, f.ExpiresAt)
	case *engine.DelaySet:
		keep(engine.TimerDelay, f.Step, f.Due)
	case *engine.SignalAwaited:
		keep(engine.TimerWait, f.Step, f.Due)
	case *engine.RetrySet:
		keep(engine.TimerRetry, f.Step, f.Due)
	case *engine.RetryDue:
		keep(engine.TimerRetry, f.Step, time.Time{})
	case *engine.ChildAsked:
		keep(engine.TimerChild, f.Step, f.DueAt)
		total(f.Step, f.TotalAt)
	case *engine.ChildStopAsked:
		keep(engine.TimerChild, f.Step, time.Time{})
		keep(engine.TimerGrace, f.Step, f.GraceAt)
	}
}
