package safety

import (
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// decisions are the words of the field decision, in upper case; they are also read in lower case.
var decisions = []string{"ALLOW", "DENY", "REQUIRE_APPROVAL", "ALLOW_WITH_CONSTRAINTS", throttle}

// throttle is the older word for "allowed later": ALLOW_WITH_CONSTRAINTS with a RateLimit.
const throttle = "THROTTLE"

// rule reads one rule; nil when it is no object.
func (r *reader) rule(n *yamlx.Node, at place) *rule {
	if !r.object(n, at, "rule") {
		return nil
	}
	r.known(n, at, "rule", "id", "description", "match", "decision", "reason", "constraints", "approval")
	x := &rule{id: r.id(n, at, "id", false), at: at}
	r.label(n, at, "description", MaxReason)
	x.reason = r.label(n, at, "reason", MaxReason)
	r.match(x, n, at)
	x.constraints = r.constraints(n, at)
	r.decision(x, n, at)
	r.approval(x, n, at)
	return x
}

// decision reads what the rule decides, and checks it against its constraints.
func (r *reader) decision(x *rule, n *yamlx.Node, at place) {
	v := r.needed(n, at, "decision")
	if v == nil {
		return
	}
	below := at.below("decision", v.Pos)
	word := decisionWord(text(v))
	has := n.Get("constraints") != nil
	switch word {
	case "ALLOW":
		x.verdict = Allow
		if has {
			x.verdict = AllowWithConstraints
		}
	case "ALLOW_WITH_CONSTRAINTS":
		x.verdict = AllowWithConstraints
		if !has {
			r.errorf(RuleMissingField, at, "%s needs constraints", word)
		}
	case "REQUIRE_APPROVAL":
		x.verdict = RequireApproval
	case throttle:
		r.throttle(x, below)
	case "DENY":
		if has {
			r.errorf(RuleConflicting, at.below("constraints", n.Get("constraints").Pos), "what is denied has no constraints")
		}
	default:
		r.unknown(RuleUnknownDecision, below, text(v), decisions, "decision")
	}
}

// decisionWord is a decision in upper case, or "" when it is in neither case.
func decisionWord(s string) string {
	upper := strings.ToUpper(s)
	if s != upper && s != strings.ToLower(s) {
		return ""
	}
	return upper
}

// throttle allows under a rate. A rule of the older shape that names none gets the pace at which jobs were then tried
// again: one every five seconds, for each topic.
func (r *reader) throttle(x *rule, at place) {
	x.verdict = AllowWithConstraints
	for i := range x.constraints {
		if x.constraints[i].Rate != nil {
			return
		}
	}
	rate := defaultThrottle
	x.constraints = append(x.constraints, Constraint{Type: RateLimitType, Rate: &rate})
	r.warnf(RuleNoRate, at, "THROTTLE without a RateLimit admits one job every %s for each topic; say it as a constraint", rate.Window)
}

var defaultThrottle = RateLimit{Key: "topic", Per: throttleDelay, Window: "5s", Limit: 1}
