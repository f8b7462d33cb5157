package runner_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// success is a result whose output has about so many bytes.
func success(size int) *wire.JobResult {
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", size))}
}

// TestDeathLosesNoResult: what those who say it once say of a run whose owner has just died, which nobody knows yet, is with its next
// owner; also where it is as large as the bus takes.
func TestDeathLosesNoResult(t *testing.T) {
	plainReplicas(t, 64, func(t *testing.T, rs *replicas, k *plainWorker) {
		rs.bus.SetMaxPayload(bus.MinPayload)
		third := rs.add()
		p := rs.place()
		var runs []string
		var jobs []*wire.JobRequest
		for range 40 {
			runs = append(runs, p.run("plain"))
			jobs = append(jobs, <-k.jobs)
		}
		p.kill()
		for i, j := range jobs {
			size := 10
			if i%20 == 0 {
				size = bus.MinPayload - 300
			}
			k.say(j.JobId, success(size))
			time.Sleep(runner.DefaultPeerAway / time.Duration(len(jobs)) * 9 / 10) // all before its silence is long
		}
		rs.succeeded(runs)
		if n := runner.HeldResults(third.r); n != 0 {
			t.Errorf("%d results are still kept for who is gone", n)
		}
	})
}

// TestLivingTakeTheirOwn: while their owner lives nobody else has to do with results, which are forgotten soon.
func TestLivingTakeTheirOwn(t *testing.T) {
	plainReplicas(t, 64, func(t *testing.T, rs *replicas, k *plainWorker) {
		p := rs.place()
		other := rs.all[0]
		if other == p {
			other = rs.all[1]
		}
		run := p.run("plain")
		job := <-k.jobs
		k.say(job.JobId, success(10))
		rs.succeeded([]string{run})
		synctest.Wait() // the other hears it too, in its own time
		if n := runner.HeldResults(other.r); n != 1 {
			t.Errorf("%d results are kept for another, want one", n)
		}
		rs.until("it is forgotten", func() bool { return runner.HeldResults(other.r) == 0 })
	})
}
