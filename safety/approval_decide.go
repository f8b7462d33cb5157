package safety

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Refusals of an answer or a delegation. Nothing changed.
var (
	ErrDecided     = errors.New("the approval was decided before")
	ErrExpired     = errors.New("the approval has expired")
	ErrHash        = errors.New("what is asked is not what was shown")
	ErrNotApprover = errors.New("who answers is not among the approvers")
	ErrFourEyes    = errors.New("who asked for it, or changed it, may not approve it; they may deny it")
	ErrVoted       = errors.New("this person has answered before, and an answer stays")
	ErrDelegation  = errors.New("a delegation is to somebody else, until a time to come")
	// ErrTooManyDelegations: MaxDelegations were recorded.
	ErrTooManyDelegations = errors.New("the approval has as many delegations as it may have")
)

// FormError says why the values of an answer do not fit the form. The approval goes on waiting.
type FormError struct {
	Problems []string // one a line, without values
}

func (e *FormError) Error() string {
	return "the values do not fit the form: " + strings.Join(e.Problems, "; ")
}

// Answer is a person's answer.
type Answer struct {
	Decision VoteKind
	Person   Person
	// For is the approver by whose delegation the person answers; "": in their own name, or where they are no approver
	// themselves, by the first delegation that lets them.
	For        string
	Comment    string
	Values     json.RawMessage // nil: none
	ExpectHash string          // "": whatever is asked
	Now        time.Time
	Channel    string
	// CheckForm says whether values fit a form, as steps.CheckForm does. It is needed where the approval has a form: nil refuses.
	// Its error becomes a *FormError: one that joins several, with a problem for each.
	CheckForm func(form, values json.RawMessage) error
}

// Decide answers what a person's answer makes true, or why it is refused: the vote, and behind it the close when it decides.
// The same answer given again makes nothing true. It changes nothing.
//
// A denial and a send-back need no form and are checked only when they come with values.
func (a *Approval) Decide(step int32, in Answer) ([]ApprovalFact, error) {
	if err := a.answerable(in.Now); err != nil {
		return nil, err
	}
	if in.ExpectHash != "" && in.ExpectHash != a.Hash {
		return nil, ErrHash
	}
	vote, err := a.vote(in)
	if err != nil {
		return nil, err
	}
	if again, err := a.voted(&vote); again || err != nil {
		return nil, err
	}
	if err := a.checkValues(in); err != nil {
		return nil, err
	}
	facts := []ApprovalFact{&ApprovalVoted{Step: step, Vote: vote}}
	if closed := a.closing(step, vote); closed != nil {
		facts = append(facts, closed)
	}
	return facts, nil
}

// answerable tells whether the question is still asked.
func (a *Approval) answerable(now time.Time) error {
	switch {
	case a.State == ApprovalExpired || (a.State == ApprovalWaiting && a.expired(now)):
		return ErrExpired
	case !a.Open():
		return ErrDecided
	}
	return nil
}

func (a *Approval) expired(now time.Time) bool {
	return !a.ExpiresAt.IsZero() && !now.Before(a.ExpiresAt)
}

// vote is an answer as it will be recorded, once its right is found: in one's own name before another's.
func (a *Approval) vote(in Answer) (Vote, error) {
	v := Vote{
		By: in.Person.Actor, Decision: in.Decision, Comment: in.Comment, Values: in.Values, At: in.Now, For: in.For,
		Roles: in.Person.Roles, Groups: in.Person.Groups, Owner: in.Person.Owner, Hash: a.Hash, Channel: in.Channel,
	}
	if in.For != "" {
		d := a.delegation(in.For, &in.Person, in.Now)
		if d == nil {
			return v, ErrNotApprover
		}
		return v, a.entitled(&v, in.Person, d.from())
	}
	refused := a.entitled(&v, in.Person, in.Person)
	if refused == nil {
		return v, nil
	}
	for i := range a.Delegations {
		d := &a.Delegations[i]
		if !d.lets(&in.Person, in.Now) {
			continue
		}
		if err := a.entitled(&v, in.Person, d.from()); err == nil {
			v.For = d.From
			return v, nil
		}
	}
	return v, refused
}

