package safety

import (
	"encoding/json"
	"math"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// ApprovalFactKind is the stored number of a kind of approval fact: 128 to 159.
type ApprovalFactKind uint8

// The kinds.
const (
	KindApprovalOpened    ApprovalFactKind = 128
	KindApprovalClosed    ApprovalFactKind = 129
	KindApprovalVoted     ApprovalFactKind = 130
	KindApprovalEscalated ApprovalFactKind = 131
	KindApprovalVoided    ApprovalFactKind = 132
	KindApprovalDelegated ApprovalFactKind = 133
	KindApprovalConsumed  ApprovalFactKind = 134
)

// ApprovalFact is something that became true of an approval. The set is closed: NewApprovalFact lists it.
type ApprovalFact interface {
	codec.Fielder
	Kind() ApprovalFactKind
	// Of is the step whose approval it is.
	Of() int32
}

// NewApprovalFact makes an empty fact of a kind for decoding, or nil when this version does not know it.
func NewApprovalFact(k ApprovalFactKind) ApprovalFact {
	switch k {
	case KindApprovalOpened:
		return new(ApprovalOpened)
	case KindApprovalClosed:
		return new(ApprovalClosed)
	case KindApprovalVoted:
		return new(ApprovalVoted)
	case KindApprovalEscalated:
		return new(ApprovalEscalated)
	case KindApprovalVoided:
		return new(ApprovalVoided)
	case KindApprovalDelegated:
		return new(ApprovalDelegated)
	case KindApprovalConsumed:
		return new(ApprovalConsumed)
	}
	return nil
}

type (
	// ApprovalOpened: people are asked, for the first time or again. The fields are those of Approval.
	ApprovalOpened struct {
		Step           int32
		Hash           string
		RequestedBy    string
		ExpiresAt      time.Time
		Source         ApprovalSource
		Title          string // "": with Context, what the fact before it says
		Context        json.RawMessage
		Form           json.RawMessage
		Snapshot       string
		Needs          []Need
		Subject        Subject
		RequesterOwner string
		RunFor         string
		Author         string
		Editors        []string // joined to those that are known
		OnExpiry       string
		Why            string
		Attempt        int32
		LatestAt       time.Time
		OnLatest       string
	}
	// ApprovalClosed: the question is answered, or is not asked any more.
	ApprovalClosed struct {
		Step    int32
		State   ApprovalState
		By      string // whose vote, or act, closed it
		Comment string
		Values  json.RawMessage // that go with the answer
		People  []string        // everybody whose votes decided it, in the order of their votes
	}
	// ApprovalVoted: a person answered. It closes nothing by itself.
	ApprovalVoted struct {
		Step int32
		Vote Vote
	}
	// ApprovalEscalated: further people are asked, because nobody has decided for a while.
	ApprovalEscalated struct {
		Step      int32
		Need      int32 // index in Approval.Needs
		To        []string
		ExpiresAt time.Time // when the question expires now; zero: as before
		OnExpiry  string    // what happens then; "": as before
	}
	// ApprovalVoided: what was asked about has changed, so no earlier answer counts. By becomes an editor, unless it is "system".
	ApprovalVoided struct {
		Step     int32
		Hash     string // what is asked about now; "": as before
		Snapshot string // "": as before
		By       string
		Why      string
		Owner    string // whose key or token By is
	}
	// ApprovalDelegated: somebody else may vote for an approver.
	ApprovalDelegated struct {
		Step       int32
		Delegation Delegation
	}
	// ApprovalConsumed: what was approved is released. It cannot be used again.
	ApprovalConsumed struct{ Step int32 }
)

// Kind is the fact's stored number.
func (*ApprovalOpened) Kind() ApprovalFactKind { return KindApprovalOpened }

// Kind is the fact's stored number.
func (*ApprovalClosed) Kind() ApprovalFactKind { return KindApprovalClosed }

// Kind is the fact's stored number.
func (*ApprovalVoted) Kind() ApprovalFactKind { return KindApprovalVoted }

// Kind is the fact's stored number.
func (*ApprovalEscalated) Kind() ApprovalFactKind { return KindApprovalEscalated }

// Kind is the fact's stored number.
func (*ApprovalVoided) Kind() ApprovalFactKind { return KindApprovalVoided }

// Kind is the fact's stored number.
func (*ApprovalDelegated) Kind() ApprovalFactKind { return KindApprovalDelegated }

// Kind is the fact's stored number.
func (*ApprovalConsumed) Kind() ApprovalFactKind { return KindApprovalConsumed }

// Of is the step that waits.
func (f *ApprovalOpened) Of() int32 { return f.Step }

// Of is the step that waited.
func (f *ApprovalClosed) Of() int32 { return f.Step }

// Of is the step that waits.
func (f *ApprovalVoted) Of() int32 { return f.Step }

// Of is the step that waits.
func (f *ApprovalEscalated) Of() int32 { return f.Step }

// Of is the step that waits.
func (f *ApprovalVoided) Of() int32 { return f.Step }

// Of is the step that waits.
func (f *ApprovalDelegated) Of() int32 { return f.Step }

// Of is the step that goes on.
func (f *ApprovalConsumed) Of() int32 { return f.Step }

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalOpened) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Hash)
	c.String(&f.RequestedBy)
	c.Time(&f.ExpiresAt)
	codec.Enum(c, &f.Source)
	c.String(&f.Title)
	codec.Raw(c, &f.Context)
	codec.Raw(c, &f.Form)
	c.String(&f.Snapshot)
	codec.List(c, &f.Needs, needFields)
	f.Subject.fields(c)
	c.String(&f.RequesterOwner)
	c.String(&f.RunFor)
	c.String(&f.Author)
	texts(c, &f.Editors)
	c.String(&f.OnExpiry)
	c.String(&f.Why)
	c.Int32(&f.Attempt)
	c.Time(&f.LatestAt)
	c.String(&f.OnLatest)
}

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalClosed) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.State)
	c.String(&f.By)
	c.String(&f.Comment)
	codec.Raw(c, &f.Values)
	texts(c, &f.People)
}

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalVoted) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	voteFields(c, &f.Vote)
}

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalEscalated) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Need)
	texts(c, &f.To)
	c.Time(&f.ExpiresAt)
	c.String(&f.OnExpiry)
}

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalVoided) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Hash)
	c.String(&f.Snapshot)
	c.String(&f.By)
	c.String(&f.Why)
	c.String(&f.Owner)
}

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalDelegated) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	delegationFields(c, &f.Delegation)
}

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalConsumed) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// deciders are those who decided; the first release named one.
func (f *ApprovalClosed) deciders() []string {
	if len(f.People) == 0 && f.By != "" {
		return []string{f.By}
	}
	return f.People
}

