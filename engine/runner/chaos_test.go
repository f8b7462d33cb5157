package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

const kid = `
id: kid
steps:
  - {id: x, topic: job.t.work, effect: write, compensate: {topic: job.t.work, idempotent: true, retry: {max_attempts: 20, initial: 1s}}}
  - {id: y, topic: job.t.work, effect: none, depends_on: [x]}
`

// randomSaga is a small workflow of everything that can be undone, in which something may fail.
func randomSaga(rng *rand.Rand) string {
	const undo = "compensate: {topic: job.t.work, idempotent: true, retry: {max_attempts: 20, initial: 1s}}"
	var b strings.Builder
	b.WriteString("id: random\nsteps:\n")
	for i := range 3 + rng.IntN(4) {
		fmt.Fprintf(&b, "  - {id: s%d", i)
		if i > 0 {
			fmt.Fprintf(&b, ", depends_on: [s%d]", rng.IntN(i))
		}
		switch rng.IntN(6) {
		case 0:
			b.WriteString(", type: subworkflow, workflow: kid}\n")
		case 1:
			fmt.Fprintf(&b, ", topic: job.t.work, effect: write, for_each: \"[1, 2, 3]\", max_parallel: 2, retry: {max_attempts: 6, initial: 1s}, %s}\n", undo)
		case 2:
			fmt.Fprintf(&b, ", type: loop, while: \"loop.index < 2\", steps: [{id: in%d, topic: job.t.work, effect: write, retry: {max_attempts: 6, initial: 1s}, %s}]}\n", i, undo)
		default:
			fmt.Fprintf(&b, ", topic: job.t.work, effect: write, retry: {max_attempts: 2, initial: 1s}, %s}\n", undo)
		}
	}
	if rng.IntN(2) == 0 { // and nobody takes the last one
		b.WriteString("  - {id: z, topic: job.t.nobody, effect: none, queue_timeout: 3s, depends_on: [s0, s1, s2]}\n")
	}
	return b.String()
}

// sagasOverFaults starts n random sagas in each of four rounds over a store that fails on purpose, with commands at random and a stop
// after at most pause, and answers the runs ten minutes later, on a store that fails no more.
func (w *world) sagasOverFaults(rng *rand.Rand, seed uint64, n int, pause time.Duration) (*ledger, []string) {
	flaky := faults.Wrap(w.store)
	w.store = flaky
	w.start()
	w.put(kid)
	source := randomSaga(rng)
	w.put(source)
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Log(source)
		}
	})
	l := &ledger{begun: map[string]map[string]bool{}, accepted: map[string]int{}}
	w.newLedgerWorker(l)
	var runs []string
	for round := range 4 {
		flaky.Plan(faults.Scatter(seed*10+uint64(round), 6, 30, faults.Commit, faults.Get, faults.ReadLog, faults.Renew)...)
		for i := range n {
			runs = append(runs, w.startSurely("random", fmt.Sprint(round, i)))
		}
		time.Sleep(time.Duration(rng.Int64N(pause.Milliseconds())) * time.Millisecond)
		w.meddle(rng, runs[rng.IntN(len(runs))])
		w.halt()
		flaky.Clear()
		w.start()
	}
	time.Sleep(10 * time.Minute)
	return l, runs
}

// TestSagasOverFaultsOfTheStore plays workflows that undo themselves over a store that fails on purpose, with stops at any
// moment, and commands at random: in the end each has settled, nothing is undone twice, and the state is what the log says.
func TestSagasOverFaultsOfTheStore(t *testing.T) {
	for seed := range seeds(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				w := stillWorld(t)
				l, runs := w.sagasOverFaults(rng, seed, 2, 4*time.Second)
				for i, run := range runs {
					_, _ = w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbResume})
					if i%3 == 0 { // also what went well can be undone
						_, _ = w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbRollback})
					}
				}
				all, _, err := w.r.Runs(context.Background(), ann, runner.Filter{Limit: 1000})
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range all { // children as well
					w.sound(l, row.ID)
					w.undoneOnce(row.ID)
				}
			})
		})
	}
}

// meddle gives a run some command, which it may refuse.
func (w *world) meddle(rng *rand.Rand, run string) {
	cmds := []runner.Command{
		{Verb: runner.VerbCancel}, {Verb: runner.VerbCancel, Rollback: true}, {Verb: runner.VerbRollback}, {Verb: runner.VerbRetry}, {Verb: runner.VerbPause}, {Verb: runner.VerbResume},
	}
	cmd := cmds[rng.IntN(len(cmds))]
	_, _ = w.r.Command(context.Background(), ann, run, cmd)
}

// undoneOnce checks that each compensation of a run was accepted once, and only of what had run.
func (w *world) undoneOnce(run string) {
	w.t.Helper()
	events, _, err := w.r.Timeline(context.Background(), ann, run, 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	did, undid := map[string]int{}, map[string]int{}
	for _, e := range events {
		if e.Type != "step_succeeded" {
			continue
		}
		if target, is := strings.CutPrefix(e.Step, "undo:"); is {
			undid[target]++
		} else {
			did[e.Step]++
		}
	}
	for step, n := range undid {
		if n > 1 || (did[step] == 0 && w.node(run, step).Type != "subworkflow") { // which had begun
			w.t.Errorf("%s of %s was undone %d times, having succeeded %d times", step, run, n, did[step])
		}
	}
}
