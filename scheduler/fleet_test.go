package scheduler

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/dag"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// yard is a fleet with a clock that the test moves.
type yard struct {
	t *testing.T
	f *Fleet
	Change
	now time.Time
}

func newYard(t *testing.T) *yard {
	return &yard{t: t, f: NewFleet(Config{}), now: start}
}

func (y *yard) wait(d time.Duration) *yard { y.now = y.now.Add(d); return y }

func (y *yard) tick() *yard { y.Change = y.f.Tick(y.now); return y }

func (y *yard) beat(b Beat) *yard {
	if b.Topics == nil {
		b.Topics = []string{"job.a"}
	}
	y.Change = y.f.Beat(y.now, b)
	return y
}

// worker beats as a native worker: listening on its own subject, listing what it has.
func (y *yard) worker(id string, slots int, holds ...string) *yard {
	return y.beat(native(id, slots, holds...))
}

func native(id string, slots int, holds ...string) Beat {
	b := Beat{Worker: id, Max: slots, Direct: true, ListsJobs: true, Active: len(holds), Incarnation: "one"}
	for _, h := range holds {
		b.Holds = append(b.Holds, Hold{Attempt: h})
	}
	return b
}

func (y *yard) ask(r Request) *yard {
	if r.Topic == "" {
		r.Topic = "job.a"
	}
	if r.Tenant == "" {
		r.Tenant = "t"
	}
	y.Change = y.f.Announce(y.now, r)
	return y
}

func (y *yard) job(id string) *yard   { return y.ask(Request{Attempt: id}) }
func (y *yard) ended(id string) *yard { y.Change = y.f.Ended(y.now, id); return y }

// gives checks the grants of the last call, written "attempt→worker".
func (y *yard) gives(want ...string) *yard {
	y.t.Helper()
	var got []string
	for _, g := range y.Grants {
		got = append(got, g.Attempt+"→"+g.Worker)
	}
	if !slices.Equal(got, want) {
		y.t.Fatalf("granted %v, want %v", got, want)
	}
	return y
}

// loses checks the losses of the last call, written "attempt:worker:reason", in any order.
func (y *yard) loses(want ...string) *yard {
	y.t.Helper()
	var got []string
	for _, l := range y.Lost {
		got = append(got, l.Attempt+":"+l.Worker+":"+l.Reason)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		y.t.Fatalf("lost %v, want %v", got, want)
	}
	return y
}

func (y *yard) why(attempt, want string) *yard {
	y.t.Helper()
	if got, detail := y.f.Why(attempt); got != want {
		y.t.Fatalf("%s: %s (%s), want %s", attempt, got, detail, want)
	}
	return y
}

func (y *yard) state(worker string) WorkerState {
	y.t.Helper()
	for _, w := range y.f.Workers(y.now) {
		if w.Worker == worker {
			return w
		}
	}
	y.t.Fatalf("worker %s is not shown", worker)
	return WorkerState{}
}

func TestLeastLoadedGetsIt(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "busy", Max: 8, Active: 2})
	y.beat(Beat{Worker: "hot", Max: 8, CPU: 50, GPU: 30})
	y.beat(Beat{Worker: "warm", Max: 8, CPU: 79.5})
	y.beat(Beat{Worker: "warn", Max: 8, CPU: 79.5})
	y.job("1").gives("1→warm") // 0.795; the tie goes to the lower id
	y.job("2").gives("2→warn")
	y.job("3").gives("3→hot") // 0.8
	y.job("4").gives("4→warm")
}

func TestReservedCountsAtOnce(t *testing.T) {
	y := newYard(t)
	y.worker("a", 4).worker("b", 4)
	for i := range 8 {
		y.job(fmt.Sprint(i))
	}
	for _, id := range []string{"a", "b"} {
		if w := y.state(id); w.Active+w.Reserved != 4 {
			t.Errorf("worker %s has %d active and %d reserved, want 4 in all", id, w.Active, w.Reserved)
		}
	}
	y.job("8").gives().why("8", WhyOverloaded)
	y.ended("3").gives("8→b")
}

