package engine

import (
	"slices"

	"cordum.dev/cordum/dag"
)

// This file reads the semantics' join table a second time, naively: over the states of all dependencies, each time anew.

// class is what an ended step is to the joins behind it.
type class string

const (
	isOpen    class = "open"
	didWell   class = "succeeded"
	isBad     class = "bad"
	isSkipped class = "clean skip"
)

// classOf reads a state as states writes it.
func classOf(state string) class {
	switch state {
	case "succeeded":
		return didWell
	case "skipped:when_false", "skipped:upstream_skipped", "skipped:nothing_failed":
		return isSkipped
	case "failed", "timed_out", "denied", "rejected", "cancelled", "skipped:upstream_failed", "skipped:halted":
		return isBad
	}
	return isOpen
}

// joinSays is the join table in its own words: "run", a skip's reason, or "" for not yet.
func joinSays(j dag.Join, deps []class) string {
	if len(deps) == 0 {
		return "run"
	}
	is := func(c class) func(class) bool { return func(d class) bool { return d == c } }
	any := func(c class) bool { return slices.ContainsFunc(deps, is(c)) }
	final := !any(isOpen)
	onlySkips := !any(isOpen) && !any(didWell) && !any(isBad)
	count := func(c class) (n int) {
		for _, d := range deps {
			if d == c {
				n++
			}
		}
		return n
	}
	switch j.Mode {
	case dag.AllSuccess:
		switch {
		case any(isBad):
			return "upstream_failed"
		case onlySkips:
			return "upstream_skipped"
		case final:
			return "run"
		}
	case dag.NoneFailed:
		switch {
		case any(isBad):
			return "upstream_failed"
		case final:
			return "run"
		}
	case dag.AllDone:
		if final {
			return "run"
		}
	case dag.AnySuccess:
		switch {
		case any(didWell):
			return "run"
		case onlySkips:
			return "upstream_skipped"
		case final:
			return "upstream_failed"
		}
	case dag.AnyFailed:
		switch {
		case any(isBad):
			return "run"
		case final:
			return "nothing_failed"
		}
	case dag.AtLeast:
		switch {
		case count(didWell) >= j.K:
			return "run"
		case count(didWell)+count(isOpen) < j.K && any(isBad):
			return "upstream_failed"
		case final:
			return "upstream_skipped"
		}
	}
	return ""
}

// isHandler tells whether a stop lets a step run.
func isHandler(s *dag.Step) bool {
	return len(s.DependsOn) > 0 && (s.Join.Mode == dag.AllDone || s.Join.Mode == dag.AnyFailed)
}

// diary follows the states of a run's steps by its facts alone.
type diary struct {
	def   *dag.Definition
	state map[int32]string
	tries map[int32]int32
	stop  Stop
	also  bool // handlers are stopped too
}

func newDiary(def *dag.Definition) *diary {
	return &diary{def: def, state: map[int32]string{}, tries: map[int32]int32{}}
}

// says is what the naive table says of a step now.
func (d *diary) says(i int32) string {
	s := &d.def.Steps[i]
	deps := make([]class, len(s.DependsOn))
	for k, on := range s.DependsOn {
		deps[k] = classOf(d.state[int32(on)])
	}
	return joinSays(s.Join, deps)
}

// note writes a fact down and answers what is wrong with it, or "".
func (d *diary) note(f Fact) string {
	wrong := d.check(f)
	switch f := f.(type) {
	case *StopBegun:
		d.stop, d.also = max(d.stop, f.Stop), d.also || f.Handlers
	case *JobAsked:
		d.state[f.Step], d.tries[f.Step] = "running", f.Attempt
	case *ApprovalAsked:
		d.state[f.Step] = "waiting"
	case *DelaySet:
		d.state[f.Step] = "waiting"
	case *StepSucceededFact:
		d.state[f.Step] = "succeeded"
	case *StepEnded:
		d.state[f.Step] = f.State.String()
	case *StepSkippedFact:
		d.state[f.Step] = "skipped:" + f.Reason.String()
	}
	return wrong
}

func (d *diary) check(f Fact) string {
	i, about := stepOf(f)
	if !about {
		return ""
	}
	if _, late := f.(*LateResult); late {
		return ""
	}
	was := d.state[i]
	if classOf(was) != isOpen {
		return "a step that has ended changes"
	}
	if skip, is := f.(*StepSkippedFact); is {
		return d.checkSkip(i, was, skip)
	}
	if was == "" && d.says(i) != "run" {
		return "a step starts before its join lets it"
	}
	if ask, is := f.(*JobAsked); is && ask.Attempt != d.tries[i]+1 {
		return "an attempt is not counted"
	}
	if starts(f) && d.stop != StopNone && (!isHandler(&d.def.Steps[i]) || d.also) {
		return "something starts in a run that is stopping"
	}
	return ""
}

func starts(f Fact) bool {
	switch f.(type) {
	case *JobAsked, *ApprovalAsked, *DelaySet:
		return true
	}
	return false
}

func (d *diary) checkSkip(i int32, was string, f *StepSkippedFact) string {
	switch {
	case was != "":
		return "a step that had begun is skipped"
	case f.Reason == Halted:
		if d.stop == StopNone || (isHandler(&d.def.Steps[i]) && !d.also) {
			return "a step is halted that nothing halts"
		}
	case f.Reason == WhenFalse:
		if d.says(i) != "run" {
			return "a condition is evaluated before its join lets it"
		}
	case d.says(i) != f.Reason.String():
		return "a join skips for another reason than the table says"
	}
	return ""
}
