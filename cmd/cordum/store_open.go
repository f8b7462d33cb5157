package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/pebble"
	"cordum.dev/cordum/store/redis"
)

// serverStore is a store that a process runs on. The caller closes it.
type serverStore interface {
	store.Store
	store.Walker
	store.Identified
	// ID is the random name that the store got when it was made.
	ID() string
	// Failed is closed when the store cannot be trusted any more; Err then says why, and the process ends.
	Failed() <-chan struct{}
	Err() error
}

var (
	_ serverStore   = (*pebble.Store)(nil)
	_ backup.Source = (*pebble.Store)(nil)
	_ serverStore   = (*redis.Store)(nil)
)

// openStore opens the store that a server runs on.
func openStore(ctx context.Context, cfg *serveConfig, log *slog.Logger) (serverStore, error) {
	if cfg.Store.external() {
		return openRedisStore(ctx, cfg, log)
	}
	if partial, is := backup.Unfinished(cfg.DataDir); is {
		return nil, unfinished(cfg.DataDir, partial)
	}
	s, err := pebble.Open(pebble.Config{Dir: cfg.DataDir, Partitions: cfg.Partitions, Logger: log})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, fmt.Errorf("the data folder %s is in use by another process\n"+
			"  stop the other server, or give this one a folder of its own: --data-dir DIR", cfg.DataDir)
	case errors.Is(err, pebble.ErrForeign) && isBackup(cfg.DataDir):
		return nil, fmt.Errorf("%s (--data-dir) is a backup, which a server would change: make a data folder of it first:\n"+
			"  cordum backup restore %s --data-dir DIR", cfg.DataDir, cfg.DataDir)
	case errors.Is(err, store.ErrNewer):
		return nil, fmt.Errorf("the data folder %s was written by a newer version of cordum: use that version or a later one (%w)", cfg.DataDir, err)
	case err != nil:
		return nil, fmt.Errorf("cannot open the data folder (--data-dir): %w", err)
	}
	return s, nil
}

// unfinished refuses a folder that is not filled to its end, or whose filling lies beside it: a new, empty store must not be served
// where another one was to come back.
func unfinished(dir, partial string) error {
	return &coded{exitTampered, fmt.Errorf("the data folder %s is not whole: cordum backup restore or import was broken off in %s, or is under way (%w)\n"+
		"  give that command again, with --data-dir %s: it begins anew\n  if a new, empty store is meant: remove %s",
		dir, partial, pebble.ErrUnfinished, strings.TrimSuffix(partial, backup.RestoringSuffix), partial)}
}

