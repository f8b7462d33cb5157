package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

// randomWorkflow is a small workflow of jobs, some of which fail at first, with delays and every kind of join.
func randomWorkflow(rng *rand.Rand, name string) string {
	joins := []string{"all_success", "all_done", "any_success", "none_failed", "any_failed"}
	pick := func(options ...string) string { return options[rng.IntN(len(options))] }
	var b strings.Builder
	fmt.Fprintf(&b, "id: %s\non_failure: %s\nsteps:\n", name, pick("continue", "halt"))
	for i := range 3 + rng.IntN(6) {
		fmt.Fprintf(&b, "  - {id: s%d", i)
		if i > 0 && rng.IntN(4) > 0 {
			fmt.Fprintf(&b, ", depends_on: [s%d], join: %s", rng.IntN(i), joins[rng.IntN(len(joins))])
		}
		if rng.IntN(6) == 0 {
			b.WriteString(", type: delay, for: 3s}\n")
			continue
		}
		fmt.Fprintf(&b, ", topic: job.t.work, effect: %s", pick("none", "write"))
		if rng.IntN(2) == 0 {
			b.WriteString(", retry: {max_attempts: 3, initial: 1s}, timeout: 10m")
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// ledger is what workers did, kept apart from the engine.
type ledger struct {
	mu       sync.Mutex
	begun    map[string]map[string]bool // job → tokens of the attempts that began
	accepted map[string]int             // job → results acknowledged after success
}

// jobOf is the job that an attempt belongs to.
func jobOf(j *wire.JobRequest) string {
	job, _, _ := strings.Cut(j.JobId, "@")
	return job
}

func (l *ledger) begin(j *wire.JobRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := jobOf(j)
	if l.begun[key] == nil {
		l.begun[key] = map[string]bool{}
	}
	l.begun[key][string(j.Token)] = true
}

// newLedgerWorker works through everything and notes it. Whether an attempt fails depends on its id alone.
func (w *world) newLedgerWorker(l *ledger) *worker {
	var k *worker
	k = w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
		l.begin(j)
		h := fnv.New32a()
		_, _ = h.Write([]byte(j.StepId + fmt.Sprint(j.Attempt)))
		time.Sleep(time.Duration(h.Sum32()%900) * time.Millisecond)
		if h.Sum32()%4 == 0 {
			return failing()
		}
		if code := k.done(j); code == wire.AckCode_ACK_CODE_OK {
			l.mu.Lock()
			l.accepted[jobOf(j)]++
			l.mu.Unlock()
		}
		return nil
	}, "job.t.work")
	return k
}

// startSurely starts a run under a key, again and again until it is acknowledged.
func (w *world) startSurely(workflow, key string) string {
	for {
		s, err := w.r.Start(context.Background(), ann, runner.StartRequest{Workflow: workflow, IdempotencyKey: key})
		if err == nil {
			return s.RunID
		}
		if !errors.Is(err, runner.ErrUnavailable) {
			w.t.Fatalf("start: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sound checks what must hold of a run whatever happened.
func (w *world) sound(l *ledger, run string) {
	w.t.Helper()
	v := w.ended(run)
	events, more, err := w.r.Timeline(context.Background(), ann, run, 0, 10_000)
	if err != nil || more {
		w.t.Fatalf("timeline: %v", err)
	}
	seen := map[string]int{}
	for i, e := range events {
		if e.Seq != uint64(i+1) || e.Prev != uint64(i) {
			w.t.Errorf("event %d has seq %d behind %d", i+1, e.Seq, e.Prev)
		}
		seen[e.Type+" "+e.Step]++
	}
	if v.Seq != uint64(len(events)) {
		w.t.Errorf("the view is at %d, the log at %d", v.Seq, len(events))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range v.Steps {
		key := s.JobID
		if n := seen["step_succeeded "+s.ID]; n > 1+seen["run_set_back "] || l.accepted[key] > n {
			w.t.Errorf("%s succeeded %d times, %d acknowledged", key, n, l.accepted[key])
		}
		if n := len(l.begun[key]); n > s.Attempt {
			w.t.Errorf("%s: %d attempts began, %d are counted", key, n, s.Attempt)
		}
	}
	held, loaded, folded, err := runner.StatesOf(context.Background(), w.r, ann.Tenant, run)
	if err != nil || !bytes.Equal(held, folded) || !bytes.Equal(loaded, folded) {
		w.t.Errorf("run %s: the state is not its log's: %v", run, err)
	}
}

// TestFaultsOfTheStore runs random workflows over a store that fails on purpose, and stops the runner in the middle
// (with a last commit, or without one) or leaves it to heal.
func TestFaultsOfTheStore(t *testing.T) {
	for seed := range seeds(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				w := stillWorld(t)
				flaky := faults.Wrap(w.store)
				w.store = flaky
				w.start()
				source := randomWorkflow(rng, "random")
				w.put(source)
				l := &ledger{begun: map[string]map[string]bool{}, accepted: map[string]int{}}
				w.newLedgerWorker(l)
				var runs []string
				for round := range 4 {
					flaky.Plan(faults.Scatter(seed*10+uint64(round), 6, 30, faults.Commit, faults.Get, faults.ReadLog, faults.Renew)...)
					for i := range 3 {
						runs = append(runs, w.startSurely("random", fmt.Sprint(round, i)))
					}
					time.Sleep(time.Duration(rng.IntN(2500)) * time.Millisecond)
					if rng.IntN(2) == 0 { // nothing more is written, or it is and nobody learns of it
						flaky.Plan(faults.Fault{
							Method: faults.Commit, Times: -1, When: faults.Moment(rng.IntN(2)), Do: faults.Fail(faults.ErrPlanned),
						})
						time.Sleep(time.Duration(rng.IntN(1000)) * time.Millisecond)
					}
					if seed%2 == 0 {
						w.halt()
						flaky.Clear()
						w.start()
						continue
					}
					flaky.Clear() // it heals without a restart, although reading fails at first, too
					flaky.Plan(faults.Fault{Method: faults.ReadLog, Nth: 1, Times: 3, Do: faults.Fail(faults.ErrPlanned)},
						faults.Fault{Method: faults.Get, Nth: 2, Times: 3, Do: faults.Fail(faults.ErrPlanned)})
				}
				time.Sleep(time.Minute)
				flaky.Clear()
				for _, run := range runs {
					w.sound(l, run)
				}
				if t.Failed() {
					t.Log(source)
				}
			})
		})
	}
}

// TestCrashPoints lets nothing more be written from the nth time that a crash point is passed, stops, and starts again.
func TestCrashPoints(t *testing.T) {
	const source = `
id: crash
steps:
  - {id: a, topic: job.t.work, effect: write, retry: {max_attempts: 3, initial: 1s}}
  - {id: b, topic: job.t.work, effect: none, retry: {max_attempts: 3, initial: 1s}}
  - {id: nap, type: delay, for: 2s, depends_on: [a, b], join: all_done}
  - {id: gate, type: approval, depends_on: [nap]}
  - {id: c, topic: job.t.work, effect: write, depends_on: [gate], retry: {max_attempts: 3, initial: 1s}}
`
	const undone = `
id: crash
steps:
  - {id: a, topic: job.t.work, effect: write, retry: {max_attempts: 9, initial: 1s}, compensate: {topic: job.t.work, retry: {max_attempts: 9, initial: 1s}}}
  - {id: b, topic: job.t.work, effect: write, depends_on: [a], retry: {max_attempts: 9, initial: 1s}, compensate: {topic: job.t.work, retry: {max_attempts: 9, initial: 1s}}}
  - {id: c, topic: job.t.work, effect: write, depends_on: [b], retry: {max_attempts: 9, initial: 1s}, compensate: {topic: job.t.work, retry: {max_attempts: 9, initial: 1s}}}
  - {id: bad, topic: job.t.nobody, effect: none, depends_on: [c], queue_timeout: 1s}
`
	for _, point := range runner.CrashPoints() {
		if point == runner.CrashSnapshot {
			continue // needs 500 facts: TestDerivedRecordsAreMadeAgain has them
		}
		source := source
		if point == runner.CrashUndone {
			source = undone
		}
		for nth := range int32(3) {
			t.Run(fmt.Sprint(point, ":", nth+1), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := stillWorld(t)
					flaky := faults.Wrap(w.store)
					w.store = flaky
					var passed atomic.Int32
					w.cfg.Crash = func(p string) {
						if p == point && passed.Add(1) == nth+1 {
							flaky.Plan(faults.Fault{Method: faults.Commit, Times: -1, Do: faults.Fail(faults.ErrPlanned)})
						}
					}
					if point != runner.CrashOwned {
						w.start()
						w.put(source)
					} else {
						w.start()
						flaky.Clear()
						w.put(source)
					}
					l := &ledger{begun: map[string]map[string]bool{}, accepted: map[string]int{}}
					w.newLedgerWorker(l)
					var runs []string
					for i := range 2 {
						key := fmt.Sprint(i)
						s, err := w.r.Start(context.Background(), ann, runner.StartRequest{Workflow: "crash", IdempotencyKey: key})
						if err != nil { // it is dead already
							w.halt()
							flaky.Clear()
							w.start()
							s.RunID = w.startSurely("crash", key)
						}
						runs = append(runs, s.RunID)
					}
					for range 3 { // policies are published meanwhile
						publish, done := context.WithTimeout(context.Background(), time.Second)
						_ = w.r.PolicyChanged(publish)
						done()
					}
					time.Sleep(20 * time.Second)
					for _, run := range runs {
						_, _ = w.r.Decide(context.Background(), ann, run+".gate~0", runner.Decision{Approve: true})
					}
					time.Sleep(time.Second)
					w.halt()
					if n := passed.Load(); n == 0 {
						t.Error("the point was never passed")
					}
					flaky.Clear()
					w.cfg.Crash = nil
					w.start()
					time.Sleep(20 * time.Second)
					for _, run := range runs {
						_, _ = w.r.Decide(context.Background(), ann, run+".gate~0", runner.Decision{Approve: true})
						w.sound(l, run)
					}
				})
			})
		}
	}
}

