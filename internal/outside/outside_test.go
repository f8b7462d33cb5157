package outside

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/internal/proof"
)

var (
	killsFlag  = flag.Int("outside.kills", 0, "kills over all set-ups; default: a few of each")
	seedFlag   = flag.Uint64("outside.seed", 1, "chooses faults and runs")
	onlyFlag   = flag.String("outside.only", "", "one set-up, such as replicas")
	binaryFlag = flag.String("outside.binary", "", "a server that is built already; default: it is built")
	proofFlag  = flag.String("outside.proof", "", "the checkout in which to write down what was found")
)

// TestMain is also the worker, the NATS server and the namespace of a host: the test binary started again with one of their variables set.
func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(workerEnv) != "":
		err = ledgerWorker(os.Getenv(workerEnv), os.Getenv(serverEnv), os.Getenv(ledgerEnv))
	case os.Getenv(natsEnv) != "":
		err = serveNATS(os.Getenv(natsEnv))
	case os.Getenv(hostEnv) != "":
		for { // until killed
			time.Sleep(time.Hour)
		}
	case os.Getenv(netnsEnv) == "probe":
		if err = probeNetns(); err == nil {
			return
		}
	default:
		os.Exit(tests(m))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// tests runs them, in a network of their own if there can be one.
func tests(m *testing.M) (code int) {
	flag.Parse()
	if buildDir = os.Getenv(netnsEnv); buildDir != "" {
		if err := ip("link set lo up"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		noNetns = ""
		_ = os.Unsetenv(netnsEnv) // it is not for those who are started
		return m.Run()
	}
	var err error
	if buildDir, err = os.MkdirTemp("", "cordum-outside-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(buildDir) }()
	if code, err = enterNetns(); err == nil {
		return code
	}
	noNetns = err.Error()
	return m.Run()
}

const (
	// killsPromised are those over which nothing may be lost.
	killsPromised = 500
	// killsInTests is how many of each set-up die in the tests of everything.
	killsInTests = 5
	// killsInRound is how many die before a system must come to rest and is judged.
	killsInRound = 56
	// mostUnderWay is how many runs clients drive at a time.
	mostUnderWay = 40
	// mostShown are the violations that are written out.
	mostShown = 12
	// startEvery is the time between two starts of a client.
	startEvery = 150 * time.Millisecond
	// readyWithin and endWithin are for a slow machine: leases and time-outs are part of what must pass.
	readyWithin = 90 * time.Second
	endWithin   = 3 * time.Minute
)

// TestALossIsFound plays a round on a Redis that is killed once and has forgotten everything: a harness that stays green there
// would be worth nothing.
func TestALossIsFound(t *testing.T) {
	t.Parallel()
	found := round(t, setupKind{"forgetful", (*setup).forgetful, 3 * time.Second}, *seedFlag, func(s *setup) []fault {
		return []fault{{kind: killed, after: 3 * time.Second, at: slices.IndexFunc(s.targets, func(t target) bool { return t.name == "redis" })}}
	})
	if found.acked == 0 || found.of(lostWrite) == 0 || found.of(illegalHistory) == 0 {
		t.Errorf("of %d acknowledged writes on a store that was lost, %d are found missing, and %d histories wrong", found.acked, found.of(lostWrite), found.of(illegalHistory))
	}
}

// figures are what rounds add up to.
type figures struct {
	mu sync.Mutex // of those that several set-ups add to
	tally
	rounds, runs, steps, acked int
	wrong                      []violation
}

// TestOutside lets clients and workers judge each set-up while it is killed, stopped and cut off.
func TestOutside(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	var sum figures
	t.Run("setups", func(t *testing.T) { // returns when all of them have
		for i, kind := range setups {
			if *onlyFlag == "" || *onlyFlag == kind.name {
				t.Run(kind.name, func(t *testing.T) {
					t.Parallel()
					if kind.name == namespacesName && noNetns != "" {
						t.Skip("no network namespaces: " + noNetns)
					}
					kind.play(t, i, &sum)
				})
			}
		}
	})
	if *proofFlag != "" {
		if err := proof.Write(*proofFlag, sum.record(time.Since(begun))); err != nil {
			t.Error(err)
		}
	}
}

// play plays rounds of a set-up until enough has been killed.
func (k setupKind) play(t *testing.T, stream int, sum *figures) {
	kills := killsInTests
	if *killsFlag > 0 {
		kills = (*killsFlag + len(setups) - 1) / len(setups)
	}
	for n := 0; kills > 0 && !t.Failed(); n++ {
		t.Run(fmt.Sprintf("round_%d", n), func(t *testing.T) { // its processes end with it
			begun := time.Now()
			random := rand.New(rand.NewPCG(*seedFlag+uint64(n), uint64(stream)))
			one := round(t, k, random.Uint64(), func(s *setup) []fault {
				return plan(random, s.targets, len(s.links), s.ofLinks(), min(kills, killsInRound))
			})
			for _, v := range one.wrong[:min(len(one.wrong), mostShown)] {
				t.Errorf("%s: %s", v.kind, v.what)
			}
			kills -= one.kills
			sum.include(one)
			t.Logf("%d kills, %d stops, %d links, %d wiped; %d runs, %d steps, %d acknowledged writes; %v",
				one.kills, one.stops, one.cuts, one.wipes, one.runs, one.steps, one.acked, time.Since(begun).Round(time.Second))
		})
	}
}

func (f *figures) include(o *figures) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(o.tally)
	f.rounds, f.runs, f.steps, f.acked = f.rounds+o.rounds, f.runs+o.runs, f.steps+o.steps, f.acked+o.acked
	f.wrong = append(f.wrong, o.wrong...)
}

// of counts the violations of some kinds.
func (f *figures) of(kinds ...string) (n int) {
	for _, v := range f.wrong {
		for _, kind := range kinds {
			if v.kind == kind {
				n++
			}
		}
	}
	return n
}

// record is what is kept of all rounds.
func (f *figures) record(took time.Duration) proof.Record {
	number := func(name string, n int) proof.Figure { return proof.Figure{Name: name, Value: fmt.Sprint(n)} }
	kills := proof.AtLeast("kills", f.kills, killsPromised)
	if !kills.Met {
		kills.Value += fmt.Sprintf(" of %d", killsPromised)
	}
	figures := []proof.Figure{kills}
	for _, what := range slices.Sorted(maps.Keys(f.killed)) {
		figures = append(figures, number("kills: "+what, f.killed[what]))
	}
	return proof.Record{
		Name: "outside", Command: fmt.Sprintf("make outside KILLS=%d SEED=%d", *killsFlag, *seedFlag), Took: took.Seconds(),
		Figures: append(figures, []proof.Figure{
			number("stops", f.stops), number("links cut, slowed or half open", f.cuts), number("of them between network namespaces", f.parted),
			number("NATS wiped", f.wipes), number("rounds", f.rounds), number("runs", f.runs), number("steps", f.steps), number("acknowledged writes", f.acked),
			proof.Count("lost", f.of(lostWrite, neverEnded, gapInLog), 0), proof.Count("accepted twice", f.of(acceptedTwice, undoneTwice, approvedTwice), 0),
			proof.Count("stale accepted", f.of(staleAccepted, inventedResult), 0), proof.Count("violations of any kind", len(f.wrong), 0),
		}...),
	}
}

// round starts a system, lets clients use it through faults, and judges it when everything has come to rest. Faults are what
// draw answers for the system.
func round(t *testing.T, k setupKind, seed uint64, draw func(*setup) []fault) *figures {
	t.Helper()
	s := &setup{t: t, name: k.name, dir: t.TempDir()}
	s.ledger = filepath.Join(s.dir, "ledger.jsonl")
	k.build(s)
	s.ready(readyWithin)
	c := &crew{client: newClient(s.doors), seen: newHistory()}
	if s.board != nil {
		c.keys = keys
	}
	c.define(t)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	starting, enough := context.WithCancel(ctx)
	c.all.Go(func() { c.startMany(ctx, starting, seed) })
	w := &storm{setup: s, t: t, early: make(chan struct{})}
	w.blow(draw(s))
	enough()
	w.calm()
	limit := time.AfterFunc(k.patience, stop)
	c.all.Wait()
	limit.Stop()

	ledger, err := readLedger(s.ledger)
	if err != nil {
		t.Fatal(err)
	}
	found := &figures{tally: w.done, rounds: 1, runs: len(c.runs), acked: c.seen.acked}
	for _, r := range c.runs {
		found.wrong = append(found.wrong, c.judged(t, r, ledger)...)
	}
	found.wrong = append(append(found.wrong, judgeLedger(ledger)...), c.seen.check()...)
	for _, e := range ledger {
		if e.Phase == "end" {
			found.steps++
		}
	}
	return found
}

// define saves the workflows.
func (c *crew) define(t *testing.T) {
	t.Helper()
	for _, text := range workflows {
		deadline := time.Now().Add(readyWithin)
		for {
			status, _ := c.call(t.Context(), "POST", "/api/v1/workflows", map[string]string{"Content-Type": "application/yaml"}, text, nil)
			if meaning(status) == gotOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("a workflow cannot be saved: status %d", status)
			}
			time.Sleep(pace)
		}
	}
}

