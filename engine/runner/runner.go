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
	Registry prometheus.Registerer // default: none
	Now      func() time.Time      // default time.Now
	Tracer   Tracer                // default: none
	Audit    AuditConfig
	// Crash is called at the places that CrashPoints names; tests end the process there. Default: nothing.
	Crash func(point string)
}

// Runner is the shell around the engine: it owns the lanes and everything that lives. Constructing it starts nothing.
type Runner struct {
	cfg      Config
	store    store.Store
	bus      bus.Bus
	lanes    []*lane
	dispatch *dispatch
	defs     *definitions
	hub      *hub
	asked    *askedQueue
	keys     *keyring
	shapes   shapes
	metrics  *metrics

	mu      sync.Mutex
	epochs  []store.Lease // by partition; Epoch 0: not ours
	ready   atomic.Bool
	work    sync.WaitGroup // large results being kept
	keeping chan struct{}  // a token for each of them
	// checking is a token for each smaller result that the output policy looks at.
	checking chan struct{}
	kernel   Kernel
	asks     chan struct{} // a token for each question to a remote kernel
	holds    holds
	audit    auditing
	settled  atomic.Int64          // when workers have had time to say what they have, in ns of the clock
	broken   atomic.Pointer[error] // why the process must stop

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
		cfg: withDefaults(cfg), store: s, bus: b, epochs: make([]store.Lease, s.Partitions()),
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
	r.metrics = newMetrics(r.cfg.Registry)
	r.dispatch = newDispatch(r)
	if r.cfg.Registry != nil {
		r.cfg.Registry.MustRegister(queueCollector{r.dispatch, prometheus.NewDesc(
			"cordum_scheduler_queue_depth", "Released attempts that wait for a worker.", []string{"queue"}, nil)})
	}
	r.defs = newDefinitions(r)
	r.hub, r.keys, r.asked = newHub(), newKeyring(), newAskedQueue()
	for range min(r.cfg.Lanes, s.Partitions()) {
		r.lanes = append(r.lanes, newLane(r))
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

// Run takes every partition, recovers what was under way, and serves until ctx ends. When it returns nothing of it is
// left, and every acknowledged input is in the store. An error says why it could not go on.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.acquireAll(ctx); err != nil {
		return err
	}
	defer r.releaseAll(context.WithoutCancel(ctx))
	if err := r.loadHolds(ctx); err != nil {
		return err
	}
	r.crash(CrashOwned)
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
	serve, stop := context.WithCancelCause(ctx)
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
	start(r.renew)
	start(r.keepAudit)
	if err := r.recoverAll(serve); err != nil {
		stop(err)
	}
	for _, l := range r.lanes {
		start(l.Run)
	}
	r.ready.Store(true)
	<-serve.Done()
	r.ready.Store(false)
	all.Wait()
	hangUp()
	if cause := context.Cause(serve); cause != nil && ctx.Err() == nil {
		return cause
	}
	return nil
}

// Health answers nil when every partition is owned and the store and the bus answer.
func (r *Runner) Health(ctx context.Context) error {
	if !r.ready.Load() {
		return fmt.Errorf("starting or stopping: %w", ErrUnavailable)
	}
	for p := range r.epochs {
		if r.epoch(store.Partition(p)) == 0 {
			return fmt.Errorf("partition %d is not owned: %w", p, ErrUnavailable)
		}
	}
	if !r.bus.Connected() {
		return fmt.Errorf("the bus is not connected: %w", ErrUnavailable)
	}
	_, err := r.store.Get(ctx, 0, store.Key{Table: store.TableDoc, Tenant: "system", ID: "health"})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the store does not answer: %w", errors.Join(ErrUnavailable, err))
	}
	return nil
}

// now is the wall clock, as it is stored: in UTC, without the monotonic reading.
func (r *Runner) now() time.Time { return r.cfg.Now().Round(0).UTC() }

// settling tells whether workers may still be about to say what they have.
func (r *Runner) settling() bool { return r.now().UnixNano() < r.settled.Load() }

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

// newRun makes the id of a new run: in the partition of key, or anywhere.
func (r *Runner) newRun(key string) string {
	r.entropy.Lock()
	defer r.entropy.Unlock()
	u := ulid.MustNew(ulid.Timestamp(r.now()), r.entropy.ulid)
	if key != "" {
		return id.Run(id.HashPartition(key, len(r.epochs)), u)
	}
	return id.Run(int(r.entropy.tokens.Uint64()%uint64(len(r.epochs))), u)
}

// newID makes the id of a document.
func (r *Runner) newID() string {
	r.entropy.Lock()
	defer r.entropy.Unlock()
	return ulid.MustNew(ulid.Timestamp(r.now()), r.entropy.ulid).String()
}

// token is the secret of an attempt: 128 random bits, then the tenant, so that an answer says where its run is kept.
func (r *Runner) token(tenant string) []byte {
	b := make([]byte, 16, 16+len(tenant))
	r.entropy.Lock()
	_, _ = r.entropy.tokens.Read(b)
	r.entropy.Unlock()
	return append(b, tenant...)
}

func tenantOf(token []byte) string {
	if len(token) <= 16 {
		return ""
	}
	return string(token[16:])
}

// fatal is why the process cannot go on.
func (r *Runner) fatal() error {
	if e := r.broken.Load(); e != nil {
		return *e
	}
	return nil
}
