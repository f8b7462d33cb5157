package redis

import (
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
)

// ErrFailed says the server no longer holds the store that this process knows: it was emptied, it is another one, or
// acknowledged writes are gone (an older copy was restored, or a replica that lagged behind took over). Errors that wrap
// it then wrap store.ErrRolledBack too; or ErrUnsafe when its settings lose data by now. The process should end; the next one takes what is there for true.
var ErrFailed = errors.New("store/redis: failed, end this process and start it again")

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
	return s.end(fmt.Errorf("%w: %w", store.ErrRolledBack, cause))
}

// end is fail for a cause that is not of the records.
func (s *Store) end(cause error) error {
	err := fmt.Errorf("%w: %w", ErrFailed, cause)
	if s.cause.CompareAndSwap(nil, &err) {
		s.log.Error("store failed; nothing more will be accepted", "store", s.where, "error", cause)
		close(s.failed)
	}
	return s.Err()
}
