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

// TestWaitsForReplicas: nothing is acknowledged before so many replicas have it, and an outcome is known again when they have.
func TestWaitsForReplicas(t *testing.T) {
	t.Parallel()
	primary := redisd.Start(t, redisd.Durable...)
	replica := redisd.StartReplica(t, primary, redisd.Durable...)
	cfg := fresh(primary).Hurried(time.Second, 3*time.Second)
	cfg.WaitReplicas = 1
	s := open(t, cfg)
	if d := s.Describe(); !strings.Contains(d, "received by 1 of its replicas") {
		t.Errorf("%q", d)
	}
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, ID: "one", Puts: putOf("a", "1")})
	if got := replica.Do("hget", "{"+cfg.Prefix+":00}:rows:4", tenant+"\x00a"); got != "1" {
		t.Errorf("the replica has %v", got)
	}

	replica.Stop()
	wantErr(t, "without the replica", s.Commit(t.Context(), store.Tx{Epoch: e, ID: "two", Puts: putOf("a", "2")})[0], redis.ErrUnknown)
	if _, err := s.Committed(t.Context(), 0, "two"); !errors.Is(err, redis.ErrUnknown) {
		t.Errorf("the outcome is told before it is sure: %v", err)
	}
	if _, err := s.PutBlob(t.Context(), 0, tenant, []byte("x")); !errors.Is(err, redis.ErrUnknown) {
		t.Errorf("a blob: %v", err)
	}
	replica.Continue()
	redisd.Wait(t, "the outcome is known", func(ctx context.Context) error {
		done, err := s.Committed(ctx, 0, "two")
		if err == nil && !done {
			t.Error("it was not carried out")
		}
		return err
	})
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "3")})
}

// TestTooFewReplicas: a store that could acknowledge nothing is not opened.
func TestTooFewReplicas(t *testing.T) {
	t.Parallel()
	primary := redisd.Start(t, redisd.Durable...)
	cfg := fresh(primary).Hurried(400*time.Millisecond, time.Second)
	cfg.WaitReplicas = 1
	_, err := redis.Open(t.Context(), cfg)
	if wantErr(t, "without a replica", err, redis.ErrRefused); !strings.Contains(fmt.Sprint(err), "0 are connected") {
		t.Errorf("it says %v", err)
	}
	redisd.StartReplica(t, primary, redisd.Durable...)
	open(t, cfg)
	cfg.WaitReplicas = 2
	_, err = redis.Open(t.Context(), cfg)
	wantErr(t, "with one of two", err, redis.ErrRefused)
}

// TestReplicasKnown: that too few replicas receive what is written is known from a commit that failed, or without one from looking,
// and so is that they are back.
func TestReplicasKnown(t *testing.T) {
	t.Parallel()
	primary := redisd.Start(t, redisd.Durable...)
	replica := redisd.StartReplica(t, primary, redisd.Durable...)
	cfg := fresh(primary).Hurried(500*time.Millisecond, 1500*time.Millisecond)
	cfg.WaitReplicas = 1
	s := open(t, cfg)
	known := func(acknowledge int) {
		t.Helper()
		if wanted, have := s.Replicas(); wanted != 1 || have != acknowledge {
			t.Errorf("%d of %d replicas, want %d of 1", have, wanted, acknowledge)
		}
	}
	looks := func(what string, acknowledge int) {
		t.Helper()
		redisd.Wait(t, what, func(ctx context.Context) error {
			_, have := s.Replicas()
			if have == acknowledge {
				return nil
			}
			return errors.Join(s.Look(ctx), fmt.Errorf("%d acknowledge", have))
		})
	}
	known(1)
	e := acquire(t, s, 0)
	replica.Stop()
	wantErr(t, "without the replica", s.Commit(t.Context(), store.Tx{Epoch: e, Puts: putOf("a", "1")})[0], redis.ErrUnknown)
	known(0)
	replica.Continue()
	looks("the replica is back", 1)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "2")})

	replica.Kill()
	looks("it is missed by a store that commits nothing", 0)
	replica.Restart()
	looks("the replica is back", 1)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "3")})
}

