package runner_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/pebble"
)

// putBack is what a restore makes of the store of a world that stands still: the same records in a new generation. Workers, and
// what they have, stay as they are.
func (w *world) putBack(fs vfs.FS) store.Identity {
	w.t.Helper()
	w.halt()
	who := w.store.(*pebble.Store).Identity()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	how := store.Restored{At: time.Now().UTC(), From: "backup b", TakenAt: time.Now().UTC(), Before: who.Generation, By: "user:ann", Reason: "a drill"}
	cfg := pebble.Config{Dir: "data", FS: fs, Logger: quiet()}
	if err := pebble.Refence(cfg, store.NextGeneration(who.Generation, how.At), how); err != nil {
		w.t.Fatal(err)
	}
	w.store = openStore(w.t, fs)
	w.start()
	return w.store.(*pebble.Store).Identity()
}

// restoring plays a story in a world whose store can be put back.
func restoring(t *testing.T, story func(t *testing.T, w *world, back func() store.Identity)) {
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		fs := vfs.NewMem()
		w.store = openStore(t, fs)
		w.start()
		story(t, w, func() store.Identity { return w.putBack(fs) })
	})
}

// What was under way when a backup was taken goes on after it was put back, under new tokens: those of before count no more.
func TestRestoreFencesWhatWasUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		effect string
		begun  bool
		state  string // after the new attempt, where there is one
		again  bool
	}{
		"idempotent":            {"none", true, "succeeded", true},
		"idempotent, not begun": {"none", false, "succeeded", true},
		"begun":                 {"write", true, "failed", false},
		"not begun":             {"write", false, "succeeded", true},
	} {
		t.Run(name, func(t *testing.T) {
			restoring(t, func(t *testing.T, w *world, back func() store.Identity) {
				w.put(sprintf(plain, c.effect, ""))
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("plain", `{}`)
				old := k.next()
				if c.begun {
					k.accept(old)
				}
				back()
				if code := k.done(old); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("the result of before was answered %s", code)
				}
				k.set(func(k *worker) { delete(k.have, old.JobId) })
				if c.again {
					next := k.next()
					if next.JobId == old.JobId || string(next.Token) == string(old.Token) {
						t.Errorf("%s again", next.JobId)
					}
					if code := k.done(old); code != wire.AckCode_ACK_CODE_STALE {
						t.Errorf("the result of before was answered %s", code)
					}
					k.accept(next)
					k.done(next)
				}
				if v := w.ended(run); v.State != c.state {
					t.Errorf("the run %s: %+v", v.State, v.Steps)
				}
			})
		})
	}
}

// What was under way of a run that was faulted is taken from its worker when the run goes on.
func TestRestoreFencesWhatWasFaulted(t *testing.T) {
	for effect, state := range map[string]string{"none": "succeeded", "write": "failed"} {
		t.Run(effect, func(t *testing.T) {
			restoring(t, func(t *testing.T, w *world, back func() store.Identity) {
				w.put(sprintf(plain, effect, ""))
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("plain", `{}`)
				old := k.next()
				k.accept(old)
				runner.Panic(w.r, ann.Tenant, run)
				w.until("it is faulted", func() bool { return w.view(run).State == "faulted" })
				back()
				w.command(run, runner.VerbResume)
				if code := k.done(old); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("the result of before was answered %s", code)
				}
				if effect == "none" {
					next := k.next()
					k.accept(next)
					k.done(next)
				}
				if v := w.ended(run); v.State != state {
					t.Errorf("the run %s: %+v", v.State, v.Steps)
				}
			})
		})
	}
}

// A restart of what was put back takes nothing from anybody: that was done once.
func TestRestoreFencesOnce(t *testing.T) {
	restoring(t, func(t *testing.T, w *world, back func() store.Identity) {
		w.put(sprintf(plain, "write", ""))
		k := w.newWorker("w1", nil, "job.t.work")
		back()
		run := w.run("plain", `{}`)
		job := k.next()
		k.accept(job)
		w.restart()
		if code := k.done(job); code != wire.AckCode_ACK_CODE_OK {
			t.Errorf("the result was answered %s", code)
		}
		w.states(w.ended(run), "a=succeeded")
		again := w.run("plain", `{}`)
		job = k.next()
		k.accept(job)
		back() // a second time
		if code := k.done(job); code != wire.AckCode_ACK_CODE_STALE {
			t.Errorf("the result of before was answered %s", code)
		}
		if v := w.ended(again); v.State != "failed" || v.Steps[0].Error.Code != "worker_lost" {
			t.Errorf("%s: %+v", v.State, v.Steps)
		}
	})
}

