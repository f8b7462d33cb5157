package engine

import (
	"time"

	"cordum.dev/cordum/dag"
)

// Refusal says that a run's state does not allow a command. Nothing changed.
type Refusal struct {
	Code    string // "already_ended", "not_paused", "too_many_signals", …
	Message string
}

func (e *Refusal) Error() string { return e.Code + ": " + e.Message }

// Decide answers what becomes true because of an input, already applied to the run, in order. A repeated or late input
// gives no facts. A *Refusal is for whoever sent a command. After an error of any other kind, or a panic, the run is in an
// unknown state: its holder forgets it and loads it again.
func Decide(r *Run, in Input) ([]Fact, error) {
	d := decision{run: r, at: in.stamp(), budget: MaxMoves}
	if err := d.take(in); err != nil {
		return nil, err
	}
	d.advance()
	return d.facts, d.err
}

// decision is one Decide under way.
type decision struct {
	run    *Run
	at     Stamp
	facts  []Fact
	budget int
	err    error
}

// take is the table of contents: each family of inputs has a file.
func (d *decision) take(in Input) error {
	switch in := in.(type) {
	case Submit:
		return d.submit(in)
	case Outcome:
		return d.outcome(in)
	case Late:
		return d.late(in)
	case Answer:
		return d.answer(in)
	case TimerDue:
		return d.timer(in)
	case Pause:
		return d.pause()
	case Resume:
		return d.resume()
	case Cancel:
		return d.cancel(in)
	case SignalIn:
		return d.signal(in)
	case Fault:
		return d.fault(in)
	case Continue:
		return nil
	}
	return &Refusal{"unknown_input", "this version does not know the input"}
}

// fact makes a fact true and keeps it.
func (d *decision) fact(f Fact) {
	if d.err != nil {
		return
	}
	if d.err = Apply(d.run, d.at, f); d.err == nil {
		d.facts = append(d.facts, f)
	}
}

// advance follows consequences until nothing is left or the bound is reached: steps whose turn it is, then what a stop
// has still to look at, then the end.
func (d *decision) advance() {
	r := d.run
	for d.err == nil && r.State == RunRunning && d.budget > 0 {
		switch {
		case len(r.ready) > 0 && r.mayStart():
			d.budget--
			d.turn(r.ready[0])
		case int(r.sweep) < len(r.Steps):
			d.sweep()
		case r.open() == 0:
			d.finish()
		default:
			return
		}
	}
}

// fail ends a step badly and follows what its badness says for the run.
func (d *decision) fail(i int32, state StepState, f Failure) {
	d.fact(&StepEnded{Step: i, State: state, Failure: f})
	if !d.run.failsRun(i) {
		return
	}
	if d.onFailure(i) == dag.Halt && d.run.Stop == StopNone {
		d.fact(&StopBegun{Stop: StopHalt, Step: i})
	}
}

// onFailure is what a bad step does to its run: its own word, then the workflow's, then halt.
func (d *decision) onFailure(i int32) dag.OnFailure {
	def := d.run.Plan.Def
	switch {
	case d.run.Plan.ToleratesFailure(int(i)):
		return dag.Continue
	case def.Steps[i].OnFailure != dag.FailureUnsaid:
		return def.Steps[i].OnFailure
	case def.OnFailure != dag.FailureUnsaid:
		return def.OnFailure
	}
	return dag.Halt
}

// after is an absolute due time, or zero for none.
func (d *decision) after(t time.Duration) time.Time {
	if t <= 0 {
		return time.Time{}
	}
	return d.at.At.Add(t)
}
