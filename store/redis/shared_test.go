package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
)

// TestTwoProcesses: two of them share a store: one owns a partition, the other waits for its lease to run out by the
// server's clock, and then the first is shut out.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	ann, bob := open(t, cfg), open(t, cfg)
	if ann.ID() != bob.ID() {
		t.Fatalf("ids %s and %s", ann.ID(), bob.ID())
	}
	const ttl = 1500 * time.Millisecond
	first, err := ann.Acquire(t.Context(), 0, "ann", ttl)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, ann, store.Tx{Epoch: first.Epoch, Puts: putOf("by", "ann")})
	_, err = bob.Acquire(t.Context(), 0, "bob", ttl)
	wantErr(t, "bob, early", err, store.ErrLeaseHeld)
	if err != nil && !strings.Contains(err.Error(), "s more") {
		t.Errorf("the error does not say for how long: %v", err)
	}
	if first, err = ann.Renew(t.Context(), first, ttl); err != nil {
		t.Fatal(err)
	}
	var second store.Lease
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if second, err = bob.Acquire(t.Context(), 0, "bob", time.Hour); err == nil {
			break
		}
		if !errors.Is(err, store.ErrLeaseHeld) || time.Now().After(deadline) {
			t.Fatalf("bob: %v", err)
		}
	}
	if time.Now().Before(first.Until) {
		t.Error("bob has the partition before ann's lease ended")
	}
	if second.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", second.Epoch, first.Epoch)
	}
	wantErr(t, "ann, late", ann.Commit(t.Context(), store.Tx{Epoch: first.Epoch, Puts: putOf("by", "ann, late")})[0], store.ErrFenced)
	_, err = ann.Renew(t.Context(), first, ttl)
	wantErr(t, "ann renews", err, store.ErrFenced)
	wantErr(t, "ann releases", ann.Release(t.Context(), first), store.ErrFenced)
	wantValue(t, bob, "by", "ann")
	commit(t, bob, store.Tx{Epoch: second.Epoch, Puts: putOf("by", "bob")})
	wantValue(t, ann, "by", "bob")
	if err := bob.Release(t.Context(), second); err != nil {
		t.Errorf("Release: %v", err)
	}
	if third, err := ann.Acquire(t.Context(), 0, "ann", ttl); err != nil || third.Epoch <= second.Epoch {
		t.Errorf("ann again: %+v, %v", third, err)
	}
}

// TestWhatExpires: a transaction's id is kept for an hour at least, and nothing else ever expires.
func TestWhatExpires(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	s := open(t, cfg)
	commit(t, s, store.Tx{
		Epoch: acquire(t, s, 0), ID: "id", Appends: []store.Append{entryOf(0, 1, "x")},
		Puts: append(putOf("a", "1"), store.Put{Key: store.Key{Table: store.TableDoc, Tenant: tenant, ID: "a"}}),
	})
	if _, err := s.PutBlob(t.Context(), 0, tenant, nil); err != nil {
		t.Fatal(err)
	}
	ids := 0
	for _, k := range server.Do("keys", "*").([]any) {
		left := server.Do("ttl", k).(int64)
		switch {
		case strings.Contains(k.(string), ":00}:tx:"):
			ids++
			if left < 3600 || left > 2*3600 {
				t.Errorf("%q expires in %d s", k, left)
			}
		case left != -1:
			t.Errorf("%q expires in %d s", k, left)
		}
	}
	if ids != 1 {
		t.Errorf("%d ids are kept, want 1", ids)
	}
}
