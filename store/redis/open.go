package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// formatName marks the description of a store as ours.
const formatName = "cordum-store"

// Errors of Open.
var (
	// ErrEmpty says that there is no store, and Config.InitEmpty does not allow to make one.
	ErrEmpty = errors.New("store/redis: there is no store")
	// ErrForeign says that what is under the prefix is no store of ours; it is left as it is.
	ErrForeign = errors.New("store/redis: not a Cordum store")
)

// meta is what a store says about itself, stored as JSON so that a person can read it.
type meta struct {
	Format     string      `json:"format"`
	Level      store.Level `json:"level"`
	Wanted     store.Level `json:"wanted_level,omitempty"` // to which it is to be raised
	Partitions int         `json:"partitions"`
	ID         string      `json:"id"`
	// Generation is 0 in the first: a store that was never put back.
	Generation uint64          `json:"generation,omitempty"`
	Restored   *store.Restored `json:"restored,omitempty"`
	// Making is true until every partition has the head of this generation; nothing was acknowledged in it yet.
	Making bool `json:"making,omitempty"`
	// Filling is true while only its maker may use it.
	Filling bool `json:"filling,omitempty"`
	// Before is the name in the heads of the generation before, while Making.
	Before string `json:"before,omitempty"`
}

// Open connects to a store, or makes one with Config.InitEmpty. It answers ErrUnsafe when the server's settings lose
// data and Config.AllowLoss is not set, ErrEmpty when there is no store, ErrForeign when there is something else,
// store.ErrNewer when a newer version wrote it, store.ErrRolledBack when a part of it is gone. The caller must Close it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	l, err := dial(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		sentinels: cfg.MasterName != "", allowLoss: cfg.AllowLoss, replicas: cfg.WaitReplicas, dialled: cfg.dialled,
		log: cfg.Logger, link: l, options: cfg.options(), writer: rand.Text(), call: cfg.call, patience: cfg.patience,
		failed: make(chan struct{}),
	}
	s.out.lines = map[*redis.Client]*line{}
	if err := s.open(ctx, &cfg); err != nil {
		return nil, errors.Join(err, l.close())
	}
	s.log.Debug("store open", "store", s.where, "id", s.meta.ID, "partitions", s.meta.Partitions, "level", s.Level())
	return s, nil
}

func (s *Store) open(ctx context.Context, cfg *Config) error {
	if cfg.Known != nil {
		cfg.InitEmpty = false // somebody knows a store that was here
	}
	s.looked = looked{s.dialled.Load(), time.Now()}
	found, err := s.link.look(ctx, s.sentinels)
	if err != nil {
		return err
	}
	found.waits = s.replicas
	s.survey.Store(&found)
	s.where = fmt.Sprintf("Redis %s (%s) at %s, keys %s", found.version, found.kind, strings.Join(cfg.Addrs, ","), cfg.Prefix)
	if lacking := found.lacking(); lacking != "" {
		return fmt.Errorf("%w: %s", ErrRefused, lacking)
	}
	if losses := strings.Join(found.losses(), "; "); losses != "" {
		if !cfg.AllowLoss {
			return fmt.Errorf("%w: %s", ErrUnsafe, losses)
		}
		s.log.Warn("store: the server's settings lose data", "store", s.where, "settings", losses)
	}
	if s.meta, err = s.describe(ctx, cfg); err != nil {
		return err
	}
	if s.meta.Filling && !cfg.filling {
		return fmt.Errorf("%w: import into it again, under the same prefix", ErrFilling)
	}
	s.level.Store(uint32(s.meta.Level))
	s.names = newNames(cfg.Prefix, s.meta.Partitions)
	s.parts = make([]partition, s.meta.Partitions)
	if s.meta.Making {
		if err := s.make(ctx); err != nil {
			return err
		}
	}
	if err := s.loadPartitions(ctx); err != nil {
		return err
	}
	return s.follows(cfg.Known)
}

// describe reads what the store says about itself, or begins to make one.
func (s *Store) describe(ctx context.Context, cfg *Config) (meta, error) {
	key := newNames(cfg.Prefix, 0).meta
	read := func(ctx context.Context) (string, error) { return s.link.any().Get(ctx, key).Result() }
	raw, err := ask(ctx, s.patience, read)
	if errors.Is(err, redis.Nil) {
		if cfg.Known != nil {
			return meta{}, fmt.Errorf("%w under the prefix %q, and store %s was there: the server lost everything, or is another one; restore it", ErrEmpty, cfg.Prefix, cfg.Known.Store)
		}
		if !cfg.InitEmpty {
			return meta{}, fmt.Errorf("%w under the prefix %q: a new one is made only when asked for (--init-store), because this may be a server that lost everything", ErrEmpty, cfg.Prefix)
		}
		if err := s.conceive(ctx, cfg, key); err != nil {
			return meta{}, err
		}
		raw, err = ask(ctx, s.patience, read)
	}
	if err != nil {
		return meta{}, fmt.Errorf("store/redis: read the description of the store: %w", err)
	}
	return decodeMeta(raw)
}