func TestPreferredWorker(t *testing.T) {
	prefer := func(id string) Request { return Request{Attempt: id, PreferredWorker: "p"} }

	t.Run("gets it however busy", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 4).beat(Beat{Worker: "p", Max: 8, Active: 5})
		y.ask(prefer("1")).gives("1→p")
	})
	t.Run("is waited for while it is full, then anybody does", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 4).worker("p", 1).ask(prefer("1")).gives("1→p")
		y.ask(prefer("2")).gives().why("2", WhyPreferBusy)
		y.wait(time.Second).ended("1").gives("2→p")
		y.ask(prefer("3")).gives()
		if next := y.f.NextTick(); !next.Equal(y.now.Add(DefaultPreferWait)) {
			t.Fatalf("next tick at %v, want when the wait is over", next)
		}
		y.wait(DefaultPreferWait - 1).tick().gives().wait(1).tick().gives("3→a")
	})
	t.Run("is not waited for when it is away, draining, or unable", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 4).ask(prefer("1")).gives("1→a")
		y.beat(Beat{Worker: "p", Max: 4, Draining: true}).ask(prefer("2")).gives("2→a")
		y.beat(Beat{Worker: "p", Max: 4, Topics: []string{"job.b"}}).ask(prefer("3")).gives("3→a")
	})
	t.Run("that goes away is waited for no longer", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 4).worker("p", 1).ask(prefer("1")).ask(prefer("2")).gives()
		b := native("p", 1)
		b.Leaving = true
		y.beat(b).gives("2→a").loses("1:p:" + LostLeft)
	})
	t.Run("shares its slots between those who ask by name and the others", func(t *testing.T) {
		y := newYard(t)
		y.worker("p", 1).job("0")
		y.ask(prefer("n1")).ask(prefer("n2")).job("l1").job("l2")
		y.ended("0").gives("n1→p").ended("n1").gives("l1→p").ended("l1").gives("n2→p").ended("n2").gives("l2→p")
	})
}

func TestPreferredPool(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "a", Pool: "x", Max: 4}).beat(Beat{Worker: "b", Pool: "y", Max: 1, CPU: 80})
	ask := func(id string) *yard { return y.ask(Request{Attempt: id, PreferredPool: "y"}) }
	ask("1").gives("1→b")
	ask("2").gives("2→a") // nobody waits for a pool
	y.ask(Request{Attempt: "3", PreferredPool: "unheard of"}).gives("3→a")
}

func TestCapabilities(t *testing.T) {
	y := newYard(t)
	y.job("0").gives().why("0", WhyNoWorkers)
	y.f.Withdraw(y.now, "0")
	y.beat(Beat{Worker: "cpu", Max: 9, Capabilities: []string{"kubectl"}})
	y.ask(Request{Attempt: "1", Requires: []string{"GPU", "kubectl"}}).gives().why("1", WhyCapability)
	y.ask(Request{Attempt: "2", Requires: []string{"kubectl"}}).gives("2→cpu") // nobody is held up by 1
	y.beat(Beat{Worker: "gpu", Max: 1, Capabilities: []string{"kubectl", "GPU", "kubectl"}}).gives("1→gpu")
	y.ask(Request{Attempt: "3", Requires: []string{"kubectl", "GPU"}}).gives().why("3", WhyOverloaded)
	// What looks like a list is a name.
	y.ask(Request{Attempt: "4", Requires: []string{`"GPU""kubectl"`}}).gives().why("4", WhyCapability)
	y.ended("1").gives("3→gpu")
}

func TestTopicPatterns(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "w", Max: 2, Topics: []string{"job.db.*", "job.all.>", "bad..topic"}})
	y.ask(Request{Attempt: "1", Topic: "job.db.backup"}).gives("1→w")
	y.ask(Request{Attempt: "2", Topic: "job.all.x.y"}).gives("2→w")
	y.ask(Request{Attempt: "3", Topic: "job.db.x.y"}).gives().why("3", WhyNoWorkers)
	y.ask(Request{Attempt: "4", Topic: "bad..topic"}).gives().why("4", WhyNoWorkers)
	if got := y.state("w").Topics; len(got) != 2 {
		t.Errorf("topics are %q, want the two good ones", got)
	}
}

func TestSlotsInUse(t *testing.T) {
	for slots, want := range map[int]int{-1: 0, 0: 0, 1: 1, 2: 2, 9: 9, 10: 10, 11: 10, 20: 19, 100: 91, MaxSlots: 9_001} {
		if got := slotsInUse(slots); got != want {
			t.Errorf("slotsInUse(%d) = %d, want %d", slots, got, want)
		}
	}
}

