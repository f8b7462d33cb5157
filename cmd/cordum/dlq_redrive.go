package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// redriveView is how a redrive looks.
var redriveView = view[runner.Redrive]{
	name:   func(r runner.Redrive) string { return r.ID },
	header: []string{"REDRIVE", "STATE", "MATCHED", "RETRIED", "SKIPPED", "REFUSED", "STARTED", "BY"},
	row: func(_ *printer, r runner.Redrive) []cell {
		number := func(n int) cell { return text(strconv.Itoa(n)) }
		return []cell{
			text(r.ID), state(r.State), number(r.Matched), number(r.Retried), number(r.Skipped), number(r.Refused),
			text(ago(r.StartedAt, time.Now())), text(r.StartedBy),
		}
	},
}

func newDLQRedrive(a *app) *cobra.Command {
	var f deadFlags
	var body gateway.DeadRedrive
	var wait bool
	cmd := &cobra.Command{
		Use:   "redrive --filter FILTER",
		Short: "Retry all dead letters that fit, at a rate",
		Long: "Retries every dead letter that fits, the oldest first, in the background and at a rate: it goes on when the server is\n" +
			"restarted. --dry-run only counts, --wait waits for the end. Without a terminal --yes is needed.\n\n" + deadFilterHelp,
		Example: "  cordum dlq redrive --filter 'reason=timeout' --dry-run\n  cordum dlq redrive --filter 'group=4be1…' --rate 5 --yes --wait\n" +
			"  cordum dlq redrive show 01K…\n  cordum dlq redrive stop 01K…",
		Args: wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !f.given() {
				return usagef("--filter is missing: it never means all dead letters")
			}
			filter, err := f.filter()
			if err != nil {
				return err
			}
			body.Filter, body.Reason = filter, gateway.Reason{Reason: a.flags.reason}
			return a.redrive(cmd.Context(), body, wait)
		},
	}
	f.add(cmd)
	cmd.Flags().Float64Var(&body.Rate, "rate", runner.DefaultRedriveRate, "retries a second")
	cmd.Flags().BoolVar(&body.DryRun, "dry-run", false, "only count them")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List redrives", Args: wantArgs(),
			Long: "Lists redrives, newest first: the one under way and those of the last days.", Example: "  cordum dlq redrive list",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return list(cmd.Context(), a, "dlq/redrive", nil, redriveView)
			},
		},
		&cobra.Command{
			Use: "show REDRIVE", Aliases: []string{"get"}, Short: "Show how far a redrive is", Args: wantArgs("REDRIVE"),
			Long: "Shows how far a redrive is.", Example: "  cordum dlq redrive show 01K… -o json",
			RunE: func(cmd *cobra.Command, args []string) error {
				return read(cmd.Context(), a, pathTo("dlq", "redrive", args[0]), nil, redriveView)
			},
		},
		&cobra.Command{
			Use: "stop REDRIVE", Short: "Stop a redrive", Args: wantArgs("REDRIVE"),
			Long: "Stops a redrive. The jobs that it has retried go on.", Example: "  cordum dlq redrive stop 01K…",
			RunE: func(cmd *cobra.Command, args []string) error {
				return send(cmd.Context(), a, pathTo("dlq", "redrive", args[0], "stop"), gateway.Reason{Reason: a.flags.reason}, redriveView)
			},
		})
	return cmd
}

// redrive counts, asks for confirmation, begins and may wait for the end.
func (a *app) redrive(ctx context.Context, body gateway.DeadRedrive, wait bool) error {
	if err := a.mayBulk(body.DryRun); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	if !body.DryRun && !a.flags.yes {
		count := body
		count.DryRun = true
		var counts runner.Redrive
		if err := c.post(ctx, "dlq/redrive", count, &counts); err != nil {
			return err
		}
		if ok, err := a.confirm(ctx, fmt.Sprintf("Retry %s?", counted(counts.Matched, "dead letter", "dead letters"))); !ok {
			return err
		}
	}
	var begun doc[runner.Redrive]
	if err := c.post(ctx, "dlq/redrive", body, &begun); err != nil {
		return err
	}
	if wait && begun.V.ID != "" {
		return a.awaitRedrive(ctx, c, begun)
	}
	return showOne(a, redriveView, begun)
}

// redrivePoll is how often a redrive is looked at that somebody waits for.
const redrivePoll = time.Second

// awaitRedrive waits for the end of a redrive. What could not be retried makes it an error.
func (a *app) awaitRedrive(ctx context.Context, c *client, d doc[runner.Redrive]) error {
	for d.V.State == "running" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(redrivePoll):
		}
		var next doc[runner.Redrive]
		if err := c.get(ctx, pathTo("dlq", "redrive", d.V.ID), nil, &next); err != nil {
			return err
		}
		d = next
	}
	if err := showOne(a, redriveView, d); err != nil {
		return err
	}
	for _, r := range d.V.Refusals {
		fmt.Fprintf(a.errOut, "%s: %s\n", r.ID, oneLine(r.Message))
	}
	if d.V.Refused > 0 {
		return fmt.Errorf("%s could not be retried", counted(d.V.Refused, "dead letter", "dead letters"))
	}
	return nil
}
