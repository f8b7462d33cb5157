package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
)

// policyOnline are the commands that ask a server.
func policyOnline(a *app) []*cobra.Command {
	return []*cobra.Command{
		newPolicyActive(a), newPolicyList(a), newPolicyGet(a), newPolicyPut(a), newPolicyDelete(a),
		newPolicyPublish(a), newPolicyRollback(a), newPolicySnapshots(a),
		newPolicyEvaluate(a), newPolicyReplay(a), newPolicyShadow(a),
	}
}

// policyVersionView is how an entry of the history looks.
var policyVersionView = view[gateway.PolicyVersion]{
	name:   func(v gateway.PolicyVersion) string { return v.Digest },
	header: []string{"VERSION", "SNAPSHOT", "RULES", "DEFAULT", "WHEN", "BY", "ACT", "REASON"},
	row: func(_ *printer, v gateway.PolicyVersion) []cell {
		return []cell{
			text(strconv.FormatInt(v.Version.Version, 10)), text(clipText(v.Digest, 13)), text(strconv.Itoa(v.Rules)), text(v.Default),
			text(ago(v.At, time.Now())), text(v.By), text(policyAct(v)), text(clipText(v.Reason, 60)),
		}
	},
	detail: policyVersionDetail,
}

// policyAct says what made a version.
func policyAct(v gateway.PolicyVersion) string {
	act := strings.TrimPrefix(v.Act, "policy.")
	if v.Of > 0 {
		act += fmt.Sprintf(" to %d", v.Of)
	}
	if v.BreakGlass {
		act += ", break-glass"
	}
	return act
}

func policyVersionDetail(p *printer, v gateway.PolicyVersion) {
	p.fact("version", text(strconv.FormatInt(v.Version.Version, 10)))
	p.fact("snapshot", text(v.Digest))
	p.fact("default", text(v.Default+" (of the "+v.DefaultFrom+")"))
	p.fact("rules", text(strconv.Itoa(v.Rules)))
	p.fact("act", text(policyAct(v)))
	p.fact("published", text(ago(v.At, time.Now())+" by "+v.By))
	p.fact("reason", text(v.Reason))
	for _, part := range v.Parts {
		what := part.From + " " + part.Name
		if part.Overlay {
			what += ", overlay"
		}
		if part.SignedBy != "" {
			what += fmt.Sprintf(", version %d signed by %s", part.Version, part.SignedBy)
		}
		p.fact("part", text(what))
	}
	for _, w := range v.Warnings {
		p.fact("warning", text(w))
	}
}

// publishedView prints what a publish or a rollback has put in force.
var publishedView = view[gateway.PolicyPublished]{
	name: func(v gateway.PolicyPublished) string { return v.Digest },
	detail: func(p *printer, v gateway.PolicyPublished) {
		if v.Unchanged {
			p.fact("unchanged", text("it was in force already"))
		}
		policyVersionDetail(p, v.PolicyVersion)
		if v.Replay != nil {
			p.fact("replayed", text(policyCounts(&v.Replay.Counts)))
		}
	},
}

// changeFlags are what goes with a change of what is in force.
type changeFlags struct{ breakGlass bool }

func (f *changeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.breakGlass, "break-glass", false, "go past what the policy says of its own change; needs --reason, and is recorded as such")
}

func (f *changeFlags) check(a *app) error {
	if f.breakGlass && strings.TrimSpace(a.flags.reason) == "" {
		return usagef("--break-glass needs --reason: it is recorded")
	}
	return nil
}

func newPolicyPublish(a *app) *cobra.Command {
	var f changeFlags
	var most int
	cmd := &cobra.Command{
		Use:   "publish [BUNDLE…]",
		Short: "Make drafts active, all or none",
		Long: "Makes the drafts of the named bundles active; without names all drafts, which are then all there is beside the server's\n" +
			"policy file. When the command ends they are in force, and what was not sent to a worker before is decided by them.\n" +
			"--max-newly-denied refuses when more recorded decisions than that would be denied; policy replay shows which.",
		Example: "  cordum policy put policy.yaml && cordum policy publish --reason 'writes need an approval'\n" +
			"  cordum policy publish acme.base --max-newly-denied 0",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(a); err != nil {
				return err
			}
			body := gateway.PolicyPublish{Bundles: args, BreakGlass: f.breakGlass, Reason: a.flags.reason}
			if cmd.Flags().Changed("max-newly-denied") {
				if most < 0 {
					return usagef("--max-newly-denied %d is negative", most)
				}
				body.MaxNewlyDenied = &most
			}
			return send(cmd.Context(), a, "policy/publish", body, publishedView)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&most, "max-newly-denied", 0, "refuse when more recorded decisions than this would be denied (default: nobody looks)")
	return cmd
}