// What a heartbeat claims is cut down to what is possible.
func TestLiesAreCut(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "w", Max: 1e9, Active: -7, CPU: math.NaN(), GPU: math.Inf(-1)})
	if w := y.state("w"); w.Max != MaxSlots || w.Active != 0 || w.CPU != 0 || w.GPU != 0 {
		t.Errorf("believed %+v", w)
	}
	y.job("1").gives("1→w")
	y.beat(Beat{Worker: "w", Max: -5, Active: 1e9, CPU: math.Inf(1)})
	if w := y.state("w"); w.Max != 1 || w.Active+w.Reserved > 2*MaxSlots || w.CPU != 100 {
		t.Errorf("believed %+v", w)
	}
	y.job("2").gives().why("2", WhyOverloaded)
	y.beat(Beat{Worker: "w", Max: 0}) // not said
	if w := y.state("w"); w.Max != DefaultSlots {
		t.Errorf("slots are %d, want the default", w.Max)
	}
	for _, id := range []string{"", "a b", "a.*", ">", "x\n"} {
		if y.beat(Beat{Worker: id}); y.Refused == "" {
			t.Errorf("a worker called %q was taken", id)
		}
	}
}

func TestHotWorkerWaitsForItsNextBeat(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "w", Max: 4, CPU: 90}).job("1").gives().why("1", WhyOverloaded)
	y.beat(Beat{Worker: "w", Max: 4, GPU: 95}).gives()
	y.beat(Beat{Worker: "w", Max: 4, CPU: 89.9}).gives("1→w")
}

func TestSilentWorkerIsLost(t *testing.T) {
	y := newYard(t)
	y.worker("a", 2).wait(time.Second).worker("b", 2).job("1").job("2").job("3").gives("3→a")
	y.worker("b", 2, "2")
	if next := y.f.NextTick(); !next.Equal(start.Add(DefaultWorkerLease)) {
		t.Fatalf("next tick at %v, want the end of the lease of a", next)
	}
	y.wait(DefaultWorkerLease - time.Second - 1).tick().loses()
	y.wait(1).tick().loses("1:a:"+LostSilent, "3:a:"+LostSilent)
	if !slices.Equal(y.Gone, []string{"a"}) || y.state("a").State != WorkerLost {
		t.Errorf("gone %v, state %s", y.Gone, y.state("a").State)
	}
	y.job("1@2").gives("1@2→b").job("3@2").gives()
	y.worker("a", 2).gives("3@2→a") // it is back, and has nothing
	y.wait(DefaultWorkerLease).tick().wait(forgetLeases * DefaultWorkerLease).tick()
	if got := y.f.Workers(y.now); len(got) != 0 {
		t.Errorf("still shown: %v", got)
	}
	if next := y.f.NextTick(); !next.IsZero() {
		t.Errorf("something is due at %v in an empty fleet", next)
	}
}

func TestUnlistedTwiceIsLost(t *testing.T) {
	y := newYard(t)
	y.worker("a", 2).job("1").gives("1→a")
	y.worker("a", 2).worker("a", 2).loses() // these were on their way when it was granted
	y.wait(5*time.Second).worker("a", 2).loses()
	y.worker("a", 2).loses() // right behind the one before: says nothing new
	y.wait(5*time.Second).worker("a", 2).loses("1:a:" + LostUnlisted)

	y.job("2").gives("2→a").wait(5*time.Second).worker("a", 2, "2")
	y.wait(5*time.Second).worker("a", 2).loses()
	y.wait(5*time.Second).worker("a", 2, "2").wait(5*time.Second).worker("a", 2).loses() // not in a row
}

func TestPlainBeatRenewsEverything(t *testing.T) {
	y := newYard(t)
	plain := Beat{Worker: "cap", Max: 2}
	y.beat(plain).job("1").gives("1→cap")
	if y.Grants[0].Direct {
		t.Error("sent to the subject of a worker that is not known to listen there")
	}
	for range 10 {
		y.wait(10 * time.Second).beat(plain).loses().tick().loses()
	}
	y.wait(DefaultWorkerLease).tick().loses("1:cap:" + LostSilent)
}

func TestNewIncarnation(t *testing.T) {
	y := newYard(t)
	y.worker("a", 4).job("1").job("2")
	again := native("a", 4, "2")
	again.Incarnation = "two"
	y.beat(again).loses("1:a:" + LostRestarted)
	if y.worker("a", 4, "1"); y.Refused == "" {
		t.Error("a heartbeat of the old process was taken")
	}
	old := native("a", 4)
	old.Leaving = true
	if y.beat(old).loses(); y.Refused == "" || y.state("a").State != WorkerAlive {
		t.Error("the old process took the new one with it")
	}
}

