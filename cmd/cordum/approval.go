package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newApproval(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:     "approval",
		Short:   "List and decide approvals",
		Long:    "An approval is a step that waits for a person. A decision is bound to what was shown and is made once.",
		Example: "  cordum approval list\n  cordum approval approve 07….approval~0 --comment 'backups checked'",
	})
	cmd.AddCommand(
		newApprovalList(a), newApprovalShow(a), newApprovalDecide(a), newApprovalVerb(a, "approve"), newApprovalVerb(a, "deny"), newApprovalSendBack(a))
	return cmd
}

// approvalView is how an approval looks.
var approvalView = view[runner.ApprovalView]{
	name:   func(v runner.ApprovalView) string { return v.ID },
	header: []string{"APPROVAL", "WORKFLOW", "TITLE", "STATE", "ASKED", "BY"},
	row: func(_ *printer, v runner.ApprovalView) []cell {
		return []cell{
			text(v.ID), text(v.Workflow), text(clipText(v.Title, 60)), state(v.State), text(ago(v.RequestedAt, time.Now())), text(v.RequestedBy),
		}
	},
	detail: approvalDetail,
}

// approvalDetail shows everything that is asked, untruncated: nobody should approve what they could not read.
func approvalDetail(p *printer, v runner.ApprovalView) {
	now := time.Now()
	p.fact("approval", text(v.ID))
	p.fact("title", text(v.Title))
	p.fact("state", state(v.State))
	p.fact("run", text(v.RunID))
	p.fact("workflow", text(v.Workflow))
	p.fact("step", text(v.Step))
	p.fact("asked", text(ago(v.RequestedAt, now)+" by "+v.RequestedBy))
	if v.ExpiresAt != nil {
		p.fact("expires", text(v.ExpiresAt.Local().Format("2006-01-02 15:04:05")))
	}
	if v.DecidedAt != nil {
		p.fact("decided", text(strings.TrimSpace(ago(*v.DecidedAt, now)+" by "+v.DecidedBy)))
		p.fact("comment", text(v.Comment))
	}
	p.fact("hash", text(v.Hash))
	var context bytes.Buffer
	if len(v.Context) > 0 && json.Indent(&context, v.Context, "", "  ") == nil {
		_ = p.line("context") // kept in p.err
		for line := range strings.SplitSeq(context.String(), "\n") {
			_ = p.line("  " + oneLine(line)) // as above
		}
	}
}

func newApprovalList(a *app) *cobra.Command {
	var f listFlags
	var run string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List approvals, those that wait by default",
		Long:    "Lists approvals. Without --state those that wait; --state all lists every one. --run lists those that one run waits for.",
		Example: "  cordum approval list\n  cordum approval list --run 07…\n  cordum approval list --state denied -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run != "" {
				if cmd.Flags().Changed("state") || f.workflow != "" || f.cursor != "" {
					return usagef("--run lists what one run waits for: leave out --state, --workflow and --cursor")
				}
				return a.listWaiting(cmd.Context(), run)
			}
			if f.state == "all" {
				f.state = ""
			}
			return list(cmd.Context(), a, "approvals", f.query(), approvalView)
		},
	}
	f.add(cmd, []string{"waiting", "approved", "denied", "expired", "cancelled", "all"})
	cmd.Flags().Lookup("state").DefValue = "waiting"
	f.state = "waiting"
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
		Long:    "Shows an approval: what is asked, by whom, until when, and how it was decided.",
		Example: "  cordum approval show 07….approval~0",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("approvals", args[0]), nil, approvalView)
		},
	}
}

// decideFlags are what goes with a decision.
type decideFlags struct{ comment, expectHash string }

func (f *decideFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.comment, "comment", "", "why; kept with the decision (--reason is taken when this is left out)")
	cmd.Flags().StringVar(&f.expectHash, "expect-hash", "", "decide only while the approval still has this hash")
}

func (f *decideFlags) decide(cmd *cobra.Command, a *app, id, decision string) error {
	return f.answer(cmd, a, id, gateway.Verdict{Decision: decision})
}

func (f *decideFlags) answer(cmd *cobra.Command, a *app, id string, body gateway.Verdict) error {
	body.Comment, body.ExpectHash = orElse(f.comment, a.flags.reason), f.expectHash
	return send(cmd.Context(), a, pathTo("approvals", id, "decide"), body, decidedView)
}

// decidedView prints an approval after a decision: one row.
var decidedView = view[runner.ApprovalView]{name: approvalView.name, header: approvalView.header, row: approvalView.row}

func newApprovalDecide(a *app) *cobra.Command {
	var f decideFlags
	var approve, deny bool
	cmd := &cobra.Command{
		Use:     "decide APPROVAL --approve|--deny",
		Short:   "Decide an approval",
		Long:    "Decides an approval, once. With --expect-hash only if it still asks what was shown.",
		Example: "  cordum approval decide 07….approval~0 --approve --comment 'backups checked'\n  cordum approval decide 07….approval~0 --deny",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if approve == deny {
				return usagef("say either --approve or --deny")
			}
			decision := "deny"
			if approve {
				decision = "approve"
			}
			return f.decide(cmd, a, args[0], decision)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&approve, "approve", false, "let the run go on")
	cmd.Flags().BoolVar(&deny, "deny", false, "refuse; the step is rejected")
	return cmd
}

func newApprovalVerb(a *app, decision string) *cobra.Command {
	var f decideFlags
	cmd := &cobra.Command{
		Use:     decision + " APPROVAL",
		Short:   map[string]string{"approve": "Approve: let the run go on", "deny": "Deny: the step is rejected"}[decision],
		Long:    "Short for: cordum approval decide APPROVAL --" + decision + ".",
		Example: "  cordum approval " + decision + " 07….approval~0 --comment 'as discussed'",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.decide(cmd, a, args[0], decision)
		},
	}
	f.add(cmd)
	return cmd
}

func newApprovalSendBack(a *app) *cobra.Command {
	var f decideFlags
	var to string
	cmd := &cobra.Command{
		Use:   "send-back APPROVAL --to STEP",
		Short: "Send back: an earlier step is done again",
		Long: "Answers an approval with: do it again, from this step on. The step and what ran behind it are undone where they can be,\n" +
			"then run again, with the comment in ctx.feedback. Refused where something irreversible would run twice.",
		Example: "  cordum approval send-back 07….review~0 --to draft --comment 'shorter, please'",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usagef("--to is missing: the step to do again from")
			}
			return f.answer(cmd, a, args[0], gateway.Verdict{Decision: "send_back", To: to})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the step to do again from, upstream of the approval")
	return cmd
}
