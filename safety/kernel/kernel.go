package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/safety"
)

// Kernel knows which snapshot is in force. It is safe for concurrent use.
type Kernel struct {
	cfg    Config
	log    *slog.Logger
	meters *meters

	inForce atomic.Pointer[safety.Snapshot]
	shadow  atomic.Pointer[shadowed]
	alarm   atomic.Pointer[Alert] // the newest; nil: none since the last good look

	turn  chan struct{}         // holds one token: whoever has it may change what is below
	state atomic.Pointer[state] // may be read without the turn
	// pending: a snapshot was published before, and the base asks for another one since the start, which is not yet
	// published. unknown: the store has not said for a lease what is in force. Either way nothing is.
	pending, unknown bool
	known            time.Time // when the store last said what is in force
	loaded           bool      // the documents were read once
	bad              string    // what of the base was refused last, so that it is told once
	own, edited      string    // what was read of the base last, and what this process saw it change to that is not yet in force
	looked           bool      // the base was read once
	untold           []Alert   // not yet in the audit log
}

// New makes a kernel with nothing in force. It reads nothing and starts nothing: Load reads, Run goes on.
func New(cfg Config) (*Kernel, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	m, err := newMeters(cfg.Registry)
	if err != nil {
		return nil, fmt.Errorf("policy store: register metrics: %w", err)
	}
	k := &Kernel{cfg: cfg, log: cfg.Logger, meters: m, turn: make(chan struct{}, 1)}
	k.state.Store(&state{})
	k.turn <- struct{}{}
	return k, nil
}

// Snapshot is what is in force; nil while that is not known, and then nothing may start. It never blocks, so it may be
// called for every job. Whoever decides keeps what it got until the decision is made.
func (k *Kernel) Snapshot() *safety.Snapshot { return k.inForce.Load() }

// Shadow is evaluated beside what is in force, and counts for nothing; nil: none is.
func (k *Kernel) Shadow() *safety.Snapshot {
	if s := k.shadow.Load(); s != nil {
		return s.snapshot
	}
	return nil
}

// Load reads what was published and puts it in force, if it is what the base file and the configuration still ask for;
// else nothing is in force before Run has published what they ask for now. It changes nothing. An error says why a server
// should not start: the documents cannot be read, or nothing was ever published and the base is no policy.
func (k *Kernel) Load(ctx context.Context) error {
	if err := k.begin(ctx); err != nil {
		return err
	}
	defer k.end()
	if err := k.read(ctx); err != nil {
		return fmt.Errorf("policy store: %w", unavailable(err))
	}
	own := k.base(ctx)
	k.notice(own)
	next, err := k.wanted(own)
	switch {
	case err != nil && k.state.Load().etag == "":
		return err
	case err != nil:
		k.refuseBase(own.seen, err)
	case next != nil:
		k.pending = true
		k.show()
	}
	return nil
}

// Run keeps what is in force up to date until ctx ends: it publishes what the base file asks for, follows what other
// processes publish, and withdraws the snapshot when the store cannot say for a lease that it still holds.
func (k *Kernel) Run(ctx context.Context) error {
	var reloads sync.WaitGroup
	defer reloads.Wait()
	reloads.Go(func() { k.reloads(ctx) }) // by itself, as an address may take its time to answer
	every := time.NewTicker(syncEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			k.follow(ctx)
		}
	}
}

// reloads looks at the base from time to time, and often while nothing is in force.
func (k *Kernel) reloads(ctx context.Context) {
	for {
		k.look(ctx)
		pause := k.cfg.Reload
		if !k.Ready() {
			pause = min(pause, syncEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Ready tells whether a snapshot is in force.
func (k *Kernel) Ready() bool { return k.Snapshot() != nil }

// begin waits for the turn to change the state.
func (k *Kernel) begin(ctx context.Context) error {
	select {
	case <-k.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Kernel) end() { k.turn <- struct{}{} }

// read makes the state what the documents say, unless it is already. With the turn.
func (k *Kernel) read(ctx context.Context) error {
	doc, err := k.cfg.Documents.Doc(ctx, kindActive, onlyName)
	st := k.state.Load()
	switch {
	case errors.Is(err, ErrNotFound) && st.etag == "":
	case err != nil:
		return fmt.Errorf("which policy is in force: %w", err)
	case !k.loaded || st.etag != doc.ETag:
		next, err := k.stored(ctx, doc)
		if err != nil {
			return err
		}
		k.enforce(next)
	}
	if err := k.readShadow(ctx); err != nil {
		return err
	}
	k.loaded, k.known = true, time.Now()
	if k.unknown {
		k.unknown = false
		k.show()
	}
	return nil
}

// stored is the state that the active document names. What it names is used only when it is what it says.
func (k *Kernel) stored(ctx context.Context, doc Doc) (*state, error) {
	next := &state{etag: doc.ETag}
	if err := decode(doc, &next.active); err != nil {
		return nil, err
	}
	version, err := k.version(ctx, next.active.Version)
	if err != nil {
		return nil, err
	}
	next.version = version
	if next.texts, err = k.textsOf(ctx, version.Version); err != nil {
		return nil, err
	}
	if next.snapshot, err = k.trusted(next); err != nil {
		k.raise(fmt.Sprintf("version %d", version.Version), fmt.Errorf("the stored policy is not used, so nothing starts: %w", err))
	}
	return next, nil
}

// trusted compiles the texts of a stored state and checks that they are what was published, and signed where they must be.
func (k *Kernel) trusted(st *state) (*safety.Snapshot, error) {
	for i := range st.texts {
		if err := k.cfg.verify(&st.texts[i]); err != nil {
			return nil, err
		}
	}
	c, err := k.compile(st.texts, defaultOf(st.version.Default))
	if err != nil {
		return nil, err
	}
	if got := c.snapshot.Digest(); got != st.version.Digest || got != st.active.Digest {
		return nil, fmt.Errorf("its texts make the snapshot %s, and %s was published", got, st.active.Digest)
	}
	return c.snapshot, nil
}

// enforce makes a state the one in force. With the turn.
func (k *Kernel) enforce(next *state) {
	k.state.Store(next)
	k.show()
	if s := k.Snapshot(); s != nil {
		k.log.Info("policy in force", "version", next.version.Version, "snapshot", s.Digest(), "rules", s.RuleCount(),
			"by", next.version.By, "reason", next.version.Reason)
	}
}

// show puts in force what the state has, unless there is a reason that nothing may be. With the turn.
func (k *Kernel) show() {
	s := k.state.Load().snapshot
	if k.pending || k.unknown {
		s = nil
	}
	k.meters.show(k.inForce.Swap(s), s)
}

// defaultOf reads the default of a record; what is not ALLOW denies.
func defaultOf(name string) safety.Verdict {
	if name == safety.Allow.String() {
		return safety.Allow
	}
	return safety.Deny
}