// conceive writes the description of a new store, unless somebody else is quicker, and nothing when partitions of a store
// are there whose description is gone.
func (s *Store) conceive(ctx context.Context, cfg *Config, key string) error {
	all := newNames(cfg.Prefix, maxPartitions)
	heads := make([]*redis.IntCmd, maxPartitions)
	_, err := ask(ctx, s.patience, func(ctx context.Context) ([]redis.Cmder, error) {
		return s.link.any().Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for p := range heads {
				heads[p] = pipe.Exists(ctx, all.head(store.Partition(p)))
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("store/redis: look for partitions: %w", err)
	}
	made, err := ask(ctx, s.patience, func(ctx context.Context) (int64, error) { return s.link.any().Exists(ctx, key).Result() })
	if err != nil || made > 0 { // somebody was quicker, and the partitions are theirs
		return err
	}
	for p, head := range heads {
		if head.Val() > 0 {
			return fmt.Errorf("%w: partition %d of a store under the prefix %q is there, and its description is not: restore the server that had it, or choose another prefix", ErrForeign, p, cfg.Prefix)
		}
	}
	m := meta{Format: formatName, Level: store.CurrentLevel, Partitions: cfg.Partitions, ID: rand.Text(), Making: true}
	if who := cfg.Identity; who != nil {
		m.ID, m.Generation, m.Restored = who.ID, who.Generation, who.Restored
	}
	m.Filling = cfg.filling
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = ask(ctx, s.patience, func(ctx context.Context) (bool, error) { return s.link.any().SetNX(ctx, key, raw, 0).Result() })
	return err
}

func decodeMeta(raw string) (meta, error) {
	var m meta
	if err := json.Unmarshal([]byte(raw), &m); err != nil || m.Format != formatName {
		return meta{}, fmt.Errorf("%w: its description does not decode", ErrForeign)
	}
	if m.Level > store.CurrentLevel {
		return meta{}, fmt.Errorf("%w: level %d, this binary knows levels up to %d; run a newer one", store.ErrNewer, m.Level, store.CurrentLevel)
	}
	if m.Level == 0 || m.Partitions < 1 || m.Partitions > maxPartitions || m.ID == "" {
		return meta{}, fmt.Errorf("%w: its description is not complete", ErrForeign)
	}
	return m, nil
}

// head is the name of this store in the head of each of its partitions. That of a later generation differs, so that a
// process which knows an earlier one stops.
func (m *meta) head() string {
	if m.Generation <= 1 {
		return m.ID
	}
	return m.ID + "." + strconv.FormatUint(m.Generation, 10)
}

// make gives every partition its head. A first start that was killed half-way is taken up again; several at once make the
// same store.
func (s *Store) make(ctx context.Context) error {
	for p := range s.parts {
		says, _, err := s.eval(ctx, &request{p: store.Partition(p), script: beginScript, args: []any{s.meta.Before}})
		if says == saysOther {
			return fmt.Errorf("%w: partition %d has records of another store; choose another prefix, or restore what is missing", ErrForeign, p)
		}
		if err != nil {
			return fmt.Errorf("store/redis: make partition %d: %w", p, err)
		}
	}
	s.meta.Making, s.meta.Before = false, ""
	raw, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	_, err = ask(ctx, s.patience, func(ctx context.Context) (string, error) { return s.link.any().Set(ctx, s.names.meta, raw, 0).Result() })
	if err != nil {
		return fmt.Errorf("store/redis: write the description of the store: %w", err)
	}
	return nil
}

// loadPartitions notes the generation of each partition and sees that all are of this store.
func (s *Store) loadPartitions(ctx context.Context) error {
	heads := make([]*redis.SliceCmd, len(s.parts))
	_, err := ask(ctx, s.patience, func(ctx context.Context) ([]redis.Cmder, error) {
		return s.link.any().Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for p := range heads {
				heads[p] = pipe.HMGet(ctx, s.names.head(store.Partition(p)), "id", "gen", "last")
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("store/redis: read the partitions: %w", err)
	}
	for p, head := range heads {
		id, _ := text(head.Val(), 0)
		gen, _ := text(head.Val(), 1)
		last, _ := text(head.Val(), 2)
		if id != s.meta.head() {
			return fmt.Errorf("%w: partition %d is empty or of another store: restore the server that has it", store.ErrRolledBack, p)
		}
		n, err := strconv.ParseUint(gen, 10, 64)
		if err != nil || last == "" {
			return fmt.Errorf("%w: the head of partition %d does not decode", ErrForeign, p)
		}
		s.parts[p].saw(n)
		s.parts[p].last = last
	}
	return nil
}
