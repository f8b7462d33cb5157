package trial

import (
	"fmt"
	"strings"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// lint compares what is reported of a case's workflow with what must be.
func (c *Case) lint() (why []string) {
	if c.Workflow == nil {
		return []string{"the case has no workflow"}
	}
	found := plan.Lint(c.Workflow.Source, yamlx.Auto, plan.Options{File: c.Workflow.File, Lookup: c.child})
	mustRefuse := false
	for _, want := range *c.Expect.Lint {
		mustRefuse = mustRefuse || want.Severity != "warning"
		if !reported(want, found) {
			why = append(why, "expected "+want.String())
		}
	}
	switch refused := plan.Refused(found, false); {
	case mustRefuse && !refused:
		why = append(why, "expected it to be refused, it was accepted")
	case !mustRefuse && refused:
		why = append(why, "expected it to be accepted, it was refused")
	}
	if len(why) == 0 {
		return nil
	}
	why = append(why, "reported:")
	for _, f := range found {
		why = append(why, "  "+f.String())
	}
	return why
}

// child is another workflow of the case; nil when it has none of that id, or one that is refused.
func (c *Case) child(id string) *steps.Workflow {
	if t := c.Children[id]; t != nil {
		w, _ := compile(t)
		return w
	}
	return nil
}

// reported tells whether a finding is among the reported ones.
func reported(want Finding, found []plan.Finding) bool {
	severity := "error"
	if want.Severity != "" {
		severity = want.Severity
	}
	for _, f := range found {
		rule, _ := plan.RuleNamed(f.Rule)
		if rule.Is(want.Rule) && f.Severity == severity && (want.Line == 0 || f.Line == want.Line) &&
			(want.Hint == "" || strings.Contains(f.String(), want.Hint)) {
			return true
		}
	}
	return false
}

func (f Finding) String() string {
	out := f.Rule
	if f.Line > 0 {
		out += fmt.Sprintf(" in line %d", f.Line)
	}
	if f.Severity != "" {
		out += " (" + f.Severity + ")"
	}
	if f.Hint != "" {
		out += " with the hint " + f.Hint
	}
	return out
}
