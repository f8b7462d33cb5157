package redis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

func wantOpenError(t *testing.T, cfg redis.Config, want error, words ...string) {
	t.Helper()
	cfg.Logger = quiet()
	s, err := redis.Open(t.Context(), cfg)
	if err == nil {
		_ = s.Close()
		t.Fatal("Open succeeded")
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("Open: %v, want %v", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Open: %q does not say %q", err, w)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	one := []string{"127.0.0.1:1"}
	wantOpenError(t, redis.Config{}, nil, "Config.Addrs")
	wantOpenError(t, redis.Config{Addrs: one, Partitions: 257}, nil, "257 partitions", "1 to 256")
	wantOpenError(t, redis.Config{Addrs: one, Partitions: -1}, nil, "1 to 256")
	wantOpenError(t, redis.Config{Addrs: one, Prefix: "a{b"}, nil, "without braces")
	wantOpenError(t, redis.Config{Addrs: append(one, "127.0.0.1:2"), DB: 1}, nil, "database 1", "only database 0")
	wantOpenError(t, redis.Config{Addrs: one}.Hurried(time.Second, 100*time.Millisecond), redis.ErrRefused, one[0], "refused")
}

// TestSettingsThatLoseData: each is refused by name, or taken with a word of warning when that is asked for.
func TestSettingsThatLoseData(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t)
	cfg := fresh(server)
	wantOpenError(t, cfg, redis.ErrUnsafe, "appendonly is no")
	for _, c := range []struct{ set, value, refused, worth string }{
		{"appendonly", "yes", "", "fsynced within a second or two (appendfsync everysec)"},
		{"appendfsync", "no", "appendfsync is no", "when its kernel likes"},
		{"appendfsync", "always", "", "acknowledged means fsynced to the append-only file of the primary (appendfsync always)"},
		{"no-appendfsync-on-rewrite", "yes", "", "but for while the file is rewritten"},
		{"no-appendfsync-on-rewrite", "no", "", "(appendfsync always)"},
		{"maxmemory-policy", "allkeys-lru", "maxmemory-policy is allkeys-lru", "until maxmemory-policy allkeys-lru deletes it"},
		{"maxmemory-policy", "volatile-ttl", "maxmemory-policy is volatile-ttl", "deletes it"},
		{"maxmemory-policy", "noeviction", "", "(appendfsync always)"},
	} {
		server.Do("config", "set", c.set, c.value)
		cfg.AllowLoss = c.refused != ""
		if cfg.AllowLoss {
			strict := cfg
			strict.AllowLoss = false
			wantOpenError(t, strict, redis.ErrUnsafe, c.refused, "set it to")
		}
		s := open(t, cfg)
		if d := s.Describe(); !strings.Contains(d, c.worth) || !strings.Contains(d, server.Addr) || !strings.Contains(d, "server alone") {
			t.Errorf("%s %s: %q, want %q", c.set, c.value, d, c.worth)
		}
		_ = s.Close()
	}
	redisd.StartReplica(t, server)
	s := open(t, cfg)
	if d := s.Describe(); !strings.Contains(d, "a failover loses what the replica had not yet received") {
		t.Errorf("with a replica: %q", d)
	}
}

func TestOpenRefusesReplica(t *testing.T) {
	t.Parallel()
	primary := redisd.Start(t, redisd.Durable...)
	replica := redisd.StartReplica(t, primary, redisd.Durable...)
	wantOpenError(t, fresh(replica), nil, "replica of 127.0.0.1", "address of the primary")
}

// TestOpenEmpty: a store is only made when that is asked for.
func TestOpenEmpty(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	cfg.InitEmpty = false
	wantOpenError(t, cfg, redis.ErrEmpty, cfg.Prefix, "--init-store")
	if keys, _ := server.Do("keys", "*").([]any); len(keys) != 0 {
		t.Errorf("it wrote %v", keys)
	}
	cfg.InitEmpty = true
	id := open(t, cfg).ID()
	cfg.Partitions = 9
	for _, cfg.InitEmpty = range []bool{true, false} {
		if s := open(t, cfg); s.ID() != id || s.Partitions() != 4 {
			t.Errorf("opened again: id %s, %d partitions, want %s and 4", s.ID(), s.Partitions(), id)
		}
	}
}

// TestManyMakeOne: processes that make a store at the same time make the same one.
func TestManyMakeOne(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	cfg.Logger = quiet()
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			s, err := redis.Open(t.Context(), cfg)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			ids[i] = s.ID()
			_ = s.Close()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids %q", ids)
		}
	}
}

