package scheduler

import (
	"cmp"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
)

// LimitKind is what a limit bounds. The zero value is no kind: such a machine grants nothing.
type LimitKind uint8

// The kinds of limits. The numbers are stored.
const (
	LimitConcurrent LimitKind = 1 // how many jobs hold it at a time
	LimitRate       LimitKind = 2 // how many jobs get it within a window of time
	LimitBudget     LimitKind = 3 // how much jobs use up, in a day or altogether
	LimitLock       LimitKind = 4 // one job alone, or several that share it
)

var limitNames = [...]string{"none", "concurrent", "rate", "budget", "lock"}

func (k LimitKind) String() string {
	if int(k) < len(limitNames) {
		return limitNames[k]
	}
	return limitNames[0]
}

// Turn orders the messages of one job: what is said under an older turn than the machine knows came late, and does nothing.
type Turn struct {
	Epoch uint64 // of the ownership of the job's partition
	N     uint64 // grows within it
}

// Before tells whether t is older than u.
func (t Turn) Before(u Turn) bool {
	return cmp.Or(cmp.Compare(t.Epoch, u.Epoch), cmp.Compare(t.N, u.N)) < 0
}

// LimitTerms are what the decision that a job asks under says of a limit. Each job brings its own: a newer policy's hold for
// new grants and take nothing back.
type LimitTerms struct {
	// Max is how many jobs hold it, or get it within Per; of a budget how much may be used, in millionths of its unit.
	Max int64
	// Per is a rate's window. Of a budget it is Daily, or 0 for one that is never filled again.
	Per time.Duration
	// Shared, of a lock: others that share it may hold it too. Max of a lock is 1.
	Shared bool
}

// Daily is the period of a budget that is filled again with every day of UTC.
const Daily = 24 * time.Hour

// Unit is one whole unit of a budget in the millionths that amounts are counted in: sums of them are exact.
const Unit int64 = 1_000_000

// Standing is where a job is at one limit.
type Standing uint8

// The standings of a job at a limit.
const (
	StandsApart Standing = iota // it has not asked, or is done with it
	StandsInLine
	StandsIn // it holds what it asked for
)

var standingNames = [...]string{"apart", "in_line", "in"}

func (s Standing) String() string { return standingNames[s] }

// limitMoves are all legal moves of a job at a limit, and what moves it.
var limitMoves = map[Standing][]Standing{
	StandsApart:  {StandsInLine},
	StandsInLine: {StandsIn, StandsApart}, // granted; withdrawn, refused or not heard of
	StandsIn:     {StandsApart},           // given back
}

// LimitMoves lists the legal moves of a job at a limit, for docs and tests.
func LimitMoves() []JobMove {
	var out []JobMove
	for from := StandsApart; from <= StandsIn; from++ {
		for _, to := range limitMoves[from] {
			out = append(out, JobMove{from.String(), to.String()})
		}
	}
	return out
}

// Limit is one concurrency limit, rate limit, budget or lock: who holds something of it, who waits for it, and what is used up.
// It is soft but for what its Fields and its holders' describe: who waits asks again, and keeps its place, since the place is
// by priority and age.
//
// Take is the one function that changes it. It is for one goroutine at a time.
type Limit struct {
	kind LimitKind
	ledger
	lock
	holders map[string]*Holder
	waiting map[string]*waiter
	line    indexHeap[*waiter]

	unsaved  map[string]bool // jobs whose Holder changed
	changed  bool            // the ledger did
	asking   LimitChange     // what the Take under way answers
	patience time.Duration
}

// Holder is a job, or somebody outside, that holds something of a limit. It is stored beside its limit, by job.
type Holder struct {
	Job     string // id of the job: at most one attempt of it holds
	Turn    Turn   // the newest it was heard under
	Attempt int32
	Amount  int64     // of a budget; 1 of the others
	Since   time.Time // when it was granted
	Tenant  string    // whose job it is: a limit of the installation has holders of many; "" that of the limit

	Shared bool      // of a lock
	Token  int64     // of a lock: the fencing token of this grant
	Until  time.Time // of a lock: when it lets go by itself; zero: when its job says so
	By     string    // of a lock: the actor who took it for somebody outside

	heard time.Time // when it was last said that it still holds
}

// waiter is a job that waits. First comes who has waited longest, where each priority has a head start of DefaultAgeing over the
// next lower one: nobody waits for ever because others are more urgent.
type waiter struct {
	LimitAsk
	heard time.Time
	slot  int
}

func (w *waiter) place() *int { return &w.slot }

