package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is a job's side of limits: what it asks for before its release, one after another, and gives back after its end.
// The limits' side is reserve_limit.go; which ones a job has is in reserve_terms.go.

// reservations are those of one run, by node. They are soft: a new owner has jobs ask again, and limits know who holds.
type reservations struct {
	jobs map[int32]*reservation
	used map[int32]usage // what an attempt cost, as its worker said with the result
}

// reservation is what one attempt asks for and holds. While it waits it holds nothing for longer than giveBackAfter.
type reservation struct {
	attempt int32
	wants   []want // in the fixed order: budgets, rates, concurrency limits, each by name; then the lock
	turn    scheduler.Turn
	asking  int      // of wants, the one that it waits for; -1: none
	asked   uint64   // grows with each wish: an alarm of an older one does nothing
	blocked []string // who holds the lock that it waits for, as far as it was told
}

// want is one limit of a job.
type want struct {
	name  limitName
	terms scheduler.LimitTerms
	unit  string // of a budget
	cost  int64  // of a budget, in millionths: the estimate
	held  bool
	fence int64     // of a lock that is held: its fencing token
	since time.Time // of a lock: when it was first asked for
}

func (res *reservation) complete() bool {
	return !slices.ContainsFunc(res.wants, func(w want) bool { return !w.held })
}

func (res *reservation) holds() bool {
	return slices.ContainsFunc(res.wants, func(w want) bool { return w.held })
}

// of is the place of a limit among the wants, or -1.
func (res *reservation) of(name string) int {
	return slices.IndexFunc(res.wants, func(w want) bool { return w.name.key() == name })
}

// reserve tells whether a job has everything that the constraints of its decision limit. If not it asks, and releaseJob is
// called when it has: until then the job stays pending, for the reason that limitAwaited gives.
func (t *turn) reserve(step int32) bool {
	lr := t.live
	wants := lr.wants(t.lane.r, step)
	res := lr.reserved.jobs[step]
	switch {
	case res == nil && len(wants) == 0:
		return true
	case res != nil && res.attempt != lr.jobs[step].Attempt:
		t.unreserve(step)
		res = nil
	}
	if res == nil {
		res = &reservation{attempt: lr.jobs[step].Attempt, turn: t.lane.nextTurn(lr), asking: -1}
		if lr.reserved.jobs == nil {
			lr.reserved.jobs = make(map[int32]*reservation)
		}
		lr.reserved.jobs[step] = res
	}
	t.want(step, res, wants)
	if res.complete() {
		return true
	}
	if res.asking < 0 {
		t.after(func() { t.lane.askNext(lr, step) })
		t.touch()
	}
	return false
}

// want makes a reservation about these limits. What is held on other terms than these goes back: a newer policy's hold for
// every job that is not released.
func (t *turn) want(step int32, res *reservation, wants []want) {
	same := func(a, b want) bool { return a.name.key() == b.name.key() && a.terms == b.terms && a.cost == b.cost }
	if slices.EqualFunc(res.wants, wants, same) {
		return
	}
	for _, w := range res.wants {
		at := slices.IndexFunc(wants, func(now want) bool { return same(now, w) })
		if at >= 0 {
			wants[at].held, wants[at].fence, wants[at].since = w.held, w.fence, w.since
			continue
		}
		t.lane.say(w.name, scheduler.LimitRelease{Job: t.live.jobID(step), Turn: res.turn, Attempt: res.attempt})
	}
	res.wants, res.asking, res.turn = wants, -1, t.lane.nextTurn(t.live)
}

// unreserve gives back, after the commit, what a job has of limits: it has ended, or is to be decided again. What was sent
// has been used.
func (t *turn) unreserve(step int32) {
	l, lr := t.lane, t.live
	j, res := lr.jobs[step], lr.reserved.jobs[step]
	used, cost := wasSent(j), lr.reserved.used[step]
	delete(lr.reserved.used, step)
	wants, turn := []want(nil), scheduler.Turn{}
	if res != nil {
		delete(lr.reserved.jobs, step)
		wants, turn = res.wants, res.turn
	} else if wants = lr.wants(l.r, step); len(wants) > 0 {
		turn = l.nextTurn(lr) // a process before this one asked
	}
	if len(wants) == 0 {
		return
	}
	job, attempt := lr.jobID(step), j.Attempt
	t.after(func() {
		for _, w := range slices.Backward(wants) {
			l.say(w.name, scheduler.LimitRelease{Job: job, Turn: turn, Attempt: attempt, Used: used, Cost: cost.of(w)})
		}
	})
	t.touch()
}

