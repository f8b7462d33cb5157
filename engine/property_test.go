package engine

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/codec"
)

// TestOrderDoesNotMatter: however independent results, answers, timers, pauses and restarts are interleaved, a run ends
// as was foretold from its scripts; under continue every step's state does.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		d := watched(t, w)
		d.submit(`{"no":false}`)
		for steps := 0; !d.run.State.Final(); steps++ {
			if steps > 2000 {
				t.Fatalf("the run does not end: %v", states(d.run))
			}
			switch rapid.IntRange(0, 19).Draw(t, "interfere") {
			case 0:
				d.feed(Pause{d.stamp()})
			case 1:
				d.restart()
			}
			if !w.anything(t, d) || d.run.Paused && rapid.Bool().Draw(t, "resume") {
				d.feed(Resume{d.stamp()})
			}
			d.goOn()
		}
		steps, failed := w.foretell(d.run.Plan.Def)
		want := "succeeded"
		if failed {
			want = "failed"
		}
		if got := d.run.State.String(); got != want {
			t.Fatalf("the run %s, foretold %s\n%s\n%v", got, want, w.src, states(d.run))
		}
		if d.run.Stop == StopNone && !maps.Equal(rootStates(d.run), steps) {
			t.Fatalf("steps ended %v\nforetold %v\n%s", states(d.run), steps, w.src)
		}
	})
}

// TestInvariants: whatever comes in whatever order, early, late, twice or never, nothing that must hold breaks, and when
// the noise is over the run ends.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		d := watched(t, w)
		d.submit(`{"no":false}`)
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			noise(t, w, d)
		}
		for n := 0; !d.run.State.Final(); n++ {
			if n > 2000 {
				t.Fatalf("the run does not end: %s %v\n%s", d.run.Status(), states(d.run), w.src)
			}
			d.feed(Resume{d.stamp()})
			w.anything(t, d)
			d.goOn()
		}
		end := codec.Append(nil, d.run)
		for range 5 {
			noise(t, w, d)
		}
		if !bytes.Equal(end, codec.Append(nil, d.run)) {
			t.Fatalf("a final run changed")
		}
		if !same(d.run, fold(t, d.run.Plan, d.log)) {
			t.Fatalf("folding the whole log gives another state")
		}
	})
}

// anything lets one thing happen that the run waits for; false when there is none. A faulted run is given nothing: the
// world outside keeps it until the run goes on.
func (w *world) anything(t *rapid.T, d *driver) bool {
	if d.run.State == RunFaulted {
		return false
	}
	jobs, approvals := slices.Sorted(maps.Keys(d.jobs)), slices.Sorted(maps.Keys(d.approvals))
	n := len(jobs) + len(approvals) + len(d.alarms)
	if n == 0 {
		return false
	}
	k := rapid.IntRange(0, n-1).Draw(t, "what happens")
	switch {
	case k < len(jobs):
		w.endJob(d, jobs[k])
	case k < len(jobs)+len(approvals):
		d.feed(w.answer(d, approvals[k-len(jobs)]))
	default:
		d.ring(k - len(jobs) - len(approvals))
	}
	return true
}

// endJob ends an attempt as its script says; one that no worker had when a halt came is cancelled.
func (w *world) endJob(d *driver, step int32) {
	id := d.run.Plan.Def.Steps[step].ID
	e := w.scripts[id].at(d.jobs[step])
	d.end(step, e.result, Failure{Code: e.code, Retryable: e.retryable})
}

func (w *world) answer(d *driver, step int32) Answer {
	in := Answer{Stamp: d.stamp(), Step: step, Result: ResultSucceeded}
	if w.refused[d.run.Plan.Def.Steps[step].ID] {
		in.Result, in.Reject = ResultRejected, Failure{Code: CodeRejected}
	}
	return in
}

// noise lets something happen that is expected, or not at all.
func noise(t *rapid.T, w *world, d *driver) {
	n := int32(len(d.run.Steps))
	step := rapid.Int32Range(-1, n).Draw(t, "step")
	var in Input
	switch rapid.IntRange(0, 15).Draw(t, "noise") {
	default:
		w.anything(t, d)
		return
	case 0:
		in = Pause{d.stamp()}
	case 1:
		in = Resume{d.stamp()}
	case 2:
		in = Cancel{Stamp: d.stamp()}
	case 3:
		in = TimerDue{Stamp: d.stamp(), Timer: Timer(rapid.IntRange(0, 5).Draw(t, "timer")), Step: step}
	case 4:
		in = Outcome{
			Stamp: d.stamp(), Step: step, Attempt: rapid.Int32Range(-1, 4).Draw(t, "attempt"),
			Result: Result(rapid.IntRange(0, 7).Draw(t, "result")), Failure: Failure{Code: "stray", Retryable: true},
		}
	case 5:
		in = Answer{Stamp: d.stamp(), Step: step, Result: Result(rapid.IntRange(0, 7).Draw(t, "answer"))}
	case 6:
		in = Fault{Stamp: d.stamp(), Error: "boom"}
	case 7:
		in = Submit{Stamp: d.stamp(), Tenant: "other"}
	case 8:
		in = Continue{d.stamp()}
	case 9:
		d.restart()
		return
	case 10:
		d.now = d.now.Add(time.Second)
		return
	}
	d.feed(in)
}

