package runner_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/runner"
)

// metricNow is the value of a gauge, or how often a histogram was told something.
func metricNow(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.Metric[0]
			return m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// TestReplicaMetrics: each engine says what it has, what it took, and why something left it.
func TestReplicaMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var regs []*prometheus.Registry
		rs := newReplicas(t, 2, func(cfg *runner.Config) {
			reg := prometheus.NewRegistry()
			cfg.Registry, regs = reg, append(regs, reg)
		})
		rs.put(relay("wf", 1))
		for _, reg := range regs {
			if n := metricNow(t, reg, "cordum_partitions_owned"); n != 8 {
				t.Errorf("an engine of two has %v of 16 partitions", n)
			}
			if metricNow(t, reg, "cordum_engine_draining") != 0 {
				t.Error("an engine says that it drains")
			}
		}
		if n := metricNow(t, regs[0], "cordum_store_commit_seconds") + metricNow(t, regs[1], "cordum_store_commit_seconds"); n == 0 {
			t.Error("no commit was measured")
		}
		taken := counted(t, regs[0], "cordum_partitions_taken_total", "")
		given := counted(t, regs[1], "cordum_partitions_left_total", "given")
		rs.all[1].drain()
		rs.settled()
		if n := metricNow(t, regs[0], "cordum_partitions_owned"); n != 16 {
			t.Errorf("the engine that is left has %v of 16 partitions", n)
		}
		if n := counted(t, regs[0], "cordum_partitions_taken_total", "") - taken; n != 8 {
			t.Errorf("it took %v partitions, want 8", n)
		}
		if n := counted(t, regs[1], "cordum_partitions_left_total", "given") - given; n != 8 {
			t.Errorf("the other one gave %v partitions, want 8", n)
		}
		if n := metricNow(t, regs[1], "cordum_partitions_owned"); n != 0 || metricNow(t, regs[1], "cordum_engine_draining") != 1 {
			t.Errorf("it has %v partitions", n)
		}
	})
}

// TestFencedCommitsAreCounted: an engine that slept finds others in its place, and says that its commits were refused.
func TestFencedCommitsAreCounted(t *testing.T) {
	var regs []*prometheus.Registry
	change := func(cfg *runner.Config) {
		reg := prometheus.NewRegistry()
		cfg.Registry, regs = reg, append(regs, reg)
	}
	synctest.Test(t, func(t *testing.T) {
		rs := newReplicas(t, 2, change)
		rs.put("id: wf\nsteps:\n  - {id: a, type: approval}\n")
		p := rs.all[0]
		run := p.run("wf")
		p.pause()
		failed := make(chan error, 1)
		go func() {
			_, err := p.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
			failed <- err
		}()
		rs.until("the other one has everything", func() bool { return len(runner.Owned(rs.all[1].r)) == rs.store.Partitions() })
		p.resume()
		if err := <-failed; err == nil {
			t.Error("a stale write was acknowledged")
		}
		rs.settled()
		if n := counted(t, regs[0], "cordum_store_commits_failed_total", "fenced"); n == 0 {
			t.Error("no fenced commit was counted")
		}
	})
}
