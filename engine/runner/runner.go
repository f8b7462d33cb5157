package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// Config shapes a Runner. Zero fields mean their default.
type Config struct {
	Owner       string           // names this process to stores and workers; default "cordum-" and randomness
	Lanes       int              // default: one per core
	WorkerLease time.Duration    // silence after which a worker is lost; default 15s
	Policy      *safety.Snapshot // nil denies every job; has no effect with Kernel
	Kernel      Kernel           // what policy is in force; default FixedKernel(Policy)
	// Roles answers the roles that somebody has now, and whether they are known; default: nobody is, and what they had when they
	// voted counts.
	Roles func(tenant, actor string) (roles []string, known bool)
	// FourEyes: who asked may not approve what a policy demands, unless its rule says otherwise. On in production.
	FourEyes bool
	Logger   *slog.Logger          // default slog.Default()
	Build    string                // the version of this binary, as runs note it; default: none
	Registry prometheus.Registerer // default: none
	Now      func() time.Time      // default time.Now
	Tracer   Tracer                // default: none
	Audit    AuditConfig
	// DeadLetters says how long and how many dead letters are kept.
	DeadLetters DeadLetterConfig
	// Retention says what is kept of runs that have ended; default: everything.
	Retention RetentionConfig
	// Fleet are the files that say how the fleet is set up; default: none. FleetReload is how often they are looked at, and the
	// documents over them; default DefaultFleetReload.
	Fleet       FleetFiles
	FleetReload time.Duration
	// Peers are there when other processes serve the same store, too; nil: this one is alone and owns every partition.
	Peers *Peers
	// Trust is what is asked of topics, jobs and workers; default: nothing.
	Trust Trust
	// Pointers holds the payloads of plain CAP workers; default: none, and they get no pointer to their input.
	Pointers Pointers
	// Streams keeps results and jobs for those who fire and forget; default: none.
	Streams Streams
	// Crash is called at the places that CrashPoints names; tests end the process there. Default: nothing.
	Crash func(point string)
}

// Runner is the shell around the engine: it owns the lanes and everything that lives. Constructing it starts nothing.
type Runner struct {
	cfg      Config
	store    store.Store
	identity store.Identity
	bus      bus.Bus
	lanes    []*lane
	dispatch *dispatch
	defs     *definitions
	hub      *hub
	logs     *logBook
	asked    *askedQueue
	keys     *keyring
	shapes   shapes
	metrics  *metrics
	plain    *plainInbox
	progress *progressGate
	pointers *pointersWatch
	// unheardInbox begins the reply subjects on which the bus says that nobody listened.
	unheardInbox string

	mu     sync.Mutex
	epochs []store.Lease // by partition; Epoch 0: not ours
	shared *shared       // nil: alone
	peers  *peers        // nil: alone
	agreed *agreement    // nil: alone
	// reach reaches the owners of other partitions; nil: there are none, or nobody said how.
	reach    Elsewhere
	restored chan struct{} // rung when a chain may have to hear that the store was put back
	ready    atomic.Bool
	work     sync.WaitGroup // large results being kept
	keeping  chan struct{}  // a token for each of them
	tenants  tenantNames    // of runs that sleep
	// checking is a token for each smaller result that the output policy looks at.
	checking chan struct{}
	kernel   Kernel
	asks     chan struct{} // a token for each question to a remote kernel
	holds    holds
	dead     deadLetters
	retain   retention
	fleet    fleetSettings
	audit    auditing
	// registered are schemas, topics and workers' credentials.
	registered registered
	// unsureStarts are starts whose outcome was not known.
	unsureStarts UnsureStarts
	settled      atomic.Int64          // when workers have had time to say what they have, in ns of the clock
	broken       atomic.Pointer[error] // why the process must stop

	entropy struct {
		sync.Mutex
		ulid   *ulid.MonotonicEntropy
		tokens *mrand.ChaCha8
	}
}

