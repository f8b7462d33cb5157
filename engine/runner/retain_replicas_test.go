package runner_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/runner"
)

// TestRetentionWithReplicas: while processes come and go, each removes what is of its partitions: every run goes, and once, and the
// store does not grow.
func TestRetentionWithReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var registries []*prometheus.Registry
		rs := newReplicas(t, 2, func(cfg *runner.Config) {
			reg := prometheus.NewRegistry()
			registries = append(registries, reg)
			cfg.Registry = reg
			cfg.Retention = runner.RetentionConfig{Runs: runner.Keep{Age: 10 * time.Minute}}
		})
		rs.put("id: quick\nsteps:\n  - {id: a, type: transform, input: {n: 1}}\n")
		var runs []string
		early, late := 0, 0
		const rounds = 40
		for round := range rounds {
			switch round {
			case 10:
				rs.add()
			case 20:
				rs.all[0].drain()
				rs.settled()
			}
			for _, p := range rs.alive() {
				runs = append(runs, rs.ended(p.run("quick")).ID)
			}
			time.Sleep(2 * time.Minute)
			n := rs.world(rs.alive()[0]).left()["entries"]
			if round < rounds/2 {
				early = max(early, n)
			} else {
				late = max(late, n)
			}
		}
		time.Sleep(20 * time.Minute)
		for _, run := range runs {
			if there := rs.world(rs.ownerOf(run)).isThere(run); there {
				t.Errorf("run %s is still there", run)
			}
		}
		removed, removers := 0.0, 0
		for _, reg := range registries {
			n := metricOf(t, reg, "cordum_retention_runs_removed_total")
			removed += n
			if n > 0 {
				removers++
			}
		}
		if int(removed) != len(runs) || removers != len(registries) {
			t.Errorf("%v removals by %d processes of %d runs by %d", removed, removers, len(runs), len(registries))
		}
		if late > early+early/2 {
			t.Errorf("the store had up to %d entries in the first half, %d in the second", early, late)
		}
	})
}

// metricOf is the sum of a counter of a registry.
func metricOf(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

// TestRetentionPlan: a plan names what the next look removes and what it leaves, and why; then the look does just that.
func TestRetentionPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keepingWorld(t, runner.RetentionConfig{})
		w.flows()
		w.put("id: quick\nsteps:\n  - {id: a, type: transform, input: {n: 1}}\n")
		old := w.ended(w.run("quick", `{}`)).ID
		held := w.ended(w.run("quick", `{}`)).ID
		why := runner.Caller{Tenant: "default", Actor: "user:ann", Reason: "case"}
		if _, err := w.r.SetLegalHold(context.Background(), why, held); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		young := w.ended(w.run("quick", `{}`)).ID
		plan := func(ask runner.RetentionAsk) runner.RetentionPlan {
			t.Helper()
			p, err := w.r.PlanRetention(context.Background(), ann, ask)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p := plan(runner.RetentionAsk{}); len(p.Goes)+len(p.Stays) > 0 || p.More {
			t.Errorf("everything is kept, and the plan is %+v", p)
		}
		age, one := 30*time.Minute, 1
		p := plan(runner.RetentionAsk{RunAge: &age})
		if len(p.Goes) != 1 || len(p.Stays) != 1 || p.Goes[0].Why != "age" || p.Goes[0].Runs != 1 || p.Goes[0].Examples[0] != old ||
			p.Stays[0].Why != "legal_hold" || p.Stays[0].Examples[0] != held || p.Rules[0].Age != "30m0s" {
			t.Errorf("by age: %+v", p)
		}
		if p := plan(runner.RetentionAsk{RunCount: &one}); len(p.Goes) != 1 || p.Goes[0].Why != "count" || p.Goes[0].Examples[0] != old {
			t.Errorf("by count: %+v", p)
		}
		if !w.isThere(old) || !w.isThere(held) || !w.isThere(young) {
			t.Error("a plan removed something")
		}
		wrong := -age
		if _, err := w.r.PlanRetention(context.Background(), ann, runner.RetentionAsk{RunAge: &wrong}); err == nil {
			t.Error("an age below zero is taken")
		}
		w.cfg.Retention = runner.RetentionConfig{Runs: runner.Keep{Age: age}}
		w.halt()
		w.start()
		if p := plan(runner.RetentionAsk{}); len(p.Goes) != 1 || p.Goes[0].Examples[0] != old {
			t.Errorf("by the rules in force: %+v", p)
		}
		time.Sleep(3 * time.Minute)
		if w.isThere(old) || !w.isThere(held) || !w.isThere(young) {
			t.Error("the look did something else than was planned")
		}
	})
}

// TestRetentionPlanSeesAll: a plan counts every run where there are fewer than it looks at, however they are spread over partitions
// and states.
func TestRetentionPlanSeesAll(t *testing.T) {
	w := keepingWorld(t, runner.RetentionConfig{})
	w.put("id: quick\nsteps:\n  - {id: a, type: transform, input: {n: 1}}\n")
	const runs = 1600 // an equal share of each partition and state would be 128 of some 200
	var last string
	for range runs {
		last = w.run("quick", `{}`)
	}
	w.ended(last)
	none := 1
	wait := time.Now().Add(30 * time.Second)
	for {
		p, err := w.r.PlanRetention(t.Context(), ann, runner.RetentionAsk{RunCount: &none})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Goes) == 1 && p.Goes[0].Runs == runs-1 && !p.More {
			return
		}
		if time.Now().After(wait) {
			t.Fatalf("of %d runs it counts %+v, more %v", runs, p.Goes, p.More)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
