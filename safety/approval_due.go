package safety

import (
	"time"
)

// hop is an escalation that is still to come.
type hop struct {
	need int
	Escalation
}

// hops are the escalations that were not done, in the order in which they are.
func (a *Approval) hops() []hop {
	var out []hop
	for i := range a.Needs {
		for _, e := range a.Needs[i].Escalate {
			out = append(out, hop{i, e})
		}
	}
	sortHops(out)
	return out[min(a.Escalated, len(out)):]
}

// Due is when the clock makes something true of the approval next: a hop of its escalation, or its expiry. What is due
// already is due now; the zero time: nothing is.
func (a *Approval) Due(now time.Time) time.Time {
	if !a.Open() {
		return time.Time{}
	}
	next := a.ExpiresAt
	if hops := a.hops(); len(hops) > 0 {
		if at := a.RequestedAt.Add(hops[0].After); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if !next.IsZero() && next.Before(now) {
		return now
	}
	return next
}

// Lapse answers what the clock has made true: hops of the escalation, and the expiry, which never approves. Where an expiry
// escalates, those who were not asked yet are, and the question lives once more as long, but never past the expiry of another
// rule; without any such it ends. It changes nothing.
func (a *Approval) Lapse(step int32, now time.Time) []ApprovalFact {
	if !a.Open() {
		return nil
	}
	hops, expired := a.hops(), a.expired(now)
	if expired && (a.OnExpiry != OnExpiryEscalate || len(hops) == 0) {
		return []ApprovalFact{&ApprovalClosed{Step: step, State: ApprovalExpired, By: actorSystem}}
	}
	var facts []ApprovalFact
	for _, h := range hops {
		if !expired && now.Before(a.RequestedAt.Add(h.After)) {
			break
		}
		f := &ApprovalEscalated{Step: step, Need: int32(h.need), To: h.To}
		if expired {
			f.ExpiresAt = now.Add(a.ExpiresAt.Sub(a.RequestedAt))
			if !a.LatestAt.IsZero() && f.ExpiresAt.After(a.LatestAt) {
				f.ExpiresAt, f.OnExpiry = a.LatestAt, a.OnLatest
			}
		}
		facts = append(facts, f)
	}
	return facts
}
