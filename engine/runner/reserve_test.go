package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// policyOf reads a policy file.
func policyOf(t testing.TB, source string) *safety.Snapshot {
	t.Helper()
	root, err := yamlx.Parse([]byte(source), yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := safety.ParsePolicy(root, "policy.yaml")
	if s == nil {
		t.Fatalf("policy: %+v", problems)
	}
	return s
}

// constrained is a policy that allows the topic of these tests under constraints.
func constrained(t testing.TB, constraints ...string) *safety.Snapshot {
	t.Helper()
	return policyOf(t, `
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
func underPolicy(t *testing.T, policy *safety.Snapshot, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Policy = policy
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
	underPolicy(t, constrained(t, "{type: MaxConcurrent, value: 10}"), func(t *testing.T, w *world) {
		w.put(crowdOf(1000))
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
			t.Errorf("1000 jobs of half a second, ten at a time, took %s", took)
		}
		if crowd.most != 10 || len(crowd.began) != 1000 {
			t.Errorf("%d jobs ran together, %d in all; want 10 and 1000", crowd.most, len(crowd.began))
		}
		w.noHolder()
		if rows := w.limitRows(false); len(rows) > 0 {
			t.Errorf("rows are left: %v", rows)
		}
	})
}

// TestMaxConcurrentOverCrashes stops the process again and again, with a last commit and without one.
func TestMaxConcurrentOverCrashes(t *testing.T) {
	for seed := range uint64(6) {
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

// TestNothingLeaks ends jobs in every way that there is and looks at who still holds something.
func TestNothingLeaks(t *testing.T) {
	const source = `
id: leaky
on_failure: continue
steps:
  - {id: a, topic: job.t.work, effect: write, timeout: 30s}
  - {id: b, topic: job.t.work, effect: write, timeout: 30s}
`
	for name, end := range map[string]func(w *world, k *worker, run string){
		"cancelled": func(w *world, k *worker, run string) {
			w.command(run, runner.VerbCancel)
			j := <-k.cancelled
			k.answer(&wire.JobRequest{JobId: j, Token: k.token(j), AnswerSubject: answers(j)}, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
		},
		"timed out": func(*world, *worker, string) {},
		"lost": func(_ *world, k *worker, _ string) {
			k.set(func(k *worker) { k.mute = true })
		},
		"cancelled by force": func(w *world, _ *worker, run string) {
			if _, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel, Force: true}); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			underPolicy(t, constrained(t, "{type: MaxConcurrent, value: 1}", "{type: Budget, value: {unit: calls, per_day: 9}}"), func(t *testing.T, w *world) {
				w.put(source)
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("leaky", `{}`)
				k.accept(k.next()) // the other one waits
				w.until("one holds", func() bool { return len(w.limitRows(true)) == 2 })
				end(w, k, run)
				if name != "timed out" && name != "lost" {
					w.ended(run)
				} else { // the other one gets its turn
					w.until("the first one is over", func() bool { return w.count(run, "job_ended") > 0 })
					k.set(func(k *worker) { k.mute = false })
					k.beat()
					k.done(k.next())
					w.ended(run)
				}
				w.noHolder()
			})
		})
	}
}

// token is what a worker has of an attempt.
func (k *worker) token(attempt string) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.have[attempt]
}

// answers is where answers about a job go.
func answers(job string) string { return "cordum.part." + job[:2] }

// switched is a kernel whose policy changes.
type switched struct {
	atomic.Pointer[safety.Snapshot]
}

func (k *switched) Snapshot() *safety.Snapshot { return k.Load() }
func (*switched) Shadow() *safety.Snapshot     { return nil }
func (*switched) Remote() runner.RemoteKernel  { return nil }

// TestWaitingJobFollowsThePolicy: what waits for a limit is decided again under another policy, and has its limits.
func TestWaitingJobFollowsThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kernel := stillWorld(t), &switched{}
		kernel.Store(constrained(t, "{type: MaxConcurrent, value: 1}"))
		w.cfg.Kernel = kernel
		w.start()
		w.put(crowdOf(6))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("many", `{}`)
		held := []*wire.JobRequest{k.next()}
		k.accept(held[0])
		k.none(time.Minute)
		change := func(constraint string) {
			kernel.Store(constrained(t, constraint))
			if err := w.r.PolicyChanged(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		change("{type: MaxConcurrent, value: 4}")
		for range 3 {
			held = append(held, k.next())
			k.accept(held[len(held)-1])
		}
		k.none(time.Minute)
		change("{type: MaxConcurrent, value: 2}") // takes nothing back
		k.done(held[0])
		k.done(held[1])
		k.none(time.Minute)
		k.done(held[2])
		k.accept(k.next())
		k.none(time.Minute)
		change("{type: MaxRetries, value: 3}") // no limit is left
		k.accept(k.next())
		k.none(time.Second)
		w.command(run, runner.VerbCancel)
		for range 3 {
			job := <-k.cancelled
			k.answer(&wire.JobRequest{JobId: job, Token: k.token(job), AnswerSubject: answers(job)}, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
		}
		w.ended(run)
		w.noHolder()
	})
}

// TestHolderThatIsGone: rows of a holder whose job ended unheard, or whose run there never was, do not hold for ever.
func TestHolderThatIsGone(t *testing.T) {
	underPolicy(t, constrained(t, "{type: MaxConcurrent, value: 1}"), func(t *testing.T, w *world) {
		w.put(crowdOf(2))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("many", `{}`)
		first := k.next()
		k.accept(first)
		w.until("one holds", func() bool { return len(w.limitRows(true)) == 1 })
		rows := w.limitCopies()
		k.done(first)
		k.done(k.next())
		w.ended(run)
		w.noHolder()
		w.halt()
		for p, put := range rows { // as if the release had never come
			lease, err := w.store.Acquire(context.Background(), p, "test", time.Second)
			if err != nil {
				t.Fatal(err)
			}
			put.Key.ID = strings.Replace(put.Key.ID, run, "00"+run[2:], 1) // once of a run that there is not, once as it was
			twin := rows[p]
			if errs := w.store.Commit(context.Background(), store.Tx{Partition: p, Epoch: lease.Epoch, Puts: []store.Put{put, twin}}); errs[0] != nil {
				t.Fatal(errs[0])
			}
			if err := w.store.Release(context.Background(), lease); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		if n := len(w.limitRows(true)); n == 0 {
			t.Fatal("no holder was planted")
		}
		w.noHolder()
	})
}

// limitCopies are the rows of holders, by partition.
func (w *world) limitCopies() map[store.Partition]store.Put {
	out := map[store.Partition]store.Put{}
	for p := range w.store.Partitions() {
		page, err := w.store.Scan(context.Background(), store.Partition(p), store.Range{Table: store.TableLimit})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, rec := range page.Records {
			if strings.Contains(rec.Key.ID, "\x01") {
				out[store.Partition(p)] = store.Put{Key: rec.Key, Value: rec.Value}
			}
		}
	}
	return out
}

func TestConstraintsReachTheWorkerAndHold(t *testing.T) {
	policy := constrained(t, "{type: MaxTimeout, value: 5}", "{type: MaxArtifactBytes, value: 100}", "{type: MaxOutputBytes, value: 20}",
		"{type: EgressAllowlist, value: [\"*.example.com\"], prove: true}", "{type: MaxConcurrent, value: 4}", "{type: DenyPaths, value: [secrets/*]}")
	underPolicy(t, policy, func(t *testing.T, w *world) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, timeout: 1m}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		for _, c := range []struct{ name, evidence, output, code string }{
			{"all is well", `{"EgressAllowlist": ["api.example.com"], "MaxArtifactBytes": 100}`, `{}`, ""},
			{"no evidence", ``, `{}`, "constraint_unproven"},
			{"another host", `{"EgressAllowlist": ["example.org"]}`, `{}`, "constraint_unproven"},
			{"too large an artifact", `{"EgressAllowlist": [], "MaxArtifactBytes": 101}`, `{}`, "constraint_unproven"},
			{"too much output", `{"EgressAllowlist": []}`, `"0123456789012345678"`, "output_too_large"},
		} {
			run := w.run("one", `{}`)
			j := k.next()
			k.accept(j)
			wantConstraints(t, j)
			k.answer(j, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(c.output), Evidence: []byte(c.evidence)})
			v := w.ended(run)
			code := ""
			if e := v.Steps[0].Error; e != nil {
				code = e.Code
			}
			if code != c.code || (v.State == "succeeded") != (c.code == "") {
				t.Errorf("%s: the run is %s, the code %q, want %q", c.name, v.State, code, c.code)
			}
		}
		run := w.run("one", `{}`) // and the time
		k.accept(k.next())
		if v := w.ended(run); v.State != "timed_out" && v.State != "failed" || v.EndedAt.Sub(v.StartedAt) > 6*time.Second {
			t.Errorf("the run is %s after %s", v.State, v.EndedAt.Sub(v.StartedAt))
		}
	})
}

// wantConstraints checks what a worker is told of the constraints of its job.
func wantConstraints(t *testing.T, j *wire.JobRequest) {
	t.Helper()
	list, err := safety.ReadConstraints(j.Constraints)
	if err != nil || len(list) != 6 || j.TimeoutMs != 5000 {
		t.Errorf("constraints %s (%v), timeout %d ms", j.Constraints, err, j.TimeoutMs)
	}
	var cap struct {
		Budgets struct{ MaxRuntimeMs, MaxArtifactBytes string }
		Sandbox struct{ NetworkAllowlist []string }
		Diff    struct{ DenyPathGlobs []string }
	}
	if err := json.Unmarshal([]byte(j.Env["CORDUM_POLICY_CONSTRAINTS"]), &cap); err != nil || cap.Budgets.MaxRuntimeMs != "5000" ||
		cap.Budgets.MaxArtifactBytes != "100" || len(cap.Sandbox.NetworkAllowlist) != 1 || len(cap.Diff.DenyPathGlobs) != 1 {
		t.Errorf("CORDUM_POLICY_CONSTRAINTS is %s", j.Env["CORDUM_POLICY_CONSTRAINTS"])
	}
	if j.Env["CORDUM_MAX_ARTIFACT_BYTES"] != "100" || j.Env["CORDUM_MAX_CONCURRENT_JOBS"] != "4" {
		t.Errorf("env is %v", j.Env)
	}
}

// TestApprovedJobWaitsForItsLimitOverARestart: leave that people gave is not used up by waiting, and not lost.
func TestApprovedJobWaitsForItsLimitOverARestart(t *testing.T) {
	policy := policyOf(t, `
default: ALLOW
bundles:
  - name: limits
    rules:
      - {id: ask, match: {topics: [job.t.work]}, decision: REQUIRE_APPROVAL, approval: {approvers: ["user:bob"]}}
      - {id: one, match: {topics: [job.t.work]}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: MaxConcurrent, value: 1}]}
`)
	underPolicy(t, policy, func(t *testing.T, w *world) {
		w.put("id: two\nsteps:\n  - {id: a, topic: job.t.work, effect: write}\n  - {id: b, topic: job.t.work, effect: write}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("two", `{}`)
		bob := runner.Caller{Tenant: ann.Tenant, Actor: "user:bob", ActorType: "human"}
		for _, step := range []string{"a", "b"} {
			approval := w.step(run, step).JobID
			if _, err := w.r.Decide(context.Background(), bob, approval, runner.Decision{Approve: true}); err != nil {
				t.Fatal(err)
			}
		}
		first := k.next()
		k.accept(first)
		k.none(time.Minute)
		w.restart()
		k.none(time.Minute)
		k.done(first)
		second := k.next()
		k.accept(second)
		k.done(second)
		w.states(w.ended(run), "a=succeeded b=succeeded")
		w.noHolder()
	})
}
