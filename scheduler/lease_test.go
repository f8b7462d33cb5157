package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestSilentWorkerIsLost(t *testing.T) {
	y := newYard(t)
	silence := y.f.cfg.Silence
	y.worker("a", 3).wait(time.Second).worker("b", 2).job("1").job("2").job("3").gives("3→a")
	y.worker("b", 2, "2")
	if next := y.f.NextTick(); silence != 10*time.Second || !next.Equal(start.Add(silence)) {
		t.Fatalf("next tick at %v, want two beats of a", next)
	}
	y.wait(silence - time.Second - 1).tick()
	if got := y.state("a").State; got != WorkerAlive {
		t.Errorf("a is %s before it missed two beats", got)
	}
	y.wait(1).tick().loses()
	if got := y.state("a").State; got != WorkerSilent {
		t.Errorf("a is %s after it missed two beats", got)
	}
	y.worker("b", 2, "2").job("4").gives("4→b").job("5").gives().why("5", WhyOverloaded) // a has room, and is silent
	y.wait(DefaultWorkerLease - silence - 1).tick().loses()
	y.wait(1).tick().loses("1:a:"+LostSilent, "3:a:"+LostSilent)
	if !slices.Equal(y.Gone, []string{"a"}) || y.state("a").State != WorkerLost {
		t.Errorf("gone %v, state %s", y.Gone, y.state("a").State)
	}
	y.job("1@2").gives().ended("4").gives("5→b")
	y.worker("a", 3).gives("1@2→a") // it is back, and has nothing
	y.wait(DefaultWorkerLease).tick().wait(forgetLeases * DefaultWorkerLease).tick()
	if got := y.f.Workers(y.now); len(got) != 0 {
		t.Errorf("still shown: %v", got)
	}
	if next := y.f.NextTick(); !next.IsZero() {
		t.Errorf("something is due at %v in an empty fleet", next)
	}
}

// TestStandingStillLosesNobody: a process that stood still for longer than a lease may not have read what workers said meanwhile: it gives
// them a heartbeat's time, once in each silence.
func TestStandingStillLosesNobody(t *testing.T) {
	const time6 = DefaultWorkerLease/3 + BeatFlight
	y := newYard(t)
	y.worker("a", 1).worker("b", 1).job("1").gives("1→a").job("2").gives("2→b")
	y.wait(time.Minute).late().loses()
	if next := y.f.NextTick(); !next.Equal(y.now.Add(time6)) {
		t.Errorf("looks again at %s after it went on", next.Sub(y.now))
	}
	y.worker("a", 1, "1") // it is read now
	y.wait(time6).tick().loses("2:b:" + LostSilent)

	y.wait(4*time.Second).worker("a", 1, "1").wait(time.Minute).late().loses() // another silence
	y.wait(time.Minute).late().loses("1:a:" + LostSilent)

	y.worker("a", 1).job("4").gives("4→a").wait(DefaultWorkerLease - time.Millisecond).late().loses() // it went on just before the end
	y.wait(time6-1).tick().loses().worker("a", 1, "4").ended("4")

	y = newYard(t)
	y.worker("a", 1).job("3").gives("3→a") // a tick that is hardly late excuses nobody
	y.wait(DefaultWorkerLease*2/3 + lateTick - 1).late().loses().wait(DefaultWorkerLease/3 - lateTick + 1).late().loses("3:a:" + LostSilent)
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
		y.Change = y.f.Adopt(y.now, asked("1"), "a")
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
		y.Change = y.f.Adopt(y.now, asked("1"), "b")
		y.gives("2→a")
		y.Change = y.f.Adopt(y.now, asked("1"), "b")
		y.gives().worker("c", 2, "x")
		y.Change = y.f.Adopt(y.now, asked("x"), "c")
		if w := y.state("c"); w.Active+w.Reserved != 1 {
			t.Errorf("c has %d+%d, want 1: it listed x, which is now ours", w.Active, w.Reserved)
		}
		y.wait(DefaultWorkerLease).tick().loses("1:b:"+LostSilent, "2:a:"+LostSilent, "x:c:"+LostSilent)
		y.Change = y.f.Adopt(y.now, asked("x"), "c") // whoever recovers knows better: it has a lease to show up in
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
		y.f.Adopt(y.now, asked("1"), "a")
		y.f.Adopt(y.now, asked("2"), "a")
		y.job("2").gives()
		y.Change = y.f.Returned(y.now, "1", "a", ReturnedDrain)
		y.gives().loses()
		y.worker("b", 2).gives("1→b")
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
	y.gives("3→c").loses().why("4", WhyOverloaded)         // it is older
}

// What waited for a worker is not given to another whose lease has run out at the same time.
func TestWorkersLostTogether(t *testing.T) {
	y := newYard(t)
	y.f = NewFleet(Config{ByTopic: -1, Silence: DefaultWorkerLease})
	y.beat(Beat{Worker: "hot", Max: 1, Active: 1}).wait(1).beat(Beat{Worker: "z", Max: 4})
	y.wait(DefaultWorkerLease - time.Second).ask(Request{Attempt: "1", PreferredWorker: "hot"}).gives()
	y.wait(time.Second).late().gives().loses()
	if len(y.Gone) != 2 {
		t.Errorf("gone %v, want both", y.Gone)
	}
	y.why("1", WhyNoWorkers)
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
