package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/remote"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety"
)

// Teams.
const (
	// teamPartitions are enough for three to have some each, and for the place to be one engine's of them.
	teamPartitions = 4
	// mostPeers is how many engines a team has at once.
	mostPeers = 4
	// shared is how long engines may take to share what there is, when nothing goes wrong: a lease of one that died, the silence
	// after which it is gone, and time to take up what it had.
	shared = 2 * (runner.DefaultLeaseTTL + runner.DefaultPeerAway)
)

// team are engines that share one store and one bus, each with a gateway beside it, and a gateway that has no engine.
type team struct {
	w     *whole
	peers []*peer // every one that there ever was
	calls *remote.Client
	order sync.Mutex // held while a commit is done and noted: the law sees them as the store took them
	ended sync.WaitGroup
}

// peer is one engine process.
type peer struct {
	t       *team
	name    string
	r       *runner.Runner
	journal *journal
	gate    *gate
	link    *link
	reach   *reach
	calls   *remote.Client
	stop    context.CancelFunc
	done    chan struct{}
	// following is held while the policy is read and put in force.
	following chan struct{}
	over      bool // it was killed, or stopped
	policy    atomic.Pointer[safety.Snapshot]
}

// Snapshot implements runner.Kernel: each engine goes by what it has read.
func (p *peer) Snapshot() *safety.Snapshot { return p.policy.Load() }

// Shadow implements runner.Kernel.
func (*peer) Shadow() *safety.Snapshot { return nil }

// Remote implements runner.Kernel.
func (*peer) Remote() runner.RemoteKernel { return nil }

// The document that says which policy is in force.
const policyKind, policyName = "policy.sim", "active"

// Follow implements runner.Follower.
func (p *peer) Follow(ctx context.Context) error {
	select { // one after another, as the kernel does: what was read first must not be put in force last
	case p.following <- struct{}{}:
		defer func() { <-p.following }()
	case <-ctx.Done():
		return ctx.Err()
	}
	doc, err := p.r.Doc(ctx, policyKind, policyName)
	switch {
	case errors.Is(err, runner.ErrNotFound):
		p.policy.Store(policies()[0])
	case err != nil:
		return err
	default:
		p.policy.Store(policies()[doc.Value[0]])
	}
	return nil
}

// newTeam starts two or three engines and waits until they share what there is.
func newTeam(w *whole) *team {
	t := &team{w: w}
	var err error
	if t.calls, err = remote.NewClient(remote.ClientConfig{Logger: quiet()}, rushed{w.bus, w.rough}); err != nil {
		w.t.Fatal(err)
	}
	for range 2 + w.draw.IntN(2) {
		t.join()
	}
	t.settled()
	return t
}

// join starts one more engine.
func (t *team) join() *peer {
	w := t.w
	p := &peer{t: t, name: fmt.Sprintf("engine-%d", len(t.peers)), gate: newGate(), done: make(chan struct{}), following: make(chan struct{}, 1)}
	s, err := w.memory.open()
	if err != nil {
		w.t.Fatal(err)
	}
	p.journal = w.journal.next(s)
	p.journal.who, p.journal.order = p.name, &t.order
	p.reach = &reach{Store: p.journal, gone: p.journal.gone, gate: p.gate, who: p.name, identity: w.memory.who}
	p.link = &link{shaky: shaky{line{w.bus, p.journal.gone, true}, &w.cut, w.rough, w.sees}, name: p.name, gate: p.gate, law: w.journal.law}
	cfg := w.config
	cfg.Owner, cfg.Kernel, cfg.Peers = p.name, p, &runner.Peers{}
	if p.r, err = runner.New(cfg, p.reach, p.link); err != nil {
		w.t.Fatal(err)
	}
	if p.calls, err = remote.NewClient(remote.ClientConfig{Own: p.r, Logger: quiet()}, p.link); err != nil {
		w.t.Fatal(err)
	}
	p.r.Reach(p.calls)
	answers := remote.NewServer(p.link, p.r, quiet())
	var ctx, serving context.Context
	var hush context.CancelFunc
	ctx, p.stop = context.WithCancel(context.Background())
	serving, hush = context.WithCancel(context.Background())
	t.ended.Go(func() { _ = answers.Run(serving) })
	t.ended.Go(func() {
		defer close(p.done)
		err := p.r.Run(ctx)
		hush()
		if err != nil && !p.journal.gone.Load() {
			w.ends(fmt.Errorf("%s: %w", p.name, err))
		}
	})
	t.peers = append(t.peers, p)
	return p
}

