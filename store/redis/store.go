package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// Store is a connected store. Make one with [Open].
type Store struct {
	where   string // addresses and prefix, for logs
	log     *slog.Logger
	link    *link
	options *redis.UniversalOptions // that link was made with
	names   names
	meta    meta
	level   atomic.Uint32 // as it was read last
	survey  atomic.Pointer[survey]
	writer  string // names this Store among all that ever wrote

	sentinels, allowLoss bool
	replicas             int // that a commit waits for
	dialled              *atomic.Uint64
	looked               looked // of Look
	// short, when set, is how many replicas received what was written last: too few.
	short   atomic.Pointer[int]
	probing atomic.Bool

	call, patience time.Duration // for one answer, and for all tries

	// life is held for reading by every call and for writing by Close.
	life    sync.RWMutex
	closed  bool
	closing atomic.Bool

	failed chan struct{}
	cause  atomic.Pointer[error]

	parts []partition
	out   sender
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Walker     = (*Store)(nil)
	_ store.Identified = (*Store)(nil)
)

// partition is what is kept in memory of one partition.
type partition struct {
	// seen is the highest generation that a script answered: the store may never be behind it.
	seen atomic.Uint64

	// acquiring makes takers of one process wait for each other; last is the last epoch given, as far as is known.
	acquiring sync.Mutex
	last      string

	// The rest is the sender's, under its mutex.
	queue  []*piece // what waits for the next unit
	busy   bool     // a unit is on its way
	listed bool     // it stands in a line's list
	unit   uint64   // number of the last unit
	// open, when not nil, is a unit that was given up without an answer.
	open *openUnit
}

func (p *partition) saw(gen uint64) {
	for {
		old := p.seen.Load()
		if gen <= old || p.seen.CompareAndSwap(old, gen) {
			return
		}
	}
}

// Partitions is the number the store was created with.
func (s *Store) Partitions() int { return s.meta.Partitions }

// ID is the random name that the store got when it was created.
func (s *Store) ID() string { return s.meta.ID }

// Describe says what an acknowledgement is worth.
func (s *Store) Describe() string {
	return fmt.Sprintf("%s, %d partitions, level %d: acknowledged means %s", s.where, s.meta.Partitions, s.Level(), s.survey.Load().worth())
}

// Close waits for what is under way and ends all connections.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.closed = true
	s.closing.Store(true)
	s.out.running.Wait()
	if err := s.link.close(); err != nil {
		return fmt.Errorf("close store at %s: %w", s.where, err)
	}
	return nil
}

// enter begins a call: it keeps the store open until leave. After an error leave must not be called.
func (s *Store) enter(ctx context.Context) error {
	s.life.RLock()
	err := s.Err()
	if s.closed {
		err = store.ErrClosed
	} else if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("store/redis: not begun: %w", context.Cause(ctx))
	}
	if err != nil {
		s.life.RUnlock()
	}
	return err
}

// enterPartition is enter for a call about one partition.
func (s *Store) enterPartition(ctx context.Context, p store.Partition) error {
	if err := p.Validate(s.meta.Partitions); err != nil {
		return err
	}
	return s.enter(ctx)
}

// enterReading is enterPartition for a call that looks at records: nothing may change them behind its back.
func (s *Store) enterReading(ctx context.Context, p store.Partition) error {
	if err := s.enterPartition(ctx, p); err != nil {
		return err
	}
	if err := s.settle(ctx, p); err != nil {
		s.leave()
		return err
	}
	return nil
}

func (s *Store) leave() { s.life.RUnlock() }
