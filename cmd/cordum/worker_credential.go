package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newWorkerCredential(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "credential",
		Short: "Make and revoke workers' own credentials",
		Long: "With a credential of its own a worker can only speak for itself, and get only the jobs that it is for. On NATS it shows its id as\n" +
			"user and the token as password, or the token alone. The server keeps the token's SHA-256 only.",
		Example: "  cordum worker credential create shipper-1 --topic 'job.orders.*' --pool shippers\n  cordum worker credential list\n" +
			"  cordum worker credential revoke shipper-1 --reason 'it was in a log'",
	})
	cmd.AddCommand(newCredentialCreate(a), newCredentialList(a), newCredentialShow(a), newCredentialRotate(a), newCredentialRevoke(a))
	return cmd
}

// credentialView is how a worker's credential looks.
var credentialView = view[runner.CredentialView]{
	name:   func(c runner.CredentialView) string { return c.Worker },
	header: []string{"WORKER", "STATE", "CONNECTED", "TOPICS", "POOLS", "CAPABILITIES", "CREATED", "ROTATED"},
	row: func(_ *printer, c runner.CredentialView) []cell {
		now := time.Now()
		return []cell{
			text(c.Worker), state(c.State), text(yesNo(c.Connected)), text(clipText(strings.Join(c.Topics, " "), 60)), text(strings.Join(c.Pools, " ")),
			text(clipText(strings.Join(c.Capabilities, " "), 40)), text(ago(c.CreatedAt, now)), text(agoOr(c.RotatedAt, now)),
		}
	},
	detail: func(p *printer, c runner.CredentialView) {
		now := time.Now()
		p.fact("worker", text(c.Worker))
		p.fact("state", state(c.State))
		p.fact("connected", text(yesNo(c.Connected)))
		p.fact("topics", text(strings.Join(c.Topics, ", ")))
		p.fact("pools", text(strings.Join(c.Pools, ", ")))
		p.fact("capabilities", text(strings.Join(c.Capabilities, ", ")))
		p.fact("cap", text(yesNo(c.CAP)))
		p.fact("description", text(c.Description))
		p.fact("created", text(ago(c.CreatedAt, now)+" by "+c.CreatedBy))
		if c.RotatedAt != nil {
			p.fact("rotated", text(ago(*c.RotatedAt, now)+" by "+c.RotatedBy))
		}
		if c.RevokedAt != nil {
			p.fact("revoked", text(ago(*c.RevokedAt, now)+" by "+c.RevokedBy))
		}
	},
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// madeCredentialView prints the bare token, for a script to keep.
var madeCredentialView = view[gateway.CredentialMade]{
	name:   func(c gateway.CredentialMade) string { return c.Worker },
	detail: func(p *printer, c gateway.CredentialMade) { _ = p.line(c.Token) }, // kept in p.err
}

// revokedCredentialView prints a credential after it was revoked: one row.
var revokedCredentialView = view[runner.CredentialView]{name: credentialView.name, header: credentialView.header, row: credentialView.row}

func newCredentialCreate(a *app) *cobra.Command {
	var body gateway.CredentialCreate
	cmd := &cobra.Command{
		Use:   "create WORKER --topic TOPIC",
		Short: "Make a worker a credential and show its token, once",
		Long: "Makes a worker a credential of its own and prints the token, this once. It gets jobs of the topics only, or of those that a pattern\n" +
			"covers, and is believed only the pools and capabilities that are named. --cap is for workers that speak plain CAP.",
		Example: "  cordum worker credential create shipper-1 --topic 'job.orders.*' --pool shippers --capability kubectl\n" +
			"  cordum worker credential create legacy --topic job.reports --cap -o json",
		Args: wantArgs("WORKER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if body.Worker = args[0]; len(body.Topics) == 0 {
				return usagef("--topic is needed: whose jobs the worker may get")
			}
			if err := send(cmd.Context(), a, "workers/credentials", body, madeCredentialView); err != nil {
				return err
			}
			keepIt(a)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&body.Topics, "topic", nil, "a topic, or a pattern such as 'job.orders.*'; may be given several times")
	f.StringSliceVar(&body.Pools, "pool", nil, "a pool that it may be in; may be given several times")
	f.StringSliceVar(&body.Capabilities, "capability", nil, "a capability that it may have; may be given several times")
	f.BoolVar(&body.CAP, "cap", false, "it may also speak on the subjects that all CAP workers share")
	f.StringVar(&body.Description, "description", "", "what it is")
	return cmd
}

func keepIt(a *app) {
	if a.flags.output == "table" {
		fmt.Fprintln(a.errOut, "keep it: it cannot be shown again")
	}
}

func newCredentialList(a *app) *cobra.Command {
	return registeredList(a, "workers/credentials", "List workers' credentials", "Lists the workers' own credentials, revoked ones too.", "cordum worker credential list", credentialView)
}

func newCredentialShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show WORKER",
		Aliases: []string{"get"},
		Short:   "Show what a worker's credential is for",
		Long:    "Shows a worker's credential. The token cannot be shown again.",
		Example: "  cordum worker credential show shipper-1",
		Args:    wantArgs("WORKER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("workers", "credentials", args[0]), nil, credentialView)
		},
	}
}

func newCredentialRotate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "rotate WORKER",
		Short:   "Give a worker another token and show it, once",
		Long:    "Makes the worker's token worthless, closes its connections and prints another token. What the worker has it keeps, if it is back\nwithin its lease.",
		Example: "  cordum worker credential rotate shipper-1",
		Args:    wantArgs("WORKER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := send(cmd.Context(), a, pathTo("workers", "credentials", args[0], "rotate"), gateway.Reason{Reason: a.flags.reason}, madeCredentialView); err != nil {
				return err
			}
			keepIt(a)
			return nil
		},
	}
}

func newCredentialRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke WORKER",
		Short:   "Make a worker's credential worthless",
		Long:    "Revokes a worker's credential and closes its connections. What it had runs elsewhere; what it did is not undone.",
		Example: "  cordum worker credential revoke shipper-1 --reason 'it was in a log'",
		Args:    wantArgs("WORKER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd.Context(), a, pathTo("workers", "credentials", args[0], "revoke"), gateway.Reason{Reason: a.flags.reason}, revokedCredentialView)
		},
	}
}