// unreserveAll gives back what the jobs have that a run leaves unfinished when it ends.
func (t *turn) unreserveAll() {
	for i, j := range t.live.jobs {
		if step := int32(i); j != nil && !j.State.Final() && !t.live.run.IsUndo(step) {
			t.unreserve(step)
		}
	}
}

// wasSent tells whether an attempt that is over may have reached a worker. In doubt it has: a limit counts it.
func wasSent(j *scheduler.Job) bool {
	switch j.State {
	case scheduler.JobPending, scheduler.JobApprovalRequired, scheduler.JobScheduled, scheduler.JobDenied:
		return false
	case scheduler.JobCancelled:
		return j.Worker != "" || j.Begun
	}
	return true
}

// askNext asks for the first limit that a job still lacks.
func (l *lane) askNext(lr *live, step int32) {
	res := lr.reserved.jobs[step]
	if res == nil || l.runs[lr.id] != lr {
		return
	}
	res.asking = slices.IndexFunc(res.wants, func(w want) bool { return !w.held })
	if res.asking >= 0 {
		l.ask(lr, step, res)
	}
}

// ask says what a job waits for, and looks again after a while: messages may be lost.
func (l *lane) ask(lr *live, step int32, res *reservation) {
	w, j := &res.wants[res.asking], lr.jobs[step]
	if w.since.IsZero() {
		w.since = l.r.now()
	}
	l.say(w.name, scheduler.LimitAsk{
		Job: lr.jobID(step), Tenant: lr.run.Tenant, Turn: res.turn, Attempt: res.attempt, Terms: w.terms, Amount: w.cost,
		Priority: lr.run.Spec(step).Priority, Since: j.CreatedAt,
	})
	res.asked++
	wait, asked := limitAskAgain, res.asked
	if res.holds() {
		wait = giveBackAfter
	}
	l.later(wait, task{run: lr.id, do: func(t *turn) {
		if now := t.live.reserved.jobs[step]; now == res && res.asked == asked && res.asking >= 0 {
			t.waitOn(step, res)
		}
	}})
}

// waitOn goes on waiting, holding nothing: what a job has meanwhile of other limits somebody else may use. It is asked for
// again when what it waits for is there; a lock that was given back so has another fencing token then. Under another policy the
// job may have other limits: it is decided again.
func (t *turn) waitOn(step int32, res *reservation) {
	l, lr := t.lane, t.live
	for i := range slices.Backward(res.wants) {
		if w := &res.wants[i]; w.held {
			w.held = false
			l.say(w.name, scheduler.LimitRelease{Job: lr.jobID(step), Turn: res.turn, Attempt: res.attempt})
		}
	}
	res.turn = l.nextTurn(lr)
	l.ask(lr, step, res)
	if lr.run.Fault == "" && lr.jobs[step].Snapshot != l.r.inForce() {
		t.releaseJob(step)
		t.settle()
	}
}

// nextTurn orders what is said of a run's jobs.
func (l *lane) nextTurn(lr *live) scheduler.Turn { return l.turnIn(lr.part) }

// turnIn is the next turn of a partition.
func (l *lane) turnIn(p store.Partition) scheduler.Turn {
	l.turns++
	return scheduler.Turn{Epoch: l.r.era(p), N: l.turns}
}

// limitSaid takes a limit's answer to a job that asked.
func (t *turn) limitSaid(ref id.JobRef, name limitName, a scheduler.LimitAnswer) {
	lr := t.live
	step, j := lr.job(ref)
	res := (*reservation)(nil)
	if j != nil {
		res = lr.reserved.jobs[step]
	}
	at := -1
	if res != nil {
		at = res.of(name.key())
	}
	switch {
	case res != nil && a.Turn.Before(res.turn):
		return // it has asked again since, or will
	case at < 0:
		t.disown(ref, name, a)
		return
	case res.wants[at].held:
		return
	case a.Refused != "":
		t.refuse(step, name, a.Refused)
		return
	case a.Waits:
		t.lockAwaited(step, res, a)
		return
	}
	t.lockGot(&res.wants[at], a)
	res.wants[at].held, res.asking, res.blocked = true, -1, nil
	if !res.complete() {
		t.lane.askNext(lr, step)
		return
	}
	t.releaseJob(step)
	t.settle()
}

