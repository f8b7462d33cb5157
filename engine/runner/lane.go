package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// lane serves a share of the partitions: it drains its inbox, decides everything in the batch against the runs it holds,
// commits once, then acts. Nothing in it waits but for the store.
type lane struct {
	r     *Runner
	inbox *inbox
	log   *slog.Logger

	runs    map[string]*live
	broken  map[string]error    // runs that cannot be read; their records stay as they are
	retired map[string]struct{} // runs that are removed with the commit to come
	mending map[string]string   // tenants of runs that are read again in a moment: a commit failed
	doubts  map[string][]string // attempts of such runs, of which the fleet was not told
	alarms  alarms
	backlog backlog
	// loadings are runs that are being read for tasks that wait.
	loadings loadings
	// sleepers are runs that are not in memory and have nothing to do before a time.
	sleepers sleepers
	idle     []string         // runs that may be dropped, oldest first
	waiting  map[string]*live // runs with jobs that are not decided
	soft     []*live          // runs with soft facts to be written soon

	batch     []task
	dirty     []*live    // runs of the commit to come
	docs      []docWrite // records beside them
	keys      map[string]answered
	moves     []move                // what the fleet is to be told after the commit
	spare     []move                // the list before, to be used again
	answers   []notice              // room for what the fleet answers to it
	limits    map[string]*limitHome // those that somebody holds or waits for
	reserving []*limitHome          // limits of the commit to come
	fences    map[store.Partition]*scheduler.Fence
	calls     map[string][]*lockCall       // who waits for a lock from outside, by its name and theirs
	letters   map[store.Partition][]letter // to owners of partitions, of this round
	vouch     []store.Partition            // of which the place is told that it knows all
	has       []bool                       // by partition, those that it serves; nil: the process is alone, and it serves its share
	parting   []parting                    // partitions that leave with the round
	turns     uint64                       // grows with what is said to limits
	sweepAt   time.Time
	since     atomic.Int64 // when its round began, in ns after shared.began; 0: it is in none, or the process is alone
	buf       scratch
	trail     trail
}

func newLane(r *Runner) *lane {
	l := &lane{
		r: r, inbox: newInbox(inboxTasks), log: r.cfg.Logger,
		runs: make(map[string]*live), broken: make(map[string]error), mending: make(map[string]string), retired: make(map[string]struct{}), waiting: make(map[string]*live), keys: make(map[string]answered), trail: newTrail(), loadings: newLoadings(),
		sweepAt: r.now().Add(sweepEvery),
	}
	if !r.alone() {
		l.has = make([]bool, len(r.epochs))
	}
	return l
}

// Run serves until ctx ends, commits what is decided, and then refuses what is left.
func (l *lane) Run(ctx context.Context) error {
	defer l.refuse()
	wake := time.NewTimer(l.untilNext())
	defer wake.Stop()
	for {
		select {
		case <-ctx.Done():
			l.r.crash(CrashDrain)
			l.flushSoft(time.Time{})
			l.keepLogs()
			l.commit(context.WithoutCancel(ctx))
			return l.r.fatal()
		case <-l.inbox.bell:
		case <-wake.C:
		}
		l.round(ctx)
		if err := l.r.fatal(); err != nil {
			return err
		}
		wake.Reset(l.untilNext())
	}
}

// round is one batch: tasks, alarms, one commit, effects.
func (l *lane) round(ctx context.Context) {
	ctx = context.WithoutCancel(ctx) // what was begun is finished: a store call that was cut off says nothing
	now := l.r.now()
	if s := l.r.shared; s != nil {
		s.dropOverdue(time.Now())
		defer l.enterRound(s)()
	}
	if !now.Before(l.sweepAt) {
		l.sweep(ctx, now)
	}
	l.backlog.note(l.inbox, now)
	l.performAll(ctx)
	l.fireAlarms(ctx, l.backlog.done(l.inbox))
	l.flushSoft(now)
	l.commit(ctx)
	l.flushMoves(ctx)
	if len(l.parting) > 0 {
		l.part(ctx)
	}
	if len(l.letters) > 0 {
		l.sendLetters()
	}
	if len(l.dirty) > 0 {
		l.inbox.ring()
	}
}

// performAll does what is in the inbox, and what comes in meanwhile, up to a batch: each task that joins is one that does
// not wait for a disk of its own. Yielding lets those who are about to offer something do it before the commit.
func (l *lane) performAll(ctx context.Context) {
	for taken := 0; taken < batchTasks; taken += len(l.batch) {
		l.batch = l.inbox.drain(l.batch[:0], batchTasks-taken)
		if len(l.batch) == 0 {
			return
		}
		for i := range l.batch {
			l.perform(ctx, &l.batch[i])
		}
		clear(l.batch)
		runtime.Gosched()
	}
}

// perform does one task, or has it wait until its run is in memory.
func (l *lane) perform(ctx context.Context, t *task) {
	if l.moved(t) == nil && l.waits(t) {
		return
	}
	l.performNow(ctx, t)
}

