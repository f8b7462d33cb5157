package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// damage writes into the store, past the runner, which must be stopped.
func (w *world) damage(run string, change func(tx *store.Tx)) {
	w.t.Helper()
	p, err := id.Partition(run)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := context.Background()
	lease, err := w.store.Acquire(ctx, store.Partition(p), "vandal", time.Second)
	if err != nil {
		w.t.Fatal(err)
	}
	tx := store.Tx{Partition: lease.Partition, Epoch: lease.Epoch}
	change(&tx)
	if err := w.store.Commit(ctx, tx)[0]; err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Release(ctx, lease); err != nil {
		w.t.Fatal(err)
	}
}

func garbage(table store.Table, run string) func(*store.Tx) {
	return func(tx *store.Tx) {
		tx.Puts = append(tx.Puts, store.Put{Key: store.Key{Table: table, Tenant: ann.Tenant, ID: run}, Value: []byte("\xff\xff\xffgarbage")})
	}
}

// TestDerivedRecordsAreMadeAgain damages what the log can replace: the run goes on as if nothing had been.
func TestDerivedRecordsAreMadeAgain(t *testing.T) {
	for name, table := range map[string]store.Table{"header": store.TableHeader, "live row": store.TableLive, "snapshot": store.TableSnapshot} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.checked = name == "snapshot" // it is written anew only when it is due again
				w.put(wide(300))
				run := w.run("wide", `{}`)
				w.open(run) // enough facts for a snapshot
				w.halt()
				w.damage(run, garbage(table, run))
				w.start()
				if _, err := w.r.View(context.Background(), ann, run); err != nil {
					t.Errorf("view: %v", err)
				}
				w.newWorker("w1", succeed, "job.t.work")
				if v := w.ended(run); v.State != "succeeded" {
					t.Errorf("%s", v.State)
				}
				if rows, _, err := w.r.Runs(context.Background(), ann, runner.Filter{}); err != nil || len(rows) != 1 || rows[0].State != "succeeded" {
					t.Errorf("%+v, %v", rows, err)
				}
			})
		})
	}
}

// TestUnreadableLogCostsOneRun damages the log itself.
func TestUnreadableLogCostsOneRun(t *testing.T) {
	for name, value := range map[string]string{
		"garbage": "garbage", "empty": "\x01", "unknown kind": "\x01\xa1\x03\x00\x00\x00\x00", "cut off": "\x01\x0f\x00",
		"blobs that are not there": "\x02\x07sha256:", "a fact that does not fit": "\x01\x15\x00\x00\x00\x02\x90\x4e",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				w.broken = true
				w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
				bad, good := w.run("nap", `{}`), w.run("nap", `{}`)
				seq := w.view(bad).Seq
				w.halt()
				w.damage(bad, func(tx *store.Tx) {
					tx.Appends = append(tx.Appends, store.Append{
						Log: store.LogID{Tenant: ann.Tenant, Run: bad}, Prev: 1, First: seq + 1, Count: 1, Value: []byte(value),
					})
				})
				w.start()
				if v := w.ended(good); v.State != "succeeded" {
					t.Errorf("the other run is %s", v.State)
				}
				v, err := w.r.View(ctx, ann, bad)
				if err != nil || v.State != "faulted" || v.Error == nil || v.Error.Code != "quarantined" {
					t.Fatalf("%+v, %v", v, err)
				}
				_, err = w.r.Command(ctx, ann, bad, runner.Command{Verb: runner.VerbResume})
				is(t, err, runner.ErrUnavailable)
				_, err = w.r.Command(ctx, ann, bad, runner.Command{Verb: runner.VerbCancel})
				is(t, err, runner.ErrUnavailable)
				v, err = w.r.Command(ctx, ann, bad, runner.Command{Verb: runner.VerbCancel, Force: true})
				if err != nil || v.State != "cancelled" || v.EndedAt == nil || v.Error == nil {
					t.Errorf("cancel with force: %+v, %v", v, err)
				}
				w.restart()
				if v, err := w.r.View(ctx, ann, bad); err != nil || v.State != "cancelled" {
					t.Errorf("after a restart: %+v, %v", v, err)
				}
			})
		})
	}
}

func TestGarbageRowsDoNotStopTheStart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.broken = true
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
		run := w.run("nap", `{}`)
		w.halt()
		for _, name := range []string{"no run", run[:2] + strings.Repeat("0", 26), "FF" + run[2:]} {
			w.damage(run, garbage(store.TableLive, name))
			w.damage(run, garbage(store.TableHeader, name))
			w.damage(run, garbage(store.TableApproval, "0"+name))
		}
		w.start()
		if v := w.ended(run); v.State != "succeeded" {
			t.Errorf("%s", v.State)
		}
		for _, err := range []error{
			second(w.r.Runs(context.Background(), ann, runner.Filter{})),
			second(w.r.Approvals(context.Background(), ann, runner.Filter{})),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func second[A, B any](_ A, _ B, err error) error { return err }