func (w *waiter) before(o *waiter) bool {
	return cmp.Or(w.aged().Compare(o.aged()), cmp.Compare(o.Priority, w.Priority), cmp.Compare(w.Job, o.Job)) < 0
}

// aged is since when a job waits, and its head start before that.
func (in LimitAsk) aged() time.Time {
	return in.Since.Add(-time.Duration(max(in.Priority, dag.Batch)) * DefaultAgeing)
}

// NewLimit makes a machine that nobody holds. Patience is how long it believes who holds or waits without hearing of them:
// two leases.
func NewLimit(kind LimitKind, patience time.Duration) *Limit {
	return &Limit{
		kind: kind, patience: patience, holders: make(map[string]*Holder), waiting: make(map[string]*waiter),
		unsaved: make(map[string]bool),
	}
}

// LimitInput is a message to a limit. The set is closed.
type LimitInput interface{ limitInput() }

type (
	// LimitAsk is a job's wish. Asking again says that it still wants it, and answers again when it has it.
	LimitAsk struct {
		Job     string
		Turn    Turn
		Attempt int32
		Terms   LimitTerms
		Amount  int64         // of a budget: the estimate; 0 when nobody can tell. Others count 1.
		Tenant  string        // whose job it is; "" the limit's
		TTL     time.Duration // of a lock: it lets go by itself then, unless it is asked for again; 0: never
		By      string        // of a lock: who takes it for somebody outside
		// Priority and Since say who goes first.
		Priority dag.Priority
		Since    time.Time
	}
	// LimitRelease says that a job needs it no more, whether it holds it or waits.
	LimitRelease struct {
		Job  string
		Turn Turn
		// Attempt is the one that Used and Cost are about; 0: the one that holds. What an earlier one holds, whose end was never
		// heard of, counts as used.
		Attempt int32
		Used    bool  // the job was sent: a rate counts it, and of a budget Amount is gone
		Cost    int64 // of a budget: what was used up, in millionths
	}
	// LimitHeard says that a job still holds.
	LimitHeard struct {
		Job  string
		Turn Turn
	}
	// LimitTick says that time has passed.
	LimitTick struct{}
)

func (LimitAsk) limitInput()     {}
func (LimitRelease) limitInput() {}
func (LimitHeard) limitInput()   {}
func (LimitTick) limitInput()    {}

// LimitAnswer is what a job is told once what was decided is durable: it holds what it asked for, or Refused says why it never
// will.
type LimitAnswer struct {
	Job     string
	Tenant  string // of the job; "" the limit's
	Turn    Turn
	Refused string // empty: granted, unless Waits

	Token int64 // of a lock: the fencing token of the grant
	// Waits, of a lock: it is not granted yet. Held says by whom it is held, HeldBy of them at most.
	Waits bool
	Held  []string
}

// LimitChange is what a message leads to besides the machine's new state.
type LimitChange struct {
	Answers []LimitAnswer
	// Doubts are holders that nobody has spoken of for longer than the patience: their runs are to be asked.
	Doubts []LimitAnswer
}

// Take makes a message true. It never fails: what does not fit what the machine knows came late and does nothing.
func (l *Limit) Take(now time.Time, in LimitInput) LimitChange {
	l.asking = LimitChange{}
	if l.roll(l.kind, now) {
		l.changed = true
	}
	l.lapse(now)
	switch in := in.(type) {
	case LimitAsk:
		l.ask(now, in)
	case LimitRelease:
		l.release(now, in)
	case LimitHeard:
		if h := l.holders[in.Job]; h != nil && !in.Turn.Before(h.Turn) {
			h.heard = now
		}
	case LimitTick:
		l.doubt(now)
	}
	l.grant(now)
	if ask, is := in.(LimitAsk); is {
		l.tellWaits(ask)
	}
	out := l.asking
	l.asking = LimitChange{}
	return out
}

// ask notes a wish. Whoever holds already is told so; an attempt whose end the machine never heard of is over when the next
// one asks.
func (l *Limit) ask(now time.Time, in LimitAsk) {
	if l.kind != LimitBudget {
		in.Amount = 1
	}
	in.Amount, in.Terms.Max = min(max(in.Amount, 0), maxAmount), min(in.Terms.Max, maxAmount)
	if h := l.holders[in.Job]; h != nil {
		if in.Turn.Before(h.Turn) {
			return
		}
		if h.Attempt == in.Attempt && h.Shared == in.Terms.Shared {
			h.Turn, h.heard = in.Turn, now
			l.extend(now, h, in.TTL)
			l.unsaved[in.Job] = true
			l.answer(in, "")
			return
		}
		l.giveBack(now, h, true, h.Amount)
	}
	w := l.waiting[in.Job]
	if w == nil {
		w = &waiter{}
		l.waiting[in.Job] = w
	} else if in.Turn.Before(w.Turn) {
		return
	} else if in.Attempt == w.Attempt && w.Since.Before(in.Since) {
		in.Since = w.Since // who asks again keeps its place
	}
	w.LimitAsk, w.heard = in, now
	l.line.fix(w)
}