// performNow does one task, fenced: a panic or an unreadable record costs its run, never the lane.
func (l *lane) performNow(ctx context.Context, t *task) {
	turn := turn{lane: l, now: l.r.now()}
	err := l.moved(t)
	if err == nil {
		turn.live, err = l.get(ctx, t)
	}
	if t.mayBe && errors.Is(err, ErrNotFound) {
		err = nil
	}
	if err == nil && t.once != nil {
		turn.once, turn.before, err = l.asked(ctx, t)
	}
	if err != nil {
		if t.fail != nil {
			t.fail(err)
		}
		return
	}
	if turn.live == nil {
		turn.fresh = t.run
	}
	if err := l.fenced(&turn, t.do); err != nil {
		l.fault(ctx, t, err)
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
	if _, gone := l.retired[t.run]; gone {
		return nil, fmt.Errorf("run %s: %w", t.run, ErrNotFound)
	}
	if err := l.broken[t.run]; err != nil && !t.again {
		return nil, fmt.Errorf("run %s: %w", t.run, errors.Join(errSetAside, ErrUnavailable, err))
	}
	// What says nothing of a tenant is for runs in memory. One that is not there for a moment only is one of them.
	tenant := cmp.Or(t.tenant, l.mending[t.run])
	if tenant == "" {
		return nil, fmt.Errorf("run %.64q: %w", t.run, ErrNotFound)
	}
	lr, err := l.r.loadFenced(ctx, tenant, t.run)
	switch {
	case err == nil:
		delete(l.broken, t.run)
		lr.freshen(l.r.now())
		l.adopt(lr)
		return lr, nil
	case errors.Is(err, ErrNotFound) || transient(err):
		return nil, err
	}
	l.setAside(ctx, t.run, tenant, err)
	return nil, fmt.Errorf("run %s: %w", t.run, errors.Join(errSetAside, ErrUnavailable, err))
}

// adopt keeps a run in memory and makes room for it.
func (l *lane) adopt(lr *live) {
	l.runs[lr.id] = lr
	l.loadings.touch(lr.id)
	delete(l.mending, lr.id)
	l.resolve(lr)
	l.followKey(lr)
	l.schedule(lr)
	l.rest(lr)
}

// rest notes that a run needs nothing now, and drops those that have needed nothing for longest when there are too many.
func (l *lane) rest(lr *live) {
	if lr.run.Outstanding() || lr.resting {
		return
	}
	lr.resting = true
	l.idle = append(l.idle, lr.id)
	for len(l.runs) > cachedRuns && len(l.idle) > 1 {
		oldest := l.runs[l.idle[0]]
		l.idle = l.idle[1:]
		if oldest == nil {
			continue
		}
		oldest.resting = false
		if oldest != lr && l.evictable(oldest) {
			l.evict(oldest)
		}
	}
}

func (l *lane) evictable(lr *live) bool {
	return !lr.run.Outstanding() && !lr.run.More() && len(lr.pending) == 0 && !lr.queued
}

// evict drops a run from memory; its timer wakes it again.
func (l *lane) evict(lr *live) {
	delete(l.runs, lr.id)
	if lr.alarm.slot > 0 {
		l.alarms.remove(&lr.alarm)
		l.sleep(lr.run.Tenant, lr.id, lr.alarm.due)
	}
}

// forget drops a run whose state in memory is not to be trusted; who waits for it is told.
func (l *lane) forget(lr *live, err error) {
	delete(l.runs, lr.id)
	l.alarms.remove(&lr.alarm)
	l.unkey(lr.id)
	l.dropKey(lr)
	l.doubtMoves(lr)
	replies := lr.replies
	lr.replies, lr.then, lr.moves, lr.pending = nil, nil, nil, nil
	for _, reply := range replies {
		reply(err)
	}
}

// fireAlarms does what is due. What is overdue after a long sleep comes in batches.
func (l *lane) fireAlarms(ctx context.Context, now time.Time) {
	for range batchTasks {
		due, any := l.nextDue()
		if !any || due.After(now) {
			return
		}
		t := l.popDue()
		moved := l.moved(&t) != nil // then it is about to be forgotten: an alarm that is due would ring until that is done
		l.perform(ctx, &t)
		if lr := l.runs[t.run]; lr != nil && !moved {
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
			lr.softening = false
		case now.IsZero() || now.Sub(lr.softAt) >= softDelay:
			lr.softening = false
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

// soften has a run's soft facts written soon.
func (l *lane) soften(lr *live) {
	if !lr.softening {
		lr.softening = true
		l.soft = append(l.soft, lr)
	}
}

// refuse answers everybody who still waits when the lane ends, and who comes later.
func (l *lane) refuse() {
	stopping := fmt.Errorf("stopping: %w", ErrUnavailable)
	for _, t := range l.inbox.close() {
		if t.fail != nil {
			t.fail(stopping)
		}
	}
	for _, g := range l.loadings.runs {
		g.refuse(stopping)
	}
	clear(l.loadings.runs)
	for _, lr := range l.dirty {
		l.forget(lr, stopping)
	}
}
