package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/config"
)

// byTopic is a yard whose topics have voices.
func byTopic(t *testing.T) *yard {
	y := newYard(t)
	y.f = NewFleet(Config{})
	return y
}

func (y *yard) unheard(id string) *yard { y.Change = y.f.Unheard(y.now, id); return y }

func (y *yard) stranger(id string) *yard { y.Change = y.f.Stranger(y.now, id); return y }

func TestTopicWithoutWorkers(t *testing.T) {
	y := byTopic(t)
	y.job("1").gives("1→")
	if g := y.Grants[0]; !g.ByTopic || g.Direct || g.Native || g.Topic != "job.a" || g.Why == "" {
		t.Errorf("%+v", g)
	}
	if _, ok := y.f.Holder("1"); ok {
		t.Error("somebody is known to have it")
	}
	y.ask(Request{Attempt: "2", Requires: []string{"gpu"}}).gives().why("2", WhyNoWorkers)
	y.ask(Request{Attempt: "3", Placement: map[string]string{"zone": "eu"}}).gives().why("3", WhyNoWorkers)
	for i := range MaxByTopic - 1 {
		y.job(fmt.Sprint("m", i)).gives(fmt.Sprintf("m%d→", i))
	}
	y.job("4").gives().why("4", WhyUnheard)
	y.ended("1").gives("4→")
	y.job("5").gives().worker("w", 1, "m0")
	if len(y.Adopted) != 1 || y.Adopted[0].Worker != "w" {
		t.Errorf("adopted %v: a worker lists what was sent to its topic", y.Adopted)
	}
	y.ended("m1").gives() // there is a worker now: it has no room
	y.ended("m0").gives("5→w")
}

func TestNobodyListens(t *testing.T) {
	y := byTopic(t)
	y.job("1").gives("1→").job("2").gives("2→")
	y.unheard("1").gives().unheard("2").gives().why("1", WhyUnheard)
	for _, pause := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
		pause *= time.Millisecond
		if next := y.f.NextTick(); !next.Equal(y.now.Add(pause)) {
			t.Fatalf("tried again after %v, want %v", next.Sub(y.now), pause)
		}
		y.wait(pause - 1).tick().gives().wait(1).tick().gives("1→") // one, to try
		y.unheard("1").gives()
	}
	y.wait(5 * time.Second).tick().gives("1→").wait(provedAfter).tick().gives("2→") // somebody listens
	y.unheard("2").gives()
	if next := y.f.NextTick(); !next.Equal(y.now.Add(unheardFirst)) {
		t.Errorf("tried again after %v, want the shortest pause", next.Sub(y.now))
	}
	y.worker("w", 5).gives("2→w").job("3").gives("3→w")
	if y.wait(time.Minute); len(y.tick().Gone) != 1 {
		t.Error("w is not lost")
	}
	y.job("4").gives("4→")
}

// TestStrangersAreAsked: what is out to a topic whose listeners were not asked comes back and waits for an introduction. Who is a
// worker gets it as one; else it is granted as asked, until nobody listens or a worker has served the topic.
func TestStrangersAreAsked(t *testing.T) {
	asked := func(y *yard, want bool) {
		t.Helper()
		for _, g := range y.Grants {
			if g.Asked != want {
				t.Errorf("%s is granted, asked: %t", g.Attempt, g.Asked)
			}
		}
	}
	y := byTopic(t)
	y.job("1").gives("1→").job("2").gives("2→")
	asked(y, false)
	y.stranger("1").gives().why("1", WhyUnheard)
	y.job("3").gives().wait(introduction / 2).stranger("2").gives() // out together: they are asked once
	if next := y.f.NextTick(); !next.Equal(y.now.Add(introduction / 2)) {
		t.Errorf("granted again in %v", next.Sub(y.now))
	}
	y.worker("w", 1).gives("1→w").ended("1").gives("2→w").ended("2").gives("3→w").ended("3")

	y.wait(2 * DefaultWorkerLease).tick().job("4").gives("4→")
	asked(y, false) // w is gone, and who listens now was never asked
	y.stranger("4").wait(introduction).tick().gives("4→")
	asked(y, true)
	y.wait(provedAfter).tick().job("5").gives("5→")
	asked(y, true)
	y.stranger("5").gives("5→") // overtaken by the answer: it is not asked twice
	asked(y, true)
	y.unheard("5").gives().wait(unheardFirst).tick().gives("5→")
	asked(y, false)
	y.stranger("gone").gives().worker("w", 1).stranger("5").gives("5→w").stranger("5").gives()
}

func TestUnheardWorkerWaitsForItsBeat(t *testing.T) {
	y := byTopic(t)
	y.worker("a", 1).job("1").gives("1→a").unheard("1").gives().why("1", WhyOverloaded)
	y.worker("b", 1).gives("1→b").worker("a", 1).job("2").gives("2→a")
	y.worker("a", 1, "2").unheard("2").gives() // it is known to have it
	if w, _ := y.f.Holder("2"); w != "a" {
		t.Errorf("%q has it", w)
	}
}