// watched is a driver that checks, after each decision, everything that must hold.
func watched(t *rapid.T, w *world) *driver {
	plan := load(t, w.src)
	d := newDriver(t, plan)
	book := newDiary(plan.Def)
	d.watch = func(before []byte, in Input, facts []Fact) {
		checkPure(t, d, before, in, facts)
		for _, f := range facts {
			if wrong := book.note(f); wrong != "" {
				t.Fatalf("%s: %T of step %d after %T\n%s\n%v", wrong, f, StepOf(f), in, w.src, book.state)
			}
			checkFinal(t, d, book, in, f)
			checkCause(t, d, in, f)
		}
		checkAlive(t, d)
	}
	return d
}

// checkPure: the same input on the same state gives the same facts; the facts folded over the state before give the state
// after; and the same input once more gives nothing.
func checkPure(t tester, d *driver, before []byte, in Input, facts []Fact) {
	after := codec.Append(nil, d.run)
	folded := revive(t, d.run.Plan, before)
	for _, f := range facts {
		if err := Apply(folded, StampOf(in), f); err != nil {
			t.Fatalf("fold %T: %v", f, err)
		}
	}
	if !bytes.Equal(codec.Append(nil, folded), after) {
		t.Fatalf("folding the facts of %T gives another state", in)
	}
	twin := revive(t, d.run.Plan, before)
	again, _ := Decide(twin, in)
	if !bytes.Equal(encodeFacts(again), encodeFacts(facts)) {
		t.Fatalf("%T decided twice gives other facts", in)
	}
	switch in := in.(type) {
	case Cancel, Late, SignalIn: // once more is something else
		return
	case Fault, Resume:
		return
	case Rollback, Retry: // what was done again is another thing to undo
		return
	default:
		if more, _ := Decide(twin, in); len(more) > 0 {
			t.Fatalf("%T repeated gives %T", in, more[0])
		}
	}
}

// checkFinal: a failure that may be retried is final only at the allowance, or when the run is stopping.
func checkFinal(t *rapid.T, d *driver, book *diary, in Input, f Fact) {
	ended, is := f.(*StepEnded)
	out, byOutcome := in.(Outcome)
	if !is || !byOutcome || ended.Step != out.Step {
		return
	}
	step := &d.run.Plan.Def.Steps[ended.Step]
	max := allowance(step, ending{out.Result, out.Failure.Retryable, out.Failure.Code})
	switch out.Result {
	case ResultFailed, ResultTimedOut, ResultLost:
		if book.tries[ended.Step] < max && book.stop == StopNone {
			t.Fatalf("step %s failed after %d of %d attempts", step.ID, book.tries[ended.Step], max)
		}
	}
	if retry := step.Retry; retry != nil && book.tries[ended.Step] > int32(retry.MaxAttempts) {
		t.Fatalf("step %s made %d of %d attempts", step.ID, book.tries[ended.Step], retry.MaxAttempts)
	}
}

// checkCause: a step succeeds by what it waits for, and by nothing else.
func checkCause(t *rapid.T, d *driver, in Input, f Fact) {
	ok, is := f.(*StepSucceededFact)
	if !is {
		return
	}
	caused := true
	switch d.run.Plan.Steps[ok.Step].Kind {
	case "approval":
		a, answer := in.(Answer)
		caused = answer && a.Step == ok.Step && a.Result == ResultSucceeded
	case "delay":
		due, timer := in.(TimerDue)
		caused = timer && due.Step == ok.Step && due.Timer == TimerDelay
	case "worker":
		o, outcome := in.(Outcome)
		caused = outcome && o.Step == ok.Step && o.Result == ResultSucceeded
	}
	if !caused {
		t.Fatalf("%#v makes step %d succeed", in, ok.Step)
	}
}

// checkAlive: a live run waits for something that the world outside was asked for.
func checkAlive(t *rapid.T, d *driver) {
	r := d.run
	waits := len(d.jobs) > 0 || len(d.approvals) > 0 || len(d.alarms) > 0
	if r.State == RunRunning && !r.Paused && !r.More() && !waits {
		t.Fatalf("the run is stuck: %v", states(r))
	}
}
