package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/proof"
)

// The crash matrix: at each crash point a real process dies, hangs, or fails in what comes next, the first and a later time, with
// runs of each shape. Its families are a server on its data folder (here), one of two on a Redis (crash_replicas_test.go), whose
// commit comes late (crash_late_test.go), and commands about stores (crash_commands_test.go). `make crash` plays all of it; a test plays
// all commands, one late commit, and of the others a sample that its seed chooses.

var (
	crashCellsFlag    = flag.String("crash.cells", "", "cells of the crash matrix: all, or words that their names begin with, with commas between; default: a sample")
	crashSeedFlag     = flag.Uint64("crash.seed", 1, "chooses the sample of cells")
	crashParallelFlag = flag.Int("crash.parallel", 2*runtime.NumCPU(), "cells at a time; of those that hang, eight times as many")
	crashProofFlag    = flag.String("crash.proof", "", "the checkout in which to write down what came of all cells")
)

// hangFor is how long a process hangs: two leases of its partitions. workerHangFor is that for a worker.
const (
	hangFor       = 2 * runner.DefaultLeaseTTL
	workerHangFor = 2 * runner.DefaultWorkerLease
)

// matrixCell is one place of the matrix.
type matrixCell struct {
	plan  crashPlan
	shape *sagaShape
}

func (c matrixCell) name() string {
	return fmt.Sprintf("%s/%s/%d/%s", c.plan.Point, c.plan.Action, c.plan.Hit, c.shape.id)
}

func (c matrixCell) family() string { return "one engine, data folder" }

func (c matrixCell) hangs() bool { return c.plan.Action.hangs() }

// playable is what the matrix plays: a cell of one of its families.
type playable interface {
	// name is what -crash.cells names it by.
	name() string
	// family is what it is counted with.
	family() string
	// hangs tells whether it mostly waits.
	hangs() bool
	// play plays it; acknowledged starts that the store does not have in the end are counted in lost.
	play(t *testing.T, lost *atomic.Int64)
}

// matrixPoints are all crash points, in their order: the engine's, those around it, and a worker's. There is none between an act
// and its audit record (CP19): they are one commit. A pack's install (CP21) is another test's; a store's upgrade, and what else
// commands do to stores (CP22, CP24), have cells of their own.
func matrixPoints() []string {
	points := slices.Concat(runner.CrashPoints(), []string{crashAnswered, crashBackup}, workerPoints())
	slices.SortStableFunc(points, func(a, b string) int {
		var i, j int
		_, _ = fmt.Sscanf(a+" "+b, "CP%d CP%d", &i, &j)
		return i - j
	})
	return points
}

// later is the other time at which a point is met, besides the first.
func later(point string) int {
	switch point {
	case runner.CrashDecided, runner.CrashCommitted, runner.CrashHalfSent, runner.CrashSent, runner.CrashResult, runner.CrashAccepted,
		crashReceived, crashClaimed, crashWorked, crashReported:
		return 5
	}
	return 2 // two runs: two starts, two gates, two naps
}

func matrixCells() (cells []matrixCell) {
	for _, point := range matrixPoints() {
		for _, action := range crashActions() {
			for _, hit := range []int{1, later(point)} {
				for i := range matrixShapes() {
					cells = append(cells, matrixCell{crashPlan{point, hit, action}, matrixShapes()[i]})
				}
			}
		}
	}
	return cells
}

// crashAlways are cells that found faults, and are part of every sample.
var crashAlways = []string{
	"CP3/do-then-error/1/queued", // a queued start whose commit seemed to fail never had its turn
}