func TestOpenReadsItsDescription(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	for raw, want := range map[string]error{
		`{"format":"cordum-store","level":99,"partitions":4,"id":"x"}`:  store.ErrNewer,
		`{"format":"cordum-store","level":0,"partitions":4,"id":"x"}`:   redis.ErrForeign,
		`{"format":"cordum-store","level":1,"partitions":300,"id":"x"}`: redis.ErrForeign,
		`{"format":"cordum-store","level":1,"partitions":4}`:            redis.ErrForeign,
		`{"format":"other","level":1,"partitions":4,"id":"x"}`:          redis.ErrForeign,
		`not json`: redis.ErrForeign,
	} {
		cfg := fresh(server)
		server.Do("set", "{"+cfg.Prefix+"}:meta", raw)
		wantOpenError(t, cfg, want)
	}
}

// TestHalfMade: a first start that was killed half-way is taken up; a store that lost one of its partitions is not.
func TestHalfMade(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	server.Do("set", "{"+cfg.Prefix+"}:meta", `{"format":"cordum-store","level":1,"partitions":3,"id":"x","making":true}`)
	server.Do("hset", "{"+cfg.Prefix+":01}:head", "id", "x", "gen", "0", "last", "0")
	cfg.InitEmpty = false
	s := open(t, cfg)
	if s.Partitions() != 3 || s.ID() != "x" {
		t.Errorf("it has %d partitions and id %s", s.Partitions(), s.ID())
	}
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
	server.Do("del", "{"+cfg.Prefix+":01}:head")
	wantOpenError(t, cfg, store.ErrRolledBack, "partition 1", "restore")
	server.Do("hset", "{"+cfg.Prefix+":01}:head", "id", "other", "gen", "0", "last", "0")
	wantOpenError(t, cfg, store.ErrRolledBack, "partition 1")
	// The description is gone and the partitions are not: making a new store must not take them.
	server.Do("del", "{"+cfg.Prefix+"}:meta")
	cfg.InitEmpty = true
	wantOpenError(t, cfg, redis.ErrForeign, "partition 0", "its description is not", "restore")
	if n, _ := server.Do("exists", "{"+cfg.Prefix+"}:meta").(int64); n != 0 {
		t.Error("it wrote a description")
	}
	server.Do("set", "{"+cfg.Prefix+"}:meta", `{"format":"cordum-store","level":1,"partitions":3,"id":"y","making":true}`)
	wantOpenError(t, cfg, redis.ErrForeign, "partition 0", "another store")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := redisd.StartTLS(t, redisd.Durable...)
	cfg := fresh(server)
	strange := redisd.StartTLS(t)
	for name, conf := range map[string]*tls.Config{
		"without TLS": nil, "without a certificate": {RootCAs: server.TLS().RootCAs}, "another server's": strange.TLS(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.TLS = conf
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if s, err := redis.Open(ctx, cfg); err == nil {
				_ = s.Close()
				t.Error("Open succeeded")
			}
		})
	}
	cfg.TLS = server.TLS()
	s := open(t, cfg)
	commit(t, s, store.Tx{Epoch: acquire(t, s, 0), Puts: putOf("a", "1")})
	wantValue(t, s, "a", "1")
}
