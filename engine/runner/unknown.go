package runner

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// This file is what is said of a call that was begun and of which nobody can say yet whether it was done: its time was over, or
// the store did not say what became of its commit.

// UnknownError says that a call was begun, and that it is not known whether it was done. It matches ErrUnavailable. Repeated with the
// same idempotency key, or command id, it is done once.
type UnknownError struct {
	// Run is the run that it was about; of a start that which there is if it was done. "" when that is not known.
	Run string
	// Job is the single job that it was about, else "".
	Job   string
	Cause error
}

func (e *UnknownError) Error() string {
	switch about := e.Job; {
	case about == "" && e.Run == "":
		return "the outcome is unknown: " + e.Cause.Error()
	case about == "":
		return "the outcome is unknown: look at run " + e.Run + ": " + e.Cause.Error()
	default:
		return "the outcome is unknown: look at job " + about + ": " + e.Cause.Error()
	}
}

// Unwrap answers ErrUnavailable and the cause.
func (e *UnknownError) Unwrap() []error { return []error{ErrUnavailable, e.Cause} }

// unsure marks an error after which something may have been done.
type unsure struct{ error }

func (u unsure) Unwrap() error { return u.error }

// aboutRun tells the caller which run an outcome is not known of; every other error stays as it is.
func aboutRun(run string, err error) error {
	if u := (unsure{}); err == nil || !errors.As(err, &u) {
		return err
	}
	return &UnknownError{Run: run, Cause: err}
}

// refusedCommit tells whether a failed commit says that nothing was written.
func refusedCommit(err error) bool {
	for _, sure := range []error{ErrMoved, store.ErrFenced, store.ErrConflict, store.ErrRolledBack, store.ErrClosed, store.ErrInvalid} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

// UnsureStarts are the runs of starts with a key whose outcome was not known, so that the next try makes the same run if there is
// none yet: what the caller was told to look at is what there will be. It is soft: another process, or this one after a restart,
// makes one run all the same, by the key. The zero value has none. It is safe for concurrent use.
type UnsureStarts struct {
	mu   sync.Mutex
	runs map[string]unsureStart // by the key's scope
}

type unsureStart struct {
	run   string
	until time.Time // well before the key itself is forgotten: then the run's id is free for nothing any more
}

// before answers the run of the try before; "" when there was none whose outcome was not known.
func (u *UnsureStarts) before(scope string, now time.Time) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if b, known := u.runs[scope]; known && now.Before(b.until) {
		return b.run
	}
	return ""
}

// note keeps what the next try with the same key has to know. A try that was refused says nothing of the one before it: only a start
// that was done settles which run there is.
func (u *UnsureStarts) note(scope, run string, until time.Time, err error) {
	unknown := (*UnknownError)(nil)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err == nil:
		delete(u.runs, scope)
	case errors.As(err, &unknown):
		if len(u.runs) >= maxUnsureStarts || u.runs == nil {
			u.runs = make(map[string]unsureStart)
		}
		u.runs[scope] = unsureStart{run: run, until: until}
	}
}

// Propose makes the id of the run that a start in another process makes, of so many partitions, so that who sends it can say where
// it would be seen although nobody answers: for [Caller].NewRun. key is as for [HomeOfStart]. "" when the start is not repeatable.
func (u *UnsureStarts) Propose(c Caller, key string, partitions int, now time.Time) string {
	scope, _ := startKey(c, key)
	if scope == "" {
		return ""
	}
	if run := u.before(scope, now); run != "" {
		return run
	}
	return id.Run(id.HashPartition(scope, partitions), ulid.MustNew(ulid.Timestamp(now), rand.Reader))
}

// Note keeps what became of a start with an idempotency key that was proposed a run, for the next one with the same key.
func (u *UnsureStarts) Note(c Caller, key string, now time.Time, err error) {
	run, unknown := c.NewRun, (*UnknownError)(nil)
	if errors.As(err, &unknown) && unknown.Run != "" {
		run = unknown.Run
	}
	if scope, own := startKey(c, key); own {
		u.note(scope, run, now.Add(idempotencyTTL/2), err)
	}
}

// runFor answers the id of a run to start: that of the try before, else the one that the caller proposes, else a new one. once is
// nil when the start has no key: then a proposed id is not taken, as the same could come twice.
func (r *Runner) runFor(c Caller, once *onceKey) (string, error) {
	if once == nil {
		return r.newRun("")
	}
	if run := r.unsureStarts.before(once.scope, r.now()); run != "" {
		return run, nil
	}
	if p, err := id.Partition(c.NewRun); err == nil && id.IsRun(c.NewRun) && p == id.HashPartition(once.scope, len(r.epochs)) {
		return c.NewRun, nil
	}
	return r.newRun(once.scope)
}

// started answers a start as its caller sees it, and notes what the next try with the same key has to know.
func (r *Runner) started(run string, once *onceKey, s Started, err error) (Started, error) {
	err = aboutRun(run, err)
	if once != nil {
		r.unsureStarts.note(once.scope, run, r.now().Add(once.ttl/2), err)
	}
	return s, err
}

// aboutJob tells the caller of a single job which one an outcome is not known of.
func aboutJob(err error) error {
	unknown := (*UnknownError)(nil)
	if !errors.As(err, &unknown) || unknown.Run == "" {
		return err
	}
	return &UnknownError{Run: unknown.Run, Job: jobOf(unknown.Run), Cause: unknown.Cause}
}