// A job with a lock asks for it anew, and fencing tokens go on behind all that may have been given out.
func TestRestoreAndLocks(t *testing.T) {
	restoring(t, func(t *testing.T, w *world, back func() store.Identity) {
		w.put("id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: write, resource_lock: db}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		old := k.next()
		if len(old.Locks) != 1 {
			t.Fatalf("locks %v", old.Locks)
		}
		back()
		k.set(func(k *worker) { delete(k.have, old.JobId) })
		next := k.next()
		if next.Locks[0].FencingToken <= old.Locks[0].FencingToken+1000 {
			t.Errorf("fencing token %d after %d: another may have had it meanwhile", next.Locks[0].FencingToken, old.Locks[0].FencingToken)
		}
		k.accept(next)
		k.done(next)
		w.states(w.ended(run), "a=succeeded")
	})
}

// movedStore is a store of another kind than the one that it was made of: its epochs begin anew, and it takes its time to list
// limits.
type movedStore struct {
	*pebble.Store
	before store.Epoch // of the store beneath
}

func (s movedStore) Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error) {
	if r.Table == store.TableLimit {
		time.Sleep(100 * time.Millisecond)
	}
	return s.Store.Scan(ctx, p, r)
}

func (s movedStore) Acquire(ctx context.Context, p store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	l, err := s.Store.Acquire(ctx, p, owner, ttl)
	l.Epoch -= s.before
	return l, err
}

func (s movedStore) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	l.Epoch += s.before
	l, err := s.Store.Renew(ctx, l, ttl)
	l.Epoch -= s.before
	return l, err
}

func (s movedStore) Release(ctx context.Context, l store.Lease) error {
	l.Epoch += s.before
	return s.Store.Release(ctx, l)
}

func (s movedStore) Commit(ctx context.Context, txs ...store.Tx) []error {
	txs = slices.Clone(txs)
	for i := range txs {
		txs[i].Epoch += s.before
	}
	return s.Store.Commit(ctx, txs...)
}

