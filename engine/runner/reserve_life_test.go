package runner_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
)

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

// TestWaitingJobFollowsThePolicy: what waits for a limit is decided again under another policy, and has its limits.
func TestWaitingJobFollowsThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kernel := stillWorld(t), &shiftingKernel{}
		kernel.now.Store(constrained(t, "{type: MaxConcurrent, value: 1}"))
		w.cfg.Kernel = kernel
		w.start()
		w.put(crowdOf(6))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("many", `{}`)
		held := []*wire.JobRequest{k.next()}
		k.accept(held[0])
		k.none(time.Minute)
		change := func(constraint string) { w.publish(kernel, constrained(t, constraint)) }
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
			other := "01" + run[2:]
			if other == run {
				other = "02" + run[2:]
			}
			put.Key.ID = strings.Replace(put.Key.ID, run, other, 1) // once of a run that there is not, once as it was
			twin := rows[p]
			if errs := w.store.Commit(context.Background(), store.Tx{Partition: p, Epoch: lease.Epoch, Puts: []store.Put{put, twin}}); errs[0] != nil {
				t.Fatal(errs[0])
			}
			if err := w.store.Release(context.Background(), lease); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.limitRows(true)); n != 2 {
			t.Fatalf("%d holders were planted", n)
		}
		w.start()
		since := time.Now()
		w.noHolder()
		if took := time.Since(since); took > 5*time.Second {
			t.Errorf("their places were lost for %v", took)
		}
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
				out[store.Partition(p)] = store.Put(rec)
			}
		}
	}
	return out
}

// TestApprovedJobWaitsForItsLimitOverARestart: leave that people gave is not used up by waiting, and not lost.
func TestApprovedJobWaitsForItsLimitOverARestart(t *testing.T) {
	gated := policy(t, `
default: ALLOW
bundles:
  - name: limits
    rules:
      - {id: ask, match: {topics: [job.t.work]}, decision: REQUIRE_APPROVAL, approval: {approvers: ["user:bob"]}}
      - {id: one, match: {topics: [job.t.work]}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: MaxConcurrent, value: 1}]}
`)
	underPolicy(t, gated, func(t *testing.T, w *world) {
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

// TestLimitsWhoseRowsAreDamaged: what cannot be read is feared, not forgotten.
func TestLimitsWhoseRowsAreDamaged(t *testing.T) {
	underPolicy(t, constrained(t, "{type: MaxConcurrent, value: 1}", "{type: Budget, value: {unit: calls, per_day: 5}}"), func(t *testing.T, w *world) {
		w.put(crowdOf(2))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("many", `{}`)
		first := k.next()
		k.accept(first)
		w.until("it holds both", func() bool { return len(w.limitRows(true)) == 2 })
		w.halt()
		w.spoilLimits()
		w.start()
		k.none(time.Minute) // whoever held holds still
		k.done(first)
		k.none(time.Minute)
		if r := w.step(run, "each").Reason; r != "" && !strings.Contains(r, "Budget") {
			t.Errorf("the fan-out waits for %q", r)
		}
		began := time.Now().UTC()
		k.done(k.next()) // of the day's budget nobody knows what is left: it is the next day's
		if now := time.Now().UTC(); now.YearDay() == began.YearDay() {
			t.Errorf("the second job ran at %s, the budget was damaged at %s", now, began)
		}
		w.ended(run)
		w.noHolder()
	})
}

// spoilLimits makes all rows of limits unreadable.
func (w *world) spoilLimits() {
	w.t.Helper()
	for p := range w.store.Partitions() {
		part := store.Partition(p)
		page, err := w.store.Scan(context.Background(), part, store.Range{Table: store.TableLimit})
		if err != nil {
			w.t.Fatal(err)
		}
		lease, err := w.store.Acquire(context.Background(), part, "test", time.Second)
		if err != nil {
			w.t.Fatal(err)
		}
		tx := store.Tx{Partition: part, Epoch: lease.Epoch}
		for _, rec := range page.Records {
			tx.Puts = append(tx.Puts, store.Put{Key: rec.Key, Value: []byte("\xff\xff\xff")})
		}
		if errs := w.store.Commit(context.Background(), tx); errs[0] != nil {
			w.t.Fatal(errs[0])
		}
		if err := w.store.Release(context.Background(), lease); err != nil {
			w.t.Fatal(err)
		}
	}
}