// startMany begins runs until it is told that there are enough.
func (c *crew) startMany(ctx, starting context.Context, seed uint64) {
	random := rand.New(rand.NewPCG(seed, seed))
	for n := 0; ; n++ {
		r := &live{key: fmt.Sprintf("run-%d", n), workflow: []string{"chain", "undone"}[random.IntN(2)]}
		if random.IntN(4) == 0 {
			r.cancel, r.rollback = time.Millisecond+time.Duration(random.Int64N(int64(time.Second))), r.workflow == "undone"
		}
		c.begin(ctx, r)
		for wait := true; wait; wait = c.underWay() >= mostUnderWay {
			select {
			case <-starting.Done():
				return
			case <-time.After(startEvery):
			}
		}
	}
}

// judged reads what there is of a run, and judges it.
func (c *crew) judged(t *testing.T, r *live, ledger []entry) []violation {
	t.Helper()
	v := verdict{key: r.key, workflow: r.workflow, view: r.last, signals: r.signals, ended: r.ended}
	v.view.ID = r.id
	v.approved, v.cancel = c.seen.acknowledged(r.key, opApprove), c.seen.acknowledged(r.key, opCancel)
	if r.id != "" {
		for deadline := time.Now().Add(readyWithin); ; {
			var status int
			if v.events, status = c.timeline(t.Context(), r.id); status == http.StatusOK || status == http.StatusNotFound {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the timeline of run %s cannot be read: status %d", r.id, status)
			}
			time.Sleep(pace)
		}
		c.looksOnce(t.Context(), r)
		v.again = c.askAgain(t.Context(), r)
	}
	wrong := v.judge(ledger)
	if len(wrong) > 0 {
		wrong[0].what += show(v, ledger)
	}
	return wrong
}

