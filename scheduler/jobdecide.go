package scheduler

import (
	"encoding/json"
	"time"
)

// Terms are what a job's step says of it.
type Terms struct {
	Idempotent       bool
	Timeout          time.Duration // one attempt, from accept to result; 0 = none
	QueueTimeout     time.Duration
	HeartbeatTimeout time.Duration
	CancelGrace      time.Duration
}

// JobInput is something that happens to a job. The set is closed.
type JobInput interface{ jobInput() }

type (
	// Verdict is the safety kernel's answer for the attempt that was asked for, or that is to be decided again before it is
	// sent. Token is fresh randomness.
	Verdict struct {
		Decided JobDecided
		Allow   bool
		Ask     bool // people have to let it start
		Wait    bool // only the decision is recorded: Leave follows
		Token   []byte
	}
	// Leave lets a decided job start: people said so, or its limits have room. Token is fresh randomness, Fence the fencing
	// token of its lock, if it has one.
	Leave struct {
		Token []byte
		Fence int64
	}
	// Refuse says that they do not, or that something else than the policy keeps the job from starting.
	Refuse struct{}
	// Withhold takes back what is released and not sent, or waits for people: it is to be decided again.
	Withhold struct{ Reason string }
	// Sent says that a worker was given the attempt, and why that one.
	Sent struct{ Worker, Why string }
	// Begin is a worker's question for leave to begin, or its word that it took the job.
	Begin struct {
		Token  []byte
		Worker string
	}
	// Progress is what a worker says of its work.
	Progress struct {
		Token   []byte
		Worker  string
		Percent int32
		Message string
		State   json.RawMessage
	}
	// Answer is a worker's result.
	Answer struct {
		Token  []byte
		Worker string
		State  JobState // JobSucceeded, JobFailed, JobCancelled or JobTimeout; any other is stale
	}
	// Stop asks the job to end. Held says that a worker may have it; without Force such a job goes on.
	Stop struct{ Force, Held bool }
	// Lost says that the worker that had it is gone. Token is fresh randomness.
	Lost struct {
		Send  int32
		Token []byte
	}
	// Due says that a timer's time has come.
	Due struct{ Timer JobTimer }
	// Abandon ends a job for which its step no longer waits.
	Abandon struct{}
)

func (Verdict) jobInput()  {}
func (Leave) jobInput()    {}
func (Refuse) jobInput()   {}
func (Withhold) jobInput() {}
func (Sent) jobInput()     {}
func (Begin) jobInput()    {}
func (Progress) jobInput() {}
func (Answer) jobInput()   {}
func (Stop) jobInput()     {}
func (Lost) jobInput()     {}
func (Due) jobInput()      {}
func (Abandon) jobInput()  {}

// JobTimer names what a job's timer is for. Numbers 16 to 31 are the scheduler's.
type JobTimer uint8

// The timers of a job.
const (
	TimerQueue     JobTimer = 16 // waiting for a worker
	TimerAttempt   JobTimer = 17 // one attempt
	TimerGrace     JobTimer = 18 // a cancel's answer
	TimerHeartbeat JobTimer = 19 // silence of the worker
)

// Reply is what a worker is told.
type Reply uint8

// The replies. ReplyNone: nobody asked.
const (
	ReplyNone Reply = iota
	ReplyOK
	ReplyStale
)

// End is how an attempt ended, for the engine.
type End uint8

// The ends. NotEnded: it goes on.
const (
	NotEnded End = iota
	EndAnswered
	EndDenied
	EndCancelled
	EndTimeout
	EndQueueTimeout
	EndHeartbeatTimeout
	EndLost
)

// Ruling is what a job decides: the facts (to be applied in order), what its worker is told after the commit, and how the
// attempt ended if it did.
type Ruling struct {
	Facts   []Fact
	Reply   Reply
	End     End
	Unknown bool // the ended attempt may have had its effect
	Cancel  bool // tell the worker to stop
	Late    bool // an answer came whose turn was over
	Release bool // the attempt may be sent after the commit
}

