package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// TestSlotMoves: while a partition's slot is on its way to another node, commits are either done or refused, never
// half done; when it has moved they go there, without the store being opened again.
func TestSlotMoves(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3, redisd.Durable...)
	var count trips
	cfg := fresh(nodes...).Hurried(2*time.Second, 3*time.Second).Watched(&count)
	s := open(t, cfg)
	if d := s.Describe(); !strings.Contains(d, "(cluster)") {
		t.Errorf("Describe: %s", d)
	}
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1"), Appends: []store.Append{entryOf(0, 1, "1")}})

	slot := nodes[0].Do("cluster", "keyslot", "{"+cfg.Prefix+":00}:head").(int64)
	from := nodes[slot*3/16384]
	to := nodes[(slot*3/16384+1)%3]
	fromID, toID := from.Do("cluster", "myid"), to.Do("cluster", "myid")
	to.Do("cluster", "setslot", slot, "importing", fromID)
	from.Do("cluster", "setslot", slot, "migrating", toID)

	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "2"), Appends: []store.Append{entryOf(1, 2, "2")}}) // all keys are there
	fresh := store.Key{Table: store.TableDoc, Tenant: tenant, ID: "new"}
	withNew := store.Tx{Epoch: e, Puts: append(putOf("a", "3"), store.Put{Key: fresh, Value: []byte("3")})}
	err := s.Commit(t.Context(), withNew)[0]
	wantErr(t, "a commit with a new key while the slot moves", err, redis.ErrRefused)
	wantValue(t, s, "a", "2")

	keys := from.Do("cluster", "getkeysinslot", slot, 1000).([]any)
	for i, k := range keys {
		from.Do("migrate", "127.0.0.1", to.Port(), k, 0, 5000)
		if i == 0 { // the partition is in two places
			err := s.Commit(t.Context(), store.Tx{Epoch: e, Puts: putOf("a", "3"), Appends: []store.Append{entryOf(2, 3, "3")}})[0]
			wantErr(t, "a commit while half of the partition has moved", err, redis.ErrRefused)
		}
	}
	wantValue(t, s, "a", "2") // the old node says where to ask
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "4")})
	for _, n := range []*redisd.Server{to, from} {
		n.Do("cluster", "setslot", slot, "node", toID)
	}
	commit(t, s, withNew)
	commit(t, s, store.Tx{Epoch: e, Checks: []store.Check{{Key: fresh, Value: []byte("3")}}, Appends: []store.Append{entryOf(2, 3, "3")}})
	wantLog(t, s, "1 2 3")
	count.since()
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "5")})
	if n, _ := count.since(); n != 1 {
		t.Errorf("a commit after the slot has moved takes %d round trips", n)
	}
}

// TestPartOfClusterDown: partitions of other nodes go on.
func TestPartOfClusterDown(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3, append([]string{"--cluster-require-full-coverage", "no"}, redisd.Durable...)...)
	cfg := fresh(nodes...).Hurried(500*time.Millisecond, time.Second)
	cfg.Partitions = 16
	s := open(t, cfg)
	txs := make([]store.Tx, cfg.Partitions)
	down := map[store.Partition]bool{}
	for p := range txs {
		at := store.Partition(p)
		txs[p] = store.Tx{Partition: at, Epoch: acquire(t, s, at), Puts: putOf("a", "1")}
		slot := nodes[0].Do("cluster", "keyslot", fmt.Sprintf("{%s:%02X}:head", cfg.Prefix, p)).(int64)
		down[at] = slot*3/16384 == 1
	}
	nodes[1].Kill()
	lost := 0
	for p, err := range s.Commit(t.Context(), txs...) {
		switch {
		case !down[store.Partition(p)]:
			if err != nil {
				t.Errorf("partition %d of a node that lives: %v", p, err)
			}
		case !errors.Is(err, redis.ErrRefused) && !errors.Is(err, redis.ErrUnknown):
			t.Errorf("partition %d of a node that is down: %v", p, err)
		default:
			lost++
		}
	}
	if lost == 0 || lost == len(txs) {
		t.Errorf("%d of %d partitions were on the node", lost, len(txs))
	}
	nodes[1].Restart()
	redisd.Wait(t, "all partitions are written to again", func(ctx context.Context) error {
		return errors.Join(s.Commit(ctx, txs...)...)
	})
}

// TestClusterWithHoles: a cluster in which some slots are nobody's is refused, whatever it says of itself.
func TestClusterWithHoles(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 1, append([]string{"--cluster-require-full-coverage", "no"}, redisd.Durable...)...)
	cfg := fresh(nodes...).Hurried(time.Second, 300*time.Millisecond)
	open(t, cfg)
	nodes[0].Do("cluster", "delslots", 7)
	wantOpenError(t, cfg, redis.ErrRefused, "16383 slots of 16384", "CLUSTER INFO")
}
