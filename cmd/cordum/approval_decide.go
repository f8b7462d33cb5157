package main

import (
	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// decideFlags are what goes with a decision.
type decideFlags struct{ comment, expectHash, values, inPlaceOf string }

func (f *decideFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.comment, "comment", "", "why; kept with the decision (--reason is taken when this is left out)")
	cmd.Flags().StringVar(&f.expectHash, "expect-hash", "", "decide only while the approval still has this hash")
	cmd.Flags().StringVar(&f.values, "values", "", "what the approval's form asks for: JSON, @FILE, or - for stdin")
	cmd.Flags().StringVar(&f.inPlaceOf, "for", "", "in whose place, of somebody who delegated to you, as user:ann")
}

func (f *decideFlags) decide(cmd *cobra.Command, a *app, id, decision string) error {
	return f.answer(cmd, a, id, gateway.Verdict{Decision: decision})
}

func (f *decideFlags) answer(cmd *cobra.Command, a *app, id string, body gateway.Verdict) (err error) {
	if body.Values, err = a.jsonValue("values", f.values); err != nil {
		return err
	}
	body.Comment, body.ExpectHash, body.For = orElse(f.comment, a.flags.reason), f.expectHash, f.inPlaceOf
	return send(cmd.Context(), a, pathTo("approvals", id, "decide"), body, answeredView)
}

// answeredView prints an approval after a decision: one row.
var answeredView = view[runner.ApprovalView]{name: approvalView.name, header: approvalView.header, row: approvalView.row}

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
			return f.decide(cmd, a, args[0], decisionOf(approve))
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&approve, "approve", false, "let the run go on")
	cmd.Flags().BoolVar(&deny, "deny", false, "refuse; the step is rejected")
	return cmd
}

func decisionOf(approve bool) string {
	if approve {
		return "approve"
	}
	return "deny"
}

// newApprovalOf is how clients of public Cordum write a decision: approval job ID --approve, approval step ID --reject.
func newApprovalOf(a *app, of, what string) *cobra.Command {
	var f decideFlags
	var approve, reject bool
	cmd := &cobra.Command{
		Use:     of + " APPROVAL --approve|--reject",
		Short:   "Decide the approval of " + what,
		Long:    "The same as: cordum approval decide APPROVAL --approve or --deny.",
		Example: "  cordum approval " + of + " 07….apply~0 --approve\n  cordum approval " + of + " 07….apply~0 --reject --reason 'not today'",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if approve == reject {
				return usagef("say either --approve or --reject")
			}
			return f.decide(cmd, a, args[0], decisionOf(approve))
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&approve, "approve", false, "let it go on")
	cmd.Flags().BoolVar(&reject, "reject", false, "refuse")
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
