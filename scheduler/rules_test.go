package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/dag"
)

// rules puts rules in force.
func (y *yard) rules(f config.Fleet, drained ...string) *yard {
	r := Rules{Fleet: &f, Drained: make(map[string]bool)}
	for _, id := range drained {
		r.Drained[id] = true
	}
	y.Change = y.f.Configure(y.now, r)
	return y
}

func inPool(id, pool string, slots int) Beat {
	b := native(id, slots)
	b.Pool = pool
	return b
}

func TestMapping(t *testing.T) {
	y := newYard(t)
	y.beat(inPool("a", "p1", 1)).beat(inPool("b", "p2", 1))
	plain := native("plain", 1)
	plain.Pool, plain.Topics = "p2", []string{}
	y.beat(plain)
	y.rules(config.Fleet{Topics: map[string]config.Topic{"job.a": {Pools: []string{"p2"}}}, Pools: map[string]config.Pool{"p1": {}, "p2": {}}})
	y.job("1").gives("1→b").job("2").gives("2→plain").job("3").gives().why("3", WhyOverloaded)
	y.ask(Request{Attempt: "4", Topic: "job.b"}).gives().why("4", WhyNoPool)
	y.beat(Beat{Worker: "own", Topics: []string{"job.cordum.http"}, Direct: true})
	y.ask(Request{Attempt: "5", Topic: "job.cordum.http"}).gives("5→own") // no configuration maps what is built in
	y.rules(config.Fleet{}).gives("3→a")
	y.why("4", WhyNoWorkers)
}

func TestPoolVouchesForCapabilities(t *testing.T) {
	y := newYard(t)
	y.beat(inPool("a", "db", 1)).ask(Request{Attempt: "1", Requires: []string{"postgres"}}).gives().why("1", WhyCapability)
	y.rules(config.Fleet{Pools: map[string]config.Pool{"db": {Requires: []string{"postgres"}}}}).gives("1→a")
}

func TestPlacementLabels(t *testing.T) {
	y := newYard(t)
	for i := range 100 {
		b := native(fmt.Sprintf("w%02d", i), 1)
		b.Labels = map[string]string{"host": fmt.Sprint("h", i), "zone": "eu"}
		y.beat(b)
	}
	if len(y.f.groups) != 1 {
		t.Fatalf("%d groups, though nobody asks for labels", len(y.f.groups))
	}
	on := func(id string, labels map[string]string) *yard { return y.ask(Request{Attempt: id, Placement: labels}) }
	on("1", map[string]string{"host": "h7"}).gives("1→w07")
	on("2", map[string]string{"host": "h7", "zone": "eu"}).gives().why("2", WhyOverloaded)
	on("3", map[string]string{"zone": "us"}).gives().why("3", WhyPlacement)
	on("4", map[string]string{"host": "h9", "zone": "us"}).gives().why("4", WhyPlacement)
	if len(y.f.groups) != 3 {
		t.Errorf("%d groups, want those of h7, h9 and the others", len(y.f.groups))
	}
	b := native("w07", 1, "1")
	b.Labels = map[string]string{"host": "h7", "zone": "us"}
	y.beat(b).ended("1").gives("3→w07")
	for _, id := range []string{"2", "3", "4"} {
		y.ended(id)
	}
	for i := range 2 * minSweep {
		y.ask(Request{Attempt: "x", Topic: fmt.Sprint("job.", i)}).ended("x")
	}
	if len(y.f.groups) != 1 || len(y.f.labels.asked) != 0 {
		t.Errorf("%d groups and %d labels, though nobody asks for labels any more", len(y.f.groups), len(y.f.labels.asked))
	}
}

func TestLimitsOfTenantsAndPools(t *testing.T) {
	y := newYard(t)
	y.beat(inPool("a", "p1", 10)).beat(inPool("b", "p2", 10))
	y.rules(config.Fleet{
		Pools: map[string]config.Pool{"p1": {MaxJobs: 1}}, Tenants: map[string]config.Tenant{"t": {MaxJobs: 2}, "u": {MaxJobs: 0}},
	})
	y.job("1").gives("1→a").job("2").gives("2→b").job("3").gives().why("3", WhyTenantLimit)
	y.ask(Request{Attempt: "4", Tenant: "u", PreferredPool: "p1"}).gives("4→b")
	y.ask(Request{Attempt: "5", Tenant: "u", PreferredWorker: "a"}).gives().why("5", WhyPreferBusy)
	y.ended("1").gives("5→a", "3→b") // p1 has room, then the tenant has
	y.rules(config.Fleet{Pools: map[string]config.Pool{"p1": {MaxJobs: 1}, "p2": {MaxJobs: 3}}})
	y.job("6").gives().why("6", WhyOverloaded)
	y.rules(config.Fleet{}).gives("6→a")
}

