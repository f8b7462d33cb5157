package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newLock(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "lock",
		Short: "Hold resource locks, and see who does",
		Long: "Jobs hold the lock that resource_lock names from before they are sent until they end. Somebody outside can hold one too, for a\n" +
			"while that they renew: jobs that need it wait meanwhile. Every grant has a fencing token that grows, so that what guards the\n" +
			"resource can refuse whoever comes late.",
		Example: "  cordum lock list\n  cordum lock acquire cluster:production --ttl 5m --wait 10m --reason 'maintenance'\n  cordum lock release cluster:production",
	})
	cmd.AddCommand(newLockList(a), newLockShow(a), newLockAcquire(a), newLockRenew(a), newLockRelease(a))
	return cmd
}

// lockView is how a lock looks in a list.
var lockView = view[runner.LockView]{
	name:   func(l runner.LockView) string { return l.Name },
	header: []string{"LOCK", "STATE", "MODE", "HELD BY", "HOLDING", "WAITING", "SINCE"},
	row: func(_ *printer, l runner.LockView) []cell {
		holder, since := "", ""
		if len(l.Holders) > 0 {
			holder, since = l.Holders[0].Holder, ago(l.Holders[0].Since, time.Now())
		}
		return []cell{
			text(l.Name), state(l.State), text(l.Mode), text(holder), text(strconv.Itoa(l.Holding)), text(strconv.Itoa(l.Waiting)), text(since),
		}
	},
}

// lockDetail is how one lock looks: everybody who holds it, then everybody who waits.
var lockDetail = view[runner.LockView]{
	name: func(l runner.LockView) string { return l.Name },
	detail: func(p *printer, l runner.LockView) {
		p.fact("lock", text(l.Name))
		p.fact("state", state(l.State))
		var rows [][]cell
		for _, h := range l.Holders {
			rows = append(rows, lockHolderRow("holds", h))
		}
		for _, h := range l.Waiters {
			rows = append(rows, lockHolderRow("waits", h))
		}
		if len(rows) > 0 {
			_ = p.table(append([]string{""}, holderView.header...), rows) // kept in p.err
		}
	},
}

func lockHolderRow(what string, h runner.LockHolder) []cell {
	return append([]cell{text(what)}, holderView.row(nil, h)...)
}

// holderView is how one who holds a lock looks.
var holderView = view[runner.LockHolder]{
	name:   func(h runner.LockHolder) string { return strconv.FormatInt(h.Token, 10) },
	header: []string{"HOLDER", "KIND", "MODE", "TOKEN", "SINCE", "UNTIL", "BY"},
	row: func(_ *printer, h runner.LockHolder) []cell {
		token, until := "", ""
		if h.Token != 0 {
			token = strconv.FormatInt(h.Token, 10)
		}
		if h.Until != nil {
			until = h.Until.Local().Format(time.TimeOnly)
		}
		return []cell{
			text(h.Holder), text(h.Kind), text(h.Mode), text(token), text(ago(h.Since, time.Now())), text(until), text(h.By),
		}
	},
}

func newLockList(a *app) *cobra.Command {
	var prefix, cursor string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the locks that somebody holds or waits for",
		Long:    "Lists the locks of your tenant that somebody holds or waits for, by name.",
		Example: "  cordum lock list\n  cordum lock list --prefix cluster: -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"limit": {strconv.Itoa(limit)}}
			if prefix != "" {
				query.Set("prefix", prefix)
			}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			return list(cmd.Context(), a, "locks", query, lockView)
		},
	}
	f := cmd.Flags()
	f.StringVar(&prefix, "prefix", "", "only locks whose name begins so")
	f.IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	f.StringVar(&cursor, "cursor", "", "where the page before ended")
	return cmd
}

func newLockShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show LOCK",
		Aliases: []string{"get"},
		Short:   "Show who holds a lock, and who waits for it",
		Long:    "Shows one lock: who holds it with which fencing token, and who waits, in the order in which they get it.",
		Example: "  cordum lock show cluster:production",
		Args:    wantArgs("LOCK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showLock(cmd.Context(), a, args[0])
		},
	}
}

// showLock asks by the query: a lock's name may have a slash, which no path takes.
func showLock(ctx context.Context, a *app, name string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var pg page[runner.LockView]
	if err := c.get(ctx, "locks", url.Values{"name": {name}}, &pg); err != nil {
		return err
	}
	if len(pg.Items) == 0 {
		return fmt.Errorf("the server says nothing about lock %s: is it older than this program?", name)
	}
	return showOne(a, lockDetail, pg.Items[0])
}

