package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newDLQ(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "dlq",
		Short: "See jobs that ended badly, and have them done again",
		Long: "A dead letter is a job that failed, timed out or was denied for good, or a compensation that waits for a person. It stays\n" +
			"until its retry succeeds, somebody deletes it, or it is too old.",
		Example: "  cordum dlq groups\n  cordum dlq list --limit 10\n  cordum dlq redrive --filter 'reason=timeout' --dry-run",
	})
	cmd.AddCommand(newDLQList(a), newDLQGroups(a), newDLQShow(a), newDLQRetry(a), newDLQDelete(a), newDLQRedrive(a))
	return cmd
}

// deadView is how a dead letter looks.
var deadView = view[runner.DeadLetter]{
	name:   func(v runner.DeadLetter) string { return v.ID },
	header: []string{"JOB", "WORKFLOW", "STEP", "TOPIC", "STATE", "REASON", "ATTEMPTS", "DIED", "MESSAGE"},
	row: func(_ *printer, v runner.DeadLetter) []cell {
		return []cell{
			text(v.ID), text(v.Workflow), text(v.Step), text(v.Topic), state(v.State),
			{v.Reason, bad},
			text(strconv.Itoa(v.Attempts)),
			text(ago(v.DiedAt, time.Now())), text(clipText(v.Message, 60)),
		}
	},
	detail: deadDetail,
}

func deadDetail(p *printer, v runner.DeadLetter) {
	now := time.Now()
	for _, f := range []struct{ name, value string }{
		{"job", v.ID}, {"run", v.RunID}, {"workflow", v.Workflow}, {"step", v.Step}, {"kind", v.Kind}, {"topic", v.Topic},
	} {
		p.fact(f.name, text(f.value))
	}
	p.fact("state", state(v.State))
	p.fact("reason", cell{v.Reason, bad})
	p.fact("message", text(v.Message))
	p.fact("attempts", text(strconv.Itoa(v.Attempts)))
	p.fact("died", text(fmt.Sprintf("%s, %s", ago(v.DiedAt, now), counted(v.Times, "time", "times"))))
	p.fact("worker", text(v.Worker))
	p.fact("group", text(v.Fingerprint))
	p.fact("expires", text(ago(v.ExpiresAt, now)))
	if d := v.DeadDetail; d != nil {
		p.fact("pack", text(d.Pack))
		p.fact("tool", text(d.Tool))
		p.fact("priority", text(d.Priority))
		for _, name := range d.Requires {
			p.fact("requires", text(name))
		}
		if d.Decision != nil {
			p.fact("rule", text(d.Decision.Rule))
			p.fact("policy", text(d.Decision.Snapshot))
			p.fact("job hash", text(d.Decision.Hash))
		}
		if d.Unknown {
			p.fact("outcome", cell{"nobody knows whether it had its effect", held})
		}
		if len(d.Details) > 0 {
			p.fact("details", text(string(d.Details)))
		}
	}
}

func newDLQList(a *app) *cobra.Command {
	var f deadFlags
	var cursor string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List dead letters, newest first",
		Long:    "Lists jobs that ended badly, newest first.\n\n" + deadFilterHelp,
		Example: "  cordum dlq list --limit 10\n  cordum dlq list --filter 'workflow=db-migration reason=timeout' --since 24h\n  cordum dlq list -o name",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query, err := f.query()
			if err != nil {
				return err
			}
			query.Set("limit", strconv.Itoa(limit))
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			return listFull(cmd.Context(), a, "dlq", query, deadView)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&cursor, "cursor", "", "continue with the page that the last call named")
	cmd.Flags().IntVar(&limit, "limit", 50, "rows of a page, 1 to 1000")
	return cmd
}

// deadGroupView is how a group looks.
var deadGroupView = view[runner.DeadGroup]{
	name:   func(g runner.DeadGroup) string { return g.Fingerprint },
	header: []string{"GROUP", "COUNT", "WORKFLOW", "STEP", "TOPIC", "REASON", "FIRST", "LAST", "EXAMPLE", "MESSAGE"},
	row: func(_ *printer, g runner.DeadGroup) []cell {
		now := time.Now()
		return []cell{
			text(g.Fingerprint), text(strconv.Itoa(g.Count)), text(g.Workflow), text(g.Step), text(g.Topic),
			{g.Reason, bad},
			text(ago(g.FirstSeen, now)), text(ago(g.LastSeen, now)), text(g.Example), text(clipText(g.Message, 60)),
		}
	},
}