// disown gives back what no job asked for: the answer came late. One that is under way keeps what it has.
func (t *turn) disown(ref id.JobRef, name limitName, a scheduler.LimitAnswer) {
	if a.Refused == "" && !t.live.uses(t.lane.r, ref, name) {
		t.lane.say(name, scheduler.LimitRelease{Job: a.Job, Turn: a.Turn})
	}
}

// uses tells whether a job is under way that has to hold a limit.
func (lr *live) uses(r *Runner, ref id.JobRef, name limitName) bool {
	step, j := lr.job(ref)
	if j == nil || j.State.Final() || j.State < scheduler.JobScheduled || (lr.run.State.Final() && !lr.run.IsUndo(step)) {
		return false
	}
	wants := lr.wants(r, step)
	if res := lr.reserved.jobs[step]; res != nil {
		wants = res.wants
	}
	return slices.ContainsFunc(wants, func(w want) bool { return w.name.key() == name.key() })
}

// limitDoubts answers a limit that has not heard of a holder for long: it holds still, or has ended without saying so.
func (t *turn) limitDoubts(ref id.JobRef, name limitName, a scheduler.LimitAnswer) {
	l, lr := t.lane, t.live
	step, j := lr.job(ref)
	holds := lr.uses(l.r, ref, name)
	if j != nil && !holds {
		res := lr.reserved.jobs[step]
		holds = res != nil && slices.ContainsFunc(res.wants, func(w want) bool { return w.held && w.name.key() == name.key() })
	}
	if holds {
		l.say(name, scheduler.LimitHeard{Job: a.Job, Turn: a.Turn})
		return
	}
	out := scheduler.LimitRelease{Job: a.Job, Turn: a.Turn}
	if j != nil {
		out.Used = wasSent(j)
		for _, w := range lr.wants(l.r, step) {
			if w.name.key() == name.key() {
				out.Cost = w.cost
			}
		}
	}
	l.say(name, out)
}

// limitLost answers a limit about a holder whose run cannot be had. It is gone when its run is; one that is set aside keeps
// what it has until it is read again or ended.
func (l *lane) limitLost(tenant, run string, name limitName, a scheduler.LimitAnswer, err error) {
	gone := isNotFound(err)
	if errors.Is(err, errSetAside) {
		h, err := l.r.header(context.Background(), tenant, run)
		gone = err == nil && h.final()
	}
	if gone {
		l.say(name, scheduler.LimitRelease{Job: a.Job, Turn: a.Turn, Used: true})
	}
}

// refuse ends a job that a limit will never let start.
func (t *turn) refuse(step int32, name limitName, why string) {
	failure := engine.Failure{Code: engine.CodeDenied, Message: "the limit " + name.label + " cannot be met: " + why}
	t.job(step, scheduler.Refuse{}, &engine.Outcome{Result: engine.ResultDenied, Failure: failure})
	t.settle()
}

// limitAwaited says which limit keeps a job from its release; "" when none does.
func (lr *live) limitAwaited(step int32) string {
	res := lr.reserved.jobs[step]
	if res == nil || res.asking < 0 {
		return ""
	}
	w := &res.wants[res.asking]
	if w.name.kind == scheduler.LimitLock {
		return "waiting for " + w.name.label + heldBy(res.blocked)
	}
	return "waiting for limit " + w.name.label
}

const (
	// giveBackAfter is how long a job keeps what it has of limits while it waits for another one.
	giveBackAfter = time.Second
	// limitAskAgain is how long a job waits for a limit before it says again that it does, limitPatience how long a limit
	// believes who holds or waits without hearing of them: one lease, and two.
	limitAskAgain = DefaultLeaseTTL
	limitPatience = 2 * DefaultLeaseTTL
)