func newPolicyRollback(a *app) *cobra.Command {
	var f changeFlags
	cmd := &cobra.Command{
		Use:   "rollback VERSION|SNAPSHOT",
		Short: "Make an older version active again",
		Long: "Publishes an older version again, as a new one. It is the one way back behind the version of a signed bundle. Drafts\n" +
			"stay as they are; the server's policy file is taken again when it changes.",
		Example: "  cordum policy snapshots\n  cordum policy rollback 12 --reason 'too strict'",
		Args:    wantArgs("VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(a); err != nil {
				return err
			}
			body := gateway.PolicyRollback{To: args[0], BreakGlass: f.breakGlass, Reason: a.flags.reason}
			return send(cmd.Context(), a, "policy/rollback", body, publishedView)
		},
	}
	f.add(cmd)
	return cmd
}

func newPolicySnapshots(a *app) *cobra.Command {
	var limit int
	var cursor string
	cmd := &cobra.Command{
		Use:     "snapshots [VERSION|SNAPSHOT]",
		Aliases: []string{"history"},
		Short:   "List what was published, or show one",
		Long: "Lists the versions of the policy, newest first. With a version's number, or the digest of a snapshot as decisions cite\n" +
			"it, shows that one; -o json has its canonical form, whose SHA-256 is the digest, and the texts it was made of.",
		Example: "  cordum policy snapshots\n  cordum policy snapshots 12\n  cordum policy snapshots 12 -o json",
		Args:    wantArgs("[VERSION|SNAPSHOT]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return read(cmd.Context(), a, pathTo("policy", "snapshots", args[0]), nil, policyVersionView)
			}
			query := url.Values{"limit": {strconv.Itoa(limit)}}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			return list(cmd.Context(), a, "policy/snapshots", query, policyVersionView)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", gateway.DefaultPage, "how many")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where the page before ended")
	return cmd
}

func newPolicyActive(a *app) *cobra.Command {
	shown := view[gateway.PolicyActive]{
		name: func(v gateway.PolicyActive) string { return v.Digest },
		detail: func(p *printer, v gateway.PolicyActive) {
			if v.InForce {
				p.fact("in force", cell{"yes", good})
			} else {
				p.fact("in force", cell{"no: no job starts", bad})
			}
			policyVersionDetail(p, v.PolicyVersion)
			p.fact("file", text(v.Base))
			if v.SignatureRequired {
				p.fact("signed", text("only, by "+strings.Join(v.Keys, ", ")))
			}
			if v.Shadow != nil {
				p.fact("shadow", text(v.Shadow.Digest))
			}
			if v.Alert != nil {
				p.fact("alert", cell{ago(v.Alert.At, time.Now()) + ": " + v.Alert.Subject + ": " + v.Alert.Message, bad})
			}
		},
	}
	return &cobra.Command{
		Use:     "active",
		Aliases: []string{"status"},
		Short:   "Show which policy is in force, and what is wrong",
		Long:    "Shows the policy in force: its snapshot, who published it and why, the server's policy file, and what was wrong with it last.",
		Example: "  cordum policy active\n  cordum policy active -o name",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return read(cmd.Context(), a, "policy/active", nil, shown)
		},
	}
}

// change makes a call that answers nothing.
func (a *app) change(ctx context.Context, method, path string, header map[string]string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	for name, value := range header {
		if value != "" {
			c.header.Set(name, value)
		}
	}
	return c.do(ctx, request{method: method, path: path}, nil)
}

func newPolicyDelete(a *app) *cobra.Command {
	var etag string
	cmd := &cobra.Command{
		Use:     "delete BUNDLE",
		Aliases: []string{"rm"},
		Short:   "Delete the draft of a bundle",
		Long:    "Deletes the draft of a bundle. What is in force of it ends with the next publish of all, or of that name.",
		Example: "  cordum policy delete acme.base && cordum policy publish acme.base",
		Args:    wantArgs("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), http.MethodDelete, bundlePath(args[0]), map[string]string{"If-Match": etag})
		},
	}
	cmd.Flags().StringVar(&etag, "if-match", "", "only while the draft has this ETag")
	return cmd
}

// bundlePath is the address of a bundle: its name with ~ for /.
func bundlePath(name string) string {
	return pathTo("policy", "bundles", strings.ReplaceAll(name, "/", "~"))
}