func newLockAcquire(a *app) *cobra.Command {
	var owner string
	var shared bool
	var ttl, wait time.Duration
	cmd := &cobra.Command{
		Use:   "acquire LOCK",
		Short: "Hold a lock for a while",
		Long: "Takes a lock in your name, or in that of --owner, for --ttl. Jobs that need it wait until you release it, or the time is over. Run it\n" +
			"again as the same owner, or renew it, to hold it for longer. -o name prints the fencing token alone.",
		Example: "  cordum lock acquire cluster:production --ttl 5m --reason 'maintenance'\n" +
			"  token=$(cordum lock acquire db:main --wait 10m -o name)",
		Args: wantArgs("LOCK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := gateway.LockAcquire{Name: args[0], Owner: owner, Reason: gateway.Reason{Reason: a.flags.reason}}
			if shared {
				body.Mode = "shared"
			}
			var err error
			if body.TTLSec, err = wholeSeconds("--ttl", ttl); err != nil {
				return err
			}
			if wait < 0 {
				return usagef("--wait %s is negative", wait)
			}
			return acquireLock(cmd.Context(), a, body, wait)
		},
	}
	f := cmd.Flags()
	f.StringVar(&owner, "owner", "", "who holds it; you by default")
	f.BoolVar(&shared, "shared", false, "others that share it may hold it too")
	f.DurationVar(&ttl, "ttl", runner.DefaultLockTTL, "how long it is held unless it is renewed, at most 1h")
	f.DurationVar(&wait, "wait", 0, "how long to wait for it when it is not free (0 = not at all)")
	return cmd
}

// acquireLock asks until the lock is had or the wait is over.
func acquireLock(ctx context.Context, a *app, body gateway.LockAcquire, wait time.Duration) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	d, err := standInLine(ctx, wait, func(ctx context.Context, wait time.Duration) (d doc[runner.LockHolder], err error) {
		body := body
		body.WaitSec = int(wait.Round(time.Second) / time.Second)
		return d, c.post(ctx, "locks/acquire", body, &d)
	})
	if err != nil {
		return err
	}
	return showOne(a, holderView, d)
}

// askAhead is how long before a call for a lock ends the next one begins: longer than a call takes to get to the server.
const askAhead = 10 * time.Second

// standInLine asks for a lock by calls of which each waits for [runner.MaxLockWait] at most. Who waits leaves the line with the last
// of its calls, so the next one begins before the one before it ends: then the place in the line is kept.
func standInLine[T any](ctx context.Context, wait time.Duration, ask func(context.Context, time.Duration) (T, error)) (T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 2)
	until, waiting := time.Now().Add(wait), 0
	for {
		left := max(time.Until(until), 0)
		call := min(left, runner.MaxLockWait)
		waiting++
		go func() {
			value, err := ask(ctx, call)
			answers <- answer{value, err}
		}()
		var next <-chan time.Time // nil: this call is the last one
		if left > call {
			next = time.After(call - askAhead)
		}
		for again := false; !again; {
			select {
			case <-next:
				again = true
			case got := <-answers:
				waiting--
				var problem *gateway.Problem
				held := errors.As(got.err, &problem) && problem.Code == "lock_held"
				if over := time.Until(until) < time.Second; !held || waiting == 0 && over {
					return got.value, got.err
				}
				again = waiting == 0 // it ended before its time
			}
		}
	}
}

func newLockRenew(a *app) *cobra.Command {
	var body gateway.LockRenew
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:     "renew LOCK",
		Short:   "Hold a lock for longer",
		Long:    "Holds a lock that you have for --ttl from now. When it is not yours any more that is an error: stop what you do under it.",
		Example: "  cordum lock renew cluster:production --ttl 5m",
		Args:    wantArgs("LOCK"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			body.Name = args[0]
			if body.TTLSec, err = wholeSeconds("--ttl", ttl); err != nil {
				return err
			}
			return send(cmd.Context(), a, "locks/renew", body, holderView)
		},
	}
	f := cmd.Flags()
	f.StringVar(&body.Owner, "owner", "", "as it was acquired; you by default")
	f.Int64Var(&body.Token, "token", 0, "the fencing token of the grant that is meant")
	f.DurationVar(&ttl, "ttl", runner.DefaultLockTTL, "from now, at most 1h")
	return cmd
}

func newLockRelease(a *app) *cobra.Command {
	var body gateway.LockRelease
	cmd := &cobra.Command{
		Use:   "release LOCK",
		Short: "Let go of a lock",
		Long: "Lets go of a lock that you hold. With --force it is taken from whoever holds it, even from a job, which goes on without knowing: only\n" +
			"its fencing token keeps it off the resource. That is for admins, and needs --reason.",
		Example: "  cordum lock release cluster:production\n  cordum lock release cluster:production --force --reason 'its host is gone'",
		Args:    wantArgs("LOCK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body.Name, body.Reason.Reason = args[0], a.flags.reason
			if body.Force && a.flags.reason == "" {
				return usagef("--force needs --reason: say why the lock is taken from its holder")
			}
			return send(cmd.Context(), a, "locks/release", body, lockView)
		},
	}
	f := cmd.Flags()
	f.StringVar(&body.Owner, "owner", "", "as it was acquired; you by default")
	f.Int64Var(&body.Token, "token", 0, "the fencing token of the grant that is meant")
	f.BoolVar(&body.Force, "force", false, "take it from whoever holds it")
	f.StringVar(&body.Holder, "holder", "", "with --force: only from this holder, a job's id or an owner")
	return cmd
}

// wholeSeconds is a time as the API takes it.
func wholeSeconds(flag string, d time.Duration) (int, error) {
	if d < runner.MinLockTTL || d > runner.MaxLockTTL {
		return 0, usagef("%s %s is not between %s and %s", flag, d, runner.MinLockTTL, runner.MaxLockTTL)
	}
	return int(d.Round(time.Second) / time.Second), nil
}
