package runner

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// What came of an effect.
const (
	EffectDone    = "done"    // its worker said so
	EffectUndone  = "undone"  // done, and its compensation too
	EffectUnknown = "unknown" // its worker may have begun, and nobody knows
	EffectRunning = "running" // its worker has begun, or may have
	EffectNone    = "none"    // its worker said that it had none, or a later attempt under the same key stands for it
)

// EffectView is one attempt that somebody may have begun: the intent, which was recorded before, and the receipt, recorded after.
// What was never given to a worker had no effect and is none.
type EffectView struct {
	Step    string `json:"step"`
	Undoes  string `json:"undoes,omitempty" doc:"The step that it compensates"`
	JobID   string `json:"job_id"`
	Attempt int    `json:"attempt"`
	SentAs  string `json:"sent_as" doc:"What the attempt is called on the wire"`
	Effect  string `json:"effect" enum:"none,read,write,irreversible" doc:"As the definition says"`
	Key     string `json:"idempotency_key" doc:"The worker has it: the same over attempts, another one when the step runs again after it was undone"`
	Worker  string `json:"worker,omitempty" doc:"Absent when whoever listened on the topic got it"`

	State    string     `json:"state" enum:"done,undone,unknown,running,none"`
	IntentAt time.Time  `json:"intent_at" doc:"When it was recorded that the worker may begin"`
	Intent   uint64     `json:"intent_seq" doc:"The fact that says so"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
	Receipt  uint64     `json:"receipt_seq,omitempty" doc:"The fact that holds the worker's answer; absent when there is none"`
}

// EffectCounts are how many effects of a run are in which state.
type EffectCounts struct {
	Done    int `json:"done"`
	Undone  int `json:"undone"`
	Unknown int `json:"unknown"`
	Running int `json:"running"`
	None    int `json:"none"`
}

// EffectPage is a part of a run's ledger, in the order of intents. The counts are of all of it.
type EffectPage struct {
	Effects []EffectView
	Counts  EffectCounts
	Next    string // cursor; "" on the last page
}

// Effects answers what the jobs of a run did to the world, as far as is known: it is derived from the run's log, which has each
// intent and each receipt. What sub-workflows did is in their own.
func (r *Runner) Effects(ctx context.Context, c Caller, run, cursor string, limit int) (EffectPage, error) {
	n, err := Filter{Limit: limit}.limit()
	if err != nil {
		return EffectPage{}, err
	}
	from := 0
	if cursor != "" {
		text, err := decodeCursor(cursor)
		if err == nil {
			from, err = strconv.Atoi(text)
		}
		if err != nil || from < 0 {
			return EffectPage{}, errors.Join(ErrInvalidCursor, err)
		}
	}
	all, counts, err := r.effects(ctx, c.Tenant, run)
	if err != nil {
		return EffectPage{}, asUnavailable(err)
	}
	page := EffectPage{Effects: all[min(from, len(all)):min(from+n, len(all))], Counts: counts}
	if from+n < len(all) {
		page.Next = encodeCursor(strconv.Itoa(from + n))
	}
	return page, nil
}

// effects folds a run from its first fact and keeps book meanwhile.
func (r *Runner) effects(ctx context.Context, tenant, run string) (out []EffectView, counts EffectCounts, err error) {
	h, err := r.header(ctx, tenant, run)
	if err != nil {
		return nil, counts, err
	}
	plan, err := r.defs.plan(ctx, tenant, h.Digest)
	if err != nil {
		return nil, counts, err
	}
	if plan, err = r.pinnedPlan(ctx, tenant, run, plan); err != nil {
		return nil, counts, err
	}
	lr, err := newLive(run, plan)
	if err != nil {
		return nil, counts, err
	}
	lr.run.Tenant, lr.settings = tenant, &r.fleet
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, errPanicked
		}
	}()
	book := effectBook{live: lr, of: map[int32][]*bookedEffect{}, open: map[int32]*bookedEffect{}}
	if err := r.replay(ctx, tenant, lr, book.note); err != nil {
		return nil, counts, err
	}
	for _, e := range book.all {
		if e.void {
			continue
		}
		e.view.State = book.stateOf(e)
		counts.add(e.view.State)
		out = append(out, e.view)
	}
	return out, counts, nil
}

func (c *EffectCounts) add(state string) {
	switch state {
	case EffectDone:
		c.Done++
	case EffectUndone:
		c.Undone++
	case EffectUnknown:
		c.Unknown++
	case EffectRunning:
		c.Running++
	default:
		c.None++
	}
}

// effectBook is the ledger of a run that is being folded.
type effectBook struct {
	live *live
	all  []*bookedEffect
	of   map[int32][]*bookedEffect // by node
	open map[int32]*bookedEffect   // by node: without a receipt
}

type bookedEffect struct {
	view     EffectView
	node     int32
	attempt  int32
	answered bool
	state    scheduler.JobState // how the attempt ended
	settled  bool               // it ended without an answer, and a late one says what it did
	had      bool               // a late answer says that it had its effect
	undone   bool               // its compensation has succeeded since
	void     bool               // nobody had begun: there is no effect
}

// note books a fact that was just folded.
func (b *effectBook) note(f stamped) error {
	switch fact := f.fact.(type) {
	case *scheduler.JobSent:
		// An idempotent job may begin when it is given away; any other needs leave, which is a fact of its own.
		if b.live.run.Spec(fact.Step).Idempotent {
			b.intend(fact.Step, f, fact.Worker)
		}
	case *scheduler.JobBegun:
		b.intend(fact.Step, f, fact.Worker)
	case *scheduler.JobPosted:
		if e := b.open[fact.Step]; e != nil && fact.Unheard {
			e.void = true
			delete(b.open, fact.Step)
		}
	case *scheduler.JobReleased:
		if e := b.open[fact.Step]; e != nil { // it is sent again, so nobody had begun
			e.void = true
			delete(b.open, fact.Step)
		}
	case *scheduler.JobEnded:
		b.receive(fact, f)
	case *engine.LateResult:
		b.late(fact)
	}
	if fact, is := f.fact.(engine.Fact); is {
		b.undo(int32(engine.StepOf(fact)))
	}
	return nil
}

// undo books that a compensation has succeeded: what its step did up to now is undone.
func (b *effectBook) undo(node int32) {
	run := b.live.run
	if node < 0 || !run.IsUndo(node) || run.Steps[node].State != engine.StepSucceeded {
		return
	}
	for _, e := range b.of[run.Steps[node].Target] {
		e.undone = true
	}
}

// intend opens an effect, or notes who begins the one that is open.
func (b *effectBook) intend(node int32, f stamped, worker string) {
	lr := b.live
	if e := b.open[node]; e != nil {
		e.view.Worker = worker
		return
	}
	j := lr.jobs[node]
	e := &bookedEffect{node: node, attempt: j.Attempt, view: EffectView{
		Step: lr.run.Name(node), JobID: lr.jobID(node), Attempt: int(j.Attempt), SentAs: lr.attemptID(node), Key: lr.effectKey(node),
		Effect: effectName(lr.run.Spec(node).Effect), Worker: worker, IntentAt: f.at.At, Intent: f.seq,
	}}
	if lr.run.IsUndo(node) {
		e.view.Undoes = lr.run.Name(lr.run.Steps[node].Target)
	}
	b.open[node] = e
	b.all = append(b.all, e)
	b.of[node] = append(b.of[node], e)
}

// receive closes an effect. An answer to what nobody is known to have begun shows that somebody had: a word of it may be lost.
func (b *effectBook) receive(fact *scheduler.JobEnded, f stamped) {
	if b.open[fact.Step] == nil && fact.Answered {
		b.intend(fact.Step, f, fact.Worker)
	}
	e := b.open[fact.Step]
	if e == nil {
		return
	}
	delete(b.open, fact.Step)
	e.state, e.answered = fact.State, fact.Answered
	e.view.EndedAt = &f.at.At
	if fact.Answered {
		e.view.Receipt = f.seq
	}
	if fact.Worker != "" {
		e.view.Worker = fact.Worker
	}
}

// late books what came after the end: it may settle an outcome that was unknown.
func (b *effectBook) late(f *engine.LateResult) {
	for _, e := range b.of[f.Step] {
		if e.attempt == f.Attempt && !e.answered && f.Settles {
			e.settled, e.had = true, f.Effect
		}
	}
}

// stateOf is what came of an effect, as the run is now.
func (b *effectBook) stateOf(e *bookedEffect) string {
	switch {
	case b.open[e.node] == e:
		return EffectRunning
	case b.had(e) && e.undone:
		return EffectUndone
	case b.had(e):
		return EffectDone
	case e.answered && !b.live.run.UnknownAttempt(e.node, e.attempt), e.settled, b.stoodFor(e):
		return EffectNone
	}
	return EffectUnknown
}

// had tells whether an effect is known to have been had: by its worker's word, or by that of whoever looked at its result.
func (b *effectBook) had(e *bookedEffect) bool {
	run := b.live.run
	return e.had || e.state == scheduler.JobSucceeded || (e.answered && e.attempt == run.Steps[e.node].Attempt && run.HadEffect(e.node))
}

// stoodFor tells whether a later attempt has done what nobody knows of this one, under the same key.
func (b *effectBook) stoodFor(e *bookedEffect) bool {
	return b.live.run.Spec(e.node).Idempotent && slices.ContainsFunc(b.of[e.node], func(later *bookedEffect) bool {
		return later.attempt > e.attempt && later.view.Key == e.view.Key && b.had(later)
	})
}
