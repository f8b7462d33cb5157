package runner_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// poolsFile is a pools.yaml.
type poolsFile string

func (f poolsFile) Pools() ([]byte, string, error)  { return []byte(f), "pools.yaml", nil }
func (poolsFile) Timeouts() ([]byte, string, error) { return nil, "", nil }

// TestLimitsOfATopic hold over all tenants: its rate and how many of its jobs run at once.
func TestLimitsOfATopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Fleet = poolsFile("topics: {job.t.work: {pools: [p], rate: 10/10s, max_jobs: 3}}\npools: {p: {}}\n")
		w.start()
		crowd := &crowdAtWork{}
		k := w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			crowd.work(2 * time.Second)
			return succeed(j)
		}, "job.t.work")
		k.set(func(k *worker) { k.pool = "p" })
		k.beat()
		bea := runner.Caller{Tenant: "other", Actor: "user:bea"}
		if _, err := w.r.PutWorkflow(context.Background(), bea, []byte(crowdOf(20)), runner.FormatYAML); err != nil {
			t.Fatal(err)
		}
		w.put(crowdOf(20))
		run := w.run("many", `{}`)
		other, err := w.r.Start(context.Background(), bea, runner.StartRequest{Workflow: "many"})
		if err != nil {
			t.Fatal(err)
		}
		w.until("some wait", func() bool {
			page, _, err := w.r.Iterations(context.Background(), ann, run, "each", "", 100)
			return err == nil && len(page) == 20 && strings.Contains(page[19].Reason, "of job.t.work")
		})
		time.Sleep(5 * time.Second)
		w.restart()
		w.ended(run)
		w.until("the other tenant's has ended, too", func() bool {
			v, err := w.r.View(context.Background(), bea, other.RunID)
			return err == nil && v.State == "succeeded"
		})
		if crowd.most != 3 || len(crowd.began) != 40 {
			t.Errorf("%d jobs ran together, %d in all; want 3 and 40", crowd.most, len(crowd.began))
		}
		for i := 10; i < len(crowd.began); i++ {
			if d := crowd.began[i].Sub(crowd.began[i-10]); d < 9*time.Second { // a grant may be older than its dispatch
				t.Errorf("job %d began %s after the one 10 before it", i, d)
			}
		}
		w.noHolder()
	})
}

// lockPacket is the locks of a job as a worker without our SDK reads them.
func lockPacket(t *testing.T, j *wire.JobRequest) []*wire.LockHold {
	t.Helper()
	raw, err := proto.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	var back wire.JobRequest
	if err := proto.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	return back.Locks
}

// TestJobOfTheAPIHoldsItsLock: a job sent straight to the jobs API says what it holds in its request.
func TestJobOfTheAPIHoldsItsLock(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		submit := func(shared bool) {
			if _, _, err := w.r.Submit(context.Background(), ann, runner.JobRequest{Topic: "job.t.work", ResourceLock: "db", LockShared: shared}); err != nil {
				t.Fatal(err)
			}
		}
		submit(true)
		submit(true)
		one, two := k.next(), k.next()
		if locks := lockPacket(t, one); len(locks) != 1 || !locks[0].Shared || locks[0].Name != "db" {
			t.Errorf("locks %v", locks)
		}
		submit(false)
		k.none(time.Minute)
		k.done(one)
		k.done(two)
		k.done(k.next())
		w.noHolder()
	})
}
