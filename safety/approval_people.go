package safety

import (
	"slices"
	"strings"
	"time"
)

// Person is who answers, as whoever let them in knows them.
type Person struct {
	Actor  string   // user:ann, key:ci
	Roles  []string // by name: approver, sre
	Groups []string
	Type   string // human, service
	Owner  string // whose key or token it is, as user:ann; "" when Actor is the person
}

// The roles of the installation that say something about approvals.
const (
	RoleApprover = "approver" // may decide where nobody is named
	RoleAdmin    = "admin"    // sees every approval
)

// actorSystem is who acts when nobody does: the clock, a policy that was published.
const actorSystem = "system"

// RolesNow answers the roles that an actor has now; false: that is not known, and those count with which they voted. An actor
// that exists no more, a revoked key, is known to have none.
type RolesNow func(actor string) ([]string, bool)

// person is who stands behind: two keys of one owner are one person.
func (p *Person) person() string {
	if p.Owner != "" {
		return p.Owner
	}
	return p.Actor
}

// is tells whether a name is the person's own or that of their key.
func (p *Person) is(name string) bool { return name != "" && (name == p.Actor || name == p.Owner) }

// MaySee tells whether a person may see the approval: those who may decide it, by name or delegation, those who answered, the
// requester, and role admin.
func (a *Approval) MaySee(p Person) bool {
	if slices.Contains(p.Roles, RoleAdmin) || p.is(a.RequestedBy) || p.is(a.RequesterOwner) || p.is(a.RunFor) {
		return true
	}
	for i := range a.needs() {
		if a.lists(&a.needs()[i], &p) {
			return true
		}
	}
	return slices.ContainsFunc(a.Delegations, func(d Delegation) bool { return p.is(d.To) }) ||
		slices.ContainsFunc(a.Votes, func(v Vote) bool { return p.is(v.By) || p.is(v.Owner) })
}

// MayDecide says why a person could not approve now; nil: they could. Who gets ErrFourEyes may deny.
func (a *Approval) MayDecide(p Person, now time.Time) error {
	if err := a.answerable(now); err != nil {
		return err
	}
	v, err := a.vote(Answer{Decision: VoteApprove, Person: p, Now: now})
	if err != nil {
		return err
	}
	if again, err := a.voted(&v); again || err != nil {
		return ErrVoted
	}
	return nil
}

// oneOfAnybody is what is asked where nothing is said of it.
var oneOfAnybody = []Need{{Quorum: 1, DenyQuorum: 1}}

func (a *Approval) needs() []Need {
	if len(a.Needs) == 0 {
		return oneOfAnybody
	}
	return a.Needs
}

// lists tells whether a person is among a need's approvers.
func (a *Approval) lists(n *Need, p *Person) bool {
	if p.Actor == "" {
		return false
	}
	return len(n.Approvers) == 0 || slices.ContainsFunc(n.Approvers, func(who string) bool { return a.names(who, p) })
}

// names tells whether an entry of a list of approvers means a person. An expression that fails means nobody.
func (a *Approval) names(who string, p *Person) bool {
	kind, name, _ := strings.Cut(who, ":")
	switch {
	case !named(who):
		return a.Subject.holds(who, p)
	case kind == "role":
		return slices.Contains(p.Roles, name)
	case kind == "group":
		return slices.Contains(p.Groups, name)
	}
	return p.is(who)
}

// named tells whether an approver is named; else it is an expression.
func named(who string) bool {
	return slices.ContainsFunc(approverKinds, func(kind string) bool { return strings.HasPrefix(who, kind) })
}

// barred tells whether a person may not approve for a need although they are listed: four eyes, and the author.
func (a *Approval) barred(n *Need, p *Person) bool {
	if n.ExcludeAuthor && p.is(a.Author) {
		return true
	}
	return n.FourEyes && (p.is(a.RequestedBy) || p.is(a.RequesterOwner) || p.is(a.RunFor) || slices.ContainsFunc(a.Editors, p.is))
}

// people are all who stand behind a vote: nobody of them has another.
func (v *Vote) people() []string { return union(nil, []string{v.By, v.Owner, v.For}) }

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// holders are who gave a vote and whose right it was, as they were then.
func (a *Approval) holders(v *Vote) (voter, right Person, ok bool) {
	voter = Person{Actor: v.By, Roles: v.Roles, Groups: v.Groups, Owner: v.Owner}
	if v.For == "" {
		return voter, voter, true
	}
	d := a.delegation(v.For, &voter, v.At)
	if d == nil {
		return voter, voter, false
	}
	return voter, d.from(), true
}

// now is a person with the roles of now. Who decided approvals by their role, and has it no more, is nobody.
func (p Person) now(roles RolesNow) (Person, bool) {
	if roles == nil {
		return p, true
	}
	current, known := roles(p.Actor)
	switch {
	case !known:
		return p, true
	case decides(p.Roles) && !decides(current):
		return p, false
	}
	p.Roles = current
	return p, true
}

func decides(roles []string) bool {
	return slices.Contains(roles, RoleApprover) || slices.Contains(roles, RoleAdmin)
}

// from is the approver who delegated.
func (d *Delegation) from() Person {
	return Person{Actor: d.From, Roles: d.Roles, Groups: d.Groups}
}

// lets tells whether a delegation is to a person and holds at a time.
func (d *Delegation) lets(p *Person, now time.Time) bool { return p.is(d.To) && now.Before(d.Until) }

// delegation is the first one by which a person may answer for an approver.
func (a *Approval) delegation(from string, to *Person, now time.Time) *Delegation {
	for i := range a.Delegations {
		if d := &a.Delegations[i]; d.From == from && d.lets(to, now) {
			return d
		}
	}
	return nil
}

// Delegate answers what lets somebody else vote for an approver until a date, or why it is refused: from has to be an approver
// in their own name who may approve, and to, as user:bob, somebody who is not barred from it. It changes nothing.
func (a *Approval) Delegate(step int32, from Person, to string, until, now time.Time, reason string) ([]ApprovalFact, error) {
	if err := a.answerable(now); err != nil {
		return nil, err
	}
	if to == "" || from.is(to) || !now.Before(until) {
		return nil, ErrDelegation
	}
	if err := a.entitled(&Vote{Decision: VoteApprove}, Person{Actor: to}, from); err != nil {
		return nil, err
	}
	if len(a.Delegations) >= MaxDelegations {
		return nil, ErrTooManyDelegations
	}
	return []ApprovalFact{&ApprovalDelegated{Step: step, Delegation: Delegation{
		From: from.person(), To: to, Until: until, At: now, By: from.Actor, Reason: reason, Roles: from.Roles, Groups: from.Groups,
	}}}, nil
}
