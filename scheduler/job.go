package scheduler

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// JobState is where a job stands; the names are CAP's.
type JobState uint8

// The states of a job. Pending: not decided yet, or held. ApprovalRequired: people have to let it start. Scheduled: committed
// and waiting for a worker. Dispatched: sent to one. Running: its worker took it or was given leave to begin.
const (
	JobPending JobState = iota
	JobApprovalRequired
	JobScheduled
	JobDispatched
	JobRunning
	JobSucceeded
	JobFailed
	JobCancelled
	JobTimeout
	JobDenied
)

var jobNames = [...]string{
	"pending", "approval_required", "scheduled", "dispatched", "running", "succeeded", "failed", "cancelled", "timeout", "denied",
}

func (s JobState) String() string {
	if int(s) < len(jobNames) {
		return jobNames[s]
	}
	return "unknown"
}

// Final tells whether the attempt has ended.
func (s JobState) Final() bool { return s >= JobSucceeded }

// jobMoves are all legal moves of a job within one attempt; the next attempt begins at pending again.
var jobMoves = map[JobState][]JobState{
	JobPending:          {JobApprovalRequired, JobScheduled, JobCancelled, JobDenied},
	JobApprovalRequired: {JobPending, JobApprovalRequired, JobScheduled, JobCancelled, JobDenied},
	// What is released and not sent is decided again when another policy is in force.
	JobScheduled: {JobPending, JobApprovalRequired, JobScheduled, JobDispatched, JobRunning, JobSucceeded, JobFailed, JobCancelled, JobTimeout, JobDenied},
	// Who gets it was recorded before the sending, which did not take place.
	JobDispatched: {JobPending, JobScheduled, JobDispatched, JobRunning, JobSucceeded, JobFailed, JobCancelled, JobTimeout},
	// What was recorded as begun before it was sent, and nobody listened, waits again.
	JobRunning: {JobScheduled, JobSucceeded, JobFailed, JobCancelled, JobTimeout},
}

// JobMove is a legal move, for docs and tests.
type JobMove struct{ From, To string }

// JobMoves lists the legal moves of a job, for docs and tests.
func JobMoves() []JobMove {
	var out []JobMove
	for from := JobPending; from <= JobDenied; from++ {
		for _, to := range jobMoves[from] {
			out = append(out, JobMove{from.String(), to.String()})
		}
	}
	return out
}

// move changes the state; an illegal move is a programmer's mistake.
func (j *Job) move(to JobState) {
	if !j.may(to) {
		panic("scheduler: illegal move of job from " + j.State.String() + " to " + to.String())
	}
	j.State = to
}

// may tells whether a move is legal.
func (j *Job) may(to JobState) bool { return slices.Contains(jobMoves[j.State], to) }

// Job is the work of one step over all its attempts, as far as the scheduler cares. It belongs to the lane of its run.
type Job struct {
	State   JobState
	Attempt int32  // the engine's number of the attempt under way
	Send    int32  // the wire's number: grows with every new token
	Token   []byte // of the send under way: answers must carry it
	Done    []byte // token of the last send that ended with a worker's own answer; its digest when the job has shed
	Past    []Send // sends that ended without an answer although a worker may have begun them, oldest first
	Worker  string // who has it, as far as is known; soft until a fact says so
	Begun   bool   // its worker was given leave to begin, or said it took it
	Cancel  bool   // its worker was asked to stop

	Topic, Pack, Tool string
	Hash              string          // SHA-256 of the canonical job the decision was made for
	Snapshot          string          // of the policy that decided
	Rule              string          // of it, that gave the verdict
	Constraints       json.RawMessage // [{type, value, prove}] under which it may run
	CreatedAt         time.Time       // when its first attempt was asked for
	AskedAt           time.Time       // when the attempt under way was
	EndedAt           time.Time

	Percent  int32
	Message  string
	Progress json.RawMessage // the last checkpoint: given to the next attempt

	Lock  string // the resource lock that the attempt under way needs; "": none
	Fence int64  // the fencing token under which it was released; 0: none

	Why     string    // this worker got it, and no other
	CAP     bool      // it went to a worker that knows CAP and no more; Worker is empty when nobody knows to which
	Posted  bool      // of such a one: it is known to have left
	QueueAt time.Time // when waiting for a worker is over; zero: never
}

