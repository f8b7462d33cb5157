package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// startScope says whose key it is; a run with a key is made in the partition of its scope.
func startScope(c Caller, key string) string {
	return "start\x00" + c.Tenant + "\x00" + c.Actor + "\x00" + key
}

// Seen answers what an idempotency key of a start was used for, whatever was asked with it. It is ErrNotFound when the key
// is free as far as is durable: a start that is under way at this moment is not seen. Who has to store something before a
// run can start asks first, and stores nothing for a key that is taken.
func (r *Runner) Seen(ctx context.Context, c Caller, key string) (Started, error) {
	return r.seen(ctx, startScope(c, key))
}

// seen is Seen of a key in its scope.
func (r *Runner) seen(ctx context.Context, scope string) (Started, error) {
	once := onceKey{scope: scope}
	rec, err := r.store.Get(ctx, store.Partition(id.HashPartition(scope, len(r.epochs))), once.key())
	if errors.Is(err, store.ErrNotFound) {
		return Started{}, fmt.Errorf("key of the call: %w", ErrNotFound)
	}
	if err != nil {
		return Started{}, fmt.Errorf("key of the call: %w", errors.Join(ErrUnavailable, err))
	}
	var a answered
	if codec.Decode(rec.Value, &a) != nil || !a.Expires.After(r.now()) {
		return Started{}, fmt.Errorf("key of the call: %w", ErrNotFound)
	}
	return Started{RunID: a.Run, Workflow: a.Workflow, Digest: a.Digest, Replayed: true}, nil
}
