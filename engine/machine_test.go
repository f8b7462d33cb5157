package engine

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestEveryMoveIsMade folds the golden logs and sees each legal move of both machines made by some fact: a move that
// nothing makes has no place in the table.
func TestEveryMoveIsMade(t *testing.T) {
	made := map[Move]bool{}
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
		r := New(testRun, load(t, string(want.Definition)))
		for _, f := range log {
			runWas, stepsWere := r.State, slices.Clone(r.Steps)
			if err := Apply(r, f.at, f.fact); err != nil {
				t.Fatal(err)
			}
			made[Move{"run " + runWas.String(), r.State.String()}] = true
			for i := range r.Steps {
				made[Move{"step " + stepsWere[i].State.String(), r.Steps[i].State.String()}] = true
			}
		}
	}
	for _, m := range RunMoves() {
		if !made[Move{"run " + m.From, m.To}] {
			t.Errorf("no golden log moves a run from %s to %s", m.From, m.To)
		}
	}
	for _, m := range StepMoves() {
		if !made[Move{"step " + m.From, m.To}] {
			t.Errorf("no golden log moves a step from %s to %s", m.From, m.To)
		}
	}
}

// TestIllegalMovesPanic tries every move that is not in the tables, and that final states have none.
func TestIllegalMovesPanic(t *testing.T) {
	plan := load(t, "id: w\nsteps: [{id: a, topic: job.t}]\n")
	for from := RunPending; from <= RunTimedOut; from++ {
		for to := RunPending; to <= RunTimedOut; to++ {
			r := New(testRun, plan)
			r.State = from
			want := !slices.Contains(RunMoves(), Move{from.String(), to.String()})
			if got := panics(func() { r.moveRun(to) }); got != want {
				t.Errorf("run %s to %s: panics %t, want %t", from, to, got, want)
			}
			if from.Final() && !want {
				t.Errorf("a run that is %s moves to %s", from, to)
			}
		}
	}
	for from := StepPending; from <= StepSkipped; from++ {
		for to := StepPending; to <= StepSkipped; to++ {
			r := New(testRun, plan)
			r.Steps[0].State = from
			want := !slices.Contains(StepMoves(), Move{from.String(), to.String()})
			if got := panics(func() { r.moveStep(0, to) }); got != want {
				t.Errorf("step %s to %s: panics %t, want %t", from, to, got, want)
			}
			if from.Final() && !want {
				t.Errorf("a step that is %s moves to %s", from, to)
			}
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
