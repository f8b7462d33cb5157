package redis_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/pebble"
	"cordum.dev/cordum/store/redis"
)

var restored = store.Restored{At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), From: "a copy", By: "user:ann", Reason: "disk lost"}

// TestRefence: a new generation shuts out who uses the store, keeps what is in it, and is told to who opens it.
func TestRefence(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	cfg.Logger = quiet()
	s := open(t, cfg)
	if who := s.Identity(); who.ID != s.ID() || who.Generation != 1 || who.Restored != nil {
		t.Errorf("a new store: %+v", who)
	}
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
	mark := s.Mark()

	who, err := redis.Refence(t.Context(), cfg, restored)
	want := store.NextGeneration(1, restored.At)
	if err != nil || who.ID != s.ID() || who.Generation != want || who.Restored == nil || who.Restored.Before != 1 || who.Restored.Reason != "disk lost" {
		t.Fatalf("%+v, %v", who, err)
	}
	wantFailed(t, s, e)
	cfg.Known = &mark // restoring it on purpose is no rollback
	next := open(t, cfg)
	if next.Identity().Generation != want {
		t.Errorf("opened again: %+v", next.Identity())
	}
	wantValue(t, next, "a", "1")
	if later := acquire(t, next, 0); later <= e {
		t.Errorf("epoch %d after %d", later, e)
	}
	again, err := redis.Refence(t.Context(), cfg, restored) // at the same second
	if err != nil || again.Generation != want+1 || again.Restored.Before != want {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// TestRefenceBrokenOff: what was begun is finished by whoever opens the store.
func TestRefenceBrokenOff(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	s := open(t, cfg)
	e := acquire(t, s, 1)
	if _, err := redis.Refence(t.Context(), cfg, restored); err != nil {
		t.Fatal(err)
	}
	// As if it had been killed after the description and the first partition.
	key := "{" + cfg.Prefix + "}:meta"
	raw, _ := server.Do("get", key).(string)
	server.Do("set", key, strings.Replace(raw, `"id":`, `"making":true,"before":"`+s.ID()+`","id":`, 1))
	server.Do("hset", "{"+cfg.Prefix+":01}:head", "id", s.ID(), "epoch", uint64(e), "owner", "owner", "until", "9999999999999999")
	next := open(t, cfg)
	if err := next.Idle(t.Context()); err != nil {
		t.Errorf("a partition is still owned: %v", err)
	}
	acquire(t, next, 1)
	wantErr(t, "the one before", s.Commit(t.Context(), store.Tx{Partition: 1, Epoch: e})[0], store.ErrRolledBack)
	if raw, _ := server.Do("get", key).(string); strings.Contains(raw, "making") || strings.Contains(raw, "before") && !strings.Contains(raw, "restored") {
		t.Errorf("the description is %s", raw)
	}
}

// TestMarks: what was noted elsewhere tells a store that was set back while nobody looked, that is gone, or another.
func TestMarks(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	s := open(t, cfg)
	e := acquire(t, s, 2)
	for range 5 {
		commit(t, s, store.Tx{Partition: 2, Epoch: e, Puts: putOf("a", "1")})
	}
	mark := s.Mark()
	cfg.Known = &mark
	open(t, cfg)
	head := "{" + cfg.Prefix + ":02}:head"
	server.Do("hincrby", head, "gen", -1)
	wantOpenError(t, cfg, store.ErrRolledBack, "partition 2 had 6 writes, and now it has 5")
	server.Do("hincrby", head, "gen", 3)
	open(t, cfg)

	other := fresh(server)
	open(t, other)
	other.Known = &mark
	wantOpenError(t, other, store.ErrRolledBack, "store "+s.ID()+" was here")
	empty := fresh(server)
	empty.Known = &mark
	wantOpenError(t, empty, redis.ErrEmpty, s.ID(), "lost everything")
}

// TestCreate: a store is not there for others before it is filled, and what was broken off is removed by the next.
func TestCreate(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3, redisd.Durable...)
	cfg := fresh(nodes...)
	cfg.Logger, cfg.Identity = quiet(), &store.Identity{ID: "moved", Generation: 7, Restored: &restored}
	broken, err := redis.Create(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for p := range store.Partition(cfg.Partitions) {
		commit(t, broken, store.Tx{Partition: p, Epoch: acquire(t, broken, p), Puts: putOf("a", "broken")})
	}
	_ = broken.Close()
	plain := cfg
	plain.Identity = nil
	wantOpenError(t, plain, redis.ErrFilling, "import into it again")
	s, err := redis.Create(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for p := range store.Partition(cfg.Partitions) {
		if _, err := s.Get(t.Context(), p, recordKey("a")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of what was broken off partition %d has %v", p, err)
		}
	}
	commit(t, s, store.Tx{Epoch: acquire(t, s, 0), Puts: putOf("a", "whole")})
	if err := s.Filled(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if next := open(t, plain); next.ID() != "moved" || next.Identity().Generation != 7 {
		t.Errorf("%+v", next.Identity())
	} else {
		wantValue(t, next, "a", "whole")
	}
	if _, err := redis.Create(t.Context(), cfg); !errors.Is(err, redis.ErrExists) {
		t.Errorf("over a store: %v", err)
	}
}

// TestMoves: a store that goes from an embedded one to Redis and back keeps everything.
func TestMoves(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	about := backup.About{At: restored.At, By: "user:ann"}
	from, err := pebble.Open(pebble.Config{Dir: t.TempDir(), Partitions: 3, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	fill(t, from)
	first := export(t, from, about)

	cfg := fresh(server)
	cfg.Logger = quiet()
	var there *redis.Store
	_, _, err = backup.ImportStore(t.Context(), bytes.NewReader(first), about, func(who store.Identity, partitions int) (store.Store, error) {
		cfg.Identity, cfg.Partitions = &who, partitions
		there, err = redis.Create(t.Context(), cfg)
		return there, err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	second := export(t, there, about)

	dir := t.TempDir() + "/back"
	if _, _, err := backup.ImportFolder(t.Context(), bytes.NewReader(second), dir, about); err != nil {
		t.Fatal(err)
	}
	back, err := pebble.Open(pebble.Config{Dir: dir, ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	third := export(t, back, about)
	if a, b, c := body(first), body(second), body(third); a != b || b != c {
		t.Errorf("exports differ:\n%s\n%s\n%s", a, b, c)
	}
	if back.Identity().ID != from.Identity().ID || back.Identity().Generation <= there.Identity().Generation {
		t.Errorf("%+v, %+v, %+v", from.Identity(), there.Identity(), back.Identity())
	}
}

// TestWalkOfWhatChanges: a walk during which somebody writes is none: what it handed over may never have been there together.
func TestWalkOfWhatChanges(t *testing.T) {
	t.Parallel()
	s := open(t, inMemory(redisd.Start(t)))
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
	write := func(store.Item) error {
		commit(t, s, store.Tx{Epoch: e, Puts: putOf("b", "2")})
		return nil
	}
	if err := s.Walk(t.Context(), 0, write); err == nil || !strings.Contains(err.Error(), "written to meanwhile") {
		t.Errorf("it was written to meanwhile, and the walk says %v", err)
	}
	seen := 0
	if err := s.Walk(t.Context(), 0, func(store.Item) error { seen++; return nil }); err != nil || seen != 2 {
		t.Errorf("when nobody writes: %d items, %v", seen, err)
	}
}

// fill puts a little of everything into a store.
func fill(t *testing.T, s store.Store) {
	t.Helper()
	for p := range store.Partition(s.Partitions()) {
		l, err := s.Acquire(t.Context(), p, "o", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutBlob(t.Context(), p, tenant, []byte{byte(p), 0, 0xff}); err != nil {
			t.Fatal(err)
		}
		prev := uint64(0)
		for n := range uint64(30) {
			tx := store.Tx{
				Partition: p, Epoch: l.Epoch, ID: strings.Repeat("i", int(n)+1),
				Puts:    append(putOf(strings.Repeat("h", int(n)+1), "\x00\xff"), store.Put{Key: store.Key{Table: store.TableSnapshot, Tenant: tenant, ID: strings.Repeat("s*", int(n)+1)}, Value: []byte{byte(n)}}),
				Appends: []store.Append{entryOf(prev, 2*n+1, "facts")},
			}
			tx.Appends[0].Count = 2
			prev = 2*n + 1
			if err := s.Commit(t.Context(), tx)[0]; err != nil {
				t.Fatal(err)
			}
		}
	}
}

func export(t *testing.T, s store.Store, about backup.About) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := backup.Export(t.Context(), s, &out, about); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// body is an export without what differs: who the store is, and the digest of all.
func body(export []byte) string {
	lines := strings.SplitAfter(string(export), "\n")
	return strings.Join(lines[1:len(lines)-2], "")
}
