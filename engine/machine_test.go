package engine

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestEveryMoveIsMade folds the golden logs and sees each legal move of the machines made by some fact: a move that nothing
// makes has no place in a table. What has ended moves again only because the run was set back.
func TestEveryMoveIsMade(t *testing.T) {
	made := map[string]map[Move]bool{"run": {}, "step": {}, "undo": {}, "compensation": {}}
	paths, err := filepath.Glob("testdata/golden/v*/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		raw, want := readGolden(t, path)
		log, err := unstore(raw)
		if err != nil {
			t.Fatal(err)
		}
		followMoves(t, New(testRun, load(t, string(want.Definition))), log, func(machine string, m Move) { made[machine][m] = true })
	}
	d := lateInTheMiddle(t)
	followMoves(t, New(testRun, d.run.Plan), d.log, func(machine string, m Move) { made[machine][m] = true })
	for machine, table := range map[string][]Move{"run": RunMoves(), "step": StepMoves(), "undo": UndoMoves(), "compensation": CompensationMoves()} {
		for _, m := range table {
			if !made[machine][m] {
				t.Errorf("no golden log moves a %s from %s to %s", machine, m.From, m.To)
			}
		}
		for m := range made[machine] {
			if machine == "compensation" && !slices.Contains(table, m) {
				t.Errorf("a golden log moves a %s from %s to %s, which the table does not have", machine, m.From, m.To)
			}
		}
	}
}

// lateInTheMiddle undoes more than one decision may, and learns between two that there was nothing to undo: a log too long
// to be kept.
func lateInTheMiddle(t *testing.T) *driver {
	t.Helper()
	d := newDriver(t, load(t, `
id: wide
steps: [{id: each, topic: job.t, for_each: "1..300", compensate: {topic: job.u, when_unknown: run}}]
`))
	d.submit("{}")
	d.goOn()
	d.feed(Cancel{Stamp: d.stamp(), Rollback: true})
	d.goOn()
	for i := range int32(300) {
		d.end(1+i, ResultLost, Failure{Code: CodeWorkerLost, Unknown: true})
	}
	d.feed(Late{Stamp: d.stamp(), Step: 300, Attempt: 1, Result: ResultFailed})
	d.goOn()
	if got := states(d.run)["undo:each[299]"]; got != "skipped" {
		t.Fatalf("it is %s", got)
	}
	return d
}

// followMoves folds a log and tells each move that a fact made.
func followMoves(t tester, r *Run, log []stampedFact, made func(machine string, m Move)) {
	t.Helper()
	for _, f := range log {
		run, comp, nodes := r.State, r.Compensation(), slices.Clone(r.Steps)
		if err := Apply(r, f.at, f.fact); err != nil {
			t.Fatalf("fold: %v", err)
		}
		back := setsBack(f.fact)
		if run != r.State {
			made("run", Move{run.String(), r.State.String()})
			if run.Final() && !back {
				t.Fatalf("%T moves a run that is %s", f.fact, run)
			}
		}
		if comp != r.Compensation() {
			made("compensation", Move{comp.String(), r.Compensation().String()})
		}
		for i := range r.Steps {
			was := StepPending // of a node that the fact made
			if i < len(nodes) {
				was = nodes[i].State
			}
			now := r.Steps[i].State
			if was == now {
				continue
			}
			if was.Final() && !back {
				t.Fatalf("%T moves %s, which is %s", f.fact, r.Name(int32(i)), was)
			}
			machine := "step"
			if r.IsUndo(int32(i)) {
				machine = "undo"
			}
			if was.Final() && now != StepPending { // it had its turn by the same fact
				made(machine, Move{was.String(), StepPending.String()})
				was = StepPending
			}
			made(machine, Move{was.String(), now.String()})
		}
	}
}

// setsBack tells whether a fact may move what has ended: a set-back, and what reopens a fan-out or a loop after one.
func setsBack(f Fact) bool {
	switch f.(type) {
	case *SetBack, *Reopened:
		return true
	}
	return false
}

// TestIllegalMovesPanic tries every move that is not in the tables. What has ended has one move at most: to where it began.
func TestIllegalMovesPanic(t *testing.T) {
	plan := load(t, "id: w\nsteps: [{id: a, topic: job.t, compensate: {topic: job.u}}]\n")
	for from := RunPending; from <= RunTimedOut; from++ {
		for to := RunPending; to <= RunTimedOut; to++ {
			r := New(testRun, plan)
			r.State = from
			want := !slices.Contains(RunMoves(), Move{from.String(), to.String()})
			if got := panics(func() { r.moveRun(to) }); got != want {
				t.Errorf("run %s to %s: panics %t, want %t", from, to, got, want)
			}
			if from.Final() && !want && to != RunRunning {
				t.Errorf("a run that is %s moves to %s", from, to)
			}
		}
	}
	for from := StepPending; from < stepStates; from++ {
		for to := StepPending; to < stepStates; to++ {
			tryMove(t, New(testRun, plan), 0, from, to, StepMoves())
			r := New(testRun, plan)
			undo := r.grow(1, func(int32) Step { s := newNode(0, none); s.Target = 0; return s })
			tryMove(t, r, undo, from, to, UndoMoves())
		}
	}
}

func tryMove(t *testing.T, r *Run, i int32, from, to StepState, table []Move) {
	t.Helper()
	r.Steps[i].State = from
	want := !slices.Contains(table, Move{from.String(), to.String()})
	if got := panics(func() { r.moveStep(i, to) }); got != want {
		t.Errorf("%s from %s to %s: panics %t, want %t", r.Name(i), from, to, got, want)
	}
	if from.Final() && !want && (to != StepPending || r.IsUndo(i)) {
		t.Errorf("%s moves from %s to %s", r.Name(i), from, to)
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
