package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// constrained is a policy that allows the topic of these tests under constraints.
func constrained(t testing.TB, constraints ...string) *safety.Snapshot {
	t.Helper()
	return policy(t, `
default: ALLOW
bundles:
  - name: limits
    rules:
      - id: work
        match: {topics: [job.t.work]}
        decision: ALLOW_WITH_CONSTRAINTS
        constraints: [`+strings.Join(constraints, ", ")+`]
`)
}

// underPolicy plays a story under a policy.
func underPolicy(t *testing.T, inForce *safety.Snapshot, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Policy, w.cfg.Audit.Key = inForce, signer()
		w.start()
		story(t, w)
	})
}

// crowdAtWork counts how many jobs run at a time, as their worker sees it.
type crowdAtWork struct {
	mu        sync.Mutex
	now, most int
	began     []time.Time
}

func (c *crowdAtWork) work(d time.Duration) {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.began = append(c.began, time.Now())
	c.mu.Unlock()
	time.Sleep(d)
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
}

// limitRows are the rows that limits have left in the store, of holders only or of all.
func (w *world) limitRows(holders bool) (rows []string) {
	w.t.Helper()
	for p := range w.store.Partitions() {
		page, err := w.store.Scan(context.Background(), store.Partition(p), store.Range{Table: store.TableLimit})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, rec := range page.Records {
			if !holders || strings.Contains(rec.Key.ID, "\x01") {
				rows = append(rows, strings.ReplaceAll(rec.Key.ID, "\x01", " held by "))
			}
		}
	}
	return rows
}

// noHolder waits until nobody holds a limit.
func (w *world) noHolder() {
	w.t.Helper()
	w.until("nobody holds a limit", func() bool { return len(w.limitRows(true)) == 0 })
}

// crowdOf is a workflow of n like jobs.
func crowdOf(n int) string {
	return `
id: many
steps:
  - {id: each, topic: job.t.work, effect: write, for_each: "0..` + strconv.Itoa(n-1) + `", retry: {max_attempts: 20, initial: 1s}}
`
}

func TestMaxConcurrentHolds(t *testing.T) {
	jobs := 1000
	if testing.Short() {
		jobs = 200
	}
	underPolicy(t, constrained(t, "{type: MaxConcurrent, value: 10}"), func(t *testing.T, w *world) {
		w.put(crowdOf(jobs))
		crowd := &crowdAtWork{}
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			crowd.work(time.Duration(rand.IntN(900)) * time.Millisecond)
			return succeed(j)
		}, "job.t.work")
		v := w.ended(w.run("many", `{}`))
		if v.State != "succeeded" {
			t.Errorf("the run is %s", v.State)
		}
		if took := v.EndedAt.Sub(v.StartedAt); took > 2*time.Minute { // what ends gives back at once
			t.Errorf("%d jobs of half a second, ten at a time, took %s", jobs, took)
		}
		if crowd.most != 10 || len(crowd.began) != jobs {
			t.Errorf("%d jobs ran together, %d in all; want 10 and %d", crowd.most, len(crowd.began), jobs)
		}
		w.noHolder()
		if rows := w.limitRows(false); len(rows) > 0 {
			t.Errorf("rows are left: %v", rows)
		}
	})
}

// TestMaxConcurrentOverCrashes stops the process again and again, with a last commit and without one.
func TestMaxConcurrentOverCrashes(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 7))
				w := stillWorld(t)
				flaky := faults.Wrap(w.store)
				w.store = flaky
				w.cfg.Policy = constrained(t, "{type: MaxConcurrent, value: 10}")
				w.start()
				w.put(crowdOf(170))
				crowd := &crowdAtWork{}
				w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
					crowd.work(time.Duration(300+rand.IntN(2000)) * time.Millisecond)
					return succeed(j)
				}, "job.t.work")
				run := w.run("many", `{}`)
				for range 6 {
					time.Sleep(time.Duration(rng.IntN(6000)) * time.Millisecond)
					switch rng.IntN(3) {
					case 0: // nothing more is written, or it is and nobody learns of it
						flaky.Plan(faults.Fault{Method: faults.Commit, Times: -1, When: faults.Moment(rng.IntN(2)), Do: faults.Fail(faults.ErrPlanned)})
						time.Sleep(time.Duration(rng.IntN(500)) * time.Millisecond)
						w.halt()
						flaky.Clear()
						w.start()
					case 1:
						w.restart()
					case 2: // the store fails now and then
						flaky.Plan(faults.Scatter(seed, 6, 30, faults.Commit, faults.Get, faults.Scan)...)
						time.Sleep(2 * time.Second)
						flaky.Clear()
					}
				}
				if v := w.ended(run); v.State != "succeeded" {
					t.Errorf("the run is %s", v.State)
				}
				if crowd.most != 10 || len(crowd.began) < 170 {
					t.Errorf("%d jobs ran together, %d in all; want 10 and 170", crowd.most, len(crowd.began))
				}
				w.noHolder()
			})
		})
	}
}