// entitled says whether an answer counts for any need, with the right of whoever it is given for.
func (a *Approval) entitled(v *Vote, voter, right Person) error {
	refused := ErrNotApprover
	for i := range a.needs() {
		n := &a.needs()[i]
		if !a.lists(n, &right) {
			continue
		}
		if v.Decision != VoteApprove || (!a.barred(n, &voter) && !a.barred(n, &right)) {
			return nil
		}
		refused = ErrFourEyes
	}
	return refused
}

// voted tells whether the same vote stands already. Another one of the same person, or for the same person, is refused.
func (a *Approval) voted(v *Vote) (again bool, err error) {
	mine := v.people()
	for i := range a.Votes {
		other := &a.Votes[i]
		switch {
		case !a.stands(other) || !meet(mine, other.people()):
		case other.By == v.By && other.For == v.For && other.Decision == v.Decision:
			return true, nil
		default:
			return false, ErrVoted
		}
	}
	return false, nil
}

func (a *Approval) checkValues(in Answer) error {
	if len(a.Form) == 0 || (in.Decision != VoteApprove && len(in.Values) == 0) {
		return nil
	}
	if in.CheckForm == nil {
		return &FormError{Problems: []string{"nobody can say whether they do"}}
	}
	values := in.Values
	if len(values) == 0 {
		values = json.RawMessage("null")
	}
	if err := in.CheckForm(a.Form, values); err != nil {
		return &FormError{Problems: problems(err)}
	}
	return nil
}

// problems are what an error says, one for each that it joins.
func problems(err error) (out []string) {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []string{err.Error()}
	}
	for _, e := range joined.Unwrap() {
		out = append(out, problems(e)...)
	}
	return out
}

// closing is how a vote ends the question; nil when it does not.
func (a *Approval) closing(step int32, v Vote) *ApprovalClosed {
	votes := append(a.Votes[:len(a.Votes):len(a.Votes)], v)
	closed := &ApprovalClosed{Step: step, By: v.By, Comment: v.Comment, Values: v.Values}
	switch {
	case v.Decision == VoteSendBack:
		closed.State = ApprovalSentBack
	case v.Decision == VoteDeny && a.refused(votes):
		closed.State = ApprovalDenied
	case v.Decision == VoteApprove && a.met(votes, nil):
		closed.State = ApprovalApproved
	default:
		return nil
	}
	for i := range votes {
		other := &votes[i]
		if !a.stands(other) || other.Decision != v.Decision {
			continue
		}
		closed.People = union(closed.People, []string{other.By})
		if len(v.Values) == 0 && len(other.Values) > 0 { // those of the last who gave some
			closed.Values = other.Values
		}
	}
	return closed
}

// refused tells whether some need has as many denials as end it.
func (a *Approval) refused(votes []Vote) bool {
	for i := range a.needs() {
		n := &a.needs()[i]
		if a.tally(n, votes, VoteDeny, nil) >= max(n.DenyQuorum, 1) {
			return true
		}
	}
	return false
}

// met tells whether every need has its quorum.
func (a *Approval) met(votes []Vote, roles RolesNow) bool {
	for i := range a.needs() {
		n := &a.needs()[i]
		if a.tally(n, votes, VoteApprove, roles) < max(n.Quorum, 1) {
			return false
		}
	}
	return true
}

// tally counts the votes of a kind that count for a need. That they are of distinct people was seen when they were given.
func (a *Approval) tally(n *Need, votes []Vote, kind VoteKind, roles RolesNow) (count int) {
	for i := range votes {
		if v := &votes[i]; v.Decision == kind && a.stands(v) && a.counts(n, v, roles) {
			count++
		}
	}
	return count
}

// stands tells whether a vote was given to what is asked.
func (a *Approval) stands(v *Vote) bool { return !v.Void && v.Hash == a.Hash }

// counts tells whether a vote counts for a need: with the roles it was given with, and with those of now.
func (a *Approval) counts(n *Need, v *Vote, roles RolesNow) bool {
	voter, right, ok := a.holders(v)
	if !ok || !a.lists(n, &right) || (v.Decision == VoteApprove && (a.barred(n, &voter) || a.barred(n, &right))) {
		return false
	}
	if roles == nil {
		return true
	}
	_, voterMay := voter.now(roles)
	right, rightMay := right.now(roles)
	return voterMay && rightMay && a.lists(n, &right)
}
