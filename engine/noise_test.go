package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
)

// This file is what happens to a run of a world: what it waits for, and what nobody asked for.

// submit starts the run, or queues it, or forks it from one that never was.
func (w *world) submit(t *rapid.T, d *driver) Input {
	in := Submit{Stamp: d.stamp(), Tenant: "default", Workflow: "random", Input: Payload{Data: json.RawMessage(`{"no":false}`)}}
	if rapid.IntRange(0, 9).Draw(t, "queued") == 9 {
		in.Key, in.Queued = "busy", true
	}
	if rapid.IntRange(0, 9).Draw(t, "fork") == 9 {
		in.ForkOf = "another"
		for i, s := range d.run.Plan.Def.Steps[:d.run.Root()] {
			if len(s.DependsOn) > 0 || !rapid.Bool().Draw(t, "reused") {
				continue
			}
			in.Reused = append(in.Reused, Reused{Step: int32(i), State: StepSucceeded, Output: Payload{Data: w.reused(s)}})
		}
	}
	return in
}

// reused is an output of a step in another run.
func (w *world) reused(s dag.Step) json.RawMessage {
	if s.Type != "switch" {
		return json.RawMessage(`[]`)
	}
	out, _ := json.Marshal(map[string]any{"case": 0, "steps": w.chosen[s.ID]})
	return out
}

// anything lets one thing happen that the run waits for; false when there is none. A faulted run is given nothing: the
// world outside keeps it until the run goes on.
func (w *world) anything(t *rapid.T, d *driver) bool {
	if d.faulted() {
		return false
	}
	var may []func()
	for _, i := range slices.Sorted(maps.Keys(d.jobs)) {
		may = append(may, func() { w.endJob(t, d, i) })
	}
	for _, i := range slices.Sorted(maps.Keys(d.approvals)) {
		may = append(may, func() { d.feed(w.answer(d, i)) })
	}
	for _, i := range slices.Sorted(maps.Keys(d.waits)) {
		if d.waits[i] != "vain" {
			may = append(may, func() {
				d.feed(SignalIn{Stamp: d.stamp(), Name: d.waits[i], Payload: Payload{Data: json.RawMessage(`{"n":9}`)}})
			})
		}
	}
	for _, i := range slices.Sorted(maps.Keys(d.children)) {
		may = append(may, func() { w.endChild(d, i) })
	}
	for _, i := range slices.Sorted(maps.Keys(d.childUndos)) {
		may = append(may, func() { w.undoChild(t, d, i) })
	}
	for k := range d.alarms {
		may = append(may, func() { d.ring(k) })
	}
	if d.run.Held() > 0 {
		may = append(may, func() { resolve(t, d) })
	}
	if len(may) == 0 {
		return false
	}
	may[rapid.IntRange(0, len(may)-1).Draw(t, "what happens")]()
	return true
}

// endJob ends an attempt as its script says. One that was asked to stop may have stopped, or say nothing.
func (w *world) endJob(t *rapid.T, d *driver, i int32) {
	e := w.scriptOf(d.run, i).at(d.jobs[i])
	if force, asked := d.stops[i]; asked && force && w.wild {
		switch rapid.IntRange(0, 2).Draw(t, "stopped") {
		case 1:
			e = ending{result: ResultCancelled, code: CodeCancelled}
		case 2:
			d.end(i, ResultCancelled, Failure{Code: CodeCancelled, Unknown: true})
			return
		}
	}
	in := d.outcome(i, e.result, Failure{Code: e.code, Retryable: e.retryable, Unknown: e.unknown()})
	if in.Output = (Payload{}); e.result == ResultSucceeded || e.result == ResultQuarantined || e.effect {
		in.Output.Data, in.Effect = json.RawMessage(fmt.Sprintf(`{"node":%d}`, i)), e.effect
	}
	d.feed(in)
}

func (w *world) answer(d *driver, i int32) Answer {
	in := Answer{Stamp: d.stamp(), Step: i, Result: ResultSucceeded}
	if w.refused[place(d.run, i)] {
		in.Result, in.Reject = ResultRejected, Failure{Code: CodeRejected}
	}
	return in
}

var childStates = map[Result]RunState{
	ResultSucceeded: RunSucceeded, ResultFailed: RunFailed, ResultTimedOut: RunTimedOut, ResultCancelled: RunCancelled,
}

// endChild ends a sub-workflow as its script says; one that was asked to cancel itself does.
func (w *world) endChild(d *driver, i int32) {
	e := w.scriptOf(d.run, i).at(d.children[i])
	if d.childStops[i] {
		e = ending{result: ResultCancelled, code: CodeCancelled}
	}
	d.feed(ChildEnded{
		Stamp: d.stamp(), Step: i, Attempt: d.children[i], State: childStates[e.result],
		Output: Payload{Data: json.RawMessage(`{"child":true}`)}, Failure: Failure{Code: e.code, Retryable: e.retryable},
	})
}

func (w *world) undoChild(t *rapid.T, d *driver, i int32) {
	d.feed(ChildUndone{
		Stamp: d.stamp(), Step: i, Attempt: d.childUndos[i],
		Compensation: rapid.SampledFrom([]Compensation{CompensationNone, CompensationRunning, CompensationHeld, CompensationDone, CompensationDone}).Draw(t, "child's compensation"),
	})
}

// resolve is a person's word on one of the held compensations, or the same attempt's late answer.
func resolve(t *rapid.T, d *driver) {
	var held []int32
	for i := range d.run.Steps {
		if d.run.Steps[i].State == StepHeld {
			held = append(held, int32(i))
		}
	}
	i := rapid.SampledFrom(held).Draw(t, "held")
	target := &d.run.Steps[d.run.Steps[i].Target]
	if len(target.unknown) > 0 && rapid.Bool().Draw(t, "late answer") {
		d.feed(late(t, d, d.run.Steps[i].Target, target.unknown[0]))
		return
	}
	d.feed(Resolve{Stamp: d.stamp(), Step: i, How: rapid.SampledFrom([]Resolution{ResolveRetry, ResolveSkip, ResolveDone}).Draw(t, "resolution")})
}

