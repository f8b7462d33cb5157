package trial

import (
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// This file reads the semantics a second time, naively and without the engine's bookkeeping: from the states of all
// dependencies, each time anew.

// broken notes that an invariant does not hold.
func (w *witness) broken(i int32, what string) { w.m.w.broken("%s: %s", w.nodes[i].name, what) }

// before looks at a fact before it is applied.
func (w *witness) before(f engine.Fact) {
	switch f := f.(type) {
	case *engine.JobAsked:
		w.countAttempt(f.Step)
	case *engine.ChildAsked:
		w.countAttempt(f.Step)
	case *engine.UndoRearmed:
		w.nodes[f.Step].attempts = 0
	case *engine.SetBack:
		w.setBack = f.Target.Then == dag.ThenFail
		for i := range w.nodes {
			w.nodes[i].attempts, w.nodes[i].successes, w.nodes[i].undone = 0, 0, false
		}
	case *engine.UndoBegun:
		w.checkUndo(f.Target)
	case *engine.UndoSettled:
		if f.How == engine.SettledDone {
			w.undone(f.Step, true)
		}
	case *engine.StepSucceededFact:
		if w.run.IsUndo(f.Step) {
			w.undone(f.Step, false)
		}
	case *engine.FannedOut:
		if f.Count < 0 {
			w.broken(f.Step, "it fans out over less than nothing")
		}
	case *engine.RunEnded:
		if !w.setBack {
			w.checkEnd()
		}
	case *engine.RunResumed, *engine.StopBegun:
		w.setBack = false
	}
}

// countAttempt counts an attempt against its allowance.
func (w *witness) countAttempt(i int32) {
	if int(i) >= len(w.nodes) {
		return
	}
	n := &w.nodes[i]
	if n.attempts++; n.attempts > w.allowance(i) {
		w.broken(i, "it has more attempts than it may")
	}
}

// allowance is how many attempts a node may have in a round.
func (w *witness) allowance(i int32) int32 {
	spec := w.run.Spec(i)
	switch {
	case spec.Def.Retry != nil:
		return int32(max(spec.Def.Retry.MaxAttempts, 1))
	case w.run.IsUndo(i):
		return 5
	case spec.Idempotent:
		return engine.LostAllowance
	}
	return 1
}

// checkMove checks a node's move from one state to the next.
func (w *witness) checkMove(i int32, was engine.StepState, f engine.Fact) {
	s := &w.run.Steps[i]
	switch {
	case was.Final() && !sets(f):
		w.broken(i, "it was "+was.String()+", which is final, and is "+s.State.String())
		return
	case s.State == engine.StepSucceeded && s.Target < 0:
		if w.nodes[i].successes++; w.nodes[i].successes > 1 && !sets(f) {
			w.broken(i, "it succeeded twice")
		}
		w.checkFanIn(i)
	}
	fresh := was == engine.StepPending || was == engine.StepReady
	if s.Target >= 0 || s.Item >= 0 || !fresh || s.State == engine.StepPending || s.State == engine.StepReady || sets(f) {
		return
	}
	said := w.join(i)
	if s.State == engine.StepSkipped {
		w.checkSkip(i, said)
	} else if said != runs && !w.open(w.nodes[i].name) {
		w.broken(i, "it starts before its join lets it ("+said+")")
	}
}

// sets tells whether a fact may change what is final: a retry, a rollback to a checkpoint, a send-back.
func sets(f engine.Fact) bool {
	switch f.(type) {
	case *engine.SetBack, *engine.Reopened, *engine.RunStarted, *engine.UndoRearmed:
		return true
	}
	return false
}

// checkSkip checks that a skip has the reason that its join gives.
func (w *witness) checkSkip(i int32, said string) {
	switch reason := w.run.Steps[i].Reason; reason {
	case engine.WhenFalse, engine.WaitTimeout:
		if said != runs {
			w.broken(i, "it is skipped as "+reason.String()+" before its join lets it")
		}
	case engine.Halted, engine.BranchNotTaken:
	default:
		if said != reason.String() {
			w.broken(i, "it is skipped as "+reason.String()+"; its join says "+said)
		}
	}
}

// checkFanIn checks that a fan-out succeeds with every iteration ended, in item order, and no more bad ones than tolerated.
func (w *witness) checkFanIn(i int32) {
	step := &w.run.Plan.Steps[w.run.Steps[i].Def]
	if step.ForEach == nil || w.run.Steps[i].Item >= 0 {
		return
	}
	next, bad := int32(0), 0
	for k := range w.run.Steps {
		s := &w.run.Steps[k]
		if s.Parent != i || s.Gone || s.Target >= 0 {
			continue
		}
		if s.Item != next {
			w.broken(int32(k), "iterations are not in item order")
		}
		next++
		if class(s) == bads {
			bad++
		}
		if !s.State.Final() {
			w.broken(i, "it succeeds before its iterations have ended")
		}
	}
	if bad > step.Def.Tolerate.Allows(int(next)) {
		w.broken(i, "it succeeds with more bad iterations than it tolerates")
	}
}

// checkEnd checks that nothing is left open when the run ends.
func (w *witness) checkEnd() {
	if w.run.State == engine.RunPending {
		return // it waited for its key, and never began
	}
	for i := range w.run.Steps {
		s := &w.run.Steps[i]
		if s.Target < 0 && !s.Gone && !s.State.Final() {
			w.broken(int32(i), "the run ends while it is "+s.State.String())
			return
		}
	}
}

// What a join says beside the reasons of skips, and the classes of an ended step.
const (
	runs   = "run"
	waits  = "not yet"
	opens  = "open"
	wells  = "succeeded"
	bads   = "bad"
	cleans = "clean skip"
)

func class(s *engine.Step) string {
	switch {
	case !s.State.Final():
		return opens
	case s.State == engine.StepSucceeded:
		return wells
	case s.State == engine.StepSkipped && s.Reason != engine.UpstreamFailed && s.Reason != engine.Halted:
		return cleans
	}
	return bads
}

// join is what the table of joins says of a node now.
func (w *witness) join(i int32) string {
	s := &w.run.Steps[i]
	def := &w.run.Plan.Def.Steps[s.Def]
	var found []string
	for _, on := range def.DependsOn {
		at, ok := w.where[frame{s.Parent, s.Round, int32(on)}]
		if !ok {
			return waits
		}
		found = append(found, class(&w.run.Steps[at]))
	}
	return joinSays(def.Join, found)
}

// joinSays is the table of joins in its own words.
func joinSays(j dag.Join, deps []string) string {
	if len(deps) == 0 {
		return runs
	}
	has := func(c string) bool { return slices.Contains(deps, c) }
	count := func(c string) (n int) {
		for _, d := range deps {
			if d == c {
				n++
			}
		}
		return n
	}
	final := !has(opens)
	onlySkips := final && !has(wells) && !has(bads)
	switch j.Mode {
	case dag.AllSuccess, dag.NoneFailed:
		switch {
		case has(bads):
			return "upstream_failed"
		case onlySkips && j.Mode == dag.AllSuccess:
			return "upstream_skipped"
		case final:
			return runs
		}
	case dag.AllDone:
		if final {
			return runs
		}
	case dag.AnySuccess:
		return atLeast(1, count, final)
	case dag.AnyFailed:
		switch {
		case has(bads):
			return runs
		case final:
			return "nothing_failed"
		}
	case dag.AtLeast:
		return atLeast(j.K, count, final)
	}
	return waits
}

// atLeast is the row of {at_least: k}; any_success is k = 1, but for which it waits until all are final.
func atLeast(k int, count func(string) int, final bool) string {
	switch {
	case count(wells) >= k:
		return runs
	case count(wells)+count(opens) < k && count(bads) > 0:
		return "upstream_failed"
	case final:
		return "upstream_skipped"
	}
	return waits
}
