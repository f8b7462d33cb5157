package main

import (
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/internal/proof"
)

// tally is what became of all faults.
type tally struct {
	planted, found int
	seeds          []int // that it took, of those that the simulation found
}

func (t *tally) add(f fault, err error) {
	t.planted++
	if err != nil || f.by == "" {
		return
	}
	t.found++
	if f.seeds > 0 {
		t.seeds = append(t.seeds, f.seeds)
	}
}

// median is the middle one of how many seeds it took; 0 when the simulation found nothing.
func (t *tally) median() int {
	if len(t.seeds) == 0 {
		return 0
	}
	slices.Sort(t.seeds)
	return t.seeds[len(t.seeds)/2]
}

func (t *tally) String() string {
	return fmt.Sprintf("found %d/%d; %d of them by the simulation, after %d seeds in the median", t.found, t.planted, len(t.seeds), t.median())
}

// keep writes the record.
func (t *tally) keep(command string, took time.Duration) error {
	return proof.Write(".", proof.Record{Name: "mutants", Command: command, Took: took.Seconds(), Figures: []proof.Figure{
		proof.AtLeast("faults planted", t.planted, 40),
		proof.Count("found", t.found, t.planted),
		{Name: "found by the simulation", Value: fmt.Sprint(len(t.seeds))},
		{Name: "seeds until then, median", Value: fmt.Sprint(t.median())},
	}})
}