func late(t *rapid.T, d *driver, i, attempt int32) Late {
	return Late{
		Stamp: d.stamp(), Step: i, Attempt: attempt, Output: Payload{Data: json.RawMessage(`{"late":true}`)},
		Result: rapid.SampledFrom([]Result{ResultSucceeded, ResultFailed, ResultCancelled}).Draw(t, "late result"),
	}
}

// noise lets something happen that is expected, or not at all.
func noise(t *rapid.T, w *world, d *driver) {
	switch rapid.IntRange(0, 23).Draw(t, "noise") {
	default:
		w.anything(t, d)
	case 0:
		d.feed(Pause{d.stamp()})
	case 1:
		d.feed(Resume{d.stamp()})
	case 2:
		d.feed(Cancel{Stamp: d.stamp(), Rollback: rapid.Bool().Draw(t, "rollback")})
	case 3:
		d.feed(Fault{Stamp: d.stamp(), Error: "boom"})
	case 4:
		d.feed(Retry{d.stamp()})
	case 5:
		d.feed(Rollback{Stamp: d.stamp()})
	case 6:
		w.rollbackTo(t, d)
	case 7:
		w.sendBack(t, d)
	case 8:
		w.lateAnswer(t, d)
	case 9, 10, 11:
		stray(t, w, d)
	}
	d.goOn()
}

func (w *world) rollbackTo(t *rapid.T, d *driver) {
	names := slices.Sorted(maps.Keys(d.run.Plan.Checkpoint))
	if len(names) > 0 {
		then := rapid.SampledFrom([]dag.Then{dag.ThenUnsaid, dag.ThenPause, dag.ThenRetry, dag.ThenFail}).Draw(t, "then")
		d.feed(Rollback{Stamp: d.stamp(), To: rapid.SampledFrom(names).Draw(t, "to"), Then: then})
	}
}

func (w *world) sendBack(t *rapid.T, d *driver) {
	if asked := slices.Sorted(maps.Keys(d.approvals)); len(asked) > 0 && !d.faulted() {
		to := rapid.IntRange(0, len(d.run.Plan.Def.Steps)-1).Draw(t, "to")
		d.feed(Answer{Stamp: d.stamp(), Step: asked[0], Result: ResultSentBack, To: d.run.Plan.Def.Steps[to].ID, Comment: "better"})
	}
}

// lateAnswer settles an attempt that nobody knows of, if there is one.
func (w *world) lateAnswer(t *rapid.T, d *driver) {
	for i := range d.run.Steps {
		if s := &d.run.Steps[i]; len(s.unknown) > 0 && s.State != StepRunning {
			d.feed(late(t, d, int32(i), s.unknown[0]))
			return
		}
	}
}

// stray is an input that nothing waits for, or a repeated one, or the process beginning anew.
func stray(t *rapid.T, w *world, d *driver) {
	i := rapid.Int32Range(-1, int32(len(d.run.Steps))).Draw(t, "node")
	attempt := rapid.Int32Range(-1, 4).Draw(t, "attempt")
	if i >= 0 && int(i) < len(d.run.Steps) && !d.faulted() && attempt == d.run.Steps[i].Attempt && !d.run.Settled() {
		attempt += 7 // not the one that is under way: that is what anything is for
	}
	var in Input
	switch rapid.IntRange(0, 11).Draw(t, "stray") {
	case 0:
		in = TimerDue{Stamp: d.stamp(), Timer: rapid.SampledFrom([]Timer{TimerDelay, TimerRetry, TimerTotal, TimerWait, TimerChild, TimerGrace, 99}).Draw(t, "timer"), Step: i}
	case 1:
		in = Outcome{
			Stamp: d.stamp(), Step: i, Attempt: attempt, Result: Result(rapid.IntRange(0, 8).Draw(t, "result")),
			Failure: Failure{Code: "stray", Retryable: true},
		}
	case 2:
		in = Answer{Stamp: d.stamp(), Step: i, Result: Result(rapid.IntRange(0, 9).Draw(t, "answer"))}
	case 3:
		in = ChildEnded{Stamp: d.stamp(), Step: i, Attempt: attempt, State: RunState(rapid.IntRange(0, 6).Draw(t, "state"))}
	case 4:
		in = ChildUndone{Stamp: d.stamp(), Step: i, Attempt: attempt, Compensation: Compensation(rapid.IntRange(0, 3).Draw(t, "compensation"))}
	case 5:
		in = ChildStatus{Stamp: d.stamp(), Step: i, Attempt: d.children[i], Idle: rapid.Bool().Draw(t, "idle")}
	case 6:
		in = Submit{Stamp: d.stamp(), Tenant: "other"}
	case 7:
		in = Continue{d.stamp()}
	case 8:
		in = Resolve{Stamp: d.stamp(), Step: i, How: ResolveUnsaid}
	case 9:
		in = SignalIn{Stamp: d.stamp(), Name: rapid.SampledFrom([]string{"go", "nobody"}).Draw(t, "signal"), Payload: Payload{Data: json.RawMessage(`{"n":1}`)}}
	case 10:
		d.restart()
		return
	case 11:
		d.now = d.now.Add(time.Second)
		return
	}
	if d.faulted() {
		switch in.(type) {
		case SignalIn, Submit, Continue:
		default:
			return
		}
	}
	d.feed(in)
}
