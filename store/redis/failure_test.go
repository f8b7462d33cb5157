package redis_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// wantFailed checks that a store refuses everything because acknowledged records are gone.
func wantFailed(t *testing.T, s *redis.Store, e store.Epoch) {
	t.Helper()
	calls := map[string]func() error{
		"Commit":  func() error { return s.Commit(t.Context(), store.Tx{Epoch: e, Puts: putOf("a", "after")})[0] },
		"Get":     func() error { _, err := s.Get(t.Context(), 0, recordKey("a")); return err },
		"Scan":    func() error { _, err := s.Scan(t.Context(), 0, store.Range{Table: store.TableHeader}); return err },
		"Acquire": func() error { _, err := s.Acquire(t.Context(), 0, "owner", time.Hour); return err },
		"PutBlob": func() error { _, err := s.PutBlob(t.Context(), 0, tenant, nil); return err },
	}
	for name, call := range calls {
		err := call()
		wantErr(t, name, err, redis.ErrFailed)
		wantErr(t, name, err, store.ErrRolledBack)
	}
	select {
	case <-s.Failed():
	default:
		t.Error("Failed is not closed")
	}
	wantErr(t, "Err", s.Err(), redis.ErrFailed)
}

// askFirst are the calls that may be the first to meet a server that is not what it was.
func askFirst(t *testing.T) map[string]func(s *redis.Store, l store.Lease) error {
	digest := "sha256:" + strings.Repeat("0", 64)
	return map[string]func(s *redis.Store, l store.Lease) error{
		"Commit":    func(s *redis.Store, l store.Lease) error { return s.Commit(t.Context(), store.Tx{Epoch: l.Epoch})[0] },
		"Committed": func(s *redis.Store, _ store.Lease) error { _, err := s.Committed(t.Context(), 0, "a"); return err },
		"Get":       func(s *redis.Store, _ store.Lease) error { _, err := s.Get(t.Context(), 0, recordKey("a")); return err },
		"Scan": func(s *redis.Store, _ store.Lease) error {
			_, err := s.Scan(t.Context(), 0, store.Range{Table: store.TableHeader})
			return err
		},
		"ReadLog": func(s *redis.Store, _ store.Lease) error {
			_, err := s.ReadLog(t.Context(), 0, store.LogID{Tenant: tenant, Run: "r"}, 1, 1)
			return err
		},
		"Acquire": func(s *redis.Store, _ store.Lease) error {
			_, err := s.Acquire(t.Context(), 0, "owner", time.Hour)
			return err
		},
		"Renew":   func(s *redis.Store, l store.Lease) error { _, err := s.Renew(t.Context(), l, time.Hour); return err },
		"Release": func(s *redis.Store, l store.Lease) error { return s.Release(t.Context(), l) },
		"PutBlob": func(s *redis.Store, _ store.Lease) error {
			_, err := s.PutBlob(t.Context(), 0, tenant, nil)
			return err
		},
		"GetBlob": func(s *redis.Store, _ store.Lease) error {
			_, err := s.GetBlob(t.Context(), 0, tenant, digest)
			return err
		},
	}
}

// TestFlushed: whatever is asked first after somebody emptied the server, the answer is that the store was rolled back,
// never that a record does not exist.
func TestFlushed(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	for name, first := range askFirst(t) {
		t.Run(name, func(t *testing.T) {
			cfg := fresh(server)
			s := open(t, cfg)
			e := acquire(t, s, 0)
			commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
			server.Do("flushall")
			wantErr(t, name, first(s, store.Lease{Epoch: e}), store.ErrRolledBack)
			wantFailed(t, s, e)

			cfg.InitEmpty, cfg.Logger = false, quiet()
			_, err := redis.Open(t.Context(), cfg)
			wantErr(t, "a process that starts now", err, redis.ErrEmpty)
			cfg.InitEmpty = true // somebody makes a new one in its place
			next := open(t, cfg)
			if next.ID() == s.ID() {
				t.Error("the new store has the old one's id")
			}
			acquire(t, next, 0)
			wantErr(t, "the old process", s.Commit(t.Context(), store.Tx{Epoch: e})[0], store.ErrRolledBack)
		})
	}
}

