package safety

import (
	"cmp"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// approval reads what a rule asks of people; a rule that requires an approval and says nothing about it asks for one of
// whoever may decide approvals.
func (r *reader) approval(x *rule, n *yamlx.Node, at place) {
	v := n.Get("approval")
	if x.verdict != RequireApproval {
		if v != nil && n.Get("decision") != nil {
			r.errorf(RuleConflicting, at.below("approval", v.Pos), "an approval belongs to the decision REQUIRE_APPROVAL")
		}
		return
	}
	x.approval = &RequiredApproval{Reason: x.reason, Quorum: 1, DenyQuorum: 1, OnExpiry: OnExpiryDeny}
	if v == nil {
		return
	}
	at = at.below("approval", v.Pos)
	if !r.object(v, at, "approval") {
		return
	}
	r.known(v, at, "approval", "approvers", "quorum", "deny_quorum", "expires", "on_expiry", "escalate", "four_eyes", "exclude_author")
	r.people(x.approval, v, at)
	r.expiry(x.approval, v, at)
}

// people reads who decides, and how many of them.
func (r *reader) people(a *RequiredApproval, v *yamlx.Node, at place) {
	if n := v.Get("approvers"); n != nil {
		a.Approvers = r.approvers(n, at.below("approvers", n.Pos))
	}
	a.Quorum = r.quorum(v, at, "quorum")
	a.DenyQuorum = r.quorum(v, at, "deny_quorum")
	a.ExcludeAuthor = r.flag(v, at, "exclude_author")
	if v.Get("four_eyes") != nil {
		a.FourEyes = Off
		if r.flag(v, at, "four_eyes") {
			a.FourEyes = On
		}
	}
	named := len(a.Approvers) > 0 && !slices.ContainsFunc(a.Approvers, func(s string) bool { return !strings.HasPrefix(s, "user:") })
	if named && a.Quorum > len(a.Approvers) {
		r.warnf(RuleUnapprovable, at, "%d people must approve, and %d may", a.Quorum, len(a.Approvers))
	}
}

func (r *reader) quorum(v *yamlx.Node, at place, field string) int {
	n := v.Get(field)
	if n == nil {
		return 1
	}
	return int(r.whole(n, at.below(field, n.Pos), 1, MaxQuorum))
}

// approverKinds are the prefixes of approvers that are named; what has none of them is an expression.
var approverKinds = []string{"user:", "role:", "group:"}

func (r *reader) approvers(n *yamlx.Node, at place) []string {
	if n.Kind == yamlx.String {
		n = &yamlx.Node{Kind: yamlx.List, Pos: n.Pos, Items: []*yamlx.Node{n}}
	}
	list := r.texts(n, at, 1)
	for _, who := range list {
		i := slices.IndexFunc(approverKinds, func(kind string) bool { return strings.HasPrefix(who, kind) })
		if i >= 0 {
			if len(who) == len(approverKinds[i]) {
				r.errorf(RuleBadValue, at, "%s names nobody", who)
			}
			continue
		}
		if _, err := newCondition(who); err != nil {
			r.errorf(RuleBadValue, at, "%q is neither user:NAME, role:NAME, group:NAME nor an expression: %v", yamlx.Clip(who), err)
		}
	}
	return list
}

// expiry reads when an approval ends by itself, and who is asked before.
func (r *reader) expiry(a *RequiredApproval, v *yamlx.Node, at place) {
	if n := v.Get("expires"); n != nil {
		a.Expires, _ = r.duration(n, at.below("expires", n.Pos))
	}
	if n := v.Get("on_expiry"); n != nil {
		known := []string{OnExpiryDeny, OnExpiryEscalate, OnExpiryRollback}
		if a.OnExpiry = text(n); !slices.Contains(known, a.OnExpiry) {
			r.unknown(RuleBadValue, at.below("on_expiry", n.Pos), a.OnExpiry, known, "value")
		}
	}
	n := v.Get("escalate")
	if n == nil {
		return
	}
	at = at.below("escalate", n.Pos)
	if n.Kind != yamlx.List || len(n.Items) == 0 || len(n.Items) > MaxEntries {
		r.errorf(RuleBadValue, at, "escalate is a list of 1 to %d {after, to}", MaxEntries)
		return
	}
	for i, item := range n.Items {
		r.escalation(a, item, at.below(itoa(i), item.Pos))
	}
	slices.SortFunc(a.Escalate, func(x, y Escalation) int {
		return cmp.Or(cmp.Compare(x.After, y.After), slices.Compare(x.To, y.To))
	})
}

func (r *reader) escalation(a *RequiredApproval, n *yamlx.Node, at place) {
	if !r.object(n, at, "hop of escalate") {
		return
	}
	r.known(n, at, "hop of escalate", "after", "to")
	after, to := r.needed(n, at, "after"), r.needed(n, at, "to")
	if after == nil || to == nil {
		return
	}
	d, _ := r.duration(after, at.below("after", after.Pos))
	a.Escalate = append(a.Escalate, Escalation{After: d, To: r.approvers(to, at.below("to", to.Pos))})
}
