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

	jobs      map[int32]int32 // step → attempt that a worker or the queue has
	approvals map[int32]bool
	alarms    []alarm
	stops     map[int32]bool // step → with force

	// watch sees each decision: the state before, what came in and what became true.
	watch func(before []byte, in Input, facts []Fact)
}

func newDriver(t tester, w *steps.Workflow) *driver {
	return &driver{
		t: t, run: New(testRun, w), now: began,
		jobs: map[int32]int32{}, approvals: map[int32]bool{}, stops: map[int32]bool{},
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
		d.t.Fatalf("decide %T: %v", in, err)
	}
	return facts
}

func (d *driver) try(in Input) ([]Fact, error) {
	var before []byte
	if d.watch != nil {
		before = codec.Append(nil, d.run)
	}
	facts, err := Decide(d.run, in)
	if moves := len(facts) - countSwept(facts); moves > MaxMoves+3 { // the input's own, a stop's beginning and the run's end
		d.t.Fatalf("%d moves in one Decide of %T", moves, in)
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

// countSwept counts the facts that only keep a stop's place.
func countSwept(facts []Fact) (n int) {
	for _, f := range facts {
		if f.Kind() == KindSwept {
			n++
		}
	}
	return n
}

// carryOut remembers what a fact asks for, and forgets what it ends.
func (d *driver) carryOut(f Fact) {
	switch f := f.(type) {
	case *RunStarted:
		d.setAlarm(TimerRun, -1, f.TimeoutAt)
	case *JobAsked:
		d.jobs[f.Step] = f.Attempt
		d.setAlarm(TimerTotal, f.Step, f.TotalAt)
	case *ApprovalAsked:
		d.approvals[f.Step] = true
	case *DelaySet:
		d.setAlarm(TimerDelay, f.Step, f.Due)
	case *RetrySet:
		delete(d.jobs, f.Step)
		d.setAlarm(TimerRetry, f.Step, f.Due)
	case *JobStopAsked:
		d.stops[f.Step] = d.stops[f.Step] || f.Force
	case *StepSucceededFact:
		d.forget(f.Step)
	case *StepEnded:
		d.forget(f.Step)
	}
}

func (d *driver) setAlarm(t Timer, step int32, due time.Time) {
	if !due.IsZero() {
		d.alarms = append(d.alarms, alarm{t, step, due})
	}
}

func (d *driver) forget(step int32) {
	delete(d.jobs, step)
	delete(d.approvals, step)
	d.alarms = slices.DeleteFunc(d.alarms, func(a alarm) bool { return a.step == step })
}

// step is the index of a step.
func (d *driver) step(id string) int32 {
	d.t.Helper()
	i, ok := d.run.Plan.ByID[id]
	if !ok {
		d.t.Fatalf("no step %q", id)
	}
	return int32(i)
}

// end ends the attempt that a worker has.
func (d *driver) end(step int32, result Result, f Failure) []Fact {
	d.t.Helper()
	return d.feed(d.outcome(step, result, f))
}

func (d *driver) outcome(step int32, result Result, f Failure) Outcome {
	out := Outcome{Stamp: d.stamp(), Step: step, Attempt: d.jobs[step], Result: result, Failure: f}
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

// states are the states of a run's steps by id, with the reason of a skip.
func states(r *Run) map[string]string {
	out := map[string]string{}
	for i := range r.Steps {
		s := r.Steps[i].State.String()
		if r.Steps[i].Reason != NotSkipped {
			s += ":" + r.Steps[i].Reason.String()
		}
		out[r.Plan.Def.Steps[i].ID] = s
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