func TestDraining(t *testing.T) {
	y := newYard(t)
	y.worker("a", 4).job("1").gives("1→a")
	b := native("a", 4, "1")
	b.Draining = true
	y.beat(b).job("2").gives().why("2", WhyNoWorkers)
	if got := y.state("a").State; got != WorkerDraining {
		t.Errorf("state is %s", got)
	}
	y.ended("1").gives().worker("b", 1).gives("2→b")
}

func TestReturned(t *testing.T) {
	y := newYard(t)
	y.worker("a", 4).job("1").gives("1→a").job("2").gives("2→a").job("3")
	y.Change = y.f.Returned(y.now, "2", "b", ReturnedFull)
	y.gives().loses() // b never had it
	y.Change = y.f.Returned(y.now, "3", "a", ReturnedFull)
	y.gives().loses().why("3", WhyOverloaded)
	y.worker("a", 4, "1", "2", "3").gives("3→a") // sent before it gave it back; the next attempt at it is real

	y.Change = y.f.Returned(y.now, "3", "a", ReturnedFull)
	y.gives().ended("1").gives("3→a") // something ended: there is room
	y.Change = y.f.Returned(y.now, "3", "a", ReturnedDrain)
	y.gives().ended("2").gives().worker("b", 1).gives("3→b") // draining lasts to the next heartbeat
	y.job("4").gives().worker("a", 4).gives("4→a")
}

func TestWithdraw(t *testing.T) {
	y := newYard(t)
	y.worker("a", 1).job("1").job("2").job("3")
	if queued, c := y.f.Withdraw(y.now, "2"); !queued || c.Grants != nil {
		t.Fatal("2 was waiting")
	}
	if queued, c := y.f.Withdraw(y.now, "1"); queued || c.Grants != nil {
		t.Fatal("1 was with its worker, and still takes its slot")
	}
	y.why("2", WhyUnknown).wait(5*time.Second).worker("a", 1, "1").gives().loses()
	y.ended("1").gives("3→a")
	if _, c := y.f.Withdraw(y.now, "3"); c.Grants != nil {
		t.Fatal("3 still takes its slot")
	}
	y.job("4").gives().wait(5*time.Second).worker("a", 1).gives("4→a").loses() // and is not reported as lost
}

func TestAdoption(t *testing.T) {
	t.Run("what a worker lists is not sent again", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 2, "1").job("1").gives()
		if len(y.Adopted) != 1 || y.Adopted[0].Worker != "a" {
			t.Fatalf("adopted %v", y.Adopted)
		}
		y.job("2").gives("2→a").job("3").gives().ended("1").gives("3→a")
	})
	t.Run("nor what it turns out to have while it waits", func(t *testing.T) {
		y := newYard(t)
		y.job("1").gives().worker("a", 1, "1").gives()
		if len(y.Adopted) != 1 {
			t.Fatalf("adopted %v", y.Adopted)
		}
		if holder, ok := y.f.Holder("1"); !ok || holder != "a" {
			t.Fatalf("holder is %q", holder)
		}
	})
	t.Run("a worker not heard yet has a lease to show up in", func(t *testing.T) {
		y := newYard(t)
		y.Change = y.f.Adopt(y.now, "1", "a")
		if len(y.f.Workers(y.now)) != 0 {
			t.Error("a worker is shown that nobody has heard")
		}
		y.wait(DefaultWorkerLease).tick().loses("1:a:" + LostSilent)
		if len(y.f.workers) != 0 {
			t.Error("a worker is remembered that nobody ever heard")
		}
	})
	t.Run("moves it from wherever it was thought to be", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 1).job("1").gives("1→a").job("2").gives()
		y.Change = y.f.Adopt(y.now, "1", "b")
		y.gives("2→a")
		y.Change = y.f.Adopt(y.now, "1", "b")
		y.gives().worker("c", 2, "x")
		y.Change = y.f.Adopt(y.now, "x", "c")
		if w := y.state("c"); w.Active+w.Reserved != 1 {
			t.Errorf("c has %d+%d, want 1: it listed x, which is now ours", w.Active, w.Reserved)
		}
		y.wait(DefaultWorkerLease).tick().loses("1:b:"+LostSilent, "2:a:"+LostSilent, "x:c:"+LostSilent)
		y.Change = y.f.Adopt(y.now, "x", "c") // whoever recovers knows better: it has a lease to show up in
		y.gives().worker("c", 2, "x").loses()
		if holder, ok := y.f.Holder("x"); !ok || holder != "c" {
			t.Errorf("holder is %q", holder)
		}
		if _, ok := y.f.Holder("2"); ok {
			t.Error("what was lost has a holder")
		}
	})
	t.Run("what was only adopted comes back when it is returned", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 2)
		y.f.Adopt(y.now, "1", "a")
		y.f.Adopt(y.now, "2", "a")
		y.job("2").gives()
		y.Change = y.f.Returned(y.now, "1", "a", ReturnedDrain)
		y.gives().loses("1:a:" + LostReturned)
		y.worker("b", 2)
		y.Change = y.f.Returned(y.now, "2", "a", ReturnedDrain)
		y.gives("2→b").loses()
	})
}