// release lets a job go.
func (l *Limit) release(now time.Time, in LimitRelease) {
	if w := l.waiting[in.Job]; w != nil && !in.Turn.Before(w.Turn) {
		l.leaveLine(w)
	}
	h := l.holders[in.Job]
	if h == nil || in.Turn.Before(h.Turn) {
		return
	}
	if in.Attempt != 0 && in.Attempt != h.Attempt {
		in.Used, in.Cost = true, h.Amount
	}
	l.giveBack(now, h, in.Used, in.Cost)
}

// giveBack takes from a holder what it holds; what it used of it stays gone.
func (l *Limit) giveBack(now time.Time, h *Holder, used bool, cost int64) {
	delete(l.holders, h.Job)
	l.unsaved[h.Job] = true
	l.left(h)
	if l.settle(l.kind, h, used, min(max(cost, 0), maxAmount)) {
		l.changed = true
	}
}

// leaveLine takes a job out of the line.
func (l *Limit) leaveLine(w *waiter) {
	delete(l.waiting, w.Job)
	l.line.remove(w)
}

// grant lets the first in the line in, and the next, as long as there is room. Who does not fit keeps its place: nobody behind
// overtakes it.
func (l *Limit) grant(now time.Time) {
	for first := l.line.top(); first != nil; first = l.line.top() {
		why := l.never(l.kind, first.LimitAsk)
		if why == "" && !l.room(first.LimitAsk) {
			return
		}
		l.leaveLine(first)
		if why == "" {
			l.enter(now, first.LimitAsk)
		}
		l.answer(first.LimitAsk, why)
	}
}

// enter makes a job a holder.
func (l *Limit) enter(now time.Time, in LimitAsk) {
	h := &Holder{
		Job: in.Job, Tenant: in.Tenant, Turn: in.Turn, Attempt: in.Attempt, Amount: in.Amount, Since: now,
		Shared: in.Terms.Shared, By: in.By, heard: now,
	}
	l.holders[in.Job] = h
	l.entered(now, h, in.TTL)
	l.unsaved[in.Job] = true
	if l.take(l.kind, now, in) {
		l.changed = true
	}
}

func (l *Limit) answer(in LimitAsk, refused string) {
	a := LimitAnswer{Job: in.Job, Tenant: in.Tenant, Turn: in.Turn, Refused: refused}
	if h := l.holders[in.Job]; h != nil {
		a.Token = h.Token
	}
	l.asking.Answers = append(l.asking.Answers, a)
}

// doubt names the holders that were not heard of for too long, and lets those go that waited without asking again.
func (l *Limit) doubt(now time.Time) {
	for _, h := range l.holders {
		if now.Sub(h.heard) >= l.patience && h.Until.IsZero() {
			l.asking.Doubts = append(l.asking.Doubts, LimitAnswer{Job: h.Job, Tenant: h.Tenant, Turn: h.Turn})
		}
	}
	slices.SortFunc(l.asking.Doubts, func(a, b LimitAnswer) int { return cmp.Compare(a.Job, b.Job) })
	for _, w := range l.waiting {
		if now.Sub(w.heard) >= l.patience {
			l.leaveLine(w)
		}
	}
}

// Standing tells where a job is at this limit.
func (l *Limit) Standing(job string) Standing {
	switch {
	case l.holders[job] != nil:
		return StandsIn
	case l.waiting[job] != nil:
		return StandsInLine
	}
	return StandsApart
}

// Holding is how many jobs hold it, Waiting how many wait for it.
func (l *Limit) Holding() int { return len(l.holders) }

// Waiting is how many jobs wait for it.
func (l *Limit) Waiting() int { return l.line.len() }

// Next is when something changes though nobody speaks: a window has passed and somebody who waits gets in, a day begins, or
// somebody outside has held a lock for as long as they said. Zero when only others' leaving helps.
func (l *Limit) Next() time.Time {
	if l.kind == LimitLock {
		return l.soonest
	}
	first := l.line.top()
	if first == nil {
		return time.Time{}
	}
	return l.opens(l.kind, first.LimitAsk)
}
