package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// storeFlags say which store a command works on without a server: a data folder, or Redis.
type storeFlags struct {
	cmd *cobra.Command
	src *settingsSource
	dir string
}

// dirFlag is the flag for a folder.
const dirFlag = "data-dir"

// add makes the flags. usage is what the folder is to the command, fallback the folder when nothing is said.
func (f *storeFlags) add(cmd *cobra.Command, fallback, usage string) {
	f.cmd = cmd
	cmd.Flags().StringVar(&f.dir, dirFlag, fallback, usage)
	var rows []setting
	for _, row := range storeRows() {
		switch row.flag {
		case "store", "redis-url", "store-prefix", "redis-pool-size", "redis-cluster-addresses", "redis-tls-ca", "redis-tls-cert", "redis-tls-key", "redis-tls-server-name", "redis-tls-insecure", "":
			rows = append(rows, row)
		}
	}
	f.src = addSettings(cmd.Flags(), rows)
}

// redis is the Redis that is meant; nil where a folder is, or nothing. A flag wins over the environment.
func (f *storeFlags) redis(a *app) (*storeSettings, error) {
	said, folder := f.cmd.Flags().Changed("store"), f.cmd.Flags().Changed(dirFlag)
	if said && folder {
		return nil, usagef("give one of --store and --data-dir")
	}
	if folder {
		return nil, nil
	}
	cfg := defaultServeConfig()
	file := settingsSource{settings: serveSettings()}
	if err := file.applyFile(a, &cfg); err != nil {
		return nil, err
	}
	if err := f.src.applySaid(a, &cfg); err != nil {
		return nil, err
	}
	if !cfg.Store.external() {
		return nil, nil
	}
	return &cfg.Store, nil
}

// open opens the store for reading. Nobody may write to it meanwhile, if alone is wanted.
func (f *storeFlags) open(ctx context.Context, a *app, alone bool) (serverStore, error) {
	remote, err := f.redis(a)
	if err != nil {
		return nil, err
	}
	if remote == nil {
		if f.dir == "" {
			return nil, usagef("give one of --store and --data-dir, or set REDIS_URL")
		}
		return openOffline(f.dir, true)
	}
	conf, err := offlineRedis(remote)
	if err != nil {
		return nil, err
	}
	s, err := redis.Open(ctx, conf)
	if err != nil {
		return nil, remote.wrap(err)
	}
	if !alone {
		return s, nil
	}
	if err := idle(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// idle answers an error while servers use a store.
func idle(ctx context.Context, s *redis.Store) error {
	err := s.Idle(ctx)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("the store is in use: stop the servers that use it: %w", err)
	}
	return err
}

// offlineRedis is how a command that is no server opens a store in Redis: its settings are for those who write.
func offlineRedis(remote *storeSettings) (redis.Config, error) {
	conf, err := remote.redisConfig()
	if err != nil {
		return conf, usagef("%w", err)
	}
	conf.AllowLoss, conf.InitEmpty, conf.Logger = true, false, slog.New(slog.DiscardHandler)
	return conf, nil
}

// warnings are what a store says that a person should know while a command writes to it.
func (a *app) warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// where names the store in what a person reads.
func (f *storeFlags) where(a *app) string {
	if remote, err := f.redis(a); err == nil && remote != nil {
		return remote.withoutPassword()
	}
	return f.dir
}