// What stands in lists has the same fields for ever: a reader could not tell an older element from one that was cut off.

func needFields(c *codec.Codec, n *Need) {
	c.String(&n.Rule)
	c.String(&n.Reason)
	texts(c, &n.Approvers)
	count(c, &n.Quorum)
	count(c, &n.DenyQuorum)
	c.Bool(&n.FourEyes)
	c.Bool(&n.ExcludeAuthor)
	codec.List(c, &n.Escalate, func(c *codec.Codec, e *Escalation) {
		c.Duration(&e.After)
		texts(c, &e.To)
	})
}

func voteFields(c *codec.Codec, v *Vote) {
	c.String(&v.By)
	codec.Enum(c, &v.Decision)
	c.String(&v.Comment)
	codec.Raw(c, &v.Values)
	c.Time(&v.At)
	c.String(&v.For)
	texts(c, &v.Roles)
	texts(c, &v.Groups)
	c.String(&v.Owner)
	c.String(&v.Hash)
	c.Bool(&v.Void)
	c.String(&v.Channel)
}

func delegationFields(c *codec.Codec, d *Delegation) {
	c.String(&d.From)
	c.String(&d.To)
	c.Time(&d.Until)
	c.Time(&d.At)
	c.String(&d.By)
	c.String(&d.Reason)
	texts(c, &d.Roles)
	texts(c, &d.Groups)
}

func (s *Subject) fields(c *codec.Codec) {
	c.String(&s.Tenant)
	c.String(&s.Effect)
	cost := math.Float64bits(s.Cost)
	c.Uint(&cost)
	s.Cost = math.Float64frombits(cost)
	c.Strings(&s.Tags)
	codec.Raw(c, &s.Input)
}

func texts(c *codec.Codec, v *[]string) { codec.List(c, v, (*codec.Codec).String) }

func count(c *codec.Codec, v *int) {
	n := int64(*v)
	c.Int(&n)
	*v = int(n)
}
