package main

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

func newApproval(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "approval",
		Short: "List and decide approvals",
		Long: "An approval is a question to people: of a step that waits for them, or of the policy about a job. An answer is bound to\n" +
			"what was shown, and each person gives one.",
		Example: "  cordum approval list --mine\n  cordum approval approve 07….approval~0 --comment 'backups checked'",
	})
	cmd.AddCommand(
		newApprovalList(a), newApprovalShow(a), newApprovalDecide(a), newApprovalVerb(a, "approve"), newApprovalVerb(a, "deny"), newApprovalSendBack(a),
		newApprovalEdit(a), newApprovalDelegate(a), newApprovalLink(a), newApprovalDeliveries(a),
		newApprovalOf(a, "job", "a job that the policy holds"), newApprovalOf(a, "step", "a step that waits for people"))
	return cmd
}

// approvalView is how an approval looks.
var approvalView = view[runner.ApprovalView]{
	name:   func(v runner.ApprovalView) string { return v.ID },
	header: []string{"APPROVAL", "WORKFLOW", "TITLE", "STATE", "ANSWERS", "ASKED", "BY"},
	row: func(_ *printer, v runner.ApprovalView) []cell {
		return []cell{
			text(v.ID), text(v.Workflow), text(clipText(v.Title, 60)), state(v.State), text(answers(v)), text(ago(v.RequestedAt, time.Now())),
			text(v.RequestedBy),
		}
	},
	detail: approvalDetail,
}

func newApprovalList(a *app) *cobra.Command {
	var f listFlags
	var run string
	var mine bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List approvals, those that wait by default",
		Long: "Lists the approvals that you may see. Without --state those that wait; --state all lists every one. --mine lists those that\n" +
			"you could decide now, --run those that one run waits for.",
		Example: "  cordum approval list --mine\n  cordum approval list --run 07…\n  cordum approval list --state denied -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run != "" {
				if cmd.Flags().Changed("state") || f.workflow != "" || f.cursor != "" || mine {
					return usagef("--run lists what one run waits for: leave out --state, --workflow, --mine and --cursor")
				}
				return a.listWaiting(cmd.Context(), run)
			}
			if f.state == "all" {
				f.state = ""
			}
			query := f.query()
			if mine {
				query.Set("mine", "true")
			}
			return listFull(cmd.Context(), a, "approvals", query, approvalView)
		},
	}
	f.add(cmd, []string{"waiting", "approved", "denied", "expired", "cancelled", "sent_back", "consumed", "all"})
	cmd.Flags().Lookup("state").DefValue = "waiting"
	f.state = "waiting"
	cmd.Flags().BoolVar(&mine, "mine", false, "only those that you could decide now")
	cmd.Flags().StringVar(&run, "run", "", "only those that this run waits for")
	return cmd
}

// listWaiting lists the approvals that a run waits for.
func (a *app) listWaiting(ctx context.Context, run string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	waiting, err := c.waitingApprovals(ctx, run)
	if err != nil {
		return err
	}
	var pg page[runner.ApprovalView]
	for _, v := range waiting {
		pg.Items = append(pg.Items, doc[runner.ApprovalView]{V: v})
	}
	return showPage(a, approvalView, pg)
}

// waitingApprovals reads the approvals that a run waits for now.
func (c *client) waitingApprovals(ctx context.Context, id string) ([]runner.ApprovalView, error) {
	var run runner.RunView
	if err := c.get(ctx, pathTo("runs", id), nil, &run); err != nil {
		return nil, err
	}
	query := url.Values{"state": {"waiting"}, "workflow": {run.Workflow}, "limit": {"200"}}
	var found []runner.ApprovalView
	for {
		var pg page[runner.ApprovalView]
		if err := c.get(ctx, "approvals", query, &pg); err != nil {
			return nil, err
		}
		for _, d := range pg.Items {
			if d.V.RunID == id {
				found = append(found, d.V)
			}
		}
		if pg.NextCursor == "" {
			return found, nil
		}
		query.Set("cursor", pg.NextCursor)
	}
}

func newApprovalShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show APPROVAL",
		Aliases: []string{"get"},
		Short:   "Show what is asked",
		Long:    "Shows an approval: what is asked, by which rule, of whom, until when, who has answered, and how it was decided.",
		Example: "  cordum approval show 07….approval~0",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("approvals", args[0]), nil, approvalView)
		},
	}
}
