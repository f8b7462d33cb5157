package engine

import "testing"

// TestStrayInputs: what a step does not wait for does not end it.
func TestStrayInputs(t *testing.T) {
	d := newDriver(t, load(t, `
id: stray
steps:
  - {id: gate, type: approval}
  - {id: nap, type: delay, for: 1h}
  - {id: work, topic: job.t.x, retry: {max_attempts: 2}}
`))
	d.submit("{}")
	at, gate, nap, work := d.stamp(), d.step("gate"), d.step("nap"), d.step("work")
	for _, in := range []Input{
		TimerDue{at, TimerDelay, gate},
		TimerDue{at, TimerTotal, gate},
		TimerDue{at, TimerRetry, nap},
		TimerDue{at, TimerRetry, work},
		TimerDue{at, TimerDelay, work},
		TimerDue{at, TimerDelay, -1},
		TimerDue{at, TimerDelay, 3},
		TimerDue{at, 99, nap},
		Answer{Stamp: at, Step: nap, Result: ResultSucceeded},
		Answer{Stamp: at, Step: work, Result: ResultSucceeded},
		Answer{Stamp: at, Step: gate},
		Answer{Stamp: at, Step: gate, Result: ResultLost},
		Answer{Stamp: at, Step: 3, Result: ResultSucceeded},
		Outcome{Stamp: at, Step: gate, Result: ResultSucceeded},
		Outcome{Stamp: at, Step: nap, Result: ResultSucceeded},
		Outcome{Stamp: at, Step: work, Attempt: 0, Result: ResultSucceeded},
		Outcome{Stamp: at, Step: work, Attempt: 2, Result: ResultSucceeded},
		Outcome{Stamp: at, Step: work, Attempt: 1, Result: ResultSentBack},
		Outcome{Stamp: at, Step: work, Attempt: 1},
		Outcome{Stamp: at, Step: -1, Attempt: 1, Result: ResultSucceeded},
		Continue{at},
	} {
		if facts := d.feed(in); len(facts) > 0 {
			t.Errorf("%#v gives %s", in, describe(d.run, facts[0]))
		}
	}
}

// TestCommandsAtTheEdges: before the start they are refused, and a command after the end says how the run ended.
func TestCommandsAtTheEdges(t *testing.T) {
	d := newDriver(t, load(t, "id: w\nsteps: [{id: a, topic: job.t}]\n"))
	for _, in := range []Input{Cancel{Stamp: d.stamp()}, Pause{d.stamp()}, SignalIn{Stamp: d.stamp(), Name: "x"}} {
		if facts, err := d.try(in); err == nil || len(facts) > 0 {
			t.Errorf("%T before the start: %d facts, %v", in, len(facts), err)
		}
	}
	d.submit("{}")
	for range MaxSignals {
		d.feed(SignalIn{Stamp: d.stamp(), Name: "x"})
	}
	if _, err := d.try(SignalIn{Stamp: d.stamp(), Name: "x"}); err == nil || len(d.run.Signals) != MaxSignals {
		t.Errorf("%d signals are kept, %v", len(d.run.Signals), err)
	}
	d.end(0, ResultSucceeded, Failure{})
	for _, in := range []Input{Cancel{Stamp: d.stamp()}, Cancel{Stamp: d.stamp(), Force: true}, Pause{d.stamp()}, Resume{d.stamp()}, SignalIn{Stamp: d.stamp()}} {
		if facts, err := d.try(in); err == nil || len(facts) > 0 {
			t.Errorf("%T after the end: %d facts, %v", in, len(facts), err)
		}
	}
}
