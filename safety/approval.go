package safety

import (
	"encoding/json"
	"slices"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// ApprovalState is where an approval stands.
type ApprovalState uint8

// The states of an approval. The numbers are stored.
const (
	ApprovalWaiting ApprovalState = iota
	ApprovalApproved
	ApprovalDenied
	ApprovalExpired
	ApprovalCancelled
	ApprovalSentBack // something before it is to be done again first
	ApprovalUsed     // what it allowed was released
)

var approvalNames = [...]string{"waiting", "approved", "denied", "expired", "cancelled", "sent_back", "consumed"}

func (s ApprovalState) String() string {
	if int(s) < len(approvalNames) {
		return approvalNames[s]
	}
	return "unknown"
}

// approvalMoves are all legal moves of an approval, from and to. Whatever was decided may be asked again, and then waits.
var approvalMoves = [][2]ApprovalState{
	{ApprovalWaiting, ApprovalApproved},
	{ApprovalWaiting, ApprovalDenied},
	{ApprovalWaiting, ApprovalExpired},
	{ApprovalWaiting, ApprovalCancelled},
	{ApprovalWaiting, ApprovalSentBack},
	{ApprovalApproved, ApprovalUsed},
	{ApprovalApproved, ApprovalCancelled},
	{ApprovalApproved, ApprovalWaiting},
	{ApprovalDenied, ApprovalWaiting},
	{ApprovalExpired, ApprovalWaiting},
	{ApprovalCancelled, ApprovalWaiting},
	{ApprovalSentBack, ApprovalWaiting},
	{ApprovalUsed, ApprovalWaiting},
}

// ApprovalMoves lists the legal moves of an approval as pairs, for docs and tests.
func ApprovalMoves() [][2]string {
	out := make([][2]string, len(approvalMoves))
	for i, m := range approvalMoves {
		out[i] = [2]string{m[0].String(), m[1].String()}
	}
	return out
}

// ApprovalSource is what an approval is about. The numbers are stored.
type ApprovalSource uint8

// The sources of approvals.
const (
	OfStep   ApprovalSource = iota // a step of the workflow that asks people
	OfJob                          // a job that the policy lets start only with leave
	OfOutput                       // a result that the output policy holds in quarantine
)

var sourceNames = [...]string{"step", "policy", "output"}

// String is the source as people see it: step, policy or output.
func (s ApprovalSource) String() string {
	if int(s) < len(sourceNames) {
		return sourceNames[s]
	}
	return "unknown"
}

// Approval is one question to people, over all the times it is asked. Its zero value has not been asked. Only Apply changes
// one; its slices and documents are shared with the facts that gave them and are not changed in place.
type Approval struct {
	Source ApprovalSource
	State  ApprovalState
	// Round counts how often it was asked anew, from 1. Earlier rounds' votes are void, and shown.
	Round    int32
	Title    string
	Context  json.RawMessage // what people are shown
	Form     json.RawMessage // JSON Schema of the values that go with an answer; nil: none
	Hash     string          // SHA-256 (hex): of what is shown, or of the job
	Snapshot string          // digest of the policy that asks; "" for a step's own question
	Needs    []Need          // all must be met; none: one of whoever may decide approvals
	Subject  Subject         // what expressions among the approvers read

	RequestedBy    string
	RequesterOwner string // whose key or token RequestedBy is; "" when it is nobody's
	RunFor         string // the person the run acts for; "" when that is the requester
	Author         string // of the workflow's version; "" unknown
	// Editors changed what is asked about. They count as requesters.
	Editors     []string
	RequestedAt time.Time
	ExpiresAt   time.Time // zero: never
	OnExpiry    string    // one of the OnExpiry constants; "" denies
	LatestAt    time.Time // which no escalation goes past, with OnLatest for OnExpiry then; zero: as long as it takes
	OnLatest    string
	Escalated   int // hops done in this round
	Delegations []Delegation
	Votes       []Vote // in order, void ones included
	Why         string // why it was asked again; "" the first time
	Attempt     int32  // of a job: the attempt that it was asked about first

	DecidedBy []string // everybody whose votes decided it; "system" when it was the clock
	DecidedAt time.Time
	Comment   string
	Values    json.RawMessage
}

// Vote is one person's answer.
type Vote struct {
	By       string // actor
	Decision VoteKind
	Comment  string
	Values   json.RawMessage
	At       time.Time
	For      string   // by whose delegation; "" in one's own name
	Roles    []string // of By, when they voted
	Groups   []string
	Owner    string // whose key or token By is; "" when it is nobody's
	Hash     string // what was shown
	Void     bool   // given to something that is not asked any more
	Channel  string // by which way it came: api, cli, link …
}

// VoteKind is what a vote says. The zero value denies. The numbers are stored.
type VoteKind uint8

// The answers.
const (
	VoteDeny VoteKind = iota
	VoteApprove
	VoteSendBack
)

var voteNames = [...]string{"deny", "approve", "send_back"}

// String is the answer as the API spells it; one that nobody knows denies.
func (k VoteKind) String() string {
	if int(k) < len(voteNames) {
		return voteNames[k]
	}
	return voteNames[VoteDeny]
}

// Delegation lets another person vote for an approver until a date. It gives To exactly what From may do.
type Delegation struct {
	From   string // the person, also when one of their keys asked for it
	To     string
	Until  time.Time
	At     time.Time
	By     string // who recorded it
	Reason string
	Roles  []string // of From, at At
	Groups []string
}

// Need is what one rule, or the step, asks of people. An approval with several wants all of them met; one person may count
// for several.
type Need struct {
	Rule   string // bundle/id; "" of a step
	Reason string
	// Approvers are user:NAME, role:NAME, group:NAME or expressions over the names of a when, in which principal and roles are
	// said of the approver. None: whoever may decide approvals.
	Approvers     []string
	Quorum        int  // distinct people who must approve; 0 is 1
	DenyQuorum    int  // denials that end it; 0 is 1
	FourEyes      bool // requesters and editors may not approve
	ExcludeAuthor bool // nor may the author of the workflow's version
	// Escalate asks further people while the need waits, by After.
	Escalate []Escalation
}

// Asked tells whether people were asked at least once.
func (a *Approval) Asked() bool { return a.Round > 0 }

// Open tells whether people are asked now.
func (a *Approval) Open() bool { return a.Asked() && a.State == ApprovalWaiting }

// Fields describes the stored form of a snapshot.
func (a *Approval) Fields(c *codec.Codec) {
	codec.Enum(c, &a.State)
	c.String(&a.Title)
	codec.Raw(c, &a.Context)
	c.String(&a.Hash)
	c.String(&a.RequestedBy)
	c.Time(&a.RequestedAt)
	c.Time(&a.ExpiresAt)
	codec.List(c, &a.DecidedBy, (*codec.Codec).String)
	c.Time(&a.DecidedAt)
	c.String(&a.Comment)
	codec.Enum(c, &a.Source)
	c.Int32(&a.Round)
	codec.Raw(c, &a.Form)
	c.String(&a.Snapshot)
	codec.List(c, &a.Needs, needFields)
	a.Subject.fields(c)
	c.String(&a.RequesterOwner)
	c.String(&a.RunFor)
	c.String(&a.Author)
	texts(c, &a.Editors)
	c.String(&a.OnExpiry)
	count(c, &a.Escalated)
	codec.List(c, &a.Delegations, delegationFields)
	codec.List(c, &a.Votes, voteFields)
	c.String(&a.Why)
	codec.Raw(c, &a.Values)
	c.Int32(&a.Attempt)
	c.Time(&a.LatestAt)
	c.String(&a.OnLatest)
}

// Fits tells whether a fact may be applied: facts of a log are asked before, those just decided fit.
func (a *Approval) Fits(f ApprovalFact) bool {
	switch f := f.(type) {
	case *ApprovalOpened:
		return true
	case *ApprovalClosed:
		return f.State != ApprovalWaiting && f.State != ApprovalUsed && a.mayMove(f.State)
	case *ApprovalVoted, *ApprovalDelegated:
		return a.Open()
	case *ApprovalEscalated:
		return a.Open() && f.Need >= 0 && int(f.Need) < len(a.Needs)
	case *ApprovalVoided:
		return a.Asked() && (a.State == ApprovalWaiting || a.State == ApprovalApproved)
	case *ApprovalConsumed:
		return a.mayMove(ApprovalUsed)
	}
	return false
}

func (a *Approval) mayMove(to ApprovalState) bool {
	return a.Asked() && slices.Contains(approvalMoves, [2]ApprovalState{a.State, to})
}

// move is the one place where the state changes.
func (a *Approval) move(to ApprovalState) {
	if a.State != to {
		if !slices.Contains(approvalMoves, [2]ApprovalState{a.State, to}) {
			panic("safety: illegal move of an approval from " + a.State.String() + " to " + to.String())
		}
		a.State = to
	}
}

// Apply makes a fact true of an approval. One that does not fit is a programmer's mistake and panics.
func (a *Approval) Apply(at time.Time, f ApprovalFact) {
	if !a.Fits(f) {
		panic("safety: an approval that is " + a.State.String() + " takes no such fact")
	}
	switch f := f.(type) {
	case *ApprovalOpened:
		a.ask(at, f)
	case *ApprovalClosed:
		a.move(f.State)
		a.DecidedBy, a.DecidedAt, a.Comment, a.Values = f.deciders(), at, f.Comment, f.Values
	case *ApprovalVoted:
		a.Votes = append(a.Votes, f.Vote)
	case *ApprovalDelegated:
		a.Delegations = append(a.Delegations, f.Delegation)
	case *ApprovalEscalated:
		a.escalate(f)
	case *ApprovalVoided:
		a.void(f)
	case *ApprovalConsumed:
		a.move(ApprovalUsed)
	}
}

// ask begins a round.
func (a *Approval) ask(at time.Time, f *ApprovalOpened) {
	a.move(ApprovalWaiting)
	a.forgetAnswers()
	a.Round++
	if f.Title != "" { // the first release left it to the fact before
		a.Title, a.Context = f.Title, f.Context
	}
	a.Source, a.Form, a.Hash, a.Snapshot, a.Subject = f.Source, f.Form, f.Hash, f.Snapshot, f.Subject
	a.Needs, a.Escalated = f.Needs, 0
	a.RequestedBy, a.RequesterOwner, a.RunFor, a.Author = f.RequestedBy, f.RequesterOwner, f.RunFor, f.Author
	a.Editors = union(a.Editors, f.Editors)
	a.RequestedAt, a.ExpiresAt, a.OnExpiry, a.Why, a.Attempt = at, f.ExpiresAt, f.OnExpiry, f.Why, f.Attempt
	a.LatestAt, a.OnLatest = f.LatestAt, f.OnLatest
}

// forgetAnswers makes what was answered so far count for nothing. It stays to be seen.
func (a *Approval) forgetAnswers() {
	a.DecidedBy, a.DecidedAt, a.Comment, a.Values = nil, time.Time{}, "", nil
	if len(a.Votes) == 0 {
		return
	}
	votes := slices.Clone(a.Votes[max(0, len(a.Votes)-MaxVoidVotes):])
	for i := range votes {
		votes[i].Void = true
	}
	a.Votes = votes
}

// void makes what was asked something else.
func (a *Approval) void(f *ApprovalVoided) {
	a.move(ApprovalWaiting)
	a.forgetAnswers()
	a.Why = f.Why
	if f.Hash != "" {
		a.Hash = f.Hash
	}
	if f.Snapshot != "" {
		a.Snapshot = f.Snapshot
	}
	if f.By != "" && f.By != actorSystem {
		a.Editors = union(a.Editors, []string{f.By, f.Owner})
	}
}

// escalate adds those whom a hop names. Where anybody may decide, naming some takes it from nobody.
func (a *Approval) escalate(f *ApprovalEscalated) {
	if n := a.Needs[f.Need]; len(n.Approvers) > 0 {
		n.Approvers = union(n.Approvers, f.To)
		a.Needs = slices.Clone(a.Needs)
		a.Needs[f.Need] = n
	}
	a.Escalated++
	if !f.ExpiresAt.IsZero() {
		a.ExpiresAt = f.ExpiresAt
	}
	if f.OnExpiry != "" {
		a.OnExpiry = f.OnExpiry
	}
}

// union is a followed by what of b it has not yet, "" left out. It changes neither.
func union(a, b []string) []string {
	out := a[:len(a):len(a)]
	for _, s := range b {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