// TestSetBack: whatever is asked first of a server that has forgotten acknowledged writes, the answer is that the store was rolled
// back. Nobody is shown, or builds on, what it was before.
func TestSetBack(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t)
	for name, first := range askFirst(t) {
		t.Run(name, func(t *testing.T) {
			cfg := inMemory(server)
			s := open(t, cfg)
			l := store.Lease{Epoch: acquire(t, s, 0)}
			before := server.Do("hget", "{"+cfg.Prefix+":00}:head", "gen")
			commit(t, s, store.Tx{Epoch: l.Epoch, Puts: putOf("a", "1"), Appends: []store.Append{entryOf(0, 1, "x")}})
			server.Do("hset", "{"+cfg.Prefix+":00}:head", "gen", before)
			wantErr(t, name, first(s, l), store.ErrRolledBack)
			wantFailed(t, s, l.Epoch)
		})
	}
}

// TestReplaced: another store in the place of ours is noticed too.
func TestReplaced(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	s := open(t, cfg)
	e := acquire(t, s, 0)
	server.Do("flushall")
	other := open(t, cfg)
	for range 10 {
		e = acquire(t, other, 0)
		commit(t, other, store.Tx{Epoch: e, Puts: putOf("a", "other")})
	}
	wantFailed(t, s, e)
	wantValue(t, other, "a", "other")
}

// TestOlderCopyRestored: a server that is started on an older copy of its files answers as if later commits had never
// been. A process that knows better stops; one that does not goes on, and no epoch is given twice.
func TestOlderCopyRestored(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	s := open(t, cfg)
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "before")})
	server.Kill()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(server.Dir())); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "after")})
	last := acquire(t, s, 0)
	server.Kill()
	files := filepath.Join(server.Dir(), "appendonlydir")
	if err := errors.Join(os.RemoveAll(files), os.CopyFS(server.Dir(), os.DirFS(backup))); err != nil {
		t.Fatal(err)
	}
	server.Restart()

	next := open(t, cfg)
	wantValue(t, next, "a", "before")
	if again := acquire(t, next, 0); again <= last {
		t.Errorf("epoch %d after %d was given", again, last)
	}
	_, err := s.Get(t.Context(), 0, recordKey("a"))
	wantErr(t, "the process that knows more", err, store.ErrRolledBack)
	wantFailed(t, s, last)
}

// TestFailover: Sentinels put the replica in the place of a primary that died. A replica that had everything is gone on
// with; one that lacks what was acknowledged is told.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, lags := range map[string]bool{"with everything": false, "behind": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := redisd.Start(t, redisd.Durable...)
			replica := redisd.StartReplica(t, primary, redisd.Durable...)
			sentinel := redisd.StartSentinel(t, "main", primary)
			cfg := fresh(sentinel).Hurried(time.Second, 20*time.Second)
			cfg.MasterName = "main"
			s := open(t, cfg)
			if d := s.Describe(); !strings.Contains(d, "named by Sentinels") || !strings.Contains(d, "a failover loses") {
				t.Errorf("Describe: %s", d)
			}
			e := acquire(t, s, 0)
			commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
			primary.Do("wait", "1", "5000")
			if lags {
				replica.Stop()
				primary.Do("client", "kill", "type", "replica")
				commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "2")})
			}
			primary.Kill()
			if lags {
				replica.Continue()
			}
			tx := store.Tx{Epoch: e, ID: "after", Puts: putOf("a", "3")}
			err := s.Commit(t.Context(), tx)[0]
			if lags {
				wantErr(t, "a commit to a replica that lagged behind", err, store.ErrRolledBack)
				wantFailed(t, s, e)
				return
			}
			if err != nil {
				t.Fatalf("after the failover: %v", err)
			}
			wantValue(t, s, "a", "3")
		})
	}
}