// sampleCells are some of the cells, as a seed has it: every point with every action, and shapes and times in turn.
func sampleCells(seed uint64, all []matrixCell) (some []matrixCell) {
	for _, c := range all {
		if slices.Contains(crashAlways, c.name()) {
			some = append(some, c)
		}
	}
	random := rand.New(rand.NewPCG(seed, seed))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	seen, shapes := map[string]bool{}, map[string]int{}
	for turn := range 12 { // at first those of a shape that is rare among those chosen
		for _, c := range all {
			key := c.plan.Point + string(c.plan.Action)
			if !seen[key] && shapes[c.shape.id] <= turn && !slow(c) {
				seen[key] = true
				shapes[c.shape.id]++
				some = append(some, c)
			}
		}
	}
	return some
}

// slow tells of cells that take half a minute whatever the machine does.
func slow(c matrixCell) bool {
	return c.plan.Action == crashHang && slices.Contains(workerPoints(), c.plan.Point)
}

// chosenCells are those that the flags ask for.
func chosenCells(t *testing.T) (cells []playable) {
	one, two, late, commands := matrixCells(), replicaCells(), asCells(lateCells()), asCells(commandCells())
	switch *crashCellsFlag {
	case "all":
		return slices.Concat(asCells(one), asCells(two), late, commands)
	case "":
		t.Logf("a sample of the crash matrix: -crash.seed %d", *crashSeedFlag)
		return slices.Concat(asCells(sampleCells(*crashSeedFlag, one)), asCells(sampleReplicaCells(*crashSeedFlag, two)), late[:1], commands)
	}
	for _, c := range slices.Concat(asCells(one), asCells(two), late, commands) {
		for prefix := range strings.SplitSeq(*crashCellsFlag, ",") {
			if strings.HasPrefix(c.name()+"/", prefix) {
				cells = append(cells, c)
				break
			}
		}
	}
	if len(cells) == 0 {
		t.Fatalf("no cell's name begins with %s", *crashCellsFlag)
	}
	return cells
}

func asCells[C playable](some []C) (cells []playable) {
	for _, c := range some {
		cells = append(cells, c)
	}
	return cells
}

// TestCrashMatrix plays cells of the crash matrix. In each, two runs are started, one of which a person has undone, while a process
// fails; then nothing acknowledged is lost, everything ends as it should, and the workers' ledger says that each effect was had,
// and each undone, once.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	if _, err := binaries["crashtest"](); err != nil { // said once, not by every cell
		t.Fatal(err)
	}
	cells, began := chosenCells(t), time.Now()
	if slices.ContainsFunc(cells, func(c playable) bool { return c.family() == commandFamily }) {
		leftStore(t) // as above
	}
	m := newMatrix(t, cells)
	hanging, quick := make(chan playable), make(chan playable)
	var players sync.WaitGroup
	for range max(*crashParallelFlag, 1) {
		players.Go(func() { m.play(quick) })
		for range 8 { // they mostly wait
			players.Go(func() { m.play(hanging) })
		}
	}
	var feeders sync.WaitGroup
	feed := func(to chan<- playable, hangs bool) {
		defer close(to)
		for _, c := range cells {
			if c.hangs() == hangs {
				to <- c
			}
		}
	}
	feeders.Go(func() { feed(hanging, true) })
	feeders.Go(func() { feed(quick, false) })
	feeders.Wait()
	players.Wait()
	m.report(time.Since(began))
}

// matrix counts what came of cells.
type matrix struct {
	t    *testing.T
	all  int
	lost atomic.Int64 // acknowledged starts that a store does not have

	mu       sync.Mutex
	families []*family
	passed   int
	failed   []string
}

// family counts the cells of one kind.
type family struct {
	name        string
	all, passed int
}

func newMatrix(t *testing.T, cells []playable) *matrix {
	m := &matrix{t: t, all: len(cells)}
	for _, c := range cells {
		m.of(c).all++
	}
	return m
}

// of is the family of a cell.
func (m *matrix) of(c playable) *family {
	for _, f := range m.families {
		if f.name == c.family() {
			return f
		}
	}
	m.families = append(m.families, &family{name: c.family()})
	return m.families[len(m.families)-1]
}