// Whatever comes back and whoever comes and goes, no more than may be are out to a topic, nothing is out twice, and all that
// waits is done as soon as a worker serves the topic.
func TestTopicsAgainstTheirLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 3
		f := NewFleet(Config{ByTopic: most})
		now, issued := start, 0
		out, waiting := make(map[string]string), make(map[string]bool) // attempt → topic; those that wait
		carry := func(c Change) {
			for _, g := range c.Grants {
				if !waiting[g.Attempt] || !g.ByTopic {
					t.Fatalf("%v is granted", g)
				}
				delete(waiting, g.Attempt)
				out[g.Attempt] = g.Topic
			}
		}
		pick := func(t *rapid.T) string {
			var ids []string
			for id := range out {
				ids = append(ids, id)
			}
			if len(ids) == 0 {
				t.Skip("nothing is out")
			}
			slices.Sort(ids)
			return rapid.SampledFrom(ids).Draw(t, "attempt")
		}
		t.Repeat(map[string]func(*rapid.T){
			"announce": func(t *rapid.T) {
				issued++
				id := fmt.Sprint(issued)
				waiting[id] = true
				carry(f.Announce(now, Request{
					Attempt: id, Topic: rapid.SampledFrom([]string{"job.a", "job.b"}).Draw(t, "topic"),
					Tenant: rapid.SampledFrom([]string{"t", "u"}).Draw(t, "tenant"),
				}))
			},
			"end": func(t *rapid.T) {
				id := pick(t)
				delete(out, id)
				carry(f.Ended(now, id))
			},
			"unheard": func(t *rapid.T) {
				id := pick(t)
				delete(out, id)
				waiting[id] = true
				carry(f.Unheard(now, id))
			},
			"stranger": func(t *rapid.T) {
				id := pick(t)
				delete(out, id)
				waiting[id] = true
				carry(f.Stranger(now, id))
			},
			"returned": func(t *rapid.T) {
				id := pick(t)
				delete(out, id)
				waiting[id] = true
				carry(f.Returned(now, id, "stranger", ReturnedFull))
			},
			"pass": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 6_000).Draw(t, "ms")) * time.Millisecond)
				carry(f.Tick(now))
			},
			"": func(t *rapid.T) {
				count := make(map[string]int)
				for _, topic := range out {
					count[topic]++
				}
				for topic, n := range count {
					if n > most {
						t.Fatalf("%d are out to %s", n, topic)
					}
				}
				checkIndexes(t, f)
			},
		})
		c := f.Beat(now, Beat{Worker: "w", Topics: []string{"job.*"}, Max: 10_000, Direct: true})
		if len(c.Grants) != len(waiting) {
			t.Fatalf("%d of %d are granted to the worker that came", len(c.Grants), len(waiting))
		}
	})
}

// TestBuiltinTopicsAreOurs: what the server does itself goes to who names the topic, never to who takes everything, be it by a
// pattern in its heartbeats or by listening.
func TestBuiltinTopicsAreOurs(t *testing.T) {
	y := byTopic(t)
	y.ask(Request{Attempt: "1", Topic: "job.cordum.http"}).gives().why("1", WhyNoWorkers)
	y.beat(Beat{Worker: "all", Max: 9, Direct: true, ListsJobs: true, Topics: []string{"job.>", "job.cordum.*"}}).gives().why("1", WhyNoWorkers)
	y.ask(Request{Attempt: "2", Topic: "job.other"}).gives("2→all")
	y.beat(Beat{Worker: "own", Max: 9, Direct: true, ListsJobs: true, Topics: []string{"job.cordum.http"}}).gives("1→own")
}

// TestMappedTopicIsNotForOtherPools: a job of a mapped topic is not sent to whoever listens while a worker of another pool says that it
// does; a worker that nobody knows may have it.
func TestMappedTopicIsNotForOtherPools(t *testing.T) {
	mapped := config.Fleet{Topics: map[string]config.Topic{"job.a": {Pools: []string{"right"}}}, Pools: map[string]config.Pool{"right": {}}}
	y := byTopic(t).rules(mapped)
	y.job("1").gives("1→").ended("1")
	y.beat(inPool("w", "wrong", 4)).job("2").gives().why("2", WhyNoWorkers)
	y.beat(inPool("r", "right", 1)).gives("2→r")
	y.job("3").gives()
	y.wait(DefaultWorkerLease-time.Second).tick().beat(inPool("w", "wrong", 4)).wait(time.Second).tick().why("3", WhyNoWorkers)
	y.rules(config.Fleet{}).gives("3→w")
	y = byTopic(t).rules(mapped)
	y.beat(inPool("w", "wrong", 4)).job("4").gives()
	y.wait(3 * DefaultWorkerLease).tick().gives("4→") // who was in the way is gone
}
