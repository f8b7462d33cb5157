package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// A server answers when it has a write itself. With Config.WaitReplicas what is acknowledged has also been received by so many
// of its replicas (WAIT). That counts what the same connection wrote, so a repeated question needs a write of its own: replicas
// that have received it have received all before it.

// appendWait adds the question to a pipeline of writes; nil when nobody is waited for.
func (s *Store) appendWait(ctx context.Context, pipe redis.Pipeliner) *redis.Cmd {
	if s.replicas == 0 {
		return nil
	}
	cmd := redis.NewCmd(ctx, "wait", s.replicas, s.waitMillis())
	_ = pipe.Process(ctx, cmd)
	return cmd
}

// waitMillis leaves time to hear that it was not enough.
func (s *Store) waitMillis() int64 { return max(1, (s.call / 2).Milliseconds()) }

// received tells whether enough replicas have what was written before the question.
func (s *Store) received(asked *redis.Cmd) bool {
	if asked == nil {
		return s.replicas == 0
	}
	n, err := asked.Int()
	return err == nil && n >= s.replicas
}

// confirm waits until enough replicas have everything that a partition has by now. Otherwise the outcome is unknown: a failover
// may lose it.
func (s *Store) confirm(ctx context.Context, p store.Partition) error {
	if s.replicas == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	begun, heard := time.Now(), nobody
	for try := 0; ; try++ {
		have, err := s.askReplicas(ctx, p)
		if err == nil && have >= s.replicas {
			return nil
		}
		if err == nil {
			heard = have
		}
		if pause(ctx, try) {
			continue
		}
		if heard == nobody {
			return fmt.Errorf("%w: written, but the replicas cannot be asked: %w", ErrUnknown, err)
		}
		if time.Since(begun) > s.patience/2 { // who asked did not leave early
			s.lack(heard)
		}
		return fmt.Errorf("%w: written, but %d of %d replicas have received it: look at INFO replication", ErrUnknown, heard, s.replicas)
	}
}

// nobody is for a count of replicas that nobody answered.
const nobody = -1

// askReplicas writes something without meaning and answers how many replicas have received it. It makes no head where there is
// none: one in a server that was emptied would look like what is left of a store.
func (s *Store) askReplicas(ctx context.Context, p store.Partition) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.call)
	defer cancel()
	node, err := s.link.node(ctx, s.names.head(p))
	if err != nil {
		return 0, err
	}
	pipe := node.Pipeline()
	touched := pipe.Eval(ctx, touchSource, []string{s.names.head(p)}, s.meta.head(), time.Now().UnixMicro())
	asked := s.appendWait(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, err
	}
	if there, err := touched.Bool(); err != nil || !there {
		return 0, errTouched
	}
	return asked.Int()
}

// touchSource writes to the head of a partition that is still of this store.
const touchSource = `
if redis.call('hget', KEYS[1], 'id') ~= ARGV[1] then return 0 end
redis.call('hset', KEYS[1], 'waited', ARGV[2])
return 1`

// errTouched says that the head of a partition could not be written to.
var errTouched = errors.New("store/redis: the head of the partition is not there, or of another store")

// Replicas are how many have to receive what is written before it is acknowledged, and how many do, as far as is known: from
// commits that too few received, and from Look. It asks nobody. With fewer than wanted nothing is acknowledged.
func (s *Store) Replicas() (wanted, acknowledging int) {
	if n := s.short.Load(); n != nil {
		return s.replicas, *n
	}
	return s.replicas, s.replicas
}

// lack notes that too few replicas receive what is written. Only probe takes that back, since it asks every primary.
func (s *Store) lack(have int) {
	if s.short.Swap(&have) == nil {
		s.log.Error("store: too few replicas, nothing is acknowledged", "store", s.where, "wanted", s.replicas, "acknowledging", have)
	}
}

// probe finds out in the background whether replicas receive what is written, as a commit to each primary would: a server that
// has nothing to write notices too when they leave, and any server when they are back. One runs at a time.
func (s *Store) probe() {
	if s.replicas == 0 || !s.probing.CompareAndSwap(false, true) {
		return
	}
	s.out.running.Go(func() {
		defer s.probing.Store(false)
		before := s.short.Load()
		if s.confirmAll(context.Background()) == nil && before != nil && s.short.CompareAndSwap(before, nil) {
			s.log.Info("store: enough replicas again", "store", s.where, "wanted", s.replicas)
		}
	})
}

// confirmAll is confirm for one partition of each primary.
func (s *Store) confirmAll(ctx context.Context) error {
	of := map[*redis.Client]store.Partition{}
	for p := range s.parts {
		node, err := s.link.node(ctx, s.names.head(store.Partition(p)))
		if err != nil {
			return err
		}
		of[node] = store.Partition(p)
	}
	errs := make(chan error, len(of))
	for _, p := range of {
		go func() { errs <- s.confirm(ctx, p) }()
	}
	var all error
	for range of {
		all = errors.Join(all, <-errs)
	}
	return all
}
