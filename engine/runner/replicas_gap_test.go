package runner_test

import (
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// TestOthersGoOnWhenThePlaceDies: when the process that gives jobs to workers dies, the others give those of their own runs at once,
// long before the partition is free whose owner is the next place; and what each gave is done once.
func TestOthersGoOnWhenThePlaceDies(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(plain, "write", ""))
		dead := rs.place()
		var left []*replica
		for _, p := range rs.alive() {
			if p != dead {
				left = append(left, p)
			}
		}
		var mu sync.Mutex
		done := map[string]int{}
		rs.world(left[0]).newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			mu.Lock()
			defer mu.Unlock()
			done[j.JobId]++
			return succeed(j)
		}, "job.t.work")
		for _, p := range left {
			rs.ended(p.run("plain"))
		}
		dead.kill()
		begun := time.Now()
		var runs []string
		for range 20 {
			for _, p := range left {
				run := p.run("plain")
				runs = append(runs, run)
				if v := rs.ended(run); v.State != "succeeded" {
					t.Fatalf("run %s is %s", run, v.State)
				}
			}
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("runs of the others took %s, which is half a lease, since the place died", took)
		}
		rs.until("there is another place", func() bool { return rs.ownerOf("00") != nil })
		rs.settled()
		for _, p := range left {
			runs = append(runs, p.run("plain"))
		}
		rs.succeeded(runs)
		mu.Lock()
		defer mu.Unlock()
		for job, n := range done {
			if n != 1 {
				t.Errorf("job %s was done %d times", job, n)
			}
		}
	})
}

// TestThePlaceComesBack: a place that only was cut off for a moment is asked again by everybody when it is heard again.
func TestThePlaceComesBack(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(plain, "none", ""))
		place := rs.place()
		other := rs.all[0]
		if other == place {
			other = rs.all[1]
		}
		rs.world(other).newWorker("w1", succeed, "job.t.work")
		rs.ended(other.run("plain"))
		runner.LosePlace(other.r)
		if !runner.StandsIn(other.r) {
			t.Fatal("nobody stands in for a place that nobody hears")
		}
		rs.succeeded([]string{other.run("plain")})
		rs.until("the place is asked again", func() bool { return !runner.StandsIn(other.r) })
		rs.succeeded([]string{other.run("plain"), place.run("plain")})
	})
}