func TestAnotherOwnerEndsTheRunner(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
		time.Sleep(time.Second)
		if _, err := w.store.Acquire(context.Background(), 3, "test", time.Minute); err != nil {
			t.Fatal(err)
		}
		err := <-w.done
		w.stop = nil
		if err == nil || !strings.Contains(err.Error(), "partition 3") {
			t.Errorf("the runner ended with %v", err)
		}
		_, err = w.r.Start(context.Background(), ann, runner.StartRequest{Workflow: "nap"})
		is(t, err, runner.ErrUnavailable)
	})
}

func TestPanicCostsOneRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: two\nsteps:\n  - {id: a, topic: job.t.work, effect: write}\n  - {id: b, topic: job.t.work, effect: write, depends_on: [a]}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		bad := w.run("two", `{}`)
		job := k.next()
		k.accept(job)
		runner.Panic(w.r, ann.Tenant, bad)
		w.until("it is faulted", func() bool { return w.view(bad).State == "faulted" })
		if v := w.view(bad); v.Error == nil || !strings.Contains(v.Error.Message, "on purpose") {
			t.Errorf("the error is not kept: %+v", v.Error)
		}
		good := w.run("two", `{}`)
		for range 2 {
			j := k.next()
			k.accept(j)
			k.done(j)
		}
		w.states(w.ended(good), "a=succeeded b=succeeded")

		w.restart()
		if v := w.view(bad); v.State != "faulted" {
			t.Errorf("after a restart it is %s", v.State)
		}
		answered := make(chan wire.AckCode, 1)
		go func() { answered <- k.done(job) }() // kept by the worker until the run goes on
		time.Sleep(time.Second)
		w.command(bad, runner.VerbResume)
		if code := <-answered; code != wire.AckCode_ACK_CODE_OK {
			t.Errorf("the result was answered %s", code)
		}
		j := k.next()
		k.accept(j)
		k.done(j)
		w.states(w.ended(bad), "a=succeeded b=succeeded")

		forced := w.run("two", `{}`)
		k.accept(k.next())
		runner.Panic(w.r, ann.Tenant, forced)
		w.until("it is faulted", func() bool { return w.view(forced).State == "faulted" })
		_, err := w.r.Command(context.Background(), ann, forced, runner.Command{Verb: runner.VerbCancel})
		is(t, err, runner.ErrConflict)
		v, err := w.r.Command(context.Background(), ann, forced, runner.Command{Verb: runner.VerbCancel, Force: true})
		if err != nil || v.State != "cancelled" {
			t.Errorf("cancel with force: %s, %v", v.State, err)
		}
	})
}

