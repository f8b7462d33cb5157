package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// whole plays a whole system from one seed: a workflow of one of the shapes, people who use it through the gateway, workers of
// every kind, and whatever goes wrong. In the end nothing goes wrong any more, and everything has to end.
type whole struct {
	*game
	desk   *desk
	book   *book
	shape  *shape
	source string
	plays  *trial.Case
	policy atomic.Pointer[safety.Snapshot]
	skew   atomic.Int64 // of the server's clock, in ns
	aged   bool         // the clock went on so far that what is kept for a while is gone
	disk   *cuttable    // nil: the store is in memory, and nobody cuts its power
	ghosts []ghost      // servers that were believed dead
	memory *memory      // the store, where it is in memory
	team   *team        // engines that share it; nil: there is one server
	ended  []error      // why engines of a team ended; guarded by telling

	keys  int
	calls int      // that were asked for and may have started a run
	runs  []string // that were acknowledged
	// settled are runs of which it was seen, at the end, that nothing is to come.
	settled map[string]bool
	count   counts
	amiss   []string
}

// counts are what games were made of.
type counts struct {
	Seeds, Runs, Facts, Kills, Stops, Cuts, Ghosts, Away, Rough, Jumps, Policies, Lies, Deaths, Repeats, Unknown, Votes, Teams, Pauses, Links, Moves, Fenced, Restores, Wipes, Hangs, Held, Slow int
	Simulated                                                                                                                                                                                    time.Duration
	Shapes                                                                                                                                                                                       map[string]int
}

// named are the counts by their names.
func (c *counts) named() map[string]*int {
	return map[string]*int{
		"seeds": &c.Seeds, "runs": &c.Runs, "facts": &c.Facts, "kills": &c.Kills, "stops": &c.Stops, "power cuts": &c.Cuts,
		"ghosts": &c.Ghosts, "times away": &c.Away, "rough times": &c.Rough, "jumps of clocks": &c.Jumps, "policies": &c.Policies,
		"lies": &c.Lies, "deaths of workers": &c.Deaths, "repeated requests": &c.Repeats, "unknown outcomes": &c.Unknown, "votes": &c.Votes,
		"teams": &c.Teams, "pauses": &c.Pauses, "cut links": &c.Links, "moves": &c.Moves, "fenced writes": &c.Fenced,
		"restores": &c.Restores, "wiped buses": &c.Wipes, "commits that hang": &c.Hangs, "jobs sent behind one": &c.Held, "games of slow commits alone": &c.Slow,
	}
}

// neverHappened are the names of what is zero, sorted. That the outcome of a start is not known is too rare to be asked for.
func (c *counts) neverHappened() (names []string) {
	for name, n := range c.named() {
		if *n == 0 && name != "unknown outcomes" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// add sums up.
func (c *counts) add(o counts) {
	more := o.named()
	for name, to := range c.named() {
		*to += *more[name]
	}
	c.Simulated += o.Simulated
	if c.Shapes == nil {
		c.Shapes = map[string]int{}
	}
	for name, n := range o.Shapes {
		c.Shapes[name] += n
	}
}

// ghost is a server that was believed dead and goes on.
type ghost struct {
	stop    context.CancelFunc
	done    chan error
	journal *journal
}

// Kernel is what servers ask for the policy.
func (w *whole) Snapshot() *safety.Snapshot { return w.policy.Load() }

// Shadow implements runner.Kernel.
func (*whole) Shadow() *safety.Snapshot { return nil }

// Remote implements runner.Kernel.
func (*whole) Remote() runner.RemoteKernel { return nil }

// heavyShare is how many seeds there are for one that is played over the embedded store, whose power is cut, and teamShare for one
// that is played by several engines.
const (
	heavyShare = 10
	teamShare  = 5
)

// gameKind is who plays, and over what.
type gameKind uint8

const (
	inMemory gameKind = iota // one server, over a store in memory
	onADisk                  // one server, over the embedded store
	byATeam                  // several engines, over one store in memory
)

// outcome is what came of a game.
type outcome struct {
	why     []string
	count   counts
	history string
	trace   []string
	told    []string
}

// again is the command that plays a seed again, as it was played.
func again(seed uint64) string {
	if *ordered && !*teams && !*heavies {
		return fmt.Sprintf("to play it again: make replay REPLAY=%d", seed)
	}
	return fmt.Sprintf("to play it again, more than once: go test ./internal/sim -run TestSeeds -seed %d -seeds 1 -count 20 -teams=%t -heavy=%t", seed, *teams, *heavies)
}

// playWhole plays the game of a seed.
func playWhole(t *testing.T, seed uint64) (out outcome) {
	d := theDesk()
	policies()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		stir(seed)
		w := newWhole(t, seed, kindOfGame(seed), d)
		defer w.close()
		w.play()
		if len(w.wrongs()) == 0 {
			w.settleWhole()
		}
		if len(w.wrongs()) == 0 {
			w.examine()
		}
		if out.why = w.wrongs(); len(out.why) > 0 {
			out.why = append(out.why, again(seed), w.source, "what happened:")
			out.why = append(out.why, w.told()...)
		}
		w.count.Seeds, w.count.Simulated, w.count.Deaths = 1, time.Since(begun), w.law.dead
		w.count.Facts = w.book.facts()
		w.count.Moves, w.count.Fenced = w.journal.law.moved, w.journal.law.fencing
		w.count.Held = w.law.held
		if w.team != nil {
			w.count.Teams = 1
		}
		if w.law.keeps {
			w.count.Slow = 1
		}
		w.count.Runs, w.count.Shapes = len(w.runs), map[string]int{w.shape.name: 1}
		out.count, out.history, out.trace, out.told = w.count, w.book.history(), w.book.trace, w.told()
	})
	return out
}

