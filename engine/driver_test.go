package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

const testRun = "0701ARZ3NDEKTSV4RRFFQ69G5FAV"

// began is when every tested run starts.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// tester is what the driver reports to: a test, or one case of a property.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// load compiles a definition.
func load(t tester, src string) *steps.Workflow {
	t.Helper()
	w, diags := steps.Load([]byte(src), yamlx.Auto, true)
	if w == nil || dag.HasErrors(diags) {
		t.Fatalf("definition: %v\n%s", diags, src)
	}
	return w
}

// stampedFact is a fact as a log keeps it.
type stampedFact struct {
	at   Stamp
	fact Fact
}

// alarm is a timer that was asked for.
type alarm struct {
	timer Timer
	step  int32
	due   time.Time
}

// driver plays the world outside a run: it keeps what the facts asked for until it is answered.
type driver struct {
	t   tester
	run *Run
	now time.Time
	log []stampedFact

	jobs       map[int32]int32 // node → attempt that a worker or the queue has
	approvals  map[int32]bool
	waits      map[int32]string // node → the signal it waits for
	children   map[int32]int32  // node → attempt that is a sub-workflow
	childStops map[int32]bool   // those that were asked to cancel themselves
	childUndos map[int32]int32  // compensation → attempt whose sub-workflow was asked to undo what it did
	alarms     []alarm
	stops      map[int32]bool // node → with force

	// watch sees each decision: the state before, what came in and what became true.
	watch func(before []byte, in Input, facts []Fact)
}

func newDriver(t tester, w *steps.Workflow) *driver {
	return &driver{
		t: t, run: New(testRun, w), now: began,
		jobs: map[int32]int32{}, approvals: map[int32]bool{}, waits: map[int32]string{}, stops: map[int32]bool{},
		children: map[int32]int32{}, childStops: map[int32]bool{}, childUndos: map[int32]int32{},
	}
}

func (d *driver) stamp() Stamp { return Stamp{At: d.now, Actor: "ann"} }

// submit starts the run with an input.
func (d *driver) submit(input string) []Fact {
	d.t.Helper()
	return d.feed(Submit{Stamp: d.stamp(), Tenant: "default", Workflow: d.run.Plan.Def.ID, Input: Payload{Data: json.RawMessage(input)}})
}

// feed decides and carries out what was asked. A refusal is no facts.
func (d *driver) feed(in Input) []Fact {
	d.t.Helper()
	facts, err := d.try(in)
	if _, refused := err.(*Refusal); err != nil && !refused { //nolint:errorlint // Decide returns it bare
		d.t.Fatalf("decide %#v: %v\n%s\n%v", in, err, d.run.Plan.Def.Canonical, standing(d.run))
	}
	return facts
}

func (d *driver) try(in Input) ([]Fact, error) {
	var before []byte
	if d.watch != nil {
		before = codec.Append(nil, d.run)
	}
	facts, err := Decide(d.run, in)
	if n := countMoves(facts); n > MaxMoves+inputMoves {
		d.t.Fatalf("%d moves in one Decide of %T", n, in)
	}
	for _, f := range facts {
		d.log = append(d.log, stampedFact{StampOf(in), f})
		d.carryOut(f)
	}
	if d.watch != nil {
		d.watch(before, in, facts)
	}
	return facts, err
}

// inputMoves are the nodes that start or stop by the input itself, before the bound is asked: its own, and whoever waited for
// the same signal and could not read it.
const inputMoves = 3

// countMoves counts the nodes that facts start or stop.
func countMoves(facts []Fact) (n int) {
	for _, f := range facts {
		switch f.(type) {
		case *JobAsked, *ChildAsked, *ApprovalAsked, *DelaySet, *SignalAwaited, *StepSucceededFact, *StepEnded, *StepSkippedFact,
			*JobStopAsked, *ChildStopAsked, *FannedOut, *RoundBegun, *UndoBegun, *ChildUndoAsked:
			n++
		}
	}
	return n
}

// carryOut remembers what a fact asks for, and forgets what it ends.
func (d *driver) carryOut(f Fact) {
	switch f := f.(type) {
	case *RunStarted:
		d.setAlarm(TimerRun, none, f.TimeoutAt)
	case *JobAsked:
		d.jobs[f.Step] = f.Attempt
		delete(d.stops, f.Step)
		d.setAlarm(TimerTotal, f.Step, f.TotalAt)
	case *ApprovalAsked:
		d.approvals[f.Step] = true
	case *OutputHeld:
		delete(d.jobs, f.Step)
		d.approvals[f.Step] = true
	case *DelaySet:
		d.setAlarm(TimerDelay, f.Step, f.Due)
	case *SignalAwaited:
		d.waits[f.Step] = f.Signal
		d.setAlarm(TimerWait, f.Step, f.Due)
	case *RetrySet:
		delete(d.jobs, f.Step)
		delete(d.children, f.Step)
		d.quiet(f.Step, TimerChild, TimerGrace)
		d.setAlarm(TimerRetry, f.Step, f.Due)
	case *JobStopAsked:
		d.stops[f.Step] = d.stops[f.Step] || f.Force
	case *StepSucceededFact:
		d.forget(f.Step)
	case *StepEnded:
		d.forget(f.Step)
	case *StepSkippedFact:
		d.forget(f.Step)
	default:
		d.carryOutNested(f)
	}
}