// ends takes that an engine ended by itself: none of them has a reason to, whatever happens to it.
func (w *whole) ends(err error) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.ended = append(w.ended, err)
}

// alive are the engines that were neither killed nor stopped.
func (t *team) alive() []*peer {
	return slices.DeleteFunc(slices.Clone(t.peers), func(p *peer) bool { return p.over || p.journal.gone.Load() })
}

// well tells whether every partition has an owner that all would ask.
func (t *team) well() bool {
	n := 0
	for _, p := range t.alive() {
		for at := range teamPartitions {
			if p.r.Owns(at) {
				n++
			}
		}
		if p.r.Health(context.Background()) != nil {
			return false
		}
	}
	return n == teamPartitions
}

// settled waits until each has its share. It may take as long as shared, and no longer.
func (t *team) settled() {
	for since := time.Now(); !t.well(); time.Sleep(10 * time.Millisecond) {
		if time.Since(since) > shared {
			t.w.broken("partitions are not shared after %s: %s", shared, t.says())
			return
		}
	}
}

// says is how the engines are.
func (t *team) says() string {
	var out []string
	for _, p := range t.peers {
		out = append(out, fmt.Sprintf("%s, over %t, gone %t: %v, it knows %v", p.name, p.over, p.journal.gone.Load(), p.r.Health(context.Background()), p.r.Owners()))
	}
	return strings.Join(out, "; ")
}

// end waits for an engine that was stopped, or is dead. What it waits for itself is let through, or fails.
func (p *peer) end() {
	p.over = true
	p.gate.open()
	p.stop()
}

// kill ends an engine as SIGKILL does: nothing of it reaches the store or the bus any more, and its leases run out by themselves.
func (p *peer) kill() {
	p.journal.gone.Store(true)
	p.end()
}

// mend notices who is dead, and sees to it that somebody is there.
func (t *team) mend() {
	for _, p := range t.peers {
		if !p.over && p.journal.gone.Load() {
			t.w.count.Kills++
			t.w.note("%s is dead", p.name)
			p.end()
		}
	}
	if len(t.alive()) == 0 {
		t.w.note("nobody is left: %s begins", t.join().name)
		t.settled()
	}
}

// calm lets nothing go wrong with any engine, and brings as many as a team has.
func (t *team) calm() {
	for _, p := range t.alive() {
		p.journal.plan(0)
		p.link.mend()
		p.reach.mend()
		p.gate.open()
	}
	t.mend()
	for len(t.alive()) < 2 {
		t.join()
	}
	t.settled()
}

// front puts a gateway behind the desk: one that has no engine, or one beside an engine that is there.
func (t *team) front() *peer {
	all := t.alive()
	n := t.w.draw.IntN(len(all) + 1)
	if n == len(all) {
		t.w.desk.front.Engine = gateway.AdaptFar(t.calls)
		return nil
	}
	t.w.desk.front.Engine = gateway.AdaptFar(all[n].calls)
	return all[n]
}

// ask asks one of the gateways. One whose process died did not answer.
func (t *team) ask(by person, method, path, body, key string) said {
	t.mend()
	p := t.front()
	s := t.w.desk.ask(by, method, path, body, key)
	if p != nil && p.journal.gone.Load() {
		return said{}
	}
	return s
}

// publish puts another policy in force, for all of them.
func (t *team) publish(ctx context.Context, i int) error {
	t.w.commands++
	by := runner.Caller{Tenant: "default", Actor: tester, Reason: "the game", Roles: []string{"admin"}, Command: fmt.Sprintf("publish-%d", t.w.commands)}
	err := t.calls.ChangeDocs(ctx, by, "policy.publish", policyName, runner.DocChange{Kind: policyKind, Name: policyName, Value: []byte{byte(i)}})
	if err == nil {
		err = t.calls.PolicyChanged(ctx)
	}
	return err
}

// view is a run as any gateway shows it.
func (t *team) view(tenant, run string) (runner.RunView, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return t.calls.View(ctx, runner.Caller{Tenant: tenant}, run)
}

// close ends all of them.
func (t *team) close() {
	for _, p := range t.alive() {
		p.end()
	}
	t.ended.Wait()
	for _, p := range t.peers {
		_ = p.calls.Close()
	}
	_ = t.calls.Close()
}

// rushed is the bus as a gateway without an engine has it.
type rushed struct {
	*bus.Memory
	rough *rough
}

// Publish says something.
func (r rushed) Publish(subject string, data []byte) error {
	return r.rough.carry(subject, func() error { return r.Memory.Publish(subject, data) })
}
