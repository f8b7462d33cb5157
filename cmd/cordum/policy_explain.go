package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

func newPolicyExplain(a *app) *cobra.Command {
	var sources policySources
	var asked string
	cmd := &cobra.Command{
		Use:   "explain --bundle FILE --request JSON",
		Short: "Say why a policy decides as it does, and what would change it",
		Long: "Says of a request how the decision came about: every rule with whether it matched or the first field that did not, how\n" +
			"the answers were combined, which rules each constraint came from, and which single change of the request or of the\n" +
			"rules would make another decision. Needs no server.",
		Example: "  cordum policy explain --bundle policy.yaml --request '{\"tool\": \"apply\", \"tags\": {\"env\": \"production\"}}'\n" +
			"  cordum policy explain --bundle policy.yaml --request @request.json -o json",
		Args: wantArgs(),
		RunE: func(*cobra.Command, []string) error {
			policy, err := sources.snapshot(a)
			if err != nil {
				return err
			}
			r, err := a.oneRequest(asked)
			if err != nil {
				return err
			}
			return showOne(a, policyExplainView, doc[safety.Explanation]{V: *safety.Explain(policy, r)})
		},
	}
	sources.add(cmd)
	cmd.Flags().StringVar(&asked, "request", "", "the request: JSON, @FILE, or - for stdin")
	return cmd
}

// policyExplainView prints the explanation of a decision as text; -o name is the rule that decided.
var policyExplainView = view[safety.Explanation]{
	name:   func(x safety.Explanation) string { return x.Decision.Rule },
	detail: func(p *printer, x safety.Explanation) { writeLines(p, x.String()) },
}

// writeLines prints text of several lines, in which names that others chose cannot move the cursor.
func writeLines(p *printer, s string) {
	for line := range strings.Lines(s) {
		_ = p.line(oneLine(strings.TrimSuffix(line, "\n"))) // kept in p.err
	}
}

// oneRequest reads the flag --request.
func (a *app) oneRequest(value string) (safety.Request, error) {
	raw, err := a.jsonValue("request", value)
	if err != nil {
		return safety.Request{}, err
	}
	if raw == nil {
		return safety.Request{}, usagef("--request is missing: what is to be decided")
	}
	n, err := yamlx.Parse(raw, yamlx.JSON)
	if err != nil {
		return safety.Request{}, usagef("--request: %w", err)
	}
	_, n = withoutID(n)
	r, problems := safety.ReadRequest(n, "--request")
	if safety.Refused(problems) {
		fmt.Fprint(a.errOut, plan.Text(policyFindings(problems, map[string][]byte{"--request": raw})))
		return r, usagef("--request is no request: %s", counted(len(problems), "problem", "problems"))
	}
	return r, nil
}
