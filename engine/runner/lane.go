package runner

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// Limits of a lane.
const (
	// batchTasks is how many tasks one commit serves at most.
	batchTasks = 512
	// inboxTasks is how many calls wait for a lane before more are refused.
	inboxTasks = 8192
	// softDelay is how long facts that nobody waits for (who got a job, progress) may stay uncommitted.
	softDelay = 200 * time.Millisecond
	// cachedRuns is how many runs a lane keeps in memory that need nothing now.
	cachedRuns = 256
)

// lane serves a share of the partitions: it drains its inbox, decides everything in the batch against the runs it holds,
// commits once, then acts. Nothing in it waits but for the store.
type lane struct {
	r     *Runner
	inbox *inbox
	log   *slog.Logger

	runs   map[string]*live
	broken map[string]error // runs that cannot be read; their records stay as they are
	timers dueHeap[timedRun]
	idle   []string // runs that may be dropped, oldest first
	soft   []*live  // runs with soft facts to be written soon
	dirty  []*live
	batch  []task
	docs   []docWrite
	keys   map[string]keyed // idempotency keys of this batch
	buf    scratch
}

type timedRun struct{ tenant, run string }

func newLane(r *Runner) *lane {
	return &lane{
		r: r, inbox: newInbox(inboxTasks), log: r.cfg.Logger,
		runs: make(map[string]*live), broken: make(map[string]error), keys: make(map[string]keyed),
	}
}

// Run serves until ctx ends and then refuses what is left.
func (l *lane) Run(ctx context.Context) error {
	defer l.refuse()
	for {
		wake := time.NewTimer(l.untilNext())
		select {
		case <-ctx.Done():
			wake.Stop()
			l.flushSoft(time.Time{})
			l.commit(context.WithoutCancel(ctx))
			return nil
		case <-l.inbox.bell:
		case <-wake.C:
		}
		wake.Stop()
		l.round(ctx)
		if err := l.r.fatal(); err != nil {
			return err
		}
	}
}

// round is one batch: tasks, timers, one commit, effects.
func (l *lane) round(ctx context.Context) {
	l.batch = l.inbox.drain(l.batch[:0], batchTasks)
	for i := range l.batch {
		l.perform(ctx, &l.batch[i])
	}
	clear(l.batch)
	now := l.r.now()
	l.fireTimers(ctx, now)
	l.flushSoft(now)
	l.commit(ctx)
	l.trim()
}

// perform does one task, fenced: a panic or an unreadable record costs its run, never the lane.
func (l *lane) perform(ctx context.Context, t *task) {
	lr, err := l.get(ctx, t)
	if err != nil {
		if t.fail != nil {
			t.fail(err)
		}
		return
	}
	turn := turn{lane: l, ctx: ctx, live: lr, now: l.r.now()}
	if t.fresh {
		turn.fresh = t.run
	}
	if err := l.fenced(&turn, t.do); err != nil {
		l.fault(ctx, t, err)
	}
}