func (m *matrix) play(cells <-chan playable) {
	for c := range cells {
		passed := m.t.Run(strings.ReplaceAll(c.name(), "/", "_"), func(t *testing.T) { c.play(t, &m.lost) })
		m.count(c, passed)
		if !passed {
			fmt.Fprintf(os.Stderr, "failed: make crash CELLS=%s\n", c.name())
		}
		if *crashCellsFlag != "" {
			m.progress()
		}
	}
}

func (m *matrix) count(c playable, passed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !passed {
		m.failed = append(m.failed, c.name())
		return
	}
	m.passed++
	m.of(c).passed++
}

func (m *matrix) progress() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if done := m.passed + len(m.failed); done%25 == 0 || done == m.all {
		fmt.Fprintf(os.Stderr, "crash matrix: %d of %d cells, %d failed\n", done, m.all, len(m.failed))
	}
}

// report says how many cells passed, and how to play again what failed.
func (m *matrix) report(took time.Duration) {
	slices.Sort(m.failed)
	line := fmt.Sprintf("crash matrix: cells passed/run %d/%d in %v", m.passed, m.all, took.Round(time.Second))
	for _, f := range m.families {
		line += fmt.Sprintf("; %s: %d/%d", f.name, f.passed, f.all)
	}
	m.t.Log(line)
	if *crashCellsFlag != "" {
		fmt.Fprintln(os.Stderr, line)
	}
	if *crashProofFlag == "" || *crashCellsFlag != "all" {
		return
	}
	err := proof.Write(*crashProofFlag, proof.Record{Name: "crash", Command: "make crash", Took: took.Seconds(), Figures: m.figures()})
	if err != nil {
		m.t.Error(err)
	}
}

// figures are what the record says: all cells, and those of each family.
func (m *matrix) figures() []proof.Figure {
	passed := func(name string, passed, all int) proof.Figure {
		return proof.Figure{Name: name, Value: fmt.Sprintf("%d / %d", passed, all), Goal: "all", Met: passed == all}
	}
	figures := []proof.Figure{passed("cells passed / run", m.passed, m.all)}
	for _, f := range m.families {
		figures = append(figures, passed("cells: "+f.name, f.passed, f.all))
	}
	return append(
		figures,
		proof.Figure{Name: "points x actions x times x shapes", Value: fmt.Sprintf("%d x %d x 2 x %d", len(matrixPoints()), len(crashActions()), len(matrixShapes()))},
		proof.Count("acknowledged starts lost", int(m.lost.Load()), 0),
	)
}

// TestMatrixIsRecorded writes what came of some cells into a record, which reads as it was written.
func TestMatrixIsRecorded(t *testing.T) {
	cells := []playable{matrixCells()[0], matrixCells()[1], replicaCells()[0], commandCells()[0]}
	m := newMatrix(t, cells)
	for i, c := range cells {
		m.count(c, i != 1)
	}
	root := t.TempDir()
	if err := proof.Write(root, proof.Record{Name: "crash", Command: "make crash", Figures: m.figures()}); err != nil {
		t.Fatal(err)
	}
	records, err := proof.Read(root)
	if err != nil || len(records) != 1 {
		t.Fatalf("%v, %v", records, err)
	}
	for _, want := range []string{"cells passed / run: 3 / 4 false", "cells: one engine, data folder: 1 / 2 false", "cells: two engines, Redis: 1 / 1 true", "cells: commands about stores: 1 / 1 true"} {
		if !slices.ContainsFunc(records[0].Figures, func(f proof.Figure) bool { return fmt.Sprintf("%s: %s %t", f.Name, f.Value, f.Met) == want }) {
			t.Errorf("the record does not say %q: %+v", want, records[0].Figures)
		}
	}
}

// inProcess runs the worker of sagas beside the test: it is not what dies.
func (p *process) inProcess(id string) {
	w := sagaWorker{path: p.sagaLedger()}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.serve(ctx, id, "nats://"+p.nats)
	}()
	p.t.Cleanup(func() { stop(); <-done })
}