// New checks cfg and builds a Runner over a store and a bus; the caller owns both and closes them after Run returned.
func New(cfg Config, s store.Store, b bus.Bus) (*Runner, error) {
	if s == nil || b == nil {
		return nil, errors.New("runner: a store and a bus are needed")
	}
	if s.Partitions() > id.MaxPartitions {
		return nil, fmt.Errorf("runner: %d partitions are more than %d", s.Partitions(), id.MaxPartitions)
	}
	r := &Runner{
		cfg: withDefaults(cfg), store: s, identity: identityOf(s), bus: b, epochs: make([]store.Lease, s.Partitions()),
		keeping: make(chan struct{}, maxKeeping), checking: make(chan struct{}, maxChecking), asks: make(chan struct{}, maxAsks),
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("runner: randomness: %w", err)
	}
	r.entropy.tokens = mrand.NewChaCha8(seed)
	r.entropy.ulid = ulid.Monotonic(rand.Reader, 0)
	r.audit.signer = audit.NewSigner(r.cfg.Audit.Key)
	r.kernel = r.cfg.Kernel
	if r.kernel == nil {
		r.kernel = FixedKernel(r.cfg.Policy)
	}
	if r.cfg.Peers != nil {
		peers := r.cfg.Peers.withDefaults()
		if err := peers.check(); err != nil {
			return nil, err
		}
		r.shared = newShared(r, peers)
	}
	r.agreed = newAgreement(r)
	r.metrics = newMetrics(r.cfg.Registry)
	r.metrics.replicas = newReplicaMetrics(r, r.cfg.Registry)
	r.fleet.init()
	r.registered.init(r)
	r.dead.init(r.cfg.DeadLetters.Cap, r.cfg.Registry)
	r.retain.init(r.cfg.Registry)
	r.dispatch, r.progress = newDispatch(r), newProgressGate(r)
	r.plain, r.pointers = newPlainInbox(r), newPointersWatch(r.cfg.Logger)
	r.unheardInbox = bus.InboxPrefix + ".unheard." + ulid.Make().String() + "."
	if r.cfg.Registry != nil {
		r.cfg.Registry.MustRegister(r.dispatch.metrics)
	}
	r.defs = newDefinitions(r)
	r.hub, r.keys, r.asked, r.logs = newHub(), newKeyring(), newAskedQueue(), newLogBook(r)
	r.restored = make(chan struct{}, 1)
	r.followParts()
	for range min(r.cfg.Lanes, s.Partitions()) {
		r.lanes = append(r.lanes, newLane(r))
	}
	if r.shared != nil {
		r.peers = newPeers(r)
	}
	return r, nil
}

func withDefaults(cfg Config) Config {
	if cfg.Owner == "" {
		cfg.Owner = "cordum-" + ulid.Make().String()
	}
	if cfg.Lanes <= 0 {
		cfg.Lanes = runtime.GOMAXPROCS(0)
	}
	if cfg.WorkerLease <= 0 {
		cfg.WorkerLease = DefaultWorkerLease
	}
	if cfg.FleetReload <= 0 {
		cfg.FleetReload = DefaultFleetReload
	}
	cfg.DeadLetters = cfg.DeadLetters.withDefaults()
	cfg.Retention = cfg.Retention.withDefaults()
	if cfg.Audit.Every <= 0 {
		cfg.Audit.Every = DefaultHeadEvery
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// Run takes every partition, or with Peers its share of them, recovers what was under way, and serves until ctx ends; with
// Peers it then gives its partitions to the others, within [Peers].Drain. When it returns nothing of it is left, and every
// acknowledged input is in the store. An error says why it could not go on.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.acquireAll(ctx); err != nil {
		return err
	}
	defer r.releaseAll(context.WithoutCancel(ctx))
	if err := r.beginAgreement(ctx); err != nil {
		return err
	}
	if err := r.loadHolds(ctx); err != nil {
		return err
	}
	if err := r.loadRegistered(ctx); err != nil {
		return err
	}
	if err := r.loadFleet(ctx); err != nil {
		return err
	}
	if r.alone() {
		for p := range r.epochs {
			if err := r.countDead(ctx, store.Partition(p)); err != nil {
				return err
			}
		}
		r.crash(CrashOwned)
	}
	r.settled.Store(r.now().Add(recoverGrace).UnixNano())
	subs, err := r.listen()
	hangUp := func() {
		for _, s := range subs {
			_ = s.Unsubscribe()
		}
		r.work.Wait()
	}
	if err != nil {
		hangUp()
		return err
	}
	err = r.serve(ctx, hangUp)
	r.hub.close()
	return err
}

// serve runs everything that lives until ctx ends or one of them cannot go on. Workers are no longer heard from before the
// lanes end: what a lane takes it answers.
func (r *Runner) serve(ctx context.Context, hangUp func()) error {
	lives := ctx
	if !r.alone() { // it goes on until its partitions are given away
		lives = context.WithoutCancel(ctx)
	}
	serve, stop := context.WithCancelCause(lives)
	defer stop(nil)
	var all sync.WaitGroup
	start := func(run func(context.Context) error) {
		all.Go(func() {
			if err := run(serve); err != nil {
				stop(err)
			}
		})
	}
	start(r.dispatch.Run)
	start(r.plain.Run)
	start(r.progress.Run)
	start(r.pointers.Run)
	for _, keep := range r.keepers() {
		start(keep)
	}
	start(r.keepAgreed)
	start(r.keepAudit)
	start(r.noteRestored)
	start(r.keepDead)
	start(r.keepLogs)
	start(r.keepRuns)
	start(r.keepFleet)
	start(r.keepLevel)
	if err := r.recoverAll(serve); err != nil {
		stop(err)
	}
	for _, l := range r.lanes {
		start(l.Run)
	}
	r.ready.Store(true)
	select {
	case <-serve.Done():
	case <-ctx.Done():
	}
	r.ready.Store(false)
	if s := r.shared; s != nil && serve.Err() == nil {
		s.drain(serve)
		r.plain.handAllOn()
		stop(nil)
	}
	all.Wait()
	hangUp()
	if cause := context.Cause(serve); cause != nil && ctx.Err() == nil {
		return cause
	}
	return nil
}

