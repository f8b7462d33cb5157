package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

func newPolicyEvaluate(a *app) *cobra.Command {
	var asked string
	cmd := &cobra.Command{
		Use:   "evaluate --request JSON",
		Short: "Ask the server what its policy decides about a request",
		Long: "Asks what the policy in force decides about a request with the fields tenant, principal, roles, tool, topic, tags, … What is\n" +
			"left out is filled with who asks. Nothing starts. Exits with 7 when it is denied, with 8 when it needs an approval.",
		Example: "  cordum policy evaluate --request '{\"tool\": \"apply\", \"tags\": {\"env\": \"production\"}}'\n" +
			"  cordum policy evaluate --request @request.json -o json",
		Args: wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := a.jsonValue("request", asked)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var d doc[decided]
			if err := c.post(cmd.Context(), "policy/evaluate", json.RawMessage(request), &d); err != nil {
				return err
			}
			if err := showOne(a, decidedByPolicy, d); err != nil {
				return err
			}
			switch d.V.Verdict {
			case safety.Deny.String():
				return silent(exitDenied)
			case safety.RequireApproval.String():
				return silent(exitWaiting)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&asked, "request", "{}", "the request: JSON, @FILE, or - for stdin")
	return cmd
}

// decided is a decision as the server writes it.
type decided struct {
	Verdict, Rule, Reason, Expires, Snapshot string
	Rules                                    []string
	Constraints, Approvals                   []json.RawMessage
}

// decidedByPolicy prints a decision.
var decidedByPolicy = view[decided]{
	name: func(d decided) string { return d.Verdict },
	detail: func(p *printer, d decided) {
		p.fact("decision", cell{d.Verdict, map[string]tone{"ALLOW": good, "ALLOW_WITH_CONSTRAINTS": good, "REQUIRE_APPROVAL": held}[d.Verdict]})
		p.fact("by", text(d.Rule))
		p.fact("reason", text(d.Reason))
		for _, c := range d.Constraints {
			p.fact("constraint", text(string(c)))
		}
		for _, need := range d.Approvals {
			p.fact("approval", text(string(need)))
		}
		p.fact("expires", text(d.Expires))
		p.fact("snapshot", text(d.Snapshot))
	},
}

// choiceFlags name a policy to look at.
type choiceFlags struct {
	bundles, overlays, drafts []string
	snapshot                  string
	allDrafts, alone          bool
}

func (f *choiceFlags) add(cmd *cobra.Command) {
	to := cmd.Flags()
	to.StringVar(&f.snapshot, "snapshot", "", "an older policy: a version's number, or a digest")
	to.StringSliceVar(&f.drafts, "draft", nil, "a draft, laid over what is in force; may be given several times")
	to.BoolVar(&f.allDrafts, "all-drafts", false, "what policy publish would make active")
	to.StringArrayVarP(&f.bundles, "bundle", "b", nil, "a file with a bundle, laid over what is in force; may be given several times")
	to.StringArrayVar(&f.overlays, "overlay", nil, "a file with a bundle that can only tighten; may be given several times")
	to.BoolVar(&f.alone, "alone", false, "these files are all there is")
}

// choice reads the files and says what the flags name.
func (f *choiceFlags) choice(a *app) (gateway.PolicyChoice, error) {
	c := gateway.PolicyChoice{Snapshot: f.snapshot, Drafts: f.drafts, AllDrafts: f.allDrafts, Alone: f.alone}
	if f.snapshot == "" && len(f.drafts) == 0 && !f.allDrafts && len(f.bundles) == 0 && len(f.overlays) == 0 {
		return c, usagef("the policy to look at is missing: --all-drafts, --draft, --snapshot or --bundle")
	}
	for to, files := range map[*[]json.RawMessage][]string{&c.Bundles: f.bundles, &c.Overlays: f.overlays} {
		for _, name := range files {
			raw, err := a.readFile(name)
			if err != nil {
				return c, err
			}
			quoted, err := json.Marshal(string(raw))
			if err != nil {
				return c, fmt.Errorf("encode %s: %w", name, err)
			}
			*to = append(*to, quoted)
		}
	}
	return c, nil
}

// policyCounts says what would have been otherwise.
func policyCounts(c *kernel.Counts) string {
	return fmt.Sprintf("%d decisions: %d the same, %d newly denied, %d newly gated, %d newly allowed, %d newly constrained",
		c.Decisions, c.Same, c.NewlyDenied, c.NewlyGated, c.NewlyAllowed, c.NewlyConstrained)
}

// reportDetail prints a comparison of decisions.
func reportDetail(p *printer, r kernel.Report) {
	p.fact("snapshot", text(r.Snapshot))
	p.fact("compared", text(policyCounts(&r.Counts)))
	p.fact("runs", text(fmt.Sprintf("%d, of which %d would have been stopped", r.Runs, r.Stopped)))
	var rows [][]cell
	for _, g := range r.Groups {
		if g.Same < g.Decisions {
			n := func(i int) cell { return text(strconv.Itoa(i)) }
			rows = append(rows, []cell{
				text(g.Workflow), text(g.Step), n(g.Decisions), n(g.NewlyDenied), n(g.NewlyGated), n(g.NewlyAllowed), n(g.NewlyConstrained), text(g.Rule), text(g.Example),
			})
		}
	}
	if len(rows) > 0 {
		_ = p.line("") // kept in p.err, as the rest
		_ = p.table([]string{"WORKFLOW", "STEP", "DECISIONS", "DENIED", "GATED", "ALLOWED", "CONSTRAINED", "BY", "EXAMPLE"}, rows)
	}
	rows = nil
	for _, c := range r.Changes {
		rows = append(rows, []cell{text(c.Run), text(c.Workflow), text(c.StopsAt), text(c.Rule), text(clipText(strings.Join(c.Asks, ", "), 40)), text(clipText(strings.Join(c.Never, ", "), 40))})
	}
	if len(rows) > 0 {
		_ = p.line("")
		_ = p.table([]string{"RUN", "WORKFLOW", "STOPS AT", "BY", "ASKS AT", "NEVER"}, rows)
	}
	if r.Clipped {
		_ = p.line("(there are more steps or runs than are listed)")
	}
}

func newPolicyReplay(a *app) *cobra.Command {
	var f choiceFlags
	var workflow string
	var limit int
	shown := view[kernel.Report]{name: func(r kernel.Report) string { return r.Snapshot }, detail: reportDetail}
	cmd := &cobra.Command{
		Use:   "replay (--all-drafts | --draft NAME | --snapshot REF | --bundle FILE)",
		Short: "Say what another policy would have decided about past runs",
		Long: "Makes the recorded decisions of your tenant again, by another policy: what would be newly denied, gated or allowed, by\n" +
			"workflow and step, and for each run where it would have stopped and which steps would never have been. Nothing starts.",
		Example: "  cordum policy replay --all-drafts\n  cordum policy replay --bundle policy.yaml --workflow deploy -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			choice, err := f.choice(a)
			if err != nil {
				return err
			}
			return send(cmd.Context(), a, "policy/replay", gateway.PolicyReplay{PolicyChoice: choice, Workflow: workflow, Limit: limit}, shown)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&workflow, "workflow", "", "only runs of this workflow")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many decisions, the newest runs first (default 100000)")
	return cmd
}

func newPolicyShadow(a *app) *cobra.Command {
	shown := view[gateway.PolicyShadowResults]{
		name: func(r gateway.PolicyShadowResults) string { return r.Shadow.Digest },
		detail: func(p *printer, r gateway.PolicyShadowResults) {
			shadowDetail(p, r.Shadow)
			reportDetail(p, r.Results)
		},
	}
	cmd := asGroup(&cobra.Command{
		Use:   "shadow",
		Short: "Evaluate another policy beside the one in force",
		Long: "A shadow is evaluated beside the policy in force, for every job. Both answers are recorded, one counts: so one sees what a\n" +
			"policy would do before it does it.",
		Example: "  cordum policy shadow set --all-drafts\n  cordum policy shadow show\n  cordum policy shadow clear",
	})
	show := &cobra.Command{
		Use: "show", Short: "Compare what the shadow said with what counted",
		Long:    "Compares what the shadow said of jobs with what counted, by workflow and step.",
		Example: "  cordum policy shadow show\n  cordum policy shadow show --workflow deploy -o json", Args: wantArgs(),
	}
	var workflow string
	show.Flags().StringVar(&workflow, "workflow", "", "only runs of this workflow")
	show.RunE = func(cmd *cobra.Command, _ []string) error {
		query := map[string][]string{}
		if workflow != "" {
			query["workflow"] = []string{workflow}
		}
		return read(cmd.Context(), a, "policy/shadow", query, shown)
	}
	cmd.AddCommand(show, newShadowSet(a), &cobra.Command{
		Use: "clear", Short: "End the shadow",
		Long:    "Ends the shadow. What it said stays in the record.",
		Example: "  cordum policy shadow clear", Args: wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd.Context(), "DELETE", "policy/shadow", nil)
		},
	})
	return cmd
}

func newShadowSet(a *app) *cobra.Command {
	var f choiceFlags
	shown := view[kernel.ShadowInfo]{name: func(s kernel.ShadowInfo) string { return s.Digest }, detail: shadowDetail}
	cmd := &cobra.Command{
		Use:     "set (--all-drafts | --draft NAME | --snapshot REF | --bundle FILE)",
		Short:   "Make another policy the shadow",
		Long:    "Makes another policy the shadow, in place of the one before.",
		Example: "  cordum policy shadow set --all-drafts --reason 'before we enforce it'",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			choice, err := f.choice(a)
			if err != nil {
				return err
			}
			return send(cmd.Context(), a, "policy/shadow", gateway.PolicyShadow{PolicyChoice: choice}, shown)
		},
	}
	f.add(cmd)
	return cmd
}

func shadowDetail(p *printer, s kernel.ShadowInfo) {
	p.fact("shadow", text(s.Digest))
	p.fact("rules", text(strconv.Itoa(s.Rules)))
	p.fact("set", text(ago(s.At, time.Now())+" by "+s.By))
	p.fact("reason", text(s.Reason))
}
