package runner_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// plainReplicas plays a story with two replicas and a worker of so many slots that knows CAP and no more: it cannot ask whether it may
// begin, and says its results once.
func plainReplicas(t *testing.T, slots int32, story func(t *testing.T, rs *replicas, k *plainWorker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lies := newShelf()
		rs := newReplicas(t, 2, func(cfg *runner.Config) { cfg.Pointers = lies })
		rs.put(sprintf(plain, "write", ""))
		k := rs.plainWorker("p1", slots)
		story(t, rs, k)
	})
}

func (rs *replicas) plainWorker(name string, slots int32) *plainWorker {
	rs.t.Helper()
	return rs.world(rs.place()).newPlainWorker(name, &wire.Heartbeat{Topics: []string{"job.t.work"}, MaxParallelJobs: slots}, "job.t.work")
}

// TestLateAnswerSendsNothing: a commit whose answer comes when another replica has the partition is durable, and all that is to be
// done about it is that one's to do: nothing is sent.
func TestLateAnswerSendsNothing(t *testing.T) {
	plainReplicas(t, 1, func(t *testing.T, rs *replicas, k *plainWorker) {
		p := rs.place()
		other := rs.all[0]
		if other == p {
			other = rs.all[1]
		}
		p.run("plain")
		<-k.jobs
		p.run("plain") // waits for a slot
		p.store.late.Store(int64(20 * time.Second))
		another := rs.plainWorker("p2", 1) // its job is about to be sent when that is durable
		p.bus.deaf.Store(true)
		rs.until("the other one has everything", func() bool { return len(runner.Owned(other.r)) == rs.store.Partitions() })
		p.bus.deaf.Store(false)
		p.store.late.Store(0)
		time.Sleep(time.Minute)
		if n := len(k.jobs) + len(another.jobs); n > 0 {
			t.Errorf("%d jobs were sent by who did not own them any more", n)
		}
	})
}

// TestLateAnswerOfWhatIsLost: so it is, too, when the process lost nothing but the partition, and knows all that is in force.
func TestLateAnswerOfWhatIsLost(t *testing.T) {
	plainReplicas(t, 1, func(t *testing.T, rs *replicas, k *plainWorker) {
		p := rs.place()
		p.run("plain")
		<-k.jobs
		run := p.run("plain") // waits for a slot
		p.store.late.Store(int64(3 * time.Second))
		another := rs.plainWorker("p2", 1)
		time.Sleep(time.Second) // that this one gets it is in the store, and nobody was told
		runner.Lose(p.r, run)
		time.Sleep(3 * time.Second)
		p.store.late.Store(0)
		time.Sleep(time.Minute)
		if n := len(k.jobs) + len(another.jobs); n > 0 {
			t.Errorf("%d jobs were sent by who did not own them any more", n)
		}
		err := rs.at(run, func(r *runner.Runner) error {
			v, err := r.View(context.Background(), ann, run)
			if err == nil && v.Steps[0].Worker != another.id {
				t.Errorf("no worker got the job, so this test shows nothing: %+v", v.Steps)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestDrainTakesWhatPlainWorkersSay: results of those who say them once are taken or handed on while a replica gives its partitions
// away, however long that takes.
func TestDrainTakesWhatPlainWorkersSay(t *testing.T) {
	plainReplicas(t, 64, func(t *testing.T, rs *replicas, k *plainWorker) {
		p := rs.place()
		runs := rs.runs("plain", `{}`, 16)
		var jobs []*wire.JobRequest
		for range runs {
			jobs = append(jobs, <-k.jobs)
		}
		p.store.late.Store(int64(2 * time.Second))
		drained := make(chan struct{})
		go func() { defer close(drained); p.drain() }()
		k.say(jobs[0].JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED}) // the lane that has its run is busy from here on
		time.Sleep(500 * time.Millisecond)
		for _, j := range jobs[1:] {
			k.say(j.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED})
		}
		<-drained
		rs.succeeded(runs)
	})
}

// TestHandingOnIsSaidAgain: the letter that hands the result of a worker who says it once to a new owner may be lost. It is said
// more than once.
func TestHandingOnIsSaidAgain(t *testing.T) {
	plainReplicas(t, 64, func(t *testing.T, rs *replicas, k *plainWorker) {
		p := rs.place()
		other := rs.all[0]
		if other == p {
			other = rs.all[1]
		}
		run := p.run("plain")
		job := <-k.jobs
		faulty, lost := newFaultyPeers(rs, 1), 0
		faulty.loses = func(subject string, _ []byte) bool {
			if !strings.HasPrefix(subject, runner.SubjectLanes) || lost == 3 {
				return false
			}
			lost++
			return true
		}
		faulty.begin()
		goOn := runner.Stall(p.r, run)
		drained := make(chan struct{})
		go func() { defer close(drained); p.drain() }()
		rs.until("the run's partition is given away", func() bool { return !p.serves(run) })
		synctest.Wait()
		other.bus.deaf.Store(true) // who has the run until then is the only one who hears of it
		k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED})
		synctest.Wait()
		other.bus.deaf.Store(false)
		goOn()
		<-drained
		faulty.end()
		if lost == 0 {
			t.Error("nothing was handed on: this test shows nothing")
		}
		rs.succeeded([]string{run})
	})
}

// TestTakingLosesNoResult: what those who say it once say of a run while somebody takes up its partition waits until that is done.
func TestTakingLosesNoResult(t *testing.T) {
	plainReplicas(t, 64, func(t *testing.T, rs *replicas, k *plainWorker) {
		p := rs.place()
		other := rs.all[0]
		if other == p {
			other = rs.all[1]
		}
		var runs []string
		var jobs []*wire.JobRequest
		for range 50 {
			runs = append(runs, p.run("plain"))
			jobs = append(jobs, <-k.jobs)
		}
		p.kill()
		time.Sleep(runner.DefaultPeerAway + 500*time.Millisecond) // nobody takes it to be there
		other.store.late.Store(int64(time.Second))
		for _, j := range jobs {
			k.say(j.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED})
			time.Sleep(100 * time.Millisecond)
		}
		other.store.late.Store(0)
		rs.succeeded(runs)
	})
}
