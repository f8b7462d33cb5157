package scheduler

import "time"

// This file is what differs for a worker that knows CAP and no more. It cannot ask whether it may begin, names no token with
// its answers, and may not be known at all: a job that is sent to its topic is taken by whoever listens there. So what goes
// to one is recorded as begun before it is sent, and how the sending went afterwards.

type (
	// HandOver says that the attempt goes to a worker of plain CAP: it counts as begun from now, and its clock starts. Worker
	// is empty when whoever listens on the topic gets it.
	HandOver struct {
		Worker  string
		Why     string
		Timeout time.Duration // of the attempt; 0 = none
	}
	// Posted says what became of the sending. With Unheard nobody can have got it, so nothing has begun.
	Posted struct {
		Send    int32
		Unheard bool
	}
)

func (HandOver) jobInput() {}
func (Posted) jobInput()   {}

// JobPosted is what became of the sending of an attempt that was recorded as begun: it left, or, with Unheard, nobody listened,
// and it waits again as it was.
type JobPosted struct {
	Step    int32
	Unheard bool
	QueueAt time.Time // with Unheard: when waiting for a worker is over; zero: never
}

// decideHandOver gives an attempt that waits to a worker of plain CAP.
func decideHandOver(j *Job, step int32, now time.Time, in HandOver) Ruling {
	if j.Cancel || j.Begun || (j.State != JobScheduled && j.State != JobDispatched) {
		return Ruling{}
	}
	begun := &JobBegun{Step: step, Worker: in.Worker}
	if in.Timeout > 0 {
		begun.TimeoutAt = now.Add(in.Timeout)
	}
	return Ruling{Facts: []Fact{&JobSent{Step: step, Worker: in.Worker, CAP: true, Why: in.Why}, begun}}
}

// decidePosted takes back what nobody got. One that is to stop meanwhile ends: it has not begun.
func decidePosted(j *Job, step int32, in Posted) Ruling {
	switch {
	case !j.CAP || j.State != JobRunning || in.Send != j.Send, j.Posted && !in.Unheard:
		return Ruling{}
	case !in.Unheard:
		return Ruling{Facts: []Fact{&JobPosted{Step: step}}}
	}
	back := &JobPosted{Step: step, Unheard: true, QueueAt: j.QueueAt}
	if j.Cancel {
		return Ruling{End: EndCancelled, Facts: []Fact{back, &JobEnded{Step: step, State: JobCancelled}}}
	}
	return Ruling{Facts: []Fact{back}}
}

// posted makes the fact true.
func (j *Job) posted(f *JobPosted) {
	if !f.Unheard {
		j.Posted = true
		return
	}
	j.move(JobScheduled)
	j.Worker, j.Why, j.Begun, j.CAP, j.Posted = "", "", false, false, false
}
