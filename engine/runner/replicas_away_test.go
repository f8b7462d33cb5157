package runner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// TestReplicasStoreAway: a store that is away for longer than a lease stops everybody, and nothing else: they go on when it is back.
func TestReplicasStoreAway(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 3))
		c := rs.newCrowd("job.t.work", 300*time.Millisecond)
		var runs []string
		for range 10 {
			runs = append(runs, rs.all[0].run("wf"), rs.all[1].run("wf"))
		}
		time.Sleep(400 * time.Millisecond)
		rs.all[0].store.away.Store(true)
		rs.all[1].store.away.Store(true)
		rs.until("nobody owns anything", func() bool { return len(runner.Owned(rs.all[0].r))+len(runner.Owned(rs.all[1].r)) == 0 })
		if err := rs.all[0].r.Health(context.Background()); err == nil {
			t.Error("it says that it is well")
		}
		rs.all[0].store.away.Store(false)
		rs.all[1].store.away.Store(false)
		rs.settled()
		rs.wellDone(c, runs, 3)
	})
}

// TestReplicaStoreAway: a replica that does not reach the store, while others do, lets them have its partitions until it does.
func TestReplicaStoreAway(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 3))
		c := rs.newCrowd("job.t.work", 300*time.Millisecond)
		var runs []string
		for range 10 {
			runs = append(runs, rs.all[0].run("wf"), rs.all[1].run("wf"))
		}
		p := rs.all[1]
		p.store.away.Store(true)
		rs.until("the other one has everything", func() bool { return len(runner.Owned(rs.all[0].r)) == rs.store.Partitions() })
		if err := p.r.Health(context.Background()); err == nil {
			t.Error("it says that it is well")
		}
		if _, err := p.r.Start(context.Background(), ann, runner.StartRequest{Workflow: "wf"}); !errors.Is(err, runner.ErrUnavailable) {
			t.Errorf("a start at who has nothing: %v", err)
		}
		p.store.away.Store(false)
		rs.settled()
		rs.wellDone(c, runs, 3)
	})
}

// TestReplicaLaneHangs: a replica whose lanes hang in a commit, while it renews its leases and is heard, lets the others have its
// partitions; what it was about to write is refused then, and it has its share again when it goes on.
func TestReplicaLaneHangs(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 3))
		c := rs.newCrowd("job.t.work", 300*time.Millisecond)
		var runs []string
		for range 10 {
			runs = append(runs, rs.all[0].run("wf"), rs.all[1].run("wf"))
		}
		p, stuck := rs.all[1], make(chan struct{})
		p.store.stuck.Store(&stuck)
		began := time.Now()
		rs.until("the other one has everything", func() bool { return len(runner.Owned(rs.all[0].r)) == rs.store.Partitions() })
		if took, most := time.Since(began), 4*runner.DefaultLeaseTTL; took > most {
			t.Errorf("that took %s, want at most %s", took, most)
		}
		if err := p.r.Health(context.Background()); err == nil {
			t.Error("it says that it is well")
		}
		time.Sleep(time.Minute)
		if n := len(runner.Owned(p.r)); n > 0 {
			t.Errorf("it took %d partitions while it hung", n)
		}
		p.store.stuck.Store(nil)
		close(stuck)
		rs.settled()
		rs.wellDone(c, runs, 3)
	})
}

// TestReplicaBusAway: a replica that nobody hears gives its partitions to those that hear each other, and has its share again when
// it is heard; no job is repeated.
func TestReplicaBusAway(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 3))
		c := rs.newCrowd("job.t.work", 300*time.Millisecond)
		var runs []string
		for range 10 {
			runs = append(runs, rs.all[0].run("wf"), rs.all[1].run("wf"))
		}
		p := rs.all[1]
		p.bus.deaf.Store(true)
		rs.until("the others have everything", func() bool {
			return len(runner.Owned(rs.all[0].r))+len(runner.Owned(rs.all[2].r)) == rs.store.Partitions()
		})
		if err := p.r.Health(context.Background()); err == nil {
			t.Error("it says that it is well")
		}
		if n := runner.RememberedOf(p.r); n > 0 {
			t.Errorf("it remembers %d things of partitions that it gave away", n)
		}
		p.bus.deaf.Store(false)
		rs.settled()
		rs.wellDone(c, runs, 3)
	})
}

// TestReplicasBusGone: when nobody hears anybody all stop, and all go on when the bus is back.
func TestReplicasBusGone(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 3))
		c := rs.newCrowd("job.t.work", 300*time.Millisecond)
		runs := []string{rs.all[0].run("wf"), rs.all[1].run("wf")}
		for _, p := range rs.all {
			p.bus.deaf.Store(true)
		}
		rs.until("nobody owns anything", func() bool { return len(runner.Owned(rs.all[0].r))+len(runner.Owned(rs.all[1].r)) == 0 })
		for _, p := range rs.all {
			p.bus.deaf.Store(false)
		}
		rs.settled()
		rs.wellDone(c, runs, 3)
	})
}

// TestWatchMoves: who watches a run of a partition that leaves is told to ask its owner, and so is who begins to.
func TestWatchMoves(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put("id: wf\nsteps:\n  - {id: a, type: approval}\n")
		ctx := context.Background()
		p, q := rs.all[0], rs.all[1]
		run := p.run("wf")
		if _, err := q.r.Watch(ctx, ann, runner.WatchRequest{Run: run}, 0); !errors.Is(err, runner.ErrMoved) {
			t.Errorf("watching a run of another replica: %v", err)
		}
		w, err := p.r.Watch(ctx, ann, runner.WatchRequest{Run: run}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for range 2 { // the snapshot, and that it is live
			if _, err := w.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		p.drain()
		_, err = w.Next(ctx)
		is(t, err, runner.ErrUnavailable)
		rs.settled()
		again, err := q.r.Watch(ctx, ann, runner.WatchRequest{Run: run}, 0)
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	})
}

// TestReplicaSurvivorsAreReady: those that live on say all the time that they are well while they take over what was another's.
func TestReplicaSurvivorsAreReady(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.all[1].kill()
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			for _, p := range rs.alive() {
				if err := p.r.Health(context.Background()); err != nil {
					t.Fatalf("%s: %v", p.name, err)
				}
			}
		}
		rs.settled()
	})
}

// TestLeaseIsOver: by either clock.
func TestLeaseIsOver(t *testing.T) {
	until := time.Now().Add(time.Second)
	wall := until.Round(0) // without the monotonic clock
	for name, c := range map[string]struct {
		now  time.Time
		want bool
	}{
		"before":                       {until.Add(-time.Millisecond), false},
		"then":                         {until, true},
		"the wall leapt on":            {wall.Add(time.Hour), true},
		"the wall leapt back, later":   {until.Add(time.Hour), true},
		"the wall leapt back, earlier": {wall.Add(-time.Hour), false},
	} {
		if got := runner.LeaseOver(until, c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestPeersChecked: times that leave no room for one lost message are refused.
func TestPeersChecked(t *testing.T) {
	for _, p := range []runner.Peers{
		{Lease: time.Second}, {Renew: time.Minute}, {Beat: 3 * time.Second}, {Away: -time.Second}, {Listen: -1},
	} {
		if _, err := runner.New(runner.Config{Peers: &p}, openStore(t, vfs.NewMem()), bus.NewMemory()); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}
