package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
)

func newStore(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:     "store",
		Short:   "Look into a store",
		Long:    "What is stored is read without a server; dump asks one, too. Only refence and upgrade change it.",
		Example: "  cordum store dump 07… --data-dir /var/lib/cordum",
	})
	cmd.AddCommand(newStoreDump(a), newStoreRefence(a), newStoreUpgrade(a))
	return cmd
}

func newStoreDump(a *app) *cobra.Command {
	var at storeFlags
	var q runner.DumpQuery
	cmd := &cobra.Command{
		Use:   "dump RUN",
		Short: "Print the facts of a run as they are stored, as JSON",
		Long: "Prints each fact of a run's log on a line of its own, oldest first: its number, the number with which its commit began, when\n" +
			"and by whom, its kind and what it says. Tokens of attempts are left out; what is kept as a blob is named. A record that\n" +
			"does not decode ends it with an error that names it, after what came before.\n\n" +
			"The server is asked, for which one has to be admin. With --data-dir or --store (CORDUM_STORE) the store is read without a\n" +
			"server: a folder only while its server is stopped, Redis at any time.",
		Example: "  cordum store dump 07… | jq -c 'select(.name == \"JobBegun\")'\n  cordum store dump 07… --from 100 --to 120\n" +
			"  cordum store dump 07… --data-dir /backup/cordum/20261121T100000Z-k3x9qa\n" +
			"  CORDUM_STORE=redis://10.0.0.5:6379 cordum store dump 07…",
		Args: wantArgs("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Run = args[0]
			if q.To != 0 && q.From > q.To {
				return usagef("--from is behind --to")
			}
			remote, err := at.redis(a)
			if err != nil {
				return err
			}
			if remote == nil && at.dir == "" {
				return a.dumpOnline(cmd.Context(), q)
			}
			return a.dumpStore(cmd.Context(), &at, q)
		},
	}
	at.add(cmd, "", "the data folder of a server that is stopped, or a backup")
	cmd.Flags().Uint64Var(&q.From, "from", 0, "the number of the first fact (default: the run's first)")
	cmd.Flags().Uint64Var(&q.To, "to", 0, "the number of the last fact (default: the run's last)")
	return cmd
}

// dumpStore reads the store itself.
func (a *app) dumpStore(ctx context.Context, at *storeFlags, q runner.DumpQuery) error {
	s, err := at.open(ctx, a, false)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("--data-dir: %s is %w: ask the server (leave --data-dir out), stop it, or read a backup", at.dir, errServed)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	out := json.NewEncoder(a.out)
	out.SetEscapeHTML(false)
	err = runner.DumpRun(ctx, s, a.flags.tenant, q, func(f runner.DumpedFact) error { return out.Encode(f) })
	if errors.Is(err, runner.ErrNotFound) {
		return usagef("there is no run %s in %s", q.Run, at.where(a))
	}
	return err
}

// dumpOnline asks the server.
func (a *app) dumpOnline(ctx context.Context, q runner.DumpQuery) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, seq := range map[string]uint64{"from": q.From, "to": q.To} {
		if seq != 0 {
			query.Set(name, strconv.FormatUint(seq, 10))
		}
	}
	body, err := c.stream(ctx, pathTo("runs", q.Run, "facts"), query)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(a.out, body); err != nil {
		return fmt.Errorf("the dump is not whole (if the server broke it off, its log has the cause): %w", err)
	}
	return nil
}
