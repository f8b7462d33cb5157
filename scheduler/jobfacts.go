package scheduler

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// FactKind is the stored number of a kind of job fact: 64 to 127 are the scheduler's.
type FactKind uint8

// The kinds.
const (
	KindJobDecided    FactKind = 64
	KindJobReleased   FactKind = 65
	KindJobSent       FactKind = 66
	KindJobBegun      FactKind = 67
	KindJobProgressed FactKind = 68
	KindJobCancelling FactKind = 69
	KindJobEnded      FactKind = 70

	KindJobApprovalAsked FactKind = 71
	KindJobWithheld      FactKind = 72
	KindJobLogged        FactKind = 73
	KindJobPosted        FactKind = 74
)

// Fact is something that became true of a job. The set is closed: NewFact lists it.
type Fact interface {
	codec.Fielder
	Kind() FactKind
	// Of is the step whose job it is.
	Of() int32
}

// NewFact makes an empty fact of a kind for decoding, or nil when this version does not know it.
func NewFact(k FactKind) Fact {
	switch k {
	case KindJobDecided:
		return new(JobDecided)
	case KindJobReleased:
		return new(JobReleased)
	case KindJobSent:
		return new(JobSent)
	case KindJobBegun:
		return new(JobBegun)
	case KindJobProgressed:
		return new(JobProgressed)
	case KindJobCancelling:
		return new(JobCancelling)
	case KindJobEnded:
		return new(JobEnded)
	case KindJobApprovalAsked:
		return new(JobApprovalAsked)
	case KindJobWithheld:
		return new(JobWithheld)
	case KindJobLogged:
		return new(JobLogged)
	case KindJobPosted:
		return new(JobPosted)
	}
	return nil
}

type (
	// JobDecided is the policy's decision, committed before any dispatch it allows.
	JobDecided struct {
		Step     int32
		Verdict  string
		Rule     string
		Reason   string
		Snapshot string
		Hash     string

		Rules       []string        // all that matched or failed to evaluate
		Constraints json.RawMessage // [{type, value, prove}], under which it may run; empty: none
		Shadow      string          // "VERDICT rule digest" of the snapshot that is evaluated beside; empty: none
	}
	// JobReleased: after this commit the attempt may be sent, with this token.
	JobReleased struct {
		Step    int32
		Send    int32
		Token   []byte
		QueueAt time.Time // when waiting for a worker is over; zero: never
		Fence   int64     // the fencing token of its lock; 0: that of the release before, or none
	}
	// JobSent: a worker was given the attempt. Soft: written with the next commit of its run.
	// With CAP it is written before the sending, and Worker may be empty.
	JobSent struct {
		Step   int32
		Worker string
		Why    string // this one and no other
		CAP    bool   // it knows CAP and no more
	}
	// JobBegun: its worker was given leave, or said that it took the job. The attempt's clock starts.
	JobBegun struct {
		Step      int32
		Worker    string
		TimeoutAt time.Time // zero: none
	}
	// JobProgressed is what a worker said of its work.
	JobProgressed struct {
		Step    int32
		Percent int32
		Message string
		State   json.RawMessage
	}
	// JobCancelling: its worker was asked to stop and has until GraceAt to answer.
	JobCancelling struct {
		Step    int32
		GraceAt time.Time
	}
	// JobEnded: the attempt is over.
	JobEnded struct {
		Step     int32
		State    JobState
		Answered bool // by its worker's own answer
		Worker   string
	}
	// JobApprovalAsked: people have to let it start. Their question is the approval of the same step.
	JobApprovalAsked struct{ Step int32 }
	// JobLogged: the attempt that ended wrote lines, which are kept beside the log of facts. It changes nothing.
	JobLogged struct {
		Step    int32
		Attempt int32
		Lines   int64 // that are kept
		Dropped int64 // that were left out
	}
	// JobWithheld: what was released and not sent, or waited for people, is to be decided again.
	JobWithheld struct {
		Step   int32
		Reason string
	}
)

func (*JobDecided) Kind() FactKind    { return KindJobDecided }
func (*JobReleased) Kind() FactKind   { return KindJobReleased }
func (*JobSent) Kind() FactKind       { return KindJobSent }
func (*JobBegun) Kind() FactKind      { return KindJobBegun }
func (*JobProgressed) Kind() FactKind { return KindJobProgressed }
func (*JobCancelling) Kind() FactKind { return KindJobCancelling }
func (*JobEnded) Kind() FactKind      { return KindJobEnded }

func (*JobApprovalAsked) Kind() FactKind { return KindJobApprovalAsked }
func (*JobWithheld) Kind() FactKind      { return KindJobWithheld }
func (*JobLogged) Kind() FactKind        { return KindJobLogged }
func (*JobPosted) Kind() FactKind        { return KindJobPosted }

// Of is the step whose job was decided.
func (f *JobDecided) Of() int32 { return f.Step }

// Of is the step whose job was released.
func (f *JobReleased) Of() int32 { return f.Step }

// Of is the step whose job was sent.
func (f *JobSent) Of() int32 { return f.Step }

// Of is the step whose job began.
func (f *JobBegun) Of() int32 { return f.Step }

