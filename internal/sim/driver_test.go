package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// Times of the driver, on the bubble's clock.
const (
	// patience is how long a call may take.
	patience = 30 * time.Second
	// calm is how long nothing must happen before all is taken to be at rest.
	calm = 5 * time.Second
	// longest is how long nothing may happen before the case is given up, beyond what is known to be due.
	longest = 3 * 24 * time.Hour
	// gather is how long facts are waited for before they are read, once a case has a long log: each reading reads all of it.
	gather = 20 * time.Millisecond
	// doze: when nothing is due for longer and no worker has anything, the server is switched off for that time.
	doze = time.Hour
)

// long is how many facts make a long log.
const long = 1000

// driver plays one case: it has a server over a store, and the workers and people around it.
type driver struct {
	t       *testing.T
	c       *trial.Case
	seed    uint64
	bus     *bus.Memory
	store   opener
	journal *journal
	policy  *safety.Snapshot
	bench   *bench
	o       *trial.Observer
	root    string

	r    *runner.Runner
	stop context.CancelFunc
	done chan error

	facts     int         // seen
	last      time.Time   // when the last fact was seen
	agenda    []deed      // what is to be done, by time
	open      []trial.Cue // jobs that were asked for and have not ended
	outage    outage
	outages   int
	restartAt int // facts; 0: never
	commands  int
}

// outage says how the server is away for a moment, again and again, while a case is played.
type outage struct {
	every int  // facts from one time to the next; 0: never
	once  bool // only the first time
	kill  bool // it dies with the commit of such a fact, before it can do anything about it; else it is stopped in good order
}

// deed is something that the world around the run will do.
type deed struct {
	at time.Time
	do func()
}

// play runs a case in a bubble of its own and answers what is wrong with it, and how often the server was away.
func play(t *testing.T, c *trial.Case, away outage) (why []string, outages int) {
	why, outages, _ = playLaw(t, c, away)
	return why, outages
}

// opener opens the store of a case, again after each outage.
type opener func() (store.Store, error)

// onDisk is an embedded store on a file system in memory.
func onDisk(partitions int) opener {
	disk := vfs.NewMem()
	return func() (store.Store, error) {
		return pebble.Open(pebble.Config{Dir: "data", FS: disk, Partitions: partitions, Logger: quiet()})
	}
}

// partitions are enough that things are in different ones.
const partitions = 2

// playLaw answers the law's book as well.
func playLaw(t *testing.T, c *trial.Case, away outage) (why []string, outages int, l *law) {
	return playOn(t, c, away, onDisk(partitions))
}

// playOn plays over a store of any kind.
func playOn(t *testing.T, c *trial.Case, away outage, open opener) (why []string, outages int, l *law) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(trial.Epoch))
		d := newDriver(t, c, away, open)
		defer d.close()
		d.begin()
		d.run()
		d.journal.law.outage(d.journal.Store)
		if why = slices.Concat(d.bench.wrongs(), d.journal.law.wrongs(), d.o.Check()); len(why) > 0 {
			why = append(append(why, "what happened:"), d.o.Timeline()...)
		}
		outages, l = d.outages, d.journal.law
	})
	return why, outages, l
}

func newDriver(t *testing.T, c *trial.Case, away outage, open opener) *driver {
	t.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.ID))
	d := &driver{
		t: t, c: c, seed: h.Sum64(), bus: bus.NewMemory(), store: open, journal: newJournal(), last: time.Now(),
		outage: away, restartAt: away.every,
	}
	var err error
	if d.policy, err = c.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if d.bench, err = newBench(d.bus, d.journal.law, d.seed); err != nil {
		t.Fatal(err)
	}
	d.start()
	return d
}