// openRedisStore connects to a store in Redis, which must be one that this data folder may have seen before.
func openRedisStore(ctx context.Context, cfg *serveConfig, log *slog.Logger) (serverStore, error) {
	conf, err := cfg.Store.redisConfig()
	if err != nil {
		return nil, usagef("%w", err)
	}
	conf.Partitions, conf.Logger = cfg.Partitions, log
	if !conf.AllowLoss {
		if conf.Known, err = readMark(cfg.DataDir); err != nil {
			return nil, err
		}
	}
	s, err := redis.Open(ctx, conf)
	if err != nil {
		return nil, storeRefused(&cfg.Store, cfg.DataDir, conf.Known, err)
	}
	if err := writeMark(cfg.DataDir, s.Mark()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// storeRefused says what to do about a store in Redis that cannot be used.
func storeRefused(at *storeSettings, dir string, known *redis.Mark, err error) error {
	next := ""
	switch {
	case errors.Is(err, redis.ErrFilling):
		return &coded{exitTampered, fmt.Errorf("the store at %s (%s) is not whole: cordum backup import was broken off, or is under way (%w)\n"+
			"  give that command again, with --store %s: it begins anew", at.withoutPassword(), at.at().name, err, at.withoutPassword())}
	case known != nil && (errors.Is(err, store.ErrRolledBack) || errors.Is(err, redis.ErrEmpty)):
		next = fmt.Sprintf("\n  if Redis was put back from a copy on purpose: cordum store refence --store %s --from COPY --taken TIME --reason WHY"+
			"\n  if this is meant to be another store: give the server a data folder of its own, or remove %s", at.withoutPassword(), markFile(dir))
	case errors.Is(err, redis.ErrUnsafe):
		next = "\n  change the settings of Redis, or take the loss: --store-allow-loss"
	case errors.Is(err, redis.ErrEmpty):
		next = "\n  if it never had one: start with --init-store once; if it had one, restore Redis from its files" + at.orFolder()
	}
	return fmt.Errorf("cannot use the store at %s (%s): %w%s%s", at.withoutPassword(), at.at().name, err, next, at.unheard(err))
}

// unheard is what may be wrong with an address at which nobody answered in time; empty for other errors.
func (c *storeSettings) unheard(err error) string {
	switch text := strings.ToLower(err.Error()); {
	case strings.Contains(text, "wrongpass"), strings.Contains(text, "noauth"):
		return "\n  the password belongs in CORDUM_STORE_PASSWORD, the user in the address: redis://USER@HOST:6379"
	case !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(text, "tls:"):
		return ""
	case c.at().secure():
		return "\n  is TLS on there? an address that begins with rediss asks for it; redis is without"
	}
	return "\n  does it want TLS? then begin the address with rediss"
}

// tendEvery is how often a store in Redis is looked after.
const tendEvery = 2 * time.Second

// watchStore ends the process when the store says that it cannot be trusted any more.
func (s *server) watchStore(ctx context.Context) error {
	var tend <-chan time.Time
	var noted redis.Mark
	remote, is := s.store.(*redis.Store)
	if is {
		ticker := time.NewTicker(tendEvery)
		defer ticker.Stop()
		tend = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return s.noteStore(remote, &noted)
		case <-s.store.Failed():
			return s.store.Err()
		case <-tend:
			if err := errors.Join(remote.Look(ctx), s.noteStore(remote, &noted)); err != nil {
				s.log.Warn("store: it cannot be looked after at the moment", "error", err)
			}
		}
	}
}

// noteStore keeps how far a store in Redis has come, if that is further than was noted.
func (s *server) noteStore(remote *redis.Store, noted *redis.Mark) error {
	if remote == nil || remote.Err() != nil {
		return nil
	}
	now := remote.Mark()
	if slices.Equal(now.Writes, noted.Writes) {
		return nil
	}
	if err := writeMark(s.cfg.DataDir, now); err != nil {
		return err
	}
	*noted = now
	return nil
}

// isBackup tells whether a folder is a backup, whose store is in a folder of its own.
func isBackup(dir string) bool {
	_, err := backup.ReadManifest(dir)
	return err == nil
}

// errServed says that a folder is a server's at the moment. It is store.ErrLocked in words for people.
var errServed error = servedError{}

type servedError struct{}

func (servedError) Error() string        { return "in use by a server" }
func (servedError) Is(target error) bool { return target == store.ErrLocked } //nolint:errorlint // that is what Is is

// openOffline opens the folder of a server that is stopped, or, for reading, of a backup.
func openOffline(dir string, readOnly bool) (*pebble.Store, error) {
	if readOnly && isBackup(dir) {
		dir = filepath.Join(dir, "data")
	}
	s, err := pebble.Open(pebble.Config{Dir: dir, ReadOnly: readOnly, Logger: slog.New(slog.DiscardHandler)})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, fmt.Errorf("--data-dir: %s is %w: stop it, or have it take a backup (cordum backup create without --data-dir) and use that", dir, errServed)
	case errors.Is(err, pebble.ErrUnfinished):
		return nil, unfinished(dir, dir)
	case errors.Is(err, pebble.ErrForeign) && readOnly:
		return nil, usagef("--data-dir: %s is neither a server's data folder nor a backup", dir)
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("--data-dir: there is no folder %s", dir)
	case err != nil:
		return nil, fmt.Errorf("--data-dir: %w", err)
	}
	return s, nil
}