// TestReplicasOfEachPrimary: in a cluster nothing is acknowledged of a partition whose primary has lost its replica, others go on, and
// the store says that replicas are missing until each primary has its own, whoever looks and whatever is committed meanwhile.
func TestReplicasOfEachPrimary(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3, redisd.Durable...)
	replicas := make([]*redisd.Server, len(nodes))
	for i, n := range nodes {
		replicas[i] = redisd.StartClusterReplica(t, n, redisd.Durable...)
	}
	cfg := fresh(nodes...).Hurried(500*time.Millisecond, 1500*time.Millisecond)
	cfg.WaitReplicas = 1
	s := open(t, cfg)
	on := func(p store.Partition) int {
		slot := nodes[0].Do("cluster", "keyslot", fmt.Sprintf("{%s:%02X}:head", cfg.Prefix, p)).(int64)
		return int(slot * 3 / 16384)
	}
	const lame store.Partition = 0
	whole := lame + 1
	for on(whole) == on(lame) {
		whole++
	}
	lameEpoch, wholeEpoch := acquire(t, s, lame), acquire(t, s, whole)
	put := func(p store.Partition, e store.Epoch) error {
		return s.Commit(t.Context(), store.Tx{Partition: p, Epoch: e, Puts: putOf("a", "1")})[0]
	}
	looks := func(what string, acknowledge int) {
		t.Helper()
		redisd.Wait(t, what, func(ctx context.Context) error {
			if err := put(whole, wholeEpoch); err != nil {
				t.Errorf("a partition whose primary has its replica: %v", err)
			}
			_, have := s.Replicas()
			if have == acknowledge {
				return nil
			}
			return errors.Join(s.Look(ctx), fmt.Errorf("%d acknowledge", have))
		})
	}

	replicas[on(lame)].Stop()
	looks("it is missed by a store that commits nothing there", 0)
	wantErr(t, "without its replica", put(lame, lameEpoch), redis.ErrUnknown)
	looks("it is still missed", 0)
	replicas[on(lame)].Continue()
	looks("each primary has its replica again", 1)
	if err := put(lame, lameEpoch); err != nil {
		t.Errorf("with its replica: %v", err)
	}
}

// TestLookLeavesNothing: who asks the replicas of a server that was emptied makes nothing there that looks like a part of a store.
func TestLookLeavesNothing(t *testing.T) {
	t.Parallel()
	primary := redisd.Start(t, redisd.Durable...)
	redisd.StartReplica(t, primary, redisd.Durable...)
	cfg := fresh(primary).Hurried(500*time.Millisecond, 500*time.Millisecond)
	cfg.WaitReplicas = 1
	s := open(t, cfg)
	primary.Do("flushall")
	if err := s.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = s.Close() // waits for what Look began
	if n := primary.Do("dbsize"); n != int64(0) {
		t.Errorf("there are %v keys", n)
	}
}

// TestLookWhileLoading: a server that reads its data after a kill is not taken for one without an append-only file, which it says
// that it is as long as it reads.
func TestLookWhileLoading(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, append([]string{"--key-load-delay", "300"}, redisd.Durable...)...)
	s := open(t, fresh(server).Hurried(time.Second, 300*time.Millisecond))
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
	other := server.Client()
	defer func() { _ = other.Close() }()
	pipe := other.Pipeline()
	for i := range 8 << 10 { // it answers once in a thousand commands that it reads
		pipe.Set(t.Context(), "other", i, 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Launch()
	loading := 0
	redisd.Wait(t, "the server has read its data", func(ctx context.Context) error {
		_, _ = s.Get(ctx, 0, recordKey("a")) // so that connections are made
		err := s.Look(ctx)
		if errors.Is(err, redis.ErrUnsafe) || s.Err() != nil {
			t.Fatalf("it was given up: %v, %v", err, s.Err())
		}
		if err != nil {
			loading++
		}
		return err
	})
	if loading == 0 {
		t.Error("nothing was asked while it read its data")
	}
	wantValue(t, s, "a", "1")
}

// TestLook: settings that lose data end a store that runs; others are told.
func TestLook(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	s := open(t, cfg)
	cfg.AllowLoss = true
	lenient := open(t, cfg)
	look := func(s *redis.Store) error {
		server.Do("client", "kill", "type", "normal", "skipme", "yes") // so that connections are made
		_, _ = s.Get(t.Context(), 0, recordKey("a"))
		return s.Look(t.Context())
	}
	if err := look(s); err != nil {
		t.Fatal(err)
	}
	server.Do("config", "set", "appendfsync", "everysec")
	if err := look(s); err != nil || !strings.Contains(s.Describe(), "everysec") {
		t.Errorf("%v, %s", err, s.Describe())
	}
	server.Do("config", "set", "maxmemory-policy", "allkeys-lru")
	if err := look(lenient); err != nil || !strings.Contains(lenient.Describe(), "allkeys-lru") {
		t.Errorf("%v, %s", err, lenient.Describe())
	}
	wantErr(t, "look", look(s), redis.ErrUnsafe)
	wantErr(t, "afterwards", s.Commit(t.Context(), store.Tx{})[0], redis.ErrFailed)
	select {
	case <-s.Failed():
	default:
		t.Error("Failed is not closed")
	}
}