// fenced runs do and turns a panic, or an error of deciding, into an error.
func (l *lane) fenced(t *turn, do func(*turn)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			l.log.Error("deciding panicked", "run_id", t.runID(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	do(t)
	return t.err
}

// fault forgets what was being decided, loads the run again and marks it faulted: its input and error are kept, the
// lane goes on.
func (l *lane) fault(ctx context.Context, t *task, cause error) {
	l.r.metrics.faults.Inc()
	l.log.Error("run faulted", "run_id", t.run, "error", cause)
	lr := l.runs[t.run]
	tenant := t.tenant
	if lr != nil {
		tenant = lr.run.Tenant
		l.forget(lr, ErrUnavailable)
	}
	if t.fail != nil {
		t.fail(fmt.Errorf("run %s: %w", t.run, ErrUnavailable))
	}
	if t.fresh || tenant == "" {
		return
	}
	lr, err := l.get(ctx, &task{run: t.run, tenant: tenant})
	if err != nil {
		return
	}
	again := turn{lane: l, ctx: ctx, live: lr, now: l.r.now()}
	if err := l.fenced(&again, func(t *turn) {
		t.decide(engine.Fault{Stamp: t.system("the engine could not go on"), Error: cause.Error()})
	}); err != nil {
		l.quarantine(ctx, t.run, tenant, err)
	}
}

// get answers the run of a task: from memory, or loaded. A fresh task gets none.
func (l *lane) get(ctx context.Context, t *task) (*live, error) {
	if lr := l.runs[t.run]; lr != nil {
		if t.tenant != "" && lr.run.Tenant != t.tenant {
			return nil, fmt.Errorf("run %.64q: %w", t.run, ErrNotFound)
		}
		return lr, nil
	}
	if t.fresh || t.run == "" {
		return nil, nil
	}
	if err := l.broken[t.run]; err != nil {
		return nil, fmt.Errorf("run %s cannot be read: %w", t.run, errors.Join(ErrUnavailable, err))
	}
	if t.tenant == "" {
		return nil, fmt.Errorf("run %.64q: %w", t.run, ErrNotFound)
	}
	lr, err := l.loadFenced(ctx, t.tenant, t.run)
	if err != nil {
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnavailable) {
			l.quarantine(ctx, t.run, t.tenant, err)
		}
		return nil, err
	}
	lr.freshen(l.r.now())
	l.adopt(lr)
	return lr, nil
}

func (l *lane) loadFenced(ctx context.Context, tenant, run string) (lr *live, err error) {
	defer func() {
		if p := recover(); p != nil {
			lr, err = nil, fmt.Errorf("folding the log panicked: %v", p)
		}
	}()
	return l.r.load(ctx, tenant, run)
}

// adopt keeps a loaded run in memory.
func (l *lane) adopt(lr *live) {
	l.runs[lr.id] = lr
	l.schedule(lr)
	l.rest(lr)
}

// rest notes that a run needs nothing now: it may be dropped when room is wanted.
func (l *lane) rest(lr *live) {
	if !lr.resting && l.evictable(lr) {
		lr.resting = true
		l.idle = append(l.idle, lr.id)
	}
}

// trim drops the runs that have rested longest while there are too many in memory. One that was woken meanwhile stays.
func (l *lane) trim() {
	for len(l.runs) > cachedRuns && len(l.idle) > 0 {
		oldest := l.runs[l.idle[0]]
		l.idle = l.idle[1:]
		if oldest == nil {
			continue
		}
		oldest.resting = false
		if l.evictable(oldest) {
			delete(l.runs, oldest.id)
		}
	}
}

func (l *lane) evictable(lr *live) bool {
	return !lr.run.Outstanding() && !lr.run.More() && len(lr.pending) == 0 && !lr.queued
}

// forget drops a run whose state in memory is not to be trusted; who waits for it is told.
func (l *lane) forget(lr *live, err error) {
	delete(l.runs, lr.id)
	for _, reply := range lr.replies {
		reply(err)
	}
	lr.replies, lr.then, lr.pending = nil, nil, nil
}

// quarantine sets a run aside that cannot be read. Its records stay as they are; a newer version may read them.
func (l *lane) quarantine(ctx context.Context, run, tenant string, cause error) {
	l.broken[run] = cause
	l.r.metrics.quarantined.Inc()
	l.log.Error("run set aside: its records cannot be read", "run_id", run, "error", cause)
	h, err := l.r.readHeader(ctx, tenant, run)
	if err != nil {
		return
	}
	h.State, h.Fault = "faulted", cause.Error()
	l.docs = append(l.docs, docWrite{part: l.r.partOf(run), put: store.Put{Key: headerKey(tenant, run), Value: encode(&h)}})
}

// schedule puts a run's earliest timer into the lane's.
func (l *lane) schedule(lr *live) {
	if _, due, ok := lr.timers.next(); ok && !due.Equal(lr.wake) {
		lr.wake = due
		heap.Push(&l.timers, dueItem[timedRun]{due, timedRun{lr.run.Tenant, lr.id}})
	}
}

// untilNext is how long the lane may sleep.
func (l *lane) untilNext() time.Duration {
	wait := time.Minute
	now := l.r.now()
	if len(l.timers) > 0 {
		wait = min(wait, l.timers[0].due.Sub(now))
	}
	if len(l.soft) > 0 {
		wait = min(wait, softDelay)
	}
	return max(wait, 0)
}

// fireTimers feeds every timer whose time has come to its run. Overdue ones after a long sleep come in batches.
func (l *lane) fireTimers(ctx context.Context, now time.Time) {
	for n := 0; len(l.timers) > 0 && !l.timers[0].due.After(now) && n < batchTasks; n++ {
		top := heap.Pop(&l.timers).(dueItem[timedRun])
		l.perform(ctx, &task{run: top.of.run, tenant: top.of.tenant, do: func(t *turn) { t.fireDue() }})
		if lr := l.runs[top.of.run]; lr != nil {
			lr.wake = time.Time{}
			l.schedule(lr)
		}
	}
}

// flushSoft queues runs whose soft facts are old enough; a zero now means all.
func (l *lane) flushSoft(now time.Time) {
	keep := l.soft[:0]
	for _, lr := range l.soft {
		switch {
		case len(lr.pending) == 0 || lr.softAt.IsZero():
		case now.IsZero() || now.Sub(lr.softAt) >= softDelay:
			l.queue(lr)
		default:
			keep = append(keep, lr)
		}
	}
	clear(l.soft[len(keep):])
	l.soft = keep
}

// queue puts a run into the batch's commit.
func (l *lane) queue(lr *live) {
	if !lr.queued {
		lr.queued = true
		l.dirty = append(l.dirty, lr)
	}
}

// refuse answers everybody who still waits when the lane ends.
func (l *lane) refuse() {
	for _, t := range l.inbox.drain(nil, inboxTasks*2) {
		if t.fail != nil {
			t.fail(fmt.Errorf("stopping: %w", ErrUnavailable))
		}
	}
}

// sleep wakes a run that is not in memory when its timer is due.
func (l *lane) sleep(tenant, run string, due time.Time) {
	heap.Push(&l.timers, dueItem[timedRun]{due, timedRun{tenant, run}})
}
