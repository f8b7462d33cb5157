package pebble

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// Store is an open folder. Make one with [Open].
type Store struct {
	dir       string
	ephemeral bool // on a file system that the caller brought
	readOnly  bool
	log       *slog.Logger
	now       func() time.Time
	meta      meta
	levels    sync.Mutex // held while the level in meta changes
	level     atomic.Uint32

	db   *pebbledb.DB
	lock *pebbledb.Lock

	// life is held for reading by every call and for writing by Close.
	life   sync.RWMutex
	closed bool

	failed chan struct{}
	cause  atomic.Pointer[error]

	parts []partition
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Walker     = (*Store)(nil)
	_ store.Identified = (*Store)(nil)
)

// partition is what is kept in memory of one partition. Its mutex makes epoch, checks and write one operation: it is
// held from the first check until the write is visible, not until it is on disk. Whoever needs several partitions locks
// them in ascending order.
type partition struct {
	mu     sync.Mutex
	epoch  store.Epoch // the highest ever given
	owner  string      // empty: nobody holds epoch, nothing may be written
	until  time.Time
	bucket uint32 // of the last transaction id, see ids.go
	heads  heads
}

// Partitions is the number the store was created with.
func (s *Store) Partitions() int { return s.meta.Partitions }

// ID is the random name that the store got when it was created.
func (s *Store) ID() string { return s.meta.ID }

// Describe says what an acknowledgement is worth.
func (s *Store) Describe() string {
	where := "fsynced to this disk"
	if s.ephemeral {
		where = "synced to the file system given by the caller (in memory: gone with the process)"
	}
	return fmt.Sprintf("embedded store in %s, %d partitions, level %d: acknowledged means %s",
		s.dir, s.meta.Partitions, s.Level(), where)
}

// Close waits for what is under way. A store that failed answers why and is left to the end of the process, its folder
// locked: Pebble might wait forever for a write that cannot happen.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.closed = true
	if err := s.Err(); err != nil {
		return err
	}
	return s.shut()
}

func (s *Store) shut() error {
	err := s.db.Close()
	if unlockErr := s.lock.Close(); err == nil {
		err = unlockErr
	}
	if err != nil {
		return fmt.Errorf("close store in %s: %w", s.dir, err)
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
		err = fmt.Errorf("store/pebble: not begun: %w", context.Cause(ctx))
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

func (s *Store) leave() { s.life.RUnlock() }