// Decide answers what becomes true of a job because of an input. It changes nothing: the caller applies the facts.
func Decide(j *Job, step int32, now time.Time, t Terms, in JobInput) Ruling {
	switch in := in.(type) {
	case Verdict:
		return decideVerdict(j, step, now, t, in)
	case Leave:
		if (j.State != JobApprovalRequired && j.State != JobPending) || j.Snapshot == "" {
			return Ruling{} // nobody decided
		}
		r := release(j, step, now, t, in.Token)
		r.Fence = in.Fence
		return Ruling{Facts: []Fact{r}, Release: true}
	case Refuse:
		if !j.unsent() {
			return Ruling{}
		}
		return Ruling{Facts: []Fact{&JobEnded{Step: step, State: JobDenied}}, End: EndDenied}
	case Withhold:
		if j.State == JobPending || j.State >= JobRunning {
			return Ruling{}
		}
		return Ruling{Facts: []Fact{&JobWithheld{Step: step, Reason: in.Reason}}}
	case Sent:
		if j.State != JobScheduled && j.State != JobDispatched {
			return Ruling{}
		}
		return Ruling{Facts: []Fact{&JobSent{Step: step, Worker: in.Worker, Why: in.Why}}}
	case HandOver:
		return decideHandOver(j, step, now, in)
	case Posted:
		return decidePosted(j, step, in)
	case Begin:
		return decideBegin(j, step, now, t, in)
	case Progress:
		return decideProgress(j, step, in)
	case Answer:
		return decideAnswer(j, step, in)
	case Stop:
		return decideStop(j, step, now, t, in)
	case Lost:
		return decideLost(j, step, now, t, in)
	case Due:
		return decideDue(j, step, t, in)
	case Abandon:
		return decideAbandon(j, step, t)
	}
	return Ruling{}
}

func decideVerdict(j *Job, step int32, now time.Time, t Terms, in Verdict) Ruling {
	if !j.unsent() {
		return Ruling{}
	}
	decided := in.Decided
	decided.Step = step
	switch {
	case in.Ask:
		return Ruling{Facts: []Fact{&decided, &JobApprovalAsked{Step: step}}}
	case in.Wait:
		return Ruling{Facts: []Fact{&decided}}
	case !in.Allow:
		return Ruling{Facts: []Fact{&decided, &JobEnded{Step: step, State: JobDenied}}, End: EndDenied}
	case j.State == JobScheduled: // it stands, under this decision
		return Ruling{Facts: []Fact{&decided}}
	}
	return Ruling{Facts: []Fact{&decided, release(j, step, now, t, in.Token)}, Release: true}
}

// unsent tells whether no worker was sent the attempt under way.
func (j *Job) unsent() bool { return j.State <= JobScheduled }

func release(j *Job, step int32, now time.Time, t Terms, token []byte) *JobReleased {
	r := &JobReleased{Step: step, Send: j.Send + 1, Token: token}
	if t.QueueTimeout > 0 {
		r.QueueAt = now.Add(t.QueueTimeout)
	}
	return r
}

// decideBegin gives leave once; the same worker may ask again. A job that is to stop and has not begun ends here: no leave
// means not begun.
func decideBegin(j *Job, step int32, now time.Time, t Terms, in Begin) Ruling {
	switch {
	case !j.Mine(in.Token) || j.State < JobScheduled:
		return Ruling{Reply: ReplyStale}
	case j.Begun && j.Worker == in.Worker:
		return Ruling{Reply: ReplyOK}
	case j.Begun:
		return Ruling{Reply: ReplyStale}
	case j.Cancel:
		return Ruling{Reply: ReplyStale, End: EndCancelled, Facts: []Fact{&JobEnded{Step: step, State: JobCancelled, Worker: in.Worker}}}
	}
	f := &JobBegun{Step: step, Worker: in.Worker}
	if t.Timeout > 0 {
		f.TimeoutAt = now.Add(t.Timeout)
	}
	return Ruling{Reply: ReplyOK, Facts: []Fact{f}}
}

func decideProgress(j *Job, step int32, in Progress) Ruling {
	if !j.Mine(in.Token) || j.State < JobScheduled {
		return Ruling{Reply: ReplyStale}
	}
	return Ruling{Reply: ReplyOK, Facts: []Fact{
		&JobProgressed{Step: step, Percent: min(max(in.Percent, 0), 100), Message: in.Message, State: in.State},
	}}
}