// What was sent to a topic is with the worker that lists it, not with the one it was counted on.
func TestQueueGroupMayHandItToAnother(t *testing.T) {
	y := newYard(t)
	member := func(id string, holds ...string) *yard {
		b := native(id, 1, holds...)
		b.Direct = false
		return y.beat(b)
	}
	member("a")
	member("b")
	y.job("1").gives("1→a").wait(5 * time.Second)
	member("a").loses()
	member("b", "1")
	if len(y.Adopted) != 1 {
		t.Fatalf("adopted %v", y.Adopted)
	}
	y.job("2").gives("2→a").wait(5 * time.Second)
	member("a", "2").loses()

	member("c")
	y.job("3").gives("3→c")
	for range 3 { // c does not list it, but another may have it
		y.wait(5 * time.Second)
		member("c").loses()
	}
	y.job("4").gives()
	y.Change = y.f.Returned(y.now, "3", "b", ReturnedFull) // b had got it
	y.gives("4→c").loses().why("3", WhyOverloaded)
}

// What waited for a worker is not given to another whose lease has run out at the same time.
func TestWorkersLostTogether(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "hot", Max: 1, CPU: 99}).wait(1).beat(Beat{Worker: "z", Max: 4})
	y.wait(DefaultWorkerLease - time.Second).ask(Request{Attempt: "1", PreferredWorker: "hot"}).gives()
	y.wait(time.Second).tick().gives().loses()
	if len(y.Gone) != 2 {
		t.Errorf("gone %v, want both", y.Gone)
	}
	y.why("1", WhyNoWorkers)
}

func TestRecentCount(t *testing.T) {
	var r recentCount
	at := start.Truncate(beatFlight)
	r.add(at)
	r.add(at.Add(beatFlight - 1))
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{beatFlight - 1, 2}, {beatFlight, 2}, {2*beatFlight - 1, 2}, {2 * beatFlight, 0}} {
		if got := r.count(at.Add(c.later)); got != c.want {
			t.Errorf("%v later: %d, want %d", c.later, got, c.want)
		}
	}
	r.add(at.Add(2 * beatFlight))
	if got := r.count(at.Add(9 * beatFlight)); got != 0 {
		t.Errorf("long after: %d, want 0", got)
	}
}

// A heartbeat lists what ended while it was on its way; that must not look like somebody else's work.
func TestEndedWhileTheBeatWasOnItsWay(t *testing.T) {
	y := newYard(t)
	y.worker("a", 4).job("1").job("2").job("3").job("4")
	for _, id := range []string{"1", "2", "3", "4"} {
		y.ended(id)
	}
	y.worker("a", 4, "1", "2", "3", "4")
	for i := range 4 {
		id := fmt.Sprint("n", i)
		y.job(id).gives(id + "→a")
	}
}

func TestForeignWorkTakesSlots(t *testing.T) {
	y := newYard(t)
	y.worker("a", 3, "x", "y").job("1").gives("1→a").job("2").gives()
	y.wait(5*time.Second).worker("a", 3, "x", "1").gives("2→a")
	if w := y.state("a"); w.Active != 2 || w.Reserved != 1 {
		t.Errorf("active %d, reserved %d, want 2 and 1", w.Active, w.Reserved)
	}
}