func newWhole(t *testing.T, seed uint64, kind gameKind, d *desk) *whole {
	t.Helper()
	w := &whole{desk: d, book: newBook(), settled: map[string]bool{}, memory: newMemory(partitions)}
	draw := rand.New(rand.NewPCG(seed, 2))
	w.shape = &shapes[draw.IntN(len(shapes))]
	w.source = w.shape.define(draw)
	w.policy.Store(policies()[0])
	g := &game{
		t: t, draw: draw, seed: seed, bus: bus.NewMemory(), open: w.memory.open,
		journal: newJournal(), law: newFleetLaw(), resources: resources{alone: map[string]int64{}, with: map[string]int64{}},
		doom: w.doomed, sees: w.book.sees,
	}
	w.game = g
	g.rough = &rough{draw: rand.New(rand.NewPCG(seed, 3)), native: w.onlyNative}
	g.config = runner.Config{
		Owner: "whole", Lanes: 1, Kernel: w, FourEyes: true, Logger: quiet(), Fleet: fleetFiles{},
		Now: func() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) },
	}
	if kind == onADisk {
		w.disk = newCuttable()
		g.open, g.opened = w.disk.open, w.recall
	}
	g.journal.law.fleet, g.journal.law.book, g.law.book = g.law, w.book, w.book
	g.law.keeps = slowAlone(seed, kind)
	if kind == byATeam {
		w.observe()
		w.law.moves = true
		w.team = newTeam(w)
		w.game.view = w.team.view
	} else {
		w.start()
		w.desk.serves(w.r)
	}
	w.begin()
	return w
}

// observe makes a journal beside those of a team's engines: it sees the store, and nobody writes through it.
func (w *whole) observe() {
	w.memory = newMemory(teamPartitions)
	s, err := w.memory.open()
	if err != nil {
		w.t.Fatal(err)
	}
	w.journal = w.journal.next(s)
	w.faults = faults.Wrap(w.journal)
}

// begin brings the server the first workers and the workflow.
func (w *whole) begin() {
	w.book.publishes(w.policy.Load().Digest())
	first := []kindOf{native, native, pooled}
	if w.law.keeps {
		first = first[1:]
	}
	for _, k := range first {
		w.employ(k)
	}
	var err error
	if w.plays, err = caseOf(w.source, w.shape.child, ""); err != nil {
		w.t.Fatal(err)
	}
	for _, by := range []person{ann, ada} {
		for _, text := range []string{w.shape.child, w.source} {
			if text == "" {
				continue
			}
			if s := w.save(by, text); !s.ok() {
				w.t.Fatalf("the workflow is refused: %d %s\n%s", s.status, s.body, text)
			}
		}
	}
}