func TestDrained(t *testing.T) {
	for name, f := range map[string]func(*yard) *yard{
		"worker": func(y *yard) *yard { return y.rules(config.Fleet{}, "a") },
		"pool": func(y *yard) *yard {
			return y.rules(config.Fleet{Pools: map[string]config.Pool{"p1": {Draining: true}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.beat(inPool("a", "p1", 2)).job("1").gives("1→a")
			f(y).job("2").gives().why("2", WhyDraining)
			if got := y.state("a").State; got != WorkerDraining {
				t.Errorf("a is %s", got)
			}
			y.beat(inPool("b", "p2", 1)).gives("2→b").job("3").gives()
			y.rules(config.Fleet{}).gives("3→a")
		})
	}
}

// One tenant with very much to do delays another's single job by no more than two slots.
func TestCrowdDelaysNobody(t *testing.T) {
	y := newYard(t)
	y.worker("w", 1)
	for i := range 100_000 {
		y.ask(Request{Attempt: fmt.Sprint(i), Tenant: "crowd", Priority: dag.Critical})
	}
	y.wait(time.Second).ask(Request{Attempt: "single", Tenant: "other"})
	running := "0"
	for slots := 0; running != "single"; slots++ {
		if slots > 2 {
			t.Fatalf("it has waited for %d slots", slots)
		}
		running = y.ended(running).Grants[0].Attempt
	}
}

// While they all have something waiting, tenants have had turns by their weights, to within one, at the end of each round.
func TestWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenants := rapid.IntRange(2, 5).Draw(t, "tenants")
		rules := &config.Fleet{Tenants: make(map[string]config.Tenant)}
		weight, round := make([]int, tenants), 0
		for i := range weight {
			weight[i] = rapid.IntRange(1, 10).Draw(t, "weight")
			rules.Tenants[fmt.Sprint(i)] = config.Tenant{Weight: weight[i]}
			round += weight[i]
		}
		f := NewFleet(Config{})
		f.Configure(start, Rules{Fleet: rules})
		f.Beat(start, Beat{Worker: "w", Topics: []string{"job.x"}, Max: 1, Direct: true})
		f.Announce(start, Request{Attempt: "first", Topic: "job.x", Tenant: "nobody"})
		for i := range tenants {
			for k := range 4 * round {
				f.Announce(start, Request{Attempt: fmt.Sprintf("%d.%d", i, k), Topic: "job.x", Tenant: fmt.Sprint(i)})
			}
		}
		got, running := make([]int, tenants), "first"
		for slot := range 3 * round {
			running = f.Ended(start, running).Grants[0].Attempt
			var i, k int
			_, _ = fmt.Sscanf(running, "%d.%d", &i, &k)
			got[i]++
			if (slot+1)%round != 0 {
				continue
			}
			for i, n := range got {
				if fair := (slot + 1) / round * weight[i]; n < fair-1 || n > fair+1 {
					t.Fatalf("after %d slots tenant %d has %d, and %d is fair (weights %v)", slot+1, i, n, fair, weight)
				}
			}
		}
	})
}

// Fairness keys take turns within what a tenant has waiting.
func TestFairnessKeys(t *testing.T) {
	y := newYard(t)
	y.worker("w", 1).job("0").gives("0→w")
	for _, id := range []string{"a1", "a2", "a3", "b1", "c1", "b2"} {
		y.wait(time.Second).worker("w", 1, "0").ask(Request{Attempt: id, Fairness: id[:1]})
	}
	running := "0"
	for _, want := range []string{"a1", "b1", "c1", "a2", "b2", "a3"} {
		y.ended(running).gives(want + "→w")
		running = want
	}
}

// However many keys a tenant uses, and however urgent what comes after it is, an attempt waits no longer than two head
// starts and the slots of those that wait when these are over.
func TestNoStarvationOverKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFleet(Config{ByTopic: -1})
		now := start
		beat := Beat{Worker: "w", Topics: []string{"job.x"}, Max: 1, Direct: true}
		f.Beat(now, beat)
		f.Announce(now, Request{Attempt: "0", Topic: "job.x"})
		f.Announce(now, Request{Attempt: "it", Topic: "job.x", Fairness: "it"})
		running, others := "0", 0
		for i := 1; running != "it"; i++ {
			now = now.Add(time.Duration(rapid.IntRange(1, 4_000).Draw(t, "ms")) * time.Millisecond)
			f.Beat(now, beat)
			if now.Sub(start) <= 2*DefaultAgeing {
				others++
			}
			f.Announce(now, Request{
				Attempt: fmt.Sprint(i), Topic: "job.x", Fairness: rapid.SampledFrom([]string{"", "k1", "k2", fmt.Sprint(i)}).Draw(t, "key"),
				Priority: rapid.SampledFrom([]dag.Priority{dag.Batch, dag.Interactive, dag.Critical}).Draw(t, "priority"),
			})
			if now.Sub(start) > 2*DefaultAgeing {
				if others--; others < 0 {
					t.Fatalf("still waiting after %v", now.Sub(start))
				}
			}
			running = f.Ended(now, running).Grants[0].Attempt
		}
	})
}

func TestLabelsAreBounded(t *testing.T) {
	labels := map[string]string{"": "x"}
	for i := range 2 * MaxLabels {
		labels[fmt.Sprintf("%03d", i)] = "x"
	}
	if got := boundedLabels(labels); len(got) != MaxLabels || got["000"] != "x" || got[""] != "" {
		t.Errorf("%d labels are kept", len(got))
	}
	keys := labelsOf(map[string]string{"b": "1", "a": "2"})
	if !slices.Equal(keys, []label{{"a", "2"}, {"b", "1"}}) {
		t.Errorf("%v", keys)
	}
}
