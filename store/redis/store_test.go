package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
	"cordum.dev/cordum/store/storetest"
)

// quiet keeps the expected complaints of failing stores out of the test's output.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func open(t testing.TB, cfg redis.Config) *redis.Store {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	s, err := redis.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// stores counts those that tests made, so that each has keys of its own.
var stores atomic.Int64

// fresh is the configuration of a new store on some servers.
func fresh(servers ...*redisd.Server) redis.Config {
	cfg := redis.Config{Prefix: fmt.Sprintf("t%d", stores.Add(1)), Partitions: 4, InitEmpty: true}
	for _, s := range servers {
		cfg.Addrs = append(cfg.Addrs, s.Addr)
	}
	return cfg
}

// inMemory is a new store on servers that keep nothing, which is quicker and the same to callers.
func inMemory(servers ...*redisd.Server) redis.Config {
	cfg := fresh(servers...)
	cfg.AllowLoss = true
	return cfg
}

func TestContractAlone(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, inMemory(server)) })
}

func TestContractCluster(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, inMemory(nodes...)) })
}

// TestContractOverBadWire: connections end all the time between a request and its answer, and nobody can tell.
func TestContractOverBadWire(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		w := newWire(t, server)
		cfg := inMemory(server).Hurried(2*time.Second, 20*time.Second)
		cfg.Addrs = []string{w.addr()}
		s := open(t, cfg)
		w.loseEvery(9)
		return insistent{s}
	})
}

// insistent asks again what is not known. Over a bad wire that is only whether "fenced" means that nothing was written:
// here it always does, so asking again must say so.
type insistent struct{ *redis.Store }

func (s insistent) Commit(ctx context.Context, txs ...store.Tx) []error {
	errs := s.Store.Commit(ctx, txs...)
	for i := range txs {
		for try := 0; try < 20 && errors.Is(errs[i], redis.ErrUnknown) && ctx.Err() == nil; try++ {
			if errs[i] = s.Store.Commit(ctx, txs[i])[0]; errs[i] == nil {
				errs[i] = errors.New("a commit whose outcome was unknown was not fenced")
			}
		}
	}
	return errs
}

func TestReopen(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	storetest.RunReopen(t, func(t *testing.T) storetest.Opener {
		cfg := fresh(server)
		return func(t *testing.T) store.Store { return open(t, cfg) }
	})
}

func TestReopenCluster(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3, redisd.Durable...)
	storetest.RunReopen(t, func(t *testing.T) storetest.Opener {
		cfg := fresh(nodes[0]) // one that says it is of a cluster
		return func(t *testing.T) store.Store { return open(t, cfg) }
	})
}
