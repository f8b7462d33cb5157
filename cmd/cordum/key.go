package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
)

func newKey(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "key",
		Short: "Make and revoke API keys",
		Long: "An API key says who calls: its tenant, its roles and, where it is narrowed to some, its scopes. The server keeps its\n" +
			"SHA-256 only. It is needed by whoever calls a server that does not run with --dev.",
		Example: "  cordum key create --name ci --role operator --expires 90d\n  cordum key list\n  cordum key revoke k3f9…",
	})
	cmd.AddCommand(newKeyCreate(a), newKeyList(a), newKeyShow(a), newKeyRevoke(a))
	return cmd
}

// keyView is how an API key looks.
var keyView = view[gateway.KeyView]{
	name:   func(k gateway.KeyView) string { return k.ID },
	header: []string{"KEY", "NAME", "TENANT", "ROLES", "STATE", "OWNER", "CREATED", "EXPIRES", "USED"},
	row: func(_ *printer, k gateway.KeyView) []cell {
		now := time.Now()
		return []cell{
			text(k.ID), text(k.Name), text(k.Tenant), text(strings.Join(k.Roles, ",")), state(k.State), text(k.Owner),
			text(ago(k.CreatedAt, now)), text(date(k.ExpiresAt)), text(agoOr(k.LastUsedAt, now)),
		}
	},
	detail: func(p *printer, k gateway.KeyView) {
		now := time.Now()
		p.fact("key", text(k.ID))
		p.fact("name", text(k.Name))
		p.fact("state", state(k.State))
		p.fact("tenant", text(k.Tenant))
		p.fact("roles", text(strings.Join(k.Roles, ", ")))
		p.fact("groups", text(strings.Join(k.Groups, ", ")))
		p.fact("scopes", text(strings.Join(k.Scopes, ", ")))
		p.fact("owner", text(k.Owner))
		p.fact("created", text(ago(k.CreatedAt, now)+" by "+k.CreatedBy))
		p.fact("expires", text(date(k.ExpiresAt)))
		p.fact("used", text(agoOr(k.LastUsedAt, now)))
		if k.RevokedAt != nil {
			p.fact("revoked", text(ago(*k.RevokedAt, now)+" by "+k.RevokedBy))
		}
	},
}

func date(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

func agoOr(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return ago(*t, now)
}

// madeKeyView prints the bare key, for a script to keep.
var madeKeyView = view[gateway.KeyCreated]{
	name:   func(k gateway.KeyCreated) string { return k.ID },
	detail: func(p *printer, k gateway.KeyCreated) { _ = p.line(k.Key) }, // kept in p.err
}

func newKeyCreate(a *app) *cobra.Command {
	var body gateway.KeyCreate
	var expires string
	cmd := &cobra.Command{
		Use:   "create --name NAME --role ROLE",
		Short: "Make an API key and show it, once",
		Long: "Makes an API key and prints it, this once. Roles are viewer, operator, approver, author and admin (see docs/roles.md), and\n" +
			"any other name that policies and approvals know. A key that belongs to somebody (--owner) counts as them: they do not\n" +
			"approve what it asked for.",
		Example: "  cordum key create --name ci --role operator --expires 90d\n" +
			"  cordum key create --name dashboard --role viewer --scope read\n  cordum key create --name bot --role approver,sre --owner user:ann -o json",
		Args: wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if body.Name == "" || len(body.Roles) == 0 {
				return usagef("--name and --role are needed: what the key is for, and what it may do")
			}
			if body.ExpiresAt, err = moment("expires", expires, time.Now()); err != nil {
				return err
			}
			if err := send(cmd.Context(), a, "keys", body, madeKeyView); err != nil {
				return err
			}
			if a.flags.output == "table" {
				fmt.Fprintln(a.errOut, "keep it: it cannot be shown again")
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&body.Name, "name", "", "what it is for")
	f.StringSliceVar(&body.Roles, "role", nil, "a role it has; may be given several times")
	f.StringSliceVar(&body.Groups, "group", nil, "a group it is in; may be given several times")
	f.StringSliceVar(&body.Scopes, "scope", nil, "the only verbs it is good for, such as read, run.start or 'run.*'; may be given several times")
	f.StringVar(&body.Tenant, "for-tenant", "", "the tenant it is for, where that is not yours")
	f.StringVar(&body.Owner, "owner", "", "whose it is, as user:ann")
	f.StringVar(&expires, "expires", "", "when it stops being good: after 12h or 90d, or at 2027-01-31T00:00:00Z (default never)")
	return cmd
}

// moment reads a flag that is a time from now on, or a moment; nil when it was not given.
func moment(flag, text string, now time.Time) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36_500 {
			at := now.AddDate(0, 0, n).UTC()
			return &at, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		at := now.Add(d).UTC()
		return &at, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return &at, nil
	}
	return nil, usagef("--%s %q is neither a time from now on, such as 12h or 90d, nor a moment, such as 2027-01-31T00:00:00Z", flag, text)
}

func newKeyList(a *app) *cobra.Command {
	var cursor, tenant string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List API keys",
		Long:    "Lists the API keys of a tenant, revoked and expired ones too. Keys of the server's own configuration are not among them.",
		Example: "  cordum key list\n  cordum key list -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			for name, value := range map[string]string{"cursor": cursor, "tenant": tenant} {
				if value != "" {
					query.Set(name, value)
				}
			}
			if limit != 0 {
				query.Set("limit", strconv.Itoa(limit))
			}
			return list(cmd.Context(), a, "keys", query, keyView)
		},
	}
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on behind a page")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many (default 50)")
	cmd.Flags().StringVar(&tenant, "for-tenant", "", "of another tenant than yours")
	return cmd
}

func newKeyShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show KEY",
		Aliases: []string{"get"},
		Short:   "Show what an API key is good for",
		Long:    "Shows an API key by its id: its roles, scopes, owner and when it was used last. The key itself cannot be shown again.",
		Example: "  cordum key show k3f9…",
		Args:    wantArgs("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return read(cmd.Context(), a, pathTo("keys", args[0]), nil, keyView)
		},
	}
}

func newKeyRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke KEY",
		Short:   "Make an API key worthless",
		Long:    "Revokes an API key by its id, which is the part between the first two _ of the key. What it did stays.",
		Example: "  cordum key revoke k3f9… --reason 'it was in a log'",
		Args:    wantArgs("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd.Context(), a, pathTo("keys", args[0], "revoke"), gateway.Reason{Reason: a.flags.reason}, revokedView)
		},
	}
}

// revokedView prints a key after it was revoked: one row.
var revokedView = view[gateway.KeyView]{name: keyView.name, header: keyView.header, row: keyView.row}
