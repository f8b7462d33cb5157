package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// upgradePoll is how often a command looks whether the servers have raised the level.
const upgradePoll = 250 * time.Millisecond

// levelChange is what an upgrade does, or would do.
type levelChange struct {
	Store   string      `json:"store"`
	From    store.Level `json:"from"`
	To      store.Level `json:"to"`
	Changed bool        `json:"changed"`
}

// upgradable is a store whose level can be raised.
type upgradable interface {
	serverStore
	store.Upgrader
}

func newStoreUpgrade(a *app) *cobra.Command {
	var at storeFlags
	var dry bool
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Let a store be written as this version can",
		Long: "A newer cordum reads what older ones wrote, and goes on writing like them until the store is upgraded: until then going back is\n" +
			"safe, after it older versions refuse the store. The upgrade is one write, done or not done: when the command is interrupted,\n" +
			"give it again.\n\n" +
			"A data folder is upgraded while its server is stopped. A store in Redis is upgraded at any time: its servers raise the level\n" +
			"themselves, as soon as all that are there can read it, and the command waits for that, for as long as --timeout says.",
		Example: "  cordum store upgrade --dry-run --data-dir /var/lib/cordum\n  CORDUM_STORE=redis://10.0.0.5:6379 cordum store upgrade",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, used, err := at.openToUpgrade(cmd.Context(), a, dry)
			if err != nil {
				return err
			}
			defer s.Close()
			change := levelChange{Store: at.where(a), From: s.Level(), To: max(s.Level(), store.CurrentLevel)}
			if !dry && change.From < change.To {
				if err := upgradeStore(cmd.Context(), s, change.To, used); err != nil {
					return err
				}
				change.Changed = true
			}
			return a.showLevelChange(change, dry)
		},
	}
	at.add(cmd, defaultDataDir, "the data folder of a server that is stopped")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and change nothing")
	return cmd
}

// openToUpgrade opens the store, and tells whether servers use it.
func (f *storeFlags) openToUpgrade(ctx context.Context, a *app, dry bool) (s upgradable, used bool, err error) {
	remote, err := f.redis(a)
	if err != nil {
		return nil, false, err
	}
	if remote == nil {
		s, err := openOffline(f.dir, true) // which makes nothing
		if err == nil && !dry {
			if err = s.Close(); err == nil {
				s, err = openOffline(f.dir, false)
			}
		}
		if err != nil {
			return nil, false, err
		}
		return s, false, nil
	}
	conf, err := offlineRedis(remote)
	if err != nil {
		return nil, false, err
	}
	r, err := redis.Open(ctx, conf)
	if err != nil {
		return nil, false, remote.wrap(err)
	}
	err = r.Idle(ctx)
	if err != nil && !errors.Is(err, store.ErrLocked) {
		return nil, false, errors.Join(err, r.Close())
	}
	return r, err != nil, nil
}

// upgradeStore raises the level, or has the servers that use the store do it and waits for them.
func upgradeStore(ctx context.Context, s upgradable, to store.Level, used bool) error {
	if !used {
		return raised(crashStep, func() error { return s.RaiseLevel(ctx, to) })
	}
	if err := s.WantLevel(ctx, to); err != nil {
		return err
	}
	if err := crashStep(crashWanted); err != nil {
		return err
	}
	poll := time.NewTicker(upgradePoll)
	defer poll.Stop()
	for {
		up, err := s.ReadLevel(ctx)
		if ctx.Err() == nil && err != nil {
			return err
		}
		if err == nil && up.Level >= to {
			return nil
		}
		select {
		case <-ctx.Done():
			code := exitTimeout
			if errors.Is(ctx.Err(), context.Canceled) {
				code = exitInterrupted
			}
			return &coded{code, fmt.Errorf("the servers have not raised the level yet: a server is there that is older, or does not answer; "+
				"they do it as soon as all can read level %d", to)}
		case <-poll.C:
		}
	}
}

func (a *app) showLevelChange(c levelChange, dry bool) error {
	p := a.printer()
	if a.flags.output != "table" && a.flags.output != "name" {
		return a.encode(p, c)
	}
	p.fact("store", text(c.Store))
	switch {
	case c.From == c.To:
		p.fact("level", text(fmt.Sprintf("%d: there is nothing to do", c.To)))
	case dry:
		p.fact("level", text(fmt.Sprintf("%d; this version can raise it to %d, after which versions that know only levels up to %d refuse the store", c.From, c.To, c.From)))
	default:
		p.fact("level", text(fmt.Sprintf("%d, before %d: versions that know only levels up to %d refuse the store from now on", c.To, c.From, c.From)))
	}
	return p.err
}
