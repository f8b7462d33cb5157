package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// ledger is a run's effects as text: "step attempt state", and the counts.
func (w *world) ledger(run string) (string, runner.EffectCounts) {
	w.t.Helper()
	page, err := w.r.Effects(context.Background(), ann, run, "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range page.Effects {
		out = append(out, sprintf("%s %d %s", e.Step, e.Attempt, e.State))
		if (e.Receipt > 0 && (e.EndedAt == nil || e.Receipt < e.Intent)) || e.Key == "" || e.SentAs == "" || e.IntentAt.IsZero() {
			w.t.Errorf("effect %+v", e)
		}
	}
	return strings.Join(out, ", "), page.Counts
}

func (w *world) wantLedger(run, want string) runner.EffectCounts {
	w.t.Helper()
	got, counts := w.ledger(run)
	if got != want {
		w.t.Errorf("effects are %q, want %q", got, want)
	}
	return counts
}

// TestLedger: an intent is there before the worker begins, a receipt when it has answered, and nothing of what nobody was given.
func TestLedger(t *testing.T) {
	for _, effect := range []string{"write", "none"} {
		t.Run(effect, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, effect, ""))
				run := w.run("plain", `{}`)
				synctest.Wait()
				w.wantLedger(run, "")
				k := w.newWorker("w1", nil, "job.t.work")
				job := k.next()
				if effect == "write" {
					w.wantLedger(run, "") // nobody begins without leave
				}
				k.accept(job)
				w.until("the intent is in the log", func() bool { got, _ := w.ledger(run); return got == "a 1 running" }) // of an idempotent one a little later
				k.done(job)
				w.ended(run)
				if n := w.wantLedger(run, "a 1 done"); n != (runner.EffectCounts{Done: 1}) {
					t.Errorf("counts %+v", n)
				}
				page, err := w.r.Effects(context.Background(), ann, run, "", 0)
				if err != nil || page.Effects[0].Key != job.Meta.IdempotencyKey || page.Effects[0].SentAs != job.JobId || page.Effects[0].Worker != "w1" {
					t.Errorf("%+v, %v; the worker has key %s", page.Effects, err, job.Meta.IdempotencyKey)
				}
			})
		})
	}
}

// TestLedgerOfALostWorker: without a receipt nobody knows, until a late one comes.
func TestLedgerOfALostWorker(t *testing.T) {
	for late, want := range map[string]string{"": "a 1 unknown", "done": "a 1 done", "failed": "a 1 none"} {
		t.Run(late, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, "write", ""))
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("plain", `{}`)
				job := k.next()
				k.accept(job)
				k.set(func(k *worker) { k.mute = true })
				if v := w.ended(run); v.State != "failed" {
					t.Errorf("%s", v.State)
				}
				w.wantLedger(run, "a 1 unknown")
				switch late {
				case "done":
					k.done(job)
				case "failed":
					k.answer(job, failing())
				}
				synctest.Wait()
				w.wantLedger(run, want)
			})
		})
	}
}

// TestLedgerOfRetries: an idempotent attempt that was lost is stood for by the one after it.
func TestLedgerOfRetries(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ", retry: {max_attempts: 5, initial: 1s}"))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		k.answer(job, failing())
		k.accept(k.next())
		k.leave()
		w.until("it is lost", func() bool { return w.step(run, "a").Attempt == 3 })
		w.newWorker("w2", succeed, "job.t.work")
		w.ended(run)
		w.wantLedger(run, "a 1 none, a 2 none, a 3 done")
	})
}

// TestLedgerOfAnUndoneRun: what was compensated is undone, and so is said of the compensations themselves.
func TestLedgerOfAnUndoneRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(undoable, ""))
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			if j.StepId == "c" {
				return failing()
			}
			return succeed(j)
		}, "job.t.work", "job.t.undo")
		run := w.run("chain", `{"fail":true}`)
		w.ended(run)
		n := w.wantLedger(run, "a 1 undone, b 1 undone, c 1 none, undo:b 1 done, undo:a 1 done")
		if n != (runner.EffectCounts{Done: 2, Undone: 2, None: 1}) {
			t.Errorf("counts %+v", n)
		}
		first, err := w.r.Effects(context.Background(), ann, run, "", 2)
		if err != nil || len(first.Effects) != 2 || first.Next == "" || first.Counts != n {
			t.Fatalf("%+v, %v", first, err)
		}
		rest, err := w.r.Effects(context.Background(), ann, run, first.Next, 1000)
		if err != nil || len(rest.Effects) != 3 || rest.Next != "" || rest.Effects[1].Undoes != "b" {
			t.Errorf("%+v, %v", rest, err)
		}
		if _, err := w.r.Effects(context.Background(), ann, run, "-", 2); !errors.Is(err, runner.ErrInvalidCursor) {
			t.Errorf("a cursor of nowhere: %v", err)
		}
		if _, err := w.r.Effects(context.Background(), runner.Caller{Tenant: "acme"}, run, "", 0); !errors.Is(err, runner.ErrNotFound) {
			t.Errorf("another tenant: %v", err)
		}
	})
}

// TestDump: every fact of the log, as it is stored, without the tokens of attempts.
func TestDump(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "write", ""))
		w.newWorker("w1", succeed, "job.t.work")
		run := w.run("plain", `{"secret":1}`)
		v := w.ended(run)
		for _, tenant := range []string{"", ann.Tenant} {
			var names []string
			err := runner.DumpRun(context.Background(), w.store, tenant, runner.DumpQuery{Run: run}, func(f runner.DumpedFact) error {
				if f.Seq != uint64(len(names)+1) || f.Entry > f.Seq || f.Kind == 0 || (f.Name == "JobReleased" && !strings.Contains(string(f.Fact), `"Token":null`)) {
					t.Errorf("fact %+v %s", f, f.Fact)
				}
				names = append(names, f.Name)
				return nil
			})
			if err != nil || uint64(len(names)) != v.Seq || names[0] != "RunStarted" || names[len(names)-1] != "RunEnded" {
				t.Errorf("dumped %q, %v", names, err)
			}
		}
		var middle []uint64
		err := w.r.Dump(context.Background(), ann, runner.DumpQuery{Run: run, From: 3, To: 5}, func(f runner.DumpedFact) error {
			middle = append(middle, f.Seq)
			return nil
		})
		if err != nil || !slices.Equal(middle, []uint64{3, 4, 5}) {
			t.Errorf("of 3 to 5: %d, %v", middle, err)
		}
		other := run[:27] + map[bool]string{true: "1", false: "0"}[run[27] == '0']
		for _, c := range [][2]string{{"acme", run}, {"", other}, {"", "x"}} {
			if err := runner.DumpRun(context.Background(), w.store, c[0], runner.DumpQuery{Run: c[1]}, nil); !errors.Is(err, runner.ErrNotFound) {
				t.Errorf("%q: %v", c, err)
			}
		}
		if err := w.r.Dump(context.Background(), runner.Caller{}, runner.DumpQuery{Run: run}, nil); !errors.Is(err, runner.ErrNotFound) {
			t.Errorf("a caller of no tenant: %v", err)
		}
	})
}
