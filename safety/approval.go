package safety

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// ApprovalState is where an approval stands.
type ApprovalState uint8

// The states of an approval.
const (
	ApprovalWaiting ApprovalState = iota
	ApprovalApproved
	ApprovalDenied
	ApprovalExpired
	ApprovalCancelled
	ApprovalSentBack // something before it is to be done again first
)

var approvalNames = [...]string{"waiting", "approved", "denied", "expired", "cancelled", "sent_back"}

func (s ApprovalState) String() string {
	if int(s) < len(approvalNames) {
		return approvalNames[s]
	}
	return "unknown"
}

// approvalMoves are all legal moves of an approval.
var approvalMoves = map[ApprovalState][]ApprovalState{
	ApprovalWaiting: {ApprovalApproved, ApprovalDenied, ApprovalExpired, ApprovalCancelled, ApprovalSentBack},
}

// ApprovalMoves lists the legal moves of an approval as pairs, for docs and tests.
func ApprovalMoves() [][2]string {
	var out [][2]string
	for _, to := range approvalMoves[ApprovalWaiting] {
		out = append(out, [2]string{ApprovalWaiting.String(), to.String()})
	}
	return out
}

// Refusals of an answer. Nothing changed.
var (
	ErrDecided = errors.New("the approval was decided before")
	ErrExpired = errors.New("the approval has expired")
	ErrHash    = errors.New("what is asked is not what was shown")
)

// Approval is one question to people.
type Approval struct {
	State       ApprovalState
	Title       string
	Context     json.RawMessage
	Hash        string // SHA-256 (hex) of what is shown
	RequestedBy string
	RequestedAt time.Time
	ExpiresAt   time.Time // zero: never
	DecidedBy   string
	DecidedAt   time.Time
	Comment     string
}

// Fields describes the stored form of a snapshot.
func (a *Approval) Fields(c *codec.Codec) {
	codec.Enum(c, &a.State)
	c.String(&a.Title)
	codec.Raw(c, &a.Context)
	c.String(&a.Hash)
	c.String(&a.RequestedBy)
	c.Time(&a.RequestedAt)
	c.Time(&a.ExpiresAt)
	c.String(&a.DecidedBy)
	c.Time(&a.DecidedAt)
	c.String(&a.Comment)
}

// ShownHash is the hash of what an approver is shown: each part is preceded by its length.
func ShownHash(title string, context json.RawMessage) string {
	r := Request{Source: "approval", Workflow: title, Input: context}
	sum := sha256.Sum256([]byte("approval" + r.Hash()))
	return hex.EncodeToString(sum[:])
}

// ApprovalFactKind is the stored number of a kind of approval fact: 128 to 159.
type ApprovalFactKind uint8

// The kinds.
const (
	KindApprovalOpened ApprovalFactKind = 128
	KindApprovalClosed ApprovalFactKind = 129
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
	}
	return nil
}

type (
	// ApprovalOpened: people are asked. What they are shown is in the fact it follows.
	ApprovalOpened struct {
		Step        int32
		Hash        string
		RequestedBy string
		ExpiresAt   time.Time
	}
	// ApprovalClosed: the question is answered, or is not asked any more.
	ApprovalClosed struct {
		Step    int32
		State   ApprovalState
		By      string
		Comment string
	}
)

// Kind is the fact's stored number.
func (*ApprovalOpened) Kind() ApprovalFactKind { return KindApprovalOpened }

// Kind is the fact's stored number.
func (*ApprovalClosed) Kind() ApprovalFactKind { return KindApprovalClosed }

// Of is the step that waits.
func (f *ApprovalOpened) Of() int32 { return f.Step }

// Of is the step that waited.
func (f *ApprovalClosed) Of() int32 { return f.Step }

// Fields describes the stored form; fields are only added at the end.
func (f *ApprovalOpened) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Hash)
	c.String(&f.RequestedBy)
	c.Time(&f.ExpiresAt)
}

// Fields describes the stored form.
func (f *ApprovalClosed) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.State)
	c.String(&f.By)
	c.String(&f.Comment)
}

// Apply makes a fact true of an approval; an illegal move is a programmer's mistake.
func (a *Approval) Apply(at time.Time, f ApprovalFact) {
	switch f := f.(type) {
	case *ApprovalOpened:
		a.State, a.Hash, a.RequestedBy, a.RequestedAt, a.ExpiresAt = ApprovalWaiting, f.Hash, f.RequestedBy, at, f.ExpiresAt
	case *ApprovalClosed:
		if a.State != ApprovalWaiting {
			panic("safety: illegal move of approval from " + a.State.String())
		}
		a.State, a.DecidedBy, a.DecidedAt, a.Comment = f.State, f.By, at, f.Comment
	}
}

// Answer is a person's decision.
type Answer struct {
	Approve    bool
	SendBack   bool // neither approve nor deny
	By         string
	Comment    string
	ExpectHash string // empty: whatever is asked
	Now        time.Time
}

// Decide answers what a person's decision makes true, or why it is refused. It changes nothing.
func (a *Approval) Decide(step int32, in Answer) (*ApprovalClosed, error) {
	switch {
	case a.State == ApprovalExpired || (a.State == ApprovalWaiting && !a.ExpiresAt.IsZero() && !in.Now.Before(a.ExpiresAt)):
		return nil, ErrExpired
	case a.State != ApprovalWaiting:
		return nil, ErrDecided
	case in.ExpectHash != "" && in.ExpectHash != a.Hash:
		return nil, ErrHash
	}
	state := ApprovalDenied
	switch {
	case in.SendBack:
		state = ApprovalSentBack
	case in.Approve:
		state = ApprovalApproved
	}
	return &ApprovalClosed{Step: step, State: state, By: in.By, Comment: in.Comment}, nil
}
