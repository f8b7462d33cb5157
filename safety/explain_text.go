package safety

import (
	"encoding/json"
	"fmt"
	"strings"
)

// story says how the answers of rules were combined.
func (f findings) story(fallback Verdict, d Decision) []string {
	base, overlays := f.side(false), f.side(true)
	var out []string
	if len(base) == 0 {
		out = append(out, fmt.Sprintf("No base rule matches, so the default holds: %s.", fallback))
	} else {
		out = append(out, fmt.Sprintf("Base rules replace the default: %s say %s.", base.said(), f.base(fallback)))
	}
	if len(overlays) > 0 {
		worst := Allow
		for _, m := range overlays {
			worst = Stricter(worst, m.verdict)
		}
		switch before := f.base(fallback); {
		case worst == Allow:
			out = append(out, fmt.Sprintf("Overlays can only tighten, so %s change nothing.", overlays.said()))
		case Stricter(before, worst) == before:
			out = append(out, fmt.Sprintf("Overlays are no stricter: %s.", overlays.said()))
		default:
			out = append(out, fmt.Sprintf("Overlays tighten it to %s: %s.", worst, overlays.said()))
		}
	}
	for _, failure := range d.Failures {
		out = append(out, fmt.Sprintf("%s could not be evaluated and therefore denies: %s.", failure.Rule, failure.Message))
	}
	if len(d.Approvals) > 1 {
		out = append(out, fmt.Sprintf("All %d approvals are needed; one person may count for several.", len(d.Approvals)))
	}
	return append(out, fmt.Sprintf("The strictest answer counts: %s, by %s.", d.Verdict, d.Rule))
}

// side are the findings of overlays or of base rules.
func (f findings) side(overlay bool) findings {
	var out findings
	for _, m := range f {
		if m.rule.overlay == overlay {
			out = append(out, m)
		}
	}
	return out
}

// maxNamed is how many rules a sentence names.
const maxNamed = 8

// said lists rules with what each says.
func (f findings) said() string {
	var parts []string
	for i, m := range f {
		if i == maxNamed {
			parts = append(parts, fmt.Sprintf("%d more", len(f)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", m.rule.name, m.verdict))
	}
	return strings.Join(parts, ", ")
}

// String is the explanation as text for people: the verdict, how it came about, the rules that matched and those that did
// not, the constraints with where they came from, and what would change the verdict.
func (x *Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s by %s", x.Decision.Verdict, x.Decision.Rule)
	if x.Decision.Reason != "" {
		fmt.Fprintf(&b, ": %s", x.Decision.Reason)
	}
	b.WriteString("\n\n")
	for _, line := range x.Combined {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	x.writeRules(&b)
	x.writeConstraints(&b)
	x.writeApprovals(&b)
	if len(x.Changes) > 0 {
		b.WriteString("\nThe verdict would be\n")
		for _, c := range x.Changes {
			fmt.Fprintf(&b, "  %s\n", c)
		}
	}
	return b.String()
}

func (x *Explanation) writeRules(b *strings.Builder) {
	if len(x.Rules) > 0 {
		b.WriteString("\nRules\n")
	}
	for _, j := range x.Rules {
		side := ""
		if j.Overlay {
			side = " (overlay)"
		}
		fmt.Fprintf(b, "  %s %s%s: %s\n", map[bool]string{true: "+", false: "-"}[j.Matched], j.Rule, side, j.says())
	}
}

// says is a judgement in words.
func (j *Judgement) says() string {
	has := "nothing"
	if j.Has != "" {
		has = j.Has
	}
	switch {
	case j.Failure != "":
		return "cannot be evaluated, so it denies: " + j.Failure
	case j.Matched:
		return "matches, " + j.Verdict.String()
	case j.Unmet == "when":
		return "its condition does not hold: " + j.Wanted
	}
	return fmt.Sprintf("%s wants %s and the request has %s", j.Unmet, j.Wanted, has)
}

func (x *Explanation) writeConstraints(b *strings.Builder) {
	if len(x.Constraints) > 0 {
		b.WriteString("\nConstraints\n")
	}
	for _, o := range x.Constraints {
		var from []string
		for _, c := range o.From {
			text := c.Rule
			if len(o.From) > 1 {
				text += " (" + c.Constraint.text() + ")"
			}
			from = append(from, text)
		}
		fmt.Fprintf(b, "  %s, of %s\n", o.Constraint.String(), strings.Join(from, ", "))
	}
}

func (x *Explanation) writeApprovals(b *strings.Builder) {
	if len(x.Decision.Approvals) > 0 {
		b.WriteString("\nApprovals\n")
	}
	for i := range x.Decision.Approvals {
		a := &x.Decision.Approvals[i]
		who := "whoever may decide approvals"
		if len(a.Approvers) > 0 {
			who = strings.Join(a.Approvers, ", ")
		}
		within := ""
		if a.Expires > 0 {
			within = " within " + formatDuration(a.Expires)
		}
		fmt.Fprintf(b, "  %s: %d of %s%s\n", a.Rule, a.Quorum, who, within)
	}
}

// String is the constraint in short: "MaxTimeout 60".
func (c *Constraint) String() string { return c.Type + " " + c.text() }

// text is the value of a constraint in short.
func (c *Constraint) text() string {
	v := c.Value()
	if v == nil {
		v = true
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "?" // values of constraints are those of JSON
	}
	if c.Prove {
		return string(raw) + " with proof"
	}
	return string(raw)
}