func TestLargePayloadsSurvive(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: big\nsteps:\n  - {id: a, topic: job.t.work, effect: none}\n")
		big, _ := json.Marshal(strings.Repeat("x", 300<<10))
		w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: big}
		}, "job.t.work")
		run := w.run("big", `{"blob":`+string(big)+`}`)
		w.ended(run)
		for range 2 {
			v := w.view(run)
			if !bytes.Equal(v.Steps[0].Output, big) || len(v.Input) < len(big) {
				t.Errorf("output of %d bytes, input of %d", len(v.Steps[0].Output), len(v.Input))
			}
			w.restart()
		}
	})
}

// TestLargeCommit starts more steps with large inputs at once than a log entry holds.
func TestLargeCommit(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var b strings.Builder
		b.WriteString("id: wide\nsteps:\n")
		for i := range 100 {
			fmt.Fprintf(&b, "  - {id: s%d, topic: job.t.work, effect: none, input: {all: \"${input.text}\"}}\n", i)
		}
		w.put(b.String())
		w.newWorker("w1", succeed, "job.t.work")
		run := w.run("wide", `{"text":"`+strings.Repeat("y", 60<<10)+`"}`)
		if v := w.ended(run); v.State != "succeeded" {
			t.Errorf("%s %+v", v.State, v.Error)
		}
		w.restart()
		if v := w.view(run); v.State != "succeeded" || len(w.types(run)) < 500 {
			t.Errorf("%s with %d events", v.State, len(w.types(run)))
		}
	})
}
