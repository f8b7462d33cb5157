package engine
import ("testing";"time")
func TestScratchUndone(t *testing.T) {
	d := newDriver(t, load(t, `
id: w
steps:
  - {id: save, topic: job.t, checkpoint: saved, compensate: {topic: job.u}}
  - {id: b, topic: job.t, depends_on: [save], compensate: {topic: job.u}}
`))
	d.submit("{}"); d.end(d.step("save"), ResultSucceeded, Failure{}); d.end(d.step("b"), ResultSucceeded, Failure{})
	d.feed(Rollback{Stamp: d.stamp()})
	d.end(d.step("undo:b"), ResultSucceeded, Failure{}); d.end(d.step("undo:save"), ResultSucceeded, Failure{})
	f, err := d.try(Rollback{Stamp: d.stamp(), To: "saved"})
	t.Log(err, len(f), standing(d.run))
	f, err = d.try(Resume{Stamp: d.stamp()})
	t.Log(err, len(f), standing(d.run))
}
func TestScratchTotal(t *testing.T) {
	d := newDriver(t, load(t, `
id: w
on_failure: rollback
steps:
  - {id: each, topic: job.t, for_each: "[1]"}
  - {id: sub, type: subworkflow, workflow: x}
  - {id: z, topic: job.t}
`))
	d.submit("{}")
	_, err := d.try(TimerDue{Stamp: d.stamp(), Timer: TimerTotal, Step: d.step("each")})
	t.Log(err)
	d = newDriver(t, d.run.Plan)
	d.submit("{}")
	d.end(d.step("each[0]"), ResultSucceeded, Failure{})
	d.feed(ChildEnded{Stamp: d.stamp(), Step: d.step("sub"), Attempt: 1, State: RunSucceeded})
	d.end(d.step("z"), ResultFailed, Failure{Code:"x"})
	_, err = d.try(TimerDue{Stamp: d.stamp(), Timer: TimerTotal, Step: d.step("undo:sub")})
	t.Log(err)
}
func TestScratchWideUndo(t *testing.T) {
	for _, n := range []int{1000, 20000, 100000} {
	var src = "id: w\nsteps: [{id: each, topic: job.t, for_each: 'input.list', compensate: {topic: job.u}}]\n"
	d := newDriver(t, load(t, src))
	in := []byte("{\"list\":[0")
	for range n-1 { in = append(in, ",0"...) }
	start := time.Now()
	d.submit(string(in)+"]}"); d.goOn()
	for len(d.jobs) > 0 { for s := range d.jobs { d.end(s, ResultSucceeded, Failure{}); d.goOn() } }
	t.Log(n, "forward", time.Since(start)/time.Duration(n))
	start = time.Now()
	d.feed(Rollback{Stamp: d.stamp()}); d.goOn()
	for len(d.jobs) > 0 { for s := range d.jobs { d.end(s, ResultSucceeded, Failure{}); d.goOn() } }
	t.Log(n, "undo", time.Since(start)/time.Duration(n), d.run.Settled(), d.run.Undone)
	}
}
func TestScratchPause(t *testing.T) {
	d := newDriver(t, load(t, `
id: w
steps:
  - {id: a, topic: job.t}
  - {id: gate, type: approval, depends_on: [a]}
`))
	d.submit("{}"); d.end(d.step("a"), ResultSucceeded, Failure{})
	d.feed(Pause{Stamp: d.stamp()})
	d.feed(Answer{Stamp: d.stamp(), Step: d.step("gate"), Result: ResultSentBack, To: "a"})
	t.Log(standing(d.run))
}