// moveAway is what an import into an empty store of another kind makes of the store of a world: the same records, and epochs that
// begin anew.
func (w *world) moveAway() {
	w.t.Helper()
	w.halt()
	ctx := context.Background()
	who := w.store.(store.Identified).Identity()
	var all bytes.Buffer
	if _, err := backup.Export(ctx, w.store, &all, backup.About{At: time.Now(), By: "user:ann", Reason: "a drill"}); err != nil {
		w.t.Fatal(err)
	}
	how := &store.Restored{At: time.Now().UTC(), From: "an export", TakenAt: time.Now().UTC(), Before: who.Generation, By: "user:ann", Reason: "a drill"}
	_, err := backup.Import(ctx, &all, func(h backup.Header) (store.Store, error) {
		s, err := pebble.Open(pebble.Config{
			Dir: "data", FS: vfs.NewMem(), Partitions: h.Partitions, Logger: quiet(),
			Identity: &store.Identity{ID: who.ID, Generation: store.NextGeneration(who.Generation, how.At), Restored: how},
		})
		if err == nil {
			w.t.Cleanup(func() { _ = s.Close() })
			w.store = movedStore{s, store.Epoch(s.Identity().Generation) << 32}
		}
		return s, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.start()
}

// A job that was given away under a lock asks for it anew in a store that it was moved to, where epochs are smaller than before, and
// has it at once: what it says counts for more than what was said in the store of before. It asks while the lock is still read, on
// another lane: what is read doubts its holder, and is free then whatever that one said.
func TestMovedStoreAndLocks(t *testing.T) {
	restoring(t, func(t *testing.T, w *world, _ func() store.Identity) {
		for range 3 {
			w.restart()
		}
		w.put("id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: write, resource_lock: db}\n")
		run := w.run("plain", `{}`)
		for w.laneOf(run) == w.r.LockPartition(ann.Tenant, "db")%2 {
			w.command(run, runner.VerbCancel)
			run = w.run("plain", `{}`)
		}
		k := w.newWorker("w1", nil, "job.t.work")
		last := k.next()
		for range 3 {
			w.moveAway()
			k.set(func(k *worker) { delete(k.have, last.JobId) })
			since := time.Now()
			next := k.next()
			if took := time.Since(since); took > runner.DefaultLeaseTTL/2 {
				t.Errorf("it waited %v for a lock that was its own", took)
			}
			if next.Locks[0].FencingToken <= last.Locks[0].FencingToken {
				t.Errorf("fencing token %d after %d", next.Locks[0].FencingToken, last.Locks[0].FencingToken)
			}
			last = next
			time.Sleep(time.Second)
		}
		k.accept(last)
		k.done(last)
		w.states(w.ended(run), "a=succeeded")
	})
}

// laneOf is the number of the lane that has a run.
func (w *world) laneOf(run string) int {
	p, err := id.Partition(run)
	if err != nil {
		w.t.Fatal(err)
	}
	return p % 2
}

// Somebody outside who holds a lock holds it in the store that it was moved to, renews it and lets it go.
func TestMovedStoreAndOutsiders(t *testing.T) {
	restoring(t, func(t *testing.T, w *world, _ func() store.Identity) {
		for range 3 {
			w.restart()
		}
		req := runner.LockRequest{Name: "db", Owner: "cleo", TTL: time.Hour}
		had, err := w.acquire(req)
		if err != nil {
			t.Fatal(err)
		}
		w.moveAway()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for what, ask := range map[string]func() (runner.LockHolder, error){
			"renewed":     func() (runner.LockHolder, error) { return w.r.RenewLock(ctx, ann, req) },
			"asked again": func() (runner.LockHolder, error) { return w.r.AcquireLock(ctx, ann, req) },
		} {
			if has, err := ask(); err != nil || has.Token != had.Token {
				t.Errorf("%s: %+v, %v, want token %d", what, has, err, had.Token)
			}
		}
		if v, err := w.r.ReleaseLock(ctx, ann, req); err != nil || v.State != "free" {
			t.Errorf("released: %+v, %v", v, err)
		}
	})
}

// Every chain says once that the store was restored, by whom, of what and why.
func TestRestoreIsRecorded(t *testing.T) {
	restoring(t, func(t *testing.T, w *world, back func() store.Identity) {
		w.put(sprintf(plain, "none", ""))
		w.newWorker("w1", succeed, "job.t.work")
		for range 5 {
			w.ended(w.run("plain", `{}`))
		}
		before, err := audit.Chains(t.Context(), w.store, "")
		if err != nil {
			t.Fatal(err)
		}
		who := back()
		records := func() (out []audit.Record) {
			for _, c := range before {
				page, _, err := w.r.AuditRecords(context.Background(), runner.Caller{Tenant: c.Tenant}, runner.AuditQuery{Act: audit.Restore, Limit: 1000})
				if err != nil {
					t.Fatal(err)
				}
				for _, rec := range page {
					if rec.Partition == c.Partition {
						out = append(out, rec)
					}
				}
			}
			return out
		}
		w.until("every chain has it", func() bool { return len(records()) >= len(before) })
		w.restart()
		time.Sleep(time.Minute)
		all := records()
		if len(all) != len(before) {
			t.Errorf("%d records in %d chains", len(all), len(before))
		}
		for _, rec := range all {
			if rec.Actor != "user:ann" || !strings.Contains(rec.Subject, sprintf("generation %d, of backup b", who.Generation)) {
				t.Errorf("recorded by %s: %s", rec.Actor, rec.Subject)
			}
		}
		report, err := audit.Verify(t.Context(), audit.StoreSource{Reader: w.store}, audit.Against{})
		if err != nil || !report.OK {
			t.Errorf("the chains: %+v, %v", report, err)
		}
	})
}

// TestErasGrow follows a store from one kind to another and back: whatever epochs each of them gives, what was said in a life before
// is the older.
func TestErasGrow(t *testing.T) {
	const second = 1_790_000_000 // of the first restore
	before := uint64(0)
	for _, life := range []struct {
		where      string
		generation uint64
		epoch      store.Epoch
	}{
		{"embedded", 1, 1},
		{"embedded, much later", 1, 4_000},
		{"embedded, put back", second, second * 1e6},
		{"over Redis, whose clock is half an hour ahead", second + 1, (second + 1800) * 1e6},
		{"embedded, moved", second + 2, (second + 2) * 1e6},
		{"embedded, put back in the same second", second + 3, (second + 3) * 1e6},
		{"over Redis, whose clock is half an hour behind", second + 4, (second - 1800) * 1e6},
	} {
		era := runner.EraOf(life.generation, life.epoch)
		if era <= before {
			t.Errorf("%s: era %d after era %d", life.where, era, before)
		}
		before = era
	}
}