// quiet discards logs, unless CORDUM_TEST_LOG is set.
func quiet() *slog.Logger {
	if os.Getenv("CORDUM_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func (d *driver) close() {
	d.bench.close()
	d.halt()
	if err := d.bus.Close(); err != nil {
		d.t.Error(err)
	}
}

// start opens the store and runs a server over it until halt.
func (d *driver) start() {
	s, err := d.store()
	if err != nil {
		d.t.Fatal(err)
	}
	d.journal.Store, d.journal.gone = s, new(atomic.Bool)
	if d.journal.killAt = 0; d.outage.kill && d.outage.every > 0 {
		d.journal.killAt = d.restartAt
	}
	r, err := runner.New(runner.Config{Owner: "sim", Lanes: 2, Policy: d.policy, FourEyes: true, Logger: quiet()}, d.journal, line{d.bus, d.journal.gone, false})
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.r, d.stop, d.done = r, cancel, make(chan error, 1)
	go func() { d.done <- r.Run(ctx) }()
	for r.Health(ctx) != nil {
		select {
		case err := <-d.done:
			d.t.Fatalf("the server ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

func (d *driver) halt() {
	d.stop()
	err := <-d.done
	if d.journal.gone.Load() {
		err = nil // nobody sees how a dead process ends
	}
	if err = errors.Join(err, d.journal.Close()); err != nil {
		d.t.Errorf("the server ended with %v", err)
	}
}

// begin saves the case's workflows and starts its run.
func (d *driver) begin() {
	save := func(source []byte) (v runner.WorkflowVersion) {
		err := d.call("", "", func(ctx context.Context, by runner.Caller) (err error) {
			v, err = d.r.PutWorkflow(ctx, by, source, runner.FormatAuto)
			return err
		})
		if err != nil {
			d.t.Fatalf("the workflow is refused: %v", err)
		}
		return v
	}
	for _, name := range yamlx.SortedKeys(d.c.Children) {
		save(d.c.Children[name].Source)
	}
	v := save(d.c.Workflow.Source)
	err := d.call("", "", func(ctx context.Context, by runner.Caller) error {
		started, err := d.r.Start(ctx, by, runner.StartRequest{
			Workflow: v.ID, Input: d.c.Input, Context: d.c.Context, IdempotencyKey: "the case's",
		})
		d.root = started.RunID
		return err
	})
	if err == nil {
		d.o, err = d.c.Observe(d.root)
	}
	if err != nil {
		d.t.Fatalf("the run cannot start: %v", err)
	}
}

// call calls the server as a client does: when it dies meanwhile the same is asked of the one that follows.
func (d *driver) call(by, reason string, do func(context.Context, runner.Caller) error) error {
	d.commands++
	who := runner.Caller{Tenant: "default", Actor: by, Reason: reason, Command: fmt.Sprintf("command-%d", d.commands)}
	if by == "" {
		who.Actor = tester
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := do(ctx, who)
		cancel()
		if err == nil || !d.journal.gone.Load() {
			return err
		}
		d.comeBack()
	}
}

// run lets everything happen that the case makes happen.
func (d *driver) run() {
	quietSince := time.Time{}
	for len(d.o.Broken())+len(d.bench.wrongs())+len(d.journal.law.wrongs()) == 0 {
		if d.facts > long {
			time.Sleep(gather)
		}
		synctest.Wait() // what happens at this moment has happened
		if d.read() || d.act() {
			quietSince = time.Time{}
			continue
		}
		d.staff()
		if d.restart() {
			continue
		}
		now := time.Now()
		switch {
		case !d.atRest():
			quietSince = time.Time{}
			if d.dozeOff() {
				continue
			}
		case quietSince.IsZero():
			quietSince = now
		case now.Sub(quietSince) >= calm:
			quietSince = time.Time{}
			cues := d.o.Rest()
			if len(cues) == 0 {
				return
			}
			d.follow(cues)
			continue
		}
		if now.Sub(d.last) > longest {
			d.o.Wrong(fmt.Sprintf("nothing has happened for %v, and yet something is to come", longest))
		}
		d.sleep()
	}
}

// sleep waits until something is committed, or has to be done.
func (d *driver) sleep() {
	wait := calm
	if len(d.agenda) > 0 {
		wait = min(wait, time.Until(d.agenda[0].at))
	}
	select {
	case <-d.journal.bell:
	case <-time.After(max(wait, 0)):
	}
}

// read shows the observer what was committed, in that order, and lets the world answer.
func (d *driver) read() bool {
	news, facts := d.journal.take()
	logs := map[string][]runner.EngineFact{}
	for _, e := range news {
		log, known := logs[e.run]
		if !known {
			err := d.r.Inspect(context.Background(), runner.Caller{Tenant: "default"}, e.run, func(_ *engine.Run, all []runner.EngineFact) error {
				log = all
				return nil
			})
			if err != nil {
				d.t.Fatalf("the log of run %s: %v", e.run, err)
			}
			logs[e.run] = log
		}
		from, _ := slices.BinarySearchFunc(log, e.first, func(f runner.EngineFact, seq uint64) int { return int(f.Seq) - int(seq) })
		for _, f := range log[from:] {
			if f.Seq < e.first+uint64(e.count) {
				d.o.See(e.run, f.At, f.Fact)
			}
		}
	}
	d.facts = facts
	if len(news) > 0 {
		d.last = time.Now()
	}
	d.follow(d.o.Cues())
	return len(news) > 0
}

// act does what is due.
func (d *driver) act() (acted bool) {
	for len(d.agenda) > 0 && !d.agenda[0].at.After(time.Now()) {
		next := d.agenda[0]
		d.agenda = d.agenda[1:]
		next.do()
		acted = true
	}
	return acted
}

// later puts something on the agenda.
func (d *driver) later(wait time.Duration, do func()) {
	d.agenda = append(d.agenda, deed{time.Now().Add(wait), do})
	slices.SortStableFunc(d.agenda, func(a, b deed) int { return a.at.Compare(b.at) })
}

// follow lets the world around the runs do what it is told.
func (d *driver) follow(cues []trial.Cue) {
	for _, c := range cues {
		switch {
		case c.Job != nil:
			d.open = append(d.open, c)
			d.bench.assign(c, time.Now().Add(c.Job.Stub.Queued))
			d.later(c.Job.Stub.Queued, func() {}) // then it needs a worker
		case c.Reply != nil:
			d.later(promptly, func() { d.reply(c) })
		case c.Signal != nil:
			d.later(0, func() { d.signal(c) })
		case c.Order != nil:
			d.later(0, func() { d.order(c) })
		}
	}
}

// staff hires a worker for every attempt that waits for one, lets those go that nothing waits for, and those that would never
// answer once their attempt is over.
func (d *driver) staff() {
	d.open = slices.DeleteFunc(d.open, func(c trial.Cue) bool {
		if d.o.UnderWay(c) {
			return false
		}
		d.bench.end(c)
		return true
	})
	free := map[string][]*hand{} // those without a job, by what they can do
	d.bench.each(func(h *hand) {
		switch c, busy := h.about(); {
		case !busy:
			free[skill(c)] = append(free[skill(c)], h)
		case c.Job.Stub.Timeout && !d.o.UnderWay(c):
			h.dismiss()
		}
	})
	for _, c := range d.open {
		if !d.bench.waits(c) {
			continue
		}
		if idle := free[skill(c)]; len(idle) > 0 {
			free[skill(c)] = idle[1:]
		} else {
			d.bench.hire(c)
		}
	}
	for _, idle := range free {
		for _, h := range idle {
			h.dismiss()
		}
	}
}

// skill is what a worker must offer to get a job.
func skill(c trial.Cue) string { return c.Job.Topic + " " + strings.Join(c.Job.Requires, " ") }

// atRest tells whether nothing more happens by itself, as far as can be known from outside.
func (d *driver) atRest() bool {
	if len(d.agenda) > 0 || !d.nextTimer(time.Now().Add(-calm)).IsZero() {
		return false
	}
	for _, c := range d.open {
		if !c.Job.Endless && (d.bench.taken(c) || !d.o.Still(c.Run)) {
			return false
		}
	}
	rest := true
	d.bench.each(func(h *hand) {
		c, busy := h.about()
		rest = rest && (!busy || c.Job.Stub.Timeout)
	})
	return rest
}

// restart stops the server in good order and starts another one when it is time for that, or starts another one after it died.
func (d *driver) restart() bool {
	if d.journal.gone.Load() || (!d.outage.kill && d.outage.every > 0 && d.facts >= d.restartAt) {
		d.comeBack()
		return true
	}
	return false
}

// comeBack starts a server over the same store after another one.
func (d *driver) comeBack() {
	d.outages++
	d.halt()
	if d.outage.once {
		d.outage.every = 0
	}
	d.restartAt = d.journal.count() + d.outage.every + d.outages/4 // ever rarer: what is tried again and again gets through
	d.start()
	d.journal.law.outage(d.journal.Store)
	if d.o != nil {
		d.o.Note(time.Now(), "the server was away and is back")
	}
}

// dozeOff switches the server off until shortly before the next timer when that is long and nobody has anything to do.
func (d *driver) dozeOff() bool {
	now := time.Now()
	if len(d.agenda)+len(d.open) > 0 {
		return false
	}
	next := d.nextTimer(now)
	if next.Sub(now) < doze {
		return false
	}
	idle := true
	d.bench.each(func(*hand) { idle = false })
	if !idle {
		return false
	}
	d.halt()
	time.Sleep(next.Sub(now) - time.Minute)
	d.start()
	d.last = time.Now()
	return true
}
