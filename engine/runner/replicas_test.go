package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// replicas are engine processes, as far as a test can tell, over one store and one bus: each has a handle of the store and a
// connection of its own, which can be cut.
type replicas struct {
	t      testing.TB
	store  store.Store
	bus    *bus.Memory
	change []func(*runner.Config)
	all    []*replica
	took   *acceptance
}

// replica is one of them.
type replica struct {
	t     testing.TB
	name  string
	r     *runner.Runner
	store *handle
	bus   *plug
	stop  context.CancelFunc
	done  chan error
	over  bool // it was killed or has drained
}

// newReplicas starts n replicas over a store of 16 partitions and waits until they share them. Each configuration goes through
// change before its replica starts.
func newReplicas(t testing.TB, n int, change ...func(*runner.Config)) *replicas {
	t.Helper()
	return newReplicasOver(t, n, 16, change...)
}

// newReplicasOver is newReplicas with another number of partitions.
func newReplicasOver(t testing.TB, n, partitions int, change ...func(*runner.Config)) *replicas {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: partitions, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	rs := &replicas{t: t, store: s, bus: bus.NewMemory(), change: change, took: &acceptance{}}
	t.Cleanup(func() {
		rs.end()
		_ = rs.bus.Close()
		_ = s.Close()
	})
	for range n {
		rs.start()
	}
	rs.settled()
	return rs
}

// replicaBubble plays a story with n replicas on a clock of its own.
func replicaBubble(t *testing.T, n int, story func(t *testing.T, rs *replicas)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newReplicas(t, n)) })
}

// add starts one more replica and waits until all share the partitions.
func (rs *replicas) add() *replica {
	rs.t.Helper()
	p := rs.start()
	rs.settled()
	return p
}

// start starts one more replica.
func (rs *replicas) start() *replica {
	rs.t.Helper()
	name := fmt.Sprintf("engine-%d", len(rs.all))
	return rs.startAs(name)
}

func (rs *replicas) startAs(name string) *replica {
	rs.t.Helper()
	g := newGate()
	p := &replica{
		t: rs.t, name: name, done: make(chan error, 1),
		store: &handle{Store: rs.store, gate: g, took: rs.took, name: name}, bus: &plug{Bus: rs.bus, gate: g},
	}
	cfg := runner.Config{Owner: name, Lanes: 2, Policy: safety.NewSnapshot(safety.Allow), Logger: quiet(), Peers: &runner.Peers{}}
	for _, change := range rs.change {
		change(&cfg)
	}
	r, err := runner.New(cfg, p.store, p.bus)
	if err != nil {
		rs.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.r, p.stop = r, cancel
	go func() { p.done <- r.Run(ctx) }()
	rs.all = append(rs.all, p)
	return p
}

// alive are the replicas that were neither killed nor drained.
func (rs *replicas) alive() []*replica {
	return slices.DeleteFunc(slices.Clone(rs.all), func(p *replica) bool { return p.over })
}

// settled waits until every partition has one owner and each of those alive has its share.
func (rs *replicas) settled() {
	rs.t.Helper()
	rs.until("the partitions are shared", func() bool {
		n := 0
		for _, p := range rs.alive() {
			if p.r.Health(context.Background()) != nil || len(runner.MembersOf(p.r)) != len(rs.alive()) {
				return false
			}
			n += len(runner.Owned(p.r))
		}
		return n == rs.store.Partitions()
	})
}

// ownerOf is the replica that serves the partition of a run, or of anything that begins like one; nil when nobody does now.
func (rs *replicas) ownerOf(run string) *replica {
	for _, p := range rs.alive() {
		if p.serves(run) {
			return p
		}
	}
	return nil
}

func (p *replica) serves(run string) bool {
	var n int
	_, err := fmt.Sscanf(run[:2], "%02X", &n)
	return err == nil && p.r.Owns(n)
}

// until waits for a condition, with a deadline.
func (rs *replicas) until(what string, ok func() bool) {
	rs.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			for _, p := range rs.all {
				rs.t.Logf("%s: over %t, owns %v, knows %v, health %v", p.name, p.over, runner.Owned(p.r), runner.MembersOf(p.r), p.r.Health(context.Background()))
			}
			rs.t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// at does something at the owner of a run's partition, again while that moves.
func (rs *replicas) at(run string, do func(r *runner.Runner) error) error {
	rs.t.Helper()
	var err error
	rs.until("somebody answers for "+run, func() bool {
		p := rs.ownerOf(run)
		if p == nil {
			return false
		}
		err = do(p.r)
		return !errors.Is(err, runner.ErrMoved)
	})
	return err
}

// world is a world whose runner is one of the replicas: for workers, and to read runs of any partition.
func (rs *replicas) world(p *replica) *world {
	return &world{t: rs.t, store: rs.store, bus: rs.bus, r: p.r, checked: true}
}

// put stores a definition at the owner of partition 0.
func (rs *replicas) put(source string) {
	rs.t.Helper()
	err := rs.at("00", func(r *runner.Runner) error {
		_, err := r.PutWorkflow(context.Background(), ann, []byte(source), runner.FormatYAML)
		return err
	})
	if err != nil {
		rs.t.Fatal(err)
	}
}

// run starts a run at a replica.
func (p *replica) run(workflow string) string {
	p.t.Helper()
	s, err := p.r.Start(context.Background(), ann, runner.StartRequest{Workflow: workflow})
	if err != nil {
		p.t.Fatal(err)
	}
	return s.RunID
}

// ended waits until a run has ended, wherever it is.
func (rs *replicas) ended(run string) runner.RunView {
	rs.t.Helper()
	var v runner.RunView
	defer func() {
		if rs.t.Failed() {
			rs.t.Logf("run %s at its end: %+v", run, v)
		}
	}()
	rs.until("run "+run+" has ended", func() bool {
		_ = rs.at(run, func(r *runner.Runner) error {
			var err error
			v, err = r.View(context.Background(), ann, run)
			return err
		})
		return v.EndedAt != nil && v.Compensation != "running"
	})
	return v
}

// kill ends a replica as SIGKILL does, as far as others can tell: nothing of it reaches the store or the bus from now on, and
// its leases stay until they run out.
func (p *replica) kill() {
	p.t.Helper()
	p.over = true
	p.store.gate.cut()
	p.stop()
	<-p.done // what it says of its end does not matter
}

// drain stops a replica in good order.
func (p *replica) drain() {
	p.t.Helper()
	p.over = true
	p.stop()
	if err := <-p.done; err != nil {
		p.t.Errorf("%s ended with %v", p.name, err)
	}
}

// pause holds a replica up as SIGSTOP does, as far as others can tell: what it sends, stores and hears stays where it is. resume
// lets all that go on.
func (p *replica) pause()  { p.store.gate.close() }
func (p *replica) resume() { p.store.gate.open() }

// end stops what still runs and checks all that was stored.
func (rs *replicas) end() {
	for _, p := range rs.alive() {
		p.resume()
		p.stop()
	}
	for _, p := range rs.alive() {
		p.over = true
		if err := <-p.done; err != nil {
			rs.t.Errorf("%s ended with %v", p.name, err)
		}
	}
	if rs.t.Failed() {
		return
	}
	for _, wrong := range rs.took.wrong {
		rs.t.Error(wrong)
	}
	var says []string
	err := runner.CheckStore(context.Background(), rs.store, func(s string) { says = append(says, s) })
	if err != nil || len(says) > 0 {
		rs.t.Errorf("the store is not sound: %q, %v", says[:min(len(says), 5)], err)
	}
}