func (w *whole) broken(format string, args ...any) {
	w.amiss = append(w.amiss, fmt.Sprintf(format, args...))
}

// wrongs are what breaks a law.
func (w *whole) wrongs() []string {
	all := append(append(w.game.wrongs(), w.book.wrongs()...), w.amiss...)
	w.telling.Lock()
	defer w.telling.Unlock()
	for _, err := range w.ended {
		all = append(all, fmt.Sprintf("an engine ended by itself: %v", err))
	}
	return all
}

// revive starts a server after one that died, or whose power was cut.
func (w *whole) revive() {
	if w.disk != nil && w.disk.isCut() {
		w.count.Cuts++
	} else {
		w.count.Kills++
	}
	w.restart("the server is back")
}

// restart ends the server and starts another one over the same store.
func (w *whole) restart(what string) { w.restartWith(what, func() {}) }

// restartWith is restart with something that is done while there is no server.
func (w *whole) restartWith(what string, between func()) {
	w.halt()
	between()
	w.start()
	w.book.publishes(w.policy.Load().Digest())
	w.desk.serves(w.r)
	w.journal.law.outage(w.journal.Store)
	w.troubled = time.Now()
	w.note("%s", what)
}

// recall asks the store what became of the transactions that were under way when the power was cut.
func (w *whole) recall(j *journal, s store.Store) {
	ctx := context.Background()
	for _, tx := range j.doubt {
		done := false
		var err error
		switch {
		case tx.ID != "":
			done, err = s.Committed(ctx, tx.Partition, tx.ID)
		case len(tx.Appends) > 0:
			var log []store.Entry
			log, err = s.ReadLog(ctx, tx.Partition, tx.Appends[0].Log, tx.Appends[0].First, 1)
			done = len(log) > 0
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if done {
			w.journal.law.commit("", tx)
		}
	}
}

// mend waits until the server can answer again.
func (w *whole) mend() {
	if w.team != nil {
		w.team.mend()
		return
	}
	if w.journal.gone.Load() {
		w.revive()
	}
}

func (w *whole) close() {
	for _, m := range w.mates {
		m.die()
	}
	for _, g := range w.ghosts {
		w.lay(g)
	}
	if w.team != nil {
		w.team.close()
	} else {
		w.halt()
	}
	if err := w.bus.Close(); err != nil {
		w.t.Error(err)
	}
	for _, m := range w.mates {
		m.all.Wait()
	}
	time.Sleep(latest) // what comes late
}

// lay ends a server that was believed dead: it must have seen by itself that another one owns what it had.
func (w *whole) lay(g ghost) {
	select {
	case err := <-g.done:
		if err == nil || !strings.Contains(err.Error(), "fenced") && !strings.Contains(err.Error(), "own") {
			w.broken("a server beside which another one was started ended with %v", err)
		}
	case <-time.After(time.Minute):
		w.broken("a server beside which another one was started goes on")
		g.stop()
		<-g.done
	}
	g.stop()
	if err := g.journal.Close(); err != nil && !errors.Is(err, errGone) {
		w.t.Error(err)
	}
}

// doomed draws how an attempt ends: of the same attempt always the same.
func (w *whole) doomed(k kindOf, job *wire.JobRequest) (end, time.Duration) {
	which := fnv.New64a()
	_, _ = fmt.Fprint(which, job.JobId, job.Attempt)
	draw := rand.New(rand.NewPCG(w.seed, which.Sum64()))
	takes := 20*time.Millisecond + time.Duration(draw.Int64N(int64(3*time.Second)))
	if w.kind.Load() {
		return endsWell, takes / 8
	}
	switch n := draw.IntN(100); {
	case n < 70:
		return endsWell, takes
	case n < 86:
		return endsBadly, takes
	case n < 92:
		return endsForGood, takes
	case k == native:
		return endsNever, 0
	}
	return endsWell, 6 * takes
}

// onlyNative tells whether nobody but a worker of ours listens on a subject.
func (w *whole) onlyNative(subject string) bool {
	for _, m := range w.mates {
		if bus.WorkerJobs(m.id) == subject {
			return m.kind == native
		}
	}
	_, plain := strings.CutPrefix(subject, "job.")
	return !plain
}