func newDLQGroups(a *app) *cobra.Command {
	var f deadFlags
	var limit int
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "Group dead letters of the same kind, the largest group first",
		Long: "Groups dead letters by what ran where and why it ended; numbers and ids in messages do not count. A group's name goes into\n" +
			"--filter group=NAME.\n\n" + deadFilterHelp,
		Example: "  cordum dlq groups --since 1h",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query, err := f.query()
			if err != nil {
				return err
			}
			query.Set("limit", strconv.Itoa(limit))
			return list(cmd.Context(), a, "dlq/groups", query, deadGroupView)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "groups, 1 to 1000")
	return cmd
}

func newDLQShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show JOB",
		Aliases: []string{"get"},
		Short:   "Show a dead letter with every field of its job",
		Long:    "Shows a dead letter: what ran, why it ended, what the policy decided about it. The whole story is in cordum run timeline.",
		Example: "  cordum dlq show 07….ship~0",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("dlq", args[0]), nil, deadView)
		},
	}
}

// deadRetriedView tells what is being done again.
var deadRetriedView = view[runner.DeadRetried]{
	name: func(v runner.DeadRetried) string { return v.ID },
	detail: func(p *printer, v runner.DeadRetried) {
		_ = p.line(v.ID) // kept in p.err
		for _, job := range v.Also {
			_ = p.line(job) // as above
		}
	},
}

func newDLQRetry(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retry JOB",
		Short: "Have a dead job done again within its run",
		Long: "Has a dead job done again in its run, as it was, and prints its id. A failed run is tried again as a whole: the ids of its\n" +
			"other dead jobs follow. Of a held compensation only that one is tried. The entry goes when the retry succeeds.",
		Example: "  cordum dlq retry 07….ship~0 --reason 'the database is back'",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd.Context(), a, pathTo("dlq", args[0], "retry"), gateway.Reason{Reason: a.flags.reason}, deadRetriedView)
		},
	}
}

func newDLQDelete(a *app) *cobra.Command {
	var f deadFlags
	var dryRun bool
	cmd := &cobra.Command{
		Use:     "delete JOB | --filter FILTER",
		Aliases: []string{"purge"},
		Short:   "Delete dead letters",
		Long: "Deletes the entry of one job, or every entry that fits a filter; the runs stay as they are. On a terminal it asks for\n" +
			"confirmation unless --yes is given; without a terminal, --filter needs --yes.\n\n" + deadFilterHelp,
		Example: "  cordum dlq delete 07….ship~0\n  cordum dlq delete --filter 'group=4be1…' --dry-run",
		Args:    wantArgs("[JOB]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && f.given():
				return usagef("name a job or a filter, not both")
			case len(args) == 1:
				return a.deleteDead(cmd.Context(), args[0])
			case !f.given():
				return usagef("JOB or --filter is missing: %s", cmd.UseLine())
			}
			return a.purgeDead(cmd.Context(), &f, dryRun)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "with a filter: only count them")
	return cmd
}

func (a *app) deleteDead(ctx context.Context, job string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	if ok, err := a.confirm(ctx, fmt.Sprintf("Delete the dead letter of %s?", job)); !ok {
		return err
	}
	return c.do(ctx, request{method: http.MethodDelete, path: pathTo("dlq", job)}, nil)
}

// purgedView says how many went.
var purgedView = view[runner.Purged]{
	name:   func(p runner.Purged) string { return strconv.Itoa(p.Deleted) },
	header: []string{"MATCHED", "DELETED"},
	row: func(_ *printer, p runner.Purged) []cell {
		return []cell{text(strconv.Itoa(p.Matched)), text(strconv.Itoa(p.Deleted))}
	},
}

// purgeDead counts, asks for confirmation, and deletes until nothing is left that fits.
func (a *app) purgeDead(ctx context.Context, f *deadFlags, dryRun bool) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	if err := a.mayBulk(dryRun); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	body := gateway.DeadPurge{Reason: gateway.Reason{Reason: a.flags.reason}, Filter: filter, DryRun: true}
	var all runner.Purged
	if err := c.post(ctx, "dlq/purge", body, &all); err != nil {
		return err
	}
	if !dryRun {
		if ok, err := a.confirm(ctx, fmt.Sprintf("Delete %s?", counted(all.Matched, "dead letter", "dead letters"))); !ok {
			return err
		}
		body.DryRun = false
		for more := true; more; {
			var part runner.Purged
			if err := c.post(ctx, "dlq/purge", body, &part); err != nil {
				return err
			}
			all.Deleted, more = all.Deleted+part.Deleted, part.More && part.Deleted > 0
		}
		all.More = false
	}
	return showOne(a, purgedView, doc[runner.Purged]{V: all})
}

// mayBulk refuses what changes much when nobody can be asked and nobody said yes.
func (a *app) mayBulk(dryRun bool) error {
	if dryRun || a.flags.yes || a.inTTY && a.errTTY {
		return nil
	}
	return usagef("a filter without a terminal needs --yes; see what it would do with --dry-run")
}
