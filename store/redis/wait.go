package redis

import (
	"context"
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
	for try := 0; ; try++ {
		have, err := s.askReplicas(ctx, p)
		if err == nil && have >= s.replicas {
			return nil
		}
		if !pause(ctx, try) {
			if err != nil {
				return fmt.Errorf("%w: written, but the replicas cannot be asked: %w", ErrUnknown, err)
			}
			return fmt.Errorf("%w: written, but %d of %d replicas have received it: look at INFO replication", ErrUnknown, have, s.replicas)
		}
	}
}

// askReplicas writes something without meaning and answers how many replicas have received it.
func (s *Store) askReplicas(ctx context.Context, p store.Partition) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.call)
	defer cancel()
	node, err := s.link.node(ctx, s.names.head(p))
	if err != nil {
		return 0, err
	}
	pipe := node.Pipeline()
	touched := pipe.HSet(ctx, s.names.head(p), "waited", time.Now().UnixMicro())
	asked := s.appendWait(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, err
	}
	if err := touched.Err(); err != nil {
		return 0, err
	}
	return asked.Int()
}