// askAgain answers the run that the key of a start stands for; empty: nobody says.
func (c *crew) askAgain(ctx context.Context, r *live) string {
	var s started
	c.call(ctx, "POST", "/api/v1/workflows/"+r.workflow+"/runs", map[string]string{"Idempotency-Key": r.key}, `{}`, &s)
	return s.Run
}

// show is a run for people.
func show(v verdict, ledger []entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nrun %s (%s) of %s: %s, compensation %s", v.view.ID, v.key, v.workflow, v.view.State, v.view.Compensation)
	for _, e := range v.events {
		fmt.Fprintf(&b, "\n  %d %s %s %s %v", e.Seq, e.At.Format("05.000"), e.Type, e.Step, e.Data)
	}
	for _, e := range ledger {
		if e.Run == v.view.ID {
			fmt.Fprintf(&b, "\n  ledger: %+v", e)
		}
	}
	return b.String()
}

// TestRecordSaysWhatDied: the goal is what is promised, however few kills were asked for, and each is counted under what died.
func TestRecordSaysWhatDied(t *testing.T) {
	var sum figures
	died := tally{killed: map[string]int{}}
	for _, name := range []string{"engine-0", "engine-1", "redis", "redis-2"} {
		died.add(tally{kills: 1, killed: map[string]int{(&target{name: name}).what(): 1}})
	}
	for range 2 {
		sum.include(&figures{tally: died, rounds: 1})
	}
	said := map[string]proof.Figure{}
	for _, f := range sum.record(0).Figures {
		said[f.Name] = f
	}
	if k := said["kills"]; k.Met || k.Value != "8 of 500" || k.Goal != "≥ 500" {
		t.Errorf("kills: %+v", k)
	}
	if said["kills: engine"].Value != "4" || said["kills: redis"].Value != "4" {
		t.Errorf("what died: %v", said)
	}
}