// carryOutNested does the same for sub-workflows and compensations.
func (d *driver) carryOutNested(f Fact) {
	switch f := f.(type) {
	case *ChildAsked:
		d.children[f.Step] = f.Attempt
		delete(d.childStops, f.Step)
		d.setAlarm(TimerChild, f.Step, f.DueAt)
		d.setAlarm(TimerTotal, f.Step, f.TotalAt)
	case *ChildStopAsked:
		d.childStops[f.Step] = true
		d.setAlarm(TimerGrace, f.Step, f.GraceAt)
	case *ChildUndoAsked:
		d.childUndos[f.Step] = f.Attempt
	case *ChildUndoNoted:
		delete(d.childUndos, f.Step)
	case *UndoHeld:
		attempt, child := d.childUndos[f.Step]
		d.forget(f.Step)
		if child && f.Failure.Code == CodeChildHeld {
			d.childUndos[f.Step] = attempt // somebody may resolve it there
		}
	case *UndoSettled:
		d.forget(f.Step)
	}
}

// outstanding tells whether the world outside was asked for something that has not come. The run's own timeout is nothing
// that anybody waits for.
func (d *driver) outstanding() bool {
	own := func(a alarm) bool { return a.timer != TimerRun }
	return len(d.jobs)+len(d.approvals)+len(d.waits)+len(d.children)+len(d.childUndos) > 0 || slices.ContainsFunc(d.alarms, own)
}

func (d *driver) setAlarm(t Timer, step int32, due time.Time) {
	if !due.IsZero() {
		d.alarms = append(d.alarms, alarm{t, step, due})
	}
}

// quiet takes alarms of a node away.
func (d *driver) quiet(step int32, timers ...Timer) {
	d.alarms = slices.DeleteFunc(d.alarms, func(a alarm) bool { return a.step == step && slices.Contains(timers, a.timer) })
}

func (d *driver) forget(step int32) {
	delete(d.jobs, step)
	delete(d.approvals, step)
	delete(d.waits, step)
	delete(d.children, step)
	delete(d.childUndos, step)
	d.alarms = slices.DeleteFunc(d.alarms, func(a alarm) bool { return a.step == step })
}

// step is the node that people call by a name.
func (d *driver) step(name string) int32 {
	d.t.Helper()
	i := d.run.Find(name)
	if i < 0 {
		d.t.Fatalf("no node %q", name)
	}
	return i
}

// end ends the attempt that a worker has.
func (d *driver) end(step int32, result Result, f Failure) []Fact {
	d.t.Helper()
	return d.feed(d.outcome(step, result, f))
}

func (d *driver) outcome(step int32, result Result, f Failure) Outcome {
	out := Outcome{Stamp: d.stamp(), Step: step, Attempt: d.jobs[step], Result: result, Failure: f, Answered: !f.Unknown}
	if result == ResultSucceeded {
		out.Output = Payload{Data: json.RawMessage(`{"ok":true}`)}
	}
	return out
}

// ring lets the k-th alarm go off, at its time.
func (d *driver) ring(k int) []Fact {
	d.t.Helper()
	a := d.alarms[k]
	d.alarms = slices.Delete(d.alarms, k, k+1)
	if a.due.After(d.now) {
		d.now = a.due
	}
	return d.feed(TimerDue{Stamp: d.stamp(), Timer: a.timer, Step: a.step})
}

// goOn feeds a run what its bound left.
func (d *driver) goOn() {
	d.t.Helper()
	for n := 0; d.run.More(); n++ {
		if n > 2*len(d.run.Steps)/MaxMoves+10 {
			d.t.Fatalf("%d continues and still more", n)
		}
		d.feed(Continue{d.stamp()})
	}
}

// restart replaces the run by what its snapshot says.
func (d *driver) restart() {
	d.t.Helper()
	d.run = revive(d.t, d.run.Plan, codec.Append(nil, d.run))
}

// revive reads a snapshot.
func revive(t tester, w *steps.Workflow, snapshot []byte) *Run {
	t.Helper()
	r := New(testRun, w)
	if err := codec.Decode(snapshot, r); err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	return r
}

// fold applies a log to a fresh run.
func fold(t tester, w *steps.Workflow, log []stampedFact) *Run {
	t.Helper()
	r := New(testRun, w)
	for _, f := range log {
		if err := Apply(r, f.at, f.fact); err != nil {
			t.Fatalf("fold %T: %v", f.fact, err)
		}
	}
	return r
}

// encodeFacts is the stored form of facts, kinds included.
func encodeFacts(facts []Fact) []byte {
	var out []byte
	for _, f := range facts {
		out = codec.Append(append(out, byte(f.Kind())), f)
	}
	return out
}

// same tells whether two runs are stored alike.
func same(a, b *Run) bool { return bytes.Equal(codec.Append(nil, a), codec.Append(nil, b)) }

// stateOf is the state of one node, with the reason of a skip.
func stateOf(s *Step) string {
	if s.Reason != NotSkipped {
		return s.State.String() + ":" + s.Reason.String()
	}
	return s.State.String()
}

// states are the states of a run's nodes by name; of several the newest.
func states(r *Run) map[string]string {
	out := map[string]string{}
	for i := range r.Steps {
		out[r.Name(int32(i))] = stateOf(&r.Steps[i])
	}
	return out
}

// rootStates are those of the workflow's own steps.
func rootStates(r *Run) map[string]string {
	out := map[string]string{}
	for i := range r.Plan.Def.Scopes[0].Count {
		out[r.Plan.Def.Steps[i].ID] = stateOf(&r.Steps[i])
	}
	return out
}

// wantStates compares the states of some steps and of the run (named "").
func wantStates(t *testing.T, r *Run, want map[string]string) {
	t.Helper()
	got := states(r)
	got[""] = r.State.String()
	for id, state := range want {
		if got[id] != state {
			t.Errorf("%q is %s, want %s (all: %v)", id, got[id], state, got)
		}
	}
}

// faulted tells whether the engine could not go on: the world outside keeps what comes until it can.
func (d *driver) faulted() bool { return d.run.Fault != "" }
