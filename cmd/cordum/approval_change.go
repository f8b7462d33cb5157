package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newApprovalEdit(a *app) *cobra.Command {
	var input, comment, expectHash string
	cmd := &cobra.Command{
		Use:   "edit APPROVAL --input JSON",
		Short: "Give a job that waits for its approval another input",
		Long: "Changes what a held job would do. The policy decides about it again and people are asked again: what they answered so\n" +
			"far is void, and who edits counts as one who asked.",
		Example: "  cordum approval edit 07….apply~0 --input '{\"replicas\": 2}' --comment 'half of it first'",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := a.jsonValue("input", input)
			if err != nil {
				return err
			}
			if value == nil {
				return usagef("--input is missing: what the worker would get instead")
			}
			body := gateway.EditApproval{Input: value, Comment: orElse(comment, a.flags.reason), ExpectHash: expectHash}
			return send(cmd.Context(), a, pathTo("approvals", args[0], "edit"), body, answeredView)
		},
	}
	cmd.Flags().StringVar(&input, "input", "", "the new input: JSON, @FILE, or - for stdin")
	cmd.Flags().StringVar(&comment, "comment", "", "why; kept in the record (--reason is taken when this is left out)")
	cmd.Flags().StringVar(&expectHash, "expect-hash", "", "edit only while the approval still has this hash")
	return cmd
}

func newApprovalDelegate(a *app) *cobra.Command {
	var to, until string
	cmd := &cobra.Command{
		Use:     "delegate APPROVAL --to USER --until TIME",
		Short:   "Let somebody else answer in your place",
		Long:    "Lets somebody else answer an approval as you could, until a time. They say so: cordum approval approve --for YOU.",
		Example: "  cordum approval delegate 07….apply~0 --to user:bob --until 8h --reason 'on leave'",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := moment("until", until, time.Now())
			if err != nil {
				return err
			}
			if to == "" || at == nil {
				return usagef("--to and --until are needed: who, and until when")
			}
			body := gateway.DelegateApproval{To: to, Until: *at, Reason: a.flags.reason}
			return send(cmd.Context(), a, pathTo("approvals", args[0], "delegate"), body, answeredView)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "who, as user:bob")
	cmd.Flags().StringVar(&until, "until", "", "until when: after 8h or 3d, or 2027-01-31T00:00:00Z")
	return cmd
}

// linkView prints the bare address of a link.
func linkView(server string) view[gateway.ApprovalLink] {
	address := func(l gateway.ApprovalLink) string { return strings.TrimSuffix(server, "/") + l.Path }
	return view[gateway.ApprovalLink]{name: address, detail: func(p *printer, l gateway.ApprovalLink) { _ = p.line(address(l)) }} // kept in p.err
}

func newApprovalLink(a *app) *cobra.Command {
	var body gateway.LinkApproval
	var expires string
	cmd := &cobra.Command{
		Use:   "link APPROVAL --approver USER",
		Short: "Make a link with which one person can answer without a key",
		Long: "Makes a link to a page that shows what is asked, with a form to answer it once. Whoever has the link answers as the\n" +
			"person it names: send it to nobody else. It is dead when the approval is decided, asked anew or over.",
		Example: "  cordum approval link 07….apply~0 --approver user:ann@example.com --expires 8h",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if body.Approver == "" {
				return usagef("--approver is missing: who will answer")
			}
			if body.ExpiresAt, err = moment("expires", expires, time.Now()); err != nil {
				return err
			}
			return send(cmd.Context(), a, pathTo("approvals", args[0], "links"), body, linkView(a.flags.server))
		},
	}
	cmd.Flags().StringVar(&body.Approver, "approver", "", "who will answer, as user:ann")
	cmd.Flags().StringVar(&expires, "expires", "", "when the link stops being good, such as 8h (default with the approval, and after 7 days)")
	return cmd
}

// deliveryView is how a message about an approval looks.
var deliveryView = view[runner.Delivery]{
	name:   func(d runner.Delivery) string { return strings.TrimSuffix(d.Channel+" "+d.To, " ") },
	header: []string{"CHANNEL", "TO", "STATE", "ATTEMPTS", "LAST", "ROUND", "ERROR"},
	row: func(_ *printer, d runner.Delivery) []cell {
		return []cell{
			text(d.Channel), text(d.To), state(d.State), text(strconv.Itoa(d.Attempts)), text(ago(d.At, time.Now())), text(strconv.Itoa(d.Round)),
			text(d.Error),
		}
	},
}

func newApprovalDeliveries(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "deliveries APPROVAL",
		Short:   "List whom an approval was told to",
		Long:    "Lists the messages about an approval over webhook, Slack and e-mail, and what became of them.",
		Example: "  cordum approval deliveries 07….apply~0",
		Args:    wantArgs("APPROVAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(cmd.Context(), a, pathTo("approvals", args[0], "deliveries"), nil, deliveryView)
		},
	}
}