// Fields describes the stored form of a snapshot.
func (j *Job) Fields(c *codec.Codec) {
	codec.Enum(c, &j.State)
	c.Int32(&j.Attempt)
	c.Int32(&j.Send)
	c.Bytes(&j.Token)
	c.Bytes(&j.Done)
	c.String(&j.Worker)
	c.Bool(&j.Begun)
	c.Bool(&j.Cancel)
	c.String(&j.Topic)
	c.String(&j.Pack)
	c.String(&j.Tool)
	c.String(&j.Hash)
	c.String(&j.Snapshot)
	c.Time(&j.CreatedAt)
	c.Time(&j.EndedAt)
	c.Int32(&j.Percent)
	c.String(&j.Message)
	codec.Raw(c, &j.Progress)
	c.Time(&j.AskedAt)
	codec.List(c, &j.Past, func(c *codec.Codec, s *Send) {
		c.Bytes(&s.Token)
		c.Int32(&s.Attempt)
	})
	c.String(&j.Rule)
	codec.Raw(c, &j.Constraints)
	c.String(&j.Why)
	c.Bool(&j.CAP)
	c.Bool(&j.Posted)
	c.Time(&j.QueueAt)
	c.String(&j.Lock)
	c.Int(&j.Fence)
}

// Ask begins an attempt of the job: what the engine's fact says, applied here.
func (j *Job) Ask(at time.Time, attempt int32, topic, pack, tool string) {
	if j.CreatedAt.IsZero() {
		j.CreatedAt = at
	}
	j.State, j.Attempt, j.AskedAt = JobPending, attempt, at
	j.Topic, j.Pack, j.Tool = topic, pack, tool
	j.Worker, j.Begun, j.Cancel, j.EndedAt = "", false, false, time.Time{}
	j.Why, j.CAP, j.Posted, j.QueueAt = "", false, false, time.Time{}
	j.Hash, j.Snapshot, j.Rule, j.Constraints = "", "", "", nil // decided anew
	j.Lock, j.Fence = "", 0
}

// Holds tells whether a worker may have the send under way.
func (j *Job) Holds() bool { return (j.Worker != "" || j.CAP) && !j.State.Final() }

// Mine tells whether an answer with this token is about the send under way.
func (j *Job) Mine(token []byte) bool {
	return len(j.Token) > 0 && !j.State.Final() && bytes.Equal(j.Token, token)
}

// Known tells whether an answer with this token was recorded before.
func (j *Job) Known(token []byte) bool {
	return len(j.Done) > 0 && (bytes.Equal(j.Done, token) || bytes.Equal(j.Done, digest(token)))
}

// Send is one send of an attempt.
type Send struct {
	Token   []byte
	Attempt int32
}

// AttemptOf answers which attempt a token was made for, as far as the job remembers: 0 when it does not.
func (j *Job) AttemptOf(token []byte) int32 {
	for _, s := range j.Past {
		if bytes.Equal(s.Token, token) {
			return s.Attempt
		}
	}
	if j.State >= JobScheduled && len(j.Token) > 0 && bytes.Equal(j.Token, token) {
		return j.Attempt
	}
	return 0
}

// remember keeps the send that ends without an answer, when a worker may have begun it.
func (j *Job) remember() {
	if len(j.Token) == 0 || (!j.Begun && j.Worker == "") { // who gets it is recorded at the latest with its begin
		return
	}
	if len(j.Past) >= maxPast {
		j.Past = j.Past[1:]
	}
	j.Past = append(j.Past, Send{Token: j.Token, Attempt: j.Attempt})
}

// Afresh forgets how far the attempts before had come: their effect is undone, the next one begins at the beginning.
func (j *Job) Afresh() { j.Percent, j.Message, j.Progress = 0, "", nil }

// Shed drops what only a job under way needs, of one that has succeeded and is not asked for again: of its token stays
// enough to know a repeated answer by.
func (j *Job) Shed() {
	if len(j.Done) > 0 && len(j.Done) != digestLen {
		j.Done = digest(j.Done)
	}
	j.Token, j.Past, j.Hash, j.Snapshot, j.Rule, j.Constraints, j.Message, j.Progress = nil, nil, "", "", "", nil, "", nil
}

// digestLen is shorter than any token.
const digestLen = 8

func digest(token []byte) []byte {
	sum := sha256.Sum256(token)
	return bytes.Clone(sum[:digestLen])
}