func TestRateHolds(t *testing.T) {
	underPolicy(t, constrained(t, `{type: RateLimit, value: {key: tenant, per: 1m, limit: 20}}`), func(t *testing.T, w *world) {
		w.put(crowdOf(100))
		crowd := &crowdAtWork{}
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			crowd.work(time.Second)
			return succeed(j)
		}, "job.t.work")
		run := w.run("many", `{}`)
		w.until("some wait for the rate", func() bool {
			page, _, err := w.r.Iterations(context.Background(), ann, run, "each", "", 100)
			return err == nil && len(page) == 100 && strings.Contains(page[99].Reason, "waiting for limit RateLimit 20 per 1m by tenant")
		})
		time.Sleep(90 * time.Second)
		w.restart()
		w.ended(run)
		if len(crowd.began) != 100 {
			t.Fatalf("%d jobs ran", len(crowd.began))
		}
		for i := 20; i < len(crowd.began); i++ {
			if d := crowd.began[i].Sub(crowd.began[i-20]); d < time.Minute-time.Second { // a grant may be older than its dispatch
				t.Fatalf("job %d began %s after the one 20 before it", i, d)
			}
		}
		if took := crowd.began[99].Sub(crowd.began[0]); took > 6*time.Minute {
			t.Errorf("100 jobs at 20 a minute began within %s", took)
		}
		w.noHolder()
	})
}

const spender = `
id: spender
steps:
  - {id: a, topic: job.t.work, labels: {budget.tokens: "4"}}
  - {id: b, topic: job.t.work, labels: {budget.tokens: "4"}, depends_on: [a]}
  - {id: c, topic: job.t.work, labels: {budget.tokens: "4"}, depends_on: [b]}
`

// spending answers with what a job used.
func spending(tokens string) func(*wire.JobRequest) *wire.JobResult {
	return func(j *wire.JobRequest) *wire.JobResult {
		res := succeed(j)
		res.Usage = []byte(`{"tokens": ` + tokens + `}`)
		return res
	}
}

func TestBudgetOfARunStops(t *testing.T) {
	underPolicy(t, constrained(t, `{type: Budget, value: {unit: tokens, per_run: 10}}`), func(t *testing.T, w *world) {
		w.put(spender)
		k := w.newWorker("w1", spending("3"), "job.t.work")
		w.states(w.ended(w.run("spender", `{}`)), "a=succeeded b=succeeded c=succeeded")
		k.set(func(k *worker) { k.act = spending("7") })
		v := w.ended(w.run("spender", `{}`))
		w.states(v, "a=succeeded b=denied c=skipped")
		if e := w.step(v.ID, "b").Error; e == nil || !strings.Contains(e.Message, "Budget of tokens per run") || !strings.Contains(e.Message, "7 of 10 is used up") {
			t.Errorf("the error of b is %+v", e)
		}
		w.noHolder()
	})
}

func TestBudgetOfADayWaitsForTheNext(t *testing.T) {
	underPolicy(t, constrained(t, `{type: Budget, value: {unit: tokens, per_day: 10}}`), func(t *testing.T, w *world) {
		w.put(spender)
		w.newWorker("w1", spending("4"), "job.t.work")
		run := w.run("spender", `{}`)
		w.until("c waits", func() bool {
			return w.step(run, "c").Reason == "waiting for limit Budget of tokens per day"
		})
		began := time.Now().UTC()
		w.restart()
		w.states(w.ended(run), "a=succeeded b=succeeded c=succeeded")
		if now := time.Now().UTC(); now.YearDay() != began.YearDay()+1 {
			t.Errorf("c ran on %s, a and b on %s", now, began)
		}
		w.noHolder()
	})
}

// TestSeveralLimitsAtOnce: while a job waits for one limit it does not keep others from those that could use them.
func TestSeveralLimitsAtOnce(t *testing.T) {
	all := []string{
		"{type: MaxConcurrent, value: 3}", "{type: RateLimit, value: {key: topic, per: 10s, limit: 7}}",
		"{type: RateLimit, value: {key: principal, per: 1m, limit: 20}}", "{type: Budget, value: {unit: jobs, per_run: 60, per_day: 1000}}",
	}
	underPolicy(t, constrained(t, all...), func(t *testing.T, w *world) {
		w.put(crowdOf(60))
		crowd := &crowdAtWork{}
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			crowd.work(4 * time.Second)
			return succeed(j)
		}, "job.t.work")
		run := w.run("many", `{}`)
		time.Sleep(45 * time.Second)
		w.restart()
		if v := w.ended(run); v.State != "succeeded" {
			t.Errorf("the run is %s", v.State)
		}
		if crowd.most > 3 {
			t.Errorf("%d ran together", crowd.most)
		}
		if took := crowd.began[59].Sub(crowd.began[0]); took > 6*time.Minute {
			t.Errorf("60 jobs began within %s", took)
		}
		w.noHolder()
	})
}
