package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// ErrFailed says the store met an error after which nothing it holds in memory can be trusted to be on disk: a failed
// fsync, a full disk, a broken manifest. The outcome of what was under way is unknown. The process should end; the next
// one reads from disk what is true.
var ErrFailed = errors.New("store/pebble: failed, end this process and start it again")

// Failed is closed when the store became unusable; [Store.Err] then says why.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err answers nil, or why the store became unusable; it wraps ErrFailed.
func (s *Store) Err() error {
	if p := s.cause.Load(); p != nil {
		return *p
	}
	return nil
}

// fail makes the store unusable. Only the first cause is kept.
func (s *Store) fail(cause error) error {
	err := fmt.Errorf("%w: %w", ErrFailed, cause)
	if s.cause.CompareAndSwap(nil, &err) {
		s.log.Error("store failed; nothing more will be accepted", "dir", s.dir, "error", cause)
		close(s.failed)
	}
	return s.Err()
}

// longStall is how long writes may wait for a flush before an operator hears of it; large values cause short waits.
const longStall = time.Second

// engineLog hands Pebble's words to our log. Pebble expects Fatalf not to return, as its own ends the process without
// a chance to say anything; ours makes the store unusable and returns, and every write under way looks at Err before it
// is acknowledged.
type engineLog struct{ s *Store }

func (l engineLog) Infof(format string, args ...any) {
	if l.s.log.Enabled(context.Background(), slog.LevelDebug) {
		l.s.log.Debug("pebble: " + fmt.Sprintf(format, args...))
	}
}

func (l engineLog) Errorf(format string, args ...any) {
	l.s.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

func (l engineLog) Fatalf(format string, args ...any) {
	_ = l.s.fail(fmt.Errorf(format, args...))
}

// events watches for what an operator must hear of. Damaged blocks do not end the process: the read that met them
// answers an error, and start-up must not depend on one record.
func (s *Store) events() *pebbledb.EventListener {
	var stalled atomic.Int64 // when the present stall began
	return &pebbledb.EventListener{
		BackgroundError: func(err error) {
			s.log.Error("store: background work failed, it will be tried again", "dir", s.dir, "error", err)
		},
		DataCorruption: func(info pebbledb.DataCorruptionInfo) {
			s.log.Error("store: damaged data on disk; restore the folder from a backup", "dir", s.dir, "detail", info.String())
		},
		DiskSlow: func(info pebbledb.DiskSlowInfo) {
			s.log.Warn("store: the disk is slow", "dir", s.dir, "detail", info.String())
		},
		WriteStallBegin: func(info pebbledb.WriteStallBeginInfo) {
			stalled.Store(s.now().UnixNano())
			s.log.Debug("store: writes wait for a flush", "dir", s.dir, "reason", info.Reason)
		},
		WriteStallEnd: func() {
			if d := time.Duration(s.now().UnixNano() - stalled.Load()); d > longStall {
				s.log.Warn("store: writes waited for the disk to catch up", "dir", s.dir, "took", d)
			}
		},
	}
}
