package scheduler

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/dag"
)

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
	y.f.Ended(y.now, "0")
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
	y.beat(Beat{Worker: "w", Max: 4, CPU: 90}).job("1").gives("1→w") // it has nothing of ours: it is not starved
	y.job("2").gives().why("2", WhyOverloaded)
	y.beat(Beat{Worker: "w", Max: 4, GPU: 95}).gives()
	y.beat(Beat{Worker: "w", Max: 4, CPU: 89.9}).gives("2→w")
}

func TestHotWorkerGetsNoMoreThanItHad(t *testing.T) {
	y := newYard(t)
	y.beat(Beat{Worker: "w", Max: 8}).job("1").gives("1→w").job("2").gives("2→w").job("3").gives("3→w")
	y.ended("1").ended("2").beat(Beat{Worker: "w", Max: 8, CPU: 99}).job("4").gives("4→w").job("5").gives("5→w") // it had three
	y.job("6").gives().why("6", WhyOverloaded)
	y.ended("3").gives("6→w") // what ends is replaced
	y.ended("4").ended("5").ended("6").beat(Beat{Worker: "w", Max: 8, CPU: 99})
	y.beat(Beat{Worker: "w", Max: 8, CPU: 99}).job("7").gives("7→w").job("8").gives() // it had nothing any more
}

func TestDraining(t *testing.T) {
	y := newYard(t)
	y.worker("a", 4).job("1").gives("1→a")
	b := native("a", 4, "1")
	b.Draining = true
	y.beat(b).job("2").gives().why("2", WhyDraining)
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

// TestWhyLeftAlone: what is said of a job that waits beside a worker with room says that the worker gave something back, and how long
// it is left alone for that.
func TestWhyLeftAlone(t *testing.T) {
	y := newYard(t)
	const says = "1 workers could take it and none has room (0 jobs, 1 slots); 1 gave back what they got last, and get nothing before a heartbeat"
	y.job("1")
	for n, want := range []string{says, says + " in 1s or later", says + " in 2s or later"} {
		y.wait(5*time.Second).worker("a", 1).gives("1→a")
		y.Change = y.f.Returned(y.now, "1", "a", ReturnedDrain)
		if detail := detailOf(y.gives(), "1"); detail != want {
			t.Errorf("given back %d times: %s", n+1, detail)
		}
	}
	if y.worker("b", 1).gives("1→b").ended("1").job("2").gives("2→b").job("3"); !strings.HasPrefix(detailOf(y, "3"), "2 workers could take it") {
		t.Errorf("with another worker: %s", detailOf(y, "3"))
	}
}

func detailOf(y *yard, attempt string) string {
	_, detail := y.f.Why(attempt)
	return detail
}

func TestRecentCount(t *testing.T) {
	var r recentCount
	at := start.Truncate(BeatFlight)
	r.add(at)
	r.add(at.Add(BeatFlight - 1))
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{BeatFlight - 1, 2}, {BeatFlight, 2}, {2*BeatFlight - 1, 2}, {2 * BeatFlight, 0}} {
		if got := r.count(at.Add(c.later)); got != c.want {
			t.Errorf("%v later: %d, want %d", c.later, got, c.want)
		}
	}
	r.add(at.Add(2 * BeatFlight))
	if got := r.count(at.Add(9 * BeatFlight)); got != 0 {
		t.Errorf("long after: %d, want 0", got)
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
	y.f = NewFleet(Config{MaxWorkers: 3, ByTopic: -1})
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
		y.f.Ended(y.now, id)
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