// Of is the step whose job progressed.
func (f *JobProgressed) Of() int32 { return f.Step }

// Of is the step whose job is asked to stop.
func (f *JobCancelling) Of() int32 { return f.Step }

// Of is the step whose job's attempt ended.
func (f *JobEnded) Of() int32 { return f.Step }

// Of is the step whose job waits for people.
func (f *JobApprovalAsked) Of() int32 { return f.Step }

// Of is the step whose job is withheld.
func (f *JobWithheld) Of() int32 { return f.Step }

// Of is the step whose job wrote lines.
func (f *JobLogged) Of() int32 { return f.Step }

// Of is the step whose job was posted.
func (f *JobPosted) Of() int32 { return f.Step }

// Fields describes the stored form; fields are only added at the end.
func (f *JobDecided) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Verdict)
	c.String(&f.Rule)
	c.String(&f.Reason)
	c.String(&f.Snapshot)
	c.String(&f.Hash)
	codec.List(c, &f.Rules, (*codec.Codec).String)
	codec.Raw(c, &f.Constraints)
	c.String(&f.Shadow)
}

// Fields describes the stored form.
func (f *JobReleased) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Send)
	c.Bytes(&f.Token)
	c.Time(&f.QueueAt)
	c.Int(&f.Fence)
}

// Fields describes the stored form.
func (f *JobSent) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Worker)
	c.String(&f.Why)
	c.Bool(&f.CAP)
}

// Fields describes the stored form.
func (f *JobBegun) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Worker)
	c.Time(&f.TimeoutAt)
}

// Fields describes the stored form.
func (f *JobProgressed) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Percent)
	c.String(&f.Message)
	codec.Raw(c, &f.State)
}

// Fields describes the stored form.
func (f *JobCancelling) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Time(&f.GraceAt)
}

// Fields describes the stored form.
func (f *JobEnded) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.State)
	c.Bool(&f.Answered)
	c.String(&f.Worker)
}

// Fields describes the stored form.
func (f *JobApprovalAsked) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// Fields describes the stored form.
func (f *JobWithheld) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Reason)
}

// Fields describes the stored form.
func (f *JobLogged) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.Int(&f.Lines)
	c.Int(&f.Dropped)
}

// Fields describes the stored form.
func (f *JobPosted) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Unheard)
	c.Time(&f.QueueAt)
}

// ErrBadFact says that a fact does not fit its job.
var ErrBadFact = errors.New("scheduler: fact does not fit its job")

// fits checks a fact before it changes anything, so that a damaged log is an error and never half applied.
func (j *Job) fits(f Fact) bool {
	switch f := f.(type) {
	case *JobDecided, *JobProgressed, *JobCancelling:
		return !j.State.Final()
	case *JobReleased:
		return j.State != JobRunning && j.may(JobScheduled) && f.Send == j.Send+1
	case *JobPosted:
		return j.CAP && j.State == JobRunning && (f.Unheard || !j.Posted)
	case *JobSent:
		return j.may(JobDispatched)
	case *JobBegun:
		return j.may(JobRunning)
	case *JobEnded:
		return f.State.Final() && j.may(f.State)
	case *JobApprovalAsked:
		return j.may(JobApprovalRequired)
	case *JobWithheld:
		return j.may(JobPending)
	case *JobLogged:
		return true
	}
	return false
}

// Apply makes a fact true of a job: the one place where a job changes, but for [Job.Ask]. One that does not fit is
// ErrBadFact and changes nothing.
func Apply(j *Job, at time.Time, f Fact) error {
	if !j.fits(f) {
		return fmt.Errorf("%w: %T, job %s", ErrBadFact, f, j.State)
	}
	switch f := f.(type) {
	case *JobDecided:
		j.Hash, j.Snapshot, j.Rule, j.Constraints = f.Hash, f.Snapshot, f.Rule, f.Constraints
	case *JobReleased:
		j.move(JobScheduled)
		j.Send, j.Token, j.Worker, j.Begun = f.Send, f.Token, "", false
		if f.Fence != 0 {
			j.Fence = f.Fence
		}
		j.Why, j.CAP, j.Posted, j.QueueAt = "", false, false, f.QueueAt
	case *JobSent:
		j.move(JobDispatched)
		j.Worker, j.Why, j.CAP = f.Worker, f.Why, f.CAP
	case *JobBegun:
		j.move(JobRunning)
		j.Worker, j.Begun = f.Worker, true
	case *JobProgressed:
		j.Percent, j.Message = f.Percent, f.Message
		if f.State != nil {
			j.Progress = f.State
		}
	case *JobCancelling:
		j.Cancel = true
	case *JobEnded:
		if !f.Answered {
			j.remember()
		}
		j.move(f.State)
		j.EndedAt, j.Worker = at, f.Worker
		if f.Answered {
			j.Done = j.Token
		}
	case *JobApprovalAsked:
		j.move(JobApprovalRequired)
	case *JobWithheld:
		j.move(JobPending)
		j.Worker, j.Why, j.CAP = "", "", false
	case *JobPosted:
		j.posted(f)
	}
	return nil
}
