package safety

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Subject is what expressions among the approvers read of what is asked about. Principal and roles are the approver's.
type Subject struct {
	Tenant string
	Effect string
	Cost   float64
	Tags   map[string]string
	Input  json.RawMessage
}

// SubjectOf is what the expressions among the approvers of needs read of a request: empty when there are none, without the
// input when none reads it.
func SubjectOf(r *Request, needs []Need) Subject {
	expressions, input := false, false
	for i := range needs {
		for _, who := range needs[i].everybody() {
			if !named(who) {
				expressions = true
				input = input || identifiers(who)["input"]
			}
		}
	}
	if !expressions {
		return Subject{}
	}
	s := Subject{Tenant: r.Tenant, Effect: r.Effect, Cost: r.Cost}
	if n := len(r.Labels) + len(r.Derived); n > 0 {
		s.Tags = make(map[string]string, n)
		for k, v := range r.Labels {
			s.Tags[k] = v
		}
		for k, v := range r.Derived {
			s.Tags[k] = v
		}
	}
	if input {
		s.Input = r.Input
	}
	return s
}

// everybody are the approvers, those of later hops included.
func (n *Need) everybody() []string {
	out := n.Approvers[:len(n.Approvers):len(n.Approvers)]
	for _, e := range n.Escalate {
		out = append(out, e.To...)
	}
	return out
}

// holds tells whether an expression is true of a person. One that fails is not.
func (s *Subject) holds(expression string, p *Person) bool {
	c, err := newCondition(expression)
	if err != nil {
		return false
	}
	of := subject{req: &Request{
		Tenant: s.Tenant, Principal: p.person(), Roles: p.Roles, Effect: s.Effect, Cost: s.Cost, Labels: s.Tags, Input: s.Input,
	}}
	holds, err := of.ask(c)
	return holds && err == nil
}

// NeedsOf is what a decision asks of people. fourEyes is what holds of a rule that does not say, as the installation has it.
func NeedsOf(d Decision, fourEyes bool) []Need {
	out := make([]Need, len(d.Approvals))
	for i, a := range d.Approvals {
		out[i] = Need{
			Rule: a.Rule, Reason: a.Reason, Approvers: a.Approvers, Quorum: a.Quorum, DenyQuorum: a.DenyQuorum,
			FourEyes: a.FourEyes == On || (a.FourEyes == Unset && fourEyes), ExcludeAuthor: a.ExcludeAuthor, Escalate: a.Escalate,
		}
	}
	return out
}

// expiryRank orders what expiries do: of several at one moment the strictest counts.
var expiryRank = map[string]int{OnExpiryRollback: 0, OnExpiryDeny: 1, OnExpiryEscalate: 2}

// Expire sets when a decision's question, asked at a time, expires, and what happens then: of several rules the earliest expiry
// counts, and where that one asks further people the earliest of the others bounds how long they have.
func (f *ApprovalOpened) Expire(d Decision, asked time.Time) {
	f.ExpiresAt, f.OnExpiry = firstExpiry(d.Approvals, asked, func(RequiredApproval) bool { return true })
	if f.OnExpiry == OnExpiryEscalate {
		f.LatestAt, f.OnLatest = firstExpiry(d.Approvals, asked, func(a RequiredApproval) bool { return a.OnExpiry != OnExpiryEscalate })
	}
}

// firstExpiry is the earliest expiry of some rules, and what it does. The zero time: never.
func firstExpiry(all []RequiredApproval, asked time.Time, of func(RequiredApproval) bool) (at time.Time, onExpiry string) {
	list := slices.DeleteFunc(slices.Clone(all), func(a RequiredApproval) bool { return a.Expires <= 0 || !of(a) })
	if len(list) == 0 {
		return time.Time{}, OnExpiryDeny
	}
	first := slices.MinFunc(list, func(a, b RequiredApproval) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), cmp.Compare(expiryRank[a.OnExpiry], expiryRank[b.OnExpiry]))
	})
	return asked.Add(first.Expires), cmp.Or(first.OnExpiry, OnExpiryDeny)
}

// OpenJob is the question that a decision with REQUIRE_APPROVAL asks about a job. The caller sets who asks, Title, Context and
// Why. fourEyes is as for NeedsOf.
func OpenJob(step int32, d Decision, r *Request, asked time.Time, fourEyes bool) *ApprovalOpened {
	f := &ApprovalOpened{Step: step, Source: OfJob, Hash: r.Hash(), Snapshot: d.Snapshot, Needs: NeedsOf(d, fourEyes)}
	f.Expire(d, asked)
	f.Subject = SubjectOf(r, f.Needs)
	return f
}

// ShownHash is the hash of what an approver is shown of a step's own question: title, context, form, and who is asked. Each
// part is preceded by its length.
func ShownHash(title string, context, form json.RawMessage, needs []Need) string {
	b := appendParts(nil, "approval", title, string(context), string(form))
	for i := range needs {
		n := &needs[i]
		b = append(appendLength(b, len(n.Approvers)), appendParts(nil, n.Approvers...)...)
		b = appendLength(appendLength(b, max(n.Quorum, 1)), max(n.DenyQuorum, 1))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func sortHops(hops []hop) {
	slices.SortStableFunc(hops, func(a, b hop) int { return cmp.Compare(a.After, b.After) })
}