func TestPriorityAndAgeing(t *testing.T) {
	y := newYard(t)
	y.worker("a", 1).job("0")
	ask := func(id string, p dag.Priority) { y.ask(Request{Attempt: id, Priority: p}).gives() }
	ask("old batch", dag.Batch)
	ask("unsaid", dag.PriorityUnsaid)
	y.wait(DefaultAgeing - 1)
	ask("interactive", dag.Interactive)
	ask("critical", dag.Critical)
	ask("batch", dag.Batch)
	ask("critical too", dag.Critical)
	running := "0"
	for _, want := range []string{"critical", "critical too", "interactive", "old batch", "unsaid", "batch"} {
		y.ended(running).gives(want + "→a")
		running = want
	}
	// Another nanosecond of waiting, and the batch job goes before the interactive one.
	ask("old", dag.Batch)
	y.wait(DefaultAgeing + 1)
	ask("new", dag.Interactive)
	y.ended(running).gives("old→a")
}

func TestTenantsTakeTurns(t *testing.T) {
	y := newYard(t)
	y.worker("a", 1).job("0")
	for i := range 1_000 {
		y.ask(Request{Attempt: fmt.Sprint("big", i), Tenant: "big", Priority: dag.Critical})
	}
	y.wait(time.Minute).ask(Request{Attempt: "small", Tenant: "small", Priority: dag.Batch, Requires: nil}).gives()
	y.ended("0").gives("big0→a").ended("big0").gives("small→a").ended("small").gives("big1→a")
}

func TestTurnsHoldAcrossTopicsThatShareWorkers(t *testing.T) {
	y := newYard(t)
	b := native("a", 1)
	b.Topics = []string{"job.>"}
	y.beat(b).job("0")
	for i := range 100 {
		y.ask(Request{Attempt: fmt.Sprint("big", i), Tenant: "big", Topic: fmt.Sprint("job.big.", i)})
	}
	y.ask(Request{Attempt: "small", Tenant: "small", Topic: "job.small"})
	y.ended("0").gives("big0→a").ended("big0").gives("small→a")
}

func TestQueueStats(t *testing.T) {
	y := newYard(t)
	y.worker("p", 1).job("0").wait(time.Second)
	y.ask(Request{Attempt: "1", ReleasedAt: start}).ask(Request{Attempt: "2", PreferredWorker: "p"})
	y.ask(Request{Attempt: "3", Topic: "job.b", ReleasedAt: y.now.Add(time.Hour)})
	want := []QueueStat{{"job.a", 2, start}, {"job.b", 1, y.now}}
	if got := y.f.Queue(); !slices.Equal(got, want) {
		t.Errorf("queue is %v, want %v", got, want)
	}
}

func TestAnnouncedTwiceIsOne(t *testing.T) {
	y := newYard(t)
	y.job("1").job("1").worker("a", 4).gives("1→a").job("1").gives().ended("1").ended("1").gives()
	if len(y.f.attempts) != 0 {
		t.Errorf("%d attempts are remembered", len(y.f.attempts))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	y := newYard(t)
	y.f = NewFleet(Config{MaxWorkers: 3})
	y.worker("a", 1).wait(time.Second).worker("b", 1).worker("c", 1)
	if y.worker("d", 1); y.Refused == "" {
		t.Error("one worker too many was taken")
	}
	y.wait(DefaultWorkerLease - time.Second).tick() // a is lost
	if y.worker("d", 1); y.Refused != "" || len(y.f.workers) != 3 {
		t.Errorf("no room made: %s, %d workers", y.Refused, len(y.f.workers))
	}
	for i := range 10 * minSweep {
		id := fmt.Sprint("j", i)
		y.ask(Request{Attempt: id, Topic: fmt.Sprint("job.", i)})
		y.f.Withdraw(y.now, id)
	}
	if len(y.f.demands) > 2*minSweep || len(y.f.demands) != len(y.f.inOrder) {
		t.Errorf("%d demands are remembered, %d in order", len(y.f.demands), len(y.f.inOrder))
	}
}

// A clock reading from before does not shorten leases.
func TestTimeDoesNotGoBack(t *testing.T) {
	y := newYard(t)
	y.wait(time.Minute).tick().wait(-time.Minute).worker("a", 1).tick()
	if got := y.state("a"); got.State != WorkerAlive || !got.LastSeen.Equal(start.Add(time.Minute)) {
		t.Errorf("seen %v, %s", got.LastSeen, got.State)
	}
}