// Health answers nil when every partition is owned, or with Peers what is this process's share, the store and the bus answer, and
// the store has the replicas that its writes wait for.
func (r *Runner) Health(ctx context.Context) error {
	if !r.ready.Load() {
		return fmt.Errorf("starting or stopping: %w", ErrUnavailable)
	}
	if err := r.storeAcknowledges(); err != nil { // before what follows from it: lanes hang, and partitions are given up
		return err
	}
	if err := r.shareHealth(); err != nil {
		return err
	}
	if !r.bus.Connected() {
		return fmt.Errorf("the bus is not connected: %w", ErrUnavailable)
	}
	return r.storeAnswers(ctx)
}

// storeAnswers tells what is wrong when it does not.
func (r *Runner) storeAnswers(ctx context.Context) error {
	_, err := r.store.Get(ctx, docPartition, store.Key{Table: store.TableDoc, Tenant: "system", ID: "health"})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the store does not answer: %w", errors.Join(ErrUnavailable, err))
	}
	return nil
}

// replicated is a store whose writes are acknowledged when replicas have received them.
type replicated interface {
	// Replicas are how many a write waits for, and how many acknowledge, as far as is known without asking: with fewer than
	// wanted no write succeeds.
	Replicas() (wanted, acknowledging int)
}

// storeAcknowledges tells, without asking it, when the store takes no writes while it answers reads.
func (r *Runner) storeAcknowledges() error {
	s, is := r.store.(replicated)
	if !is {
		return nil
	}
	if wanted, acknowledging := s.Replicas(); acknowledging < wanted {
		return fmt.Errorf("the store takes no writes (replicas wanted %d, acknowledging %d): %w", wanted, acknowledging, ErrUnavailable)
	}
	return nil
}

// now is the wall clock, as it is stored: in UTC, without the monotonic reading.
func (r *Runner) now() time.Time { return r.cfg.Now().Round(0).UTC() }

// settling tells whether workers may still be about to say what they have of a partition.
func (r *Runner) settling(p store.Partition) bool {
	settled := &r.settled
	if s := r.shared; s != nil {
		settled = &s.parts[p].settled
	}
	return r.now().UnixNano() < settled.Load()
}

// laneOf is the lane that holds a run, nil for what is no run id of this store.
func (r *Runner) laneOf(run string) *lane {
	p, err := id.Partition(run)
	if err != nil || p >= len(r.epochs) {
		return nil
	}
	return r.lanes[p%len(r.lanes)]
}

func (r *Runner) partOf(run string) store.Partition {
	p, _ := id.Partition(run)
	return store.Partition(p)
}

// newRun makes the id of a new run: in the partition of key, or anywhere that is this process's. It is ErrMoved when that is
// nowhere.
func (r *Runner) newRun(key string) (string, error) {
	var own []store.Partition
	if !r.alone() && key == "" {
		if own = r.owned(); len(own) == 0 {
			return "", fmt.Errorf("no partition is this process's yet: %w", ErrMoved)
		}
	}
	r.entropy.Lock()
	defer r.entropy.Unlock()
	u := ulid.MustNew(ulid.Timestamp(r.now()), r.entropy.ulid)
	switch {
	case key != "":
		return id.Run(id.HashPartition(key, len(r.epochs)), u), nil
	case own != nil:
		return id.Run(int(own[r.entropy.tokens.Uint64()%uint64(len(own))]), u), nil
	}
	return id.Run(int(r.entropy.tokens.Uint64()%uint64(len(r.epochs))), u), nil
}

// newID makes the id of a document.
func (r *Runner) newID() string {
	r.entropy.Lock()
	defer r.entropy.Unlock()
	return ulid.MustNew(ulid.Timestamp(r.now()), r.entropy.ulid).String()
}

// fatal is why the process cannot go on.
func (r *Runner) fatal() error {
	if e := r.broken.Load(); e != nil {
		return *e
	}
	return nil
}
