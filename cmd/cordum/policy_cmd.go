package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

func newPolicy(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "policy",
		Short: "Check, try, publish and compare policies",
		Long: "Policies say which jobs may start, under which constraints, and who has to agree. lint, test, simulate, explain, diff and\n" +
			"coverage work on files and need no server.",
		Example: "  cordum policy lint policy.yaml\n  cordum policy test policy.test.yaml\n  cordum policy simulate --bundle policy.json --requests test-requests.json",
	})
	cmd.AddCommand(newPolicyLint(a), newPolicyTest(a), newPolicySimulate(a), newPolicyExplain(a), newPolicyDiff(a), newPolicyCoverage(a))
	cmd.AddCommand(policyOnline(a)...)
	return cmd
}

// policySources are the files of which a command makes a policy.
type policySources struct {
	bundles, overlays []string
	fallback          string
}

func (s *policySources) add(cmd *cobra.Command) {
	to := cmd.Flags()
	to.StringArrayVarP(&s.bundles, "bundle", "b", nil, "a bundle or a whole policy file, YAML or JSON; - for stdin; may be given several times")
	to.StringArrayVar(&s.overlays, "overlay", nil, "a bundle as a pack brings it, which can only tighten; may be given several times")
	to.StringVar(&s.fallback, "default", "", "ALLOW or DENY, what holds unless a base rule matches; else what the first --bundle says, and DENY")
	_ = cmd.MarkFlagFilename("bundle", "yaml", "yml", "json") // the flag exists
}

// snapshot compiles the files. What is wrong with them is printed as lint prints it.
func (s *policySources) snapshot(a *app) (*safety.Snapshot, error) {
	set, texts, err := s.read(a)
	if err != nil {
		return nil, err
	}
	policy, problems := safety.Compile(set)
	if policy == nil {
		return nil, a.policyInvalid(problems, texts)
	}
	return policy, nil
}

// read reads the files. texts are their sources by name.
func (s *policySources) read(a *app) (set safety.Set, texts map[string][]byte, err error) {
	if len(s.bundles) == 0 {
		return set, nil, usagef("--bundle is missing: the policy to look at")
	}
	texts = map[string][]byte{}
	for i, name := range s.bundles {
		one, err := a.policySet(name, texts)
		if err != nil {
			return set, nil, err
		}
		if i == 0 {
			set.Default = one.Default
		}
		set.Base, set.Overlays = append(set.Base, one.Base...), append(set.Overlays, one.Overlays...)
	}
	for _, name := range s.overlays {
		one, err := a.policySet(name, texts)
		if err != nil {
			return set, nil, err
		}
		set.Overlays = append(set.Overlays, slices.Concat(one.Base, one.Overlays)...)
	}
	switch strings.ToUpper(s.fallback) {
	case "":
	case "ALLOW":
		set.Default = safety.Allow
	case "DENY":
		set.Default = safety.Deny
	default:
		return set, nil, usagef("--default is ALLOW or DENY, not %q", s.fallback)
	}
	return set, texts, nil
}

// policySet reads one file and keeps its text.
func (a *app) policySet(name string, texts map[string][]byte) (safety.Set, error) {
	raw, err := a.readFile(name)
	if err != nil {
		return safety.Set{}, err
	}
	texts[name] = raw
	root, err := yamlx.Parse(raw, yamlx.Auto)
	if err != nil {
		return safety.Set{}, &coded{exitDefinition, fmt.Errorf("%s:%w", name, err)}
	}
	set, problems := safety.ReadSet(root, name)
	if safety.Refused(problems) {
		return set, a.policyInvalid(problems, texts)
	}
	return set, nil
}

// policyInvalid prints why a policy is refused.
func (a *app) policyInvalid(problems []safety.Problem, texts map[string][]byte) error {
	found := policyFindings(problems, texts)
	fmt.Fprint(a.errOut, plan.Text(found))
	errors, _ := plan.Count(found)
	return &coded{exitDefinition, fmt.Errorf("the policy is invalid: %s", counted(errors, "error", "errors"))}
}

// policyFindings are problems as lint shows them: with code, page and line.
func policyFindings(problems []safety.Problem, texts map[string][]byte) []plan.Finding {
	out := make([]plan.Finding, 0, len(problems))
	for _, p := range problems {
		d := dag.Diagnostic{Rule: p.Rule, Message: p.Message, Hint: p.Hint, Pointer: p.Pointer, Line: p.Line, Col: p.Col}
		if p.Warning {
			d.Severity = dag.Warning
		}
		for _, f := range plan.Findings(texts[p.File], []dag.Diagnostic{d}, p.File) {
			f.Code, f.Docs = p.Code(), "docs/policy.md#"+strings.ToLower(p.Code())
			out = append(out, f)
		}
	}
	return out
}