// decideAnswer accepts at most one result of a send.
func decideAnswer(j *Job, step int32, in Answer) Ruling {
	switch {
	case j.Known(in.Token):
		return Ruling{Reply: ReplyOK} // recorded before
	case !j.Mine(in.Token) || j.State < JobScheduled || !in.State.Final() || !j.may(in.State):
		return Ruling{Reply: ReplyStale, Late: true}
	}
	return Ruling{
		Reply: ReplyOK, End: EndAnswered,
		Facts: []Fact{&JobEnded{Step: step, State: in.State, Answered: true, Worker: in.Worker}},
	}
}

func decideStop(j *Job, step int32, now time.Time, t Terms, in Stop) Ruling {
	switch {
	case j.State.Final():
		return Ruling{}
	case !in.Held:
		return Ruling{End: EndCancelled, Facts: []Fact{&JobEnded{Step: step, State: JobCancelled}}}
	case !in.Force || j.Cancel:
		return Ruling{Cancel: in.Force}
	}
	return Ruling{Cancel: true, Facts: []Fact{&JobCancelling{Step: step, GraceAt: now.Add(t.CancelGrace)}}}
}

// MayHaveBegun tells whether the send under way may have had an effect: its worker was given leave, or needed none.
func (j *Job) MayHaveBegun(t Terms) bool { return j.Begun || (t.Idempotent && j.Worker != "") }

// decideLost sends a job again that nobody can have begun, with a new token; one that may have begun ends with an unknown
// outcome. Leave is a fact where a second execution would hurt; an idempotent job counts from when it was given away.
func decideLost(j *Job, step int32, now time.Time, t Terms, in Lost) Ruling {
	switch {
	case j.State.Final() || j.State < JobScheduled || in.Send != j.Send:
		return Ruling{}
	case j.MayHaveBegun(t):
		return Ruling{End: EndLost, Unknown: true, Facts: []Fact{&JobEnded{Step: step, State: JobFailed, Worker: j.Worker}}}
	case j.Cancel:
		return Ruling{End: EndCancelled, Facts: []Fact{&JobEnded{Step: step, State: JobCancelled, Worker: j.Worker}}}
	}
	return Ruling{Release: true, Facts: []Fact{release(j, step, now, t, in.Token)}}
}

// decideAbandon ends a job without an answer. Its outcome is unknown when a worker may have begun it.
func decideAbandon(j *Job, step int32, t Terms) Ruling {
	switch {
	case j.State.Final():
		return Ruling{}
	case j.MayHaveBegun(t):
		return Ruling{End: EndTimeout, Unknown: true, Cancel: true, Facts: []Fact{&JobEnded{Step: step, State: JobTimeout, Worker: j.Worker}}}
	}
	return Ruling{End: EndCancelled, Cancel: j.Worker != "", Facts: []Fact{&JobEnded{Step: step, State: JobCancelled, Worker: j.Worker}}}
}

func decideDue(j *Job, step int32, t Terms, in Due) Ruling {
	if j.State.Final() {
		return Ruling{}
	}
	timeout := &JobEnded{Step: step, State: JobTimeout, Worker: j.Worker}
	switch in.Timer {
	case TimerQueue:
		if j.State == JobScheduled || j.State == JobDispatched {
			return Ruling{End: EndQueueTimeout, Facts: []Fact{timeout}, Cancel: j.Worker != ""}
		}
	case TimerAttempt:
		if j.State == JobRunning { // one of an attempt before, whose time came late, finds another state
			return Ruling{End: EndTimeout, Unknown: true, Facts: []Fact{timeout}, Cancel: true}
		}
	case TimerHeartbeat:
		if j.Holds() && j.State >= JobScheduled {
			return Ruling{End: EndHeartbeatTimeout, Unknown: j.MayHaveBegun(t), Facts: []Fact{timeout}, Cancel: true}
		}
	case TimerGrace:
		if j.Cancel && j.State >= JobScheduled {
			return Ruling{End: EndCancelled, Unknown: j.MayHaveBegun(t), Facts: []Fact{&JobEnded{Step: step, State: JobCancelled, Worker: j.Worker}}}
		}
	}
	return Ruling{}
}
