package runner

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is what a lane keeps for its locks beside the machines: the fences of its partitions, the callers from outside who
// wait for an answer, and what people do to locks.

// outsiderPrefix begins the name under which somebody outside holds a lock: no job's id begins so.
const outsiderPrefix = "by/"

func outsider(owner string) string { return outsiderPrefix + url.PathEscape(owner) }

func isOutsider(holder string) bool { return strings.HasPrefix(holder, outsiderPrefix) }

// ownerOf is who an outsider's name stands for, and whether it is one.
func ownerOf(holder string) (string, bool) {
	escaped, is := strings.CutPrefix(holder, outsiderPrefix)
	if !is {
		return "", false
	}
	owner, err := url.PathUnescape(escaped)
	if err != nil {
		return escaped, true
	}
	return owner, true
}

// newLimit makes the machine of a limit that is about to be read.
func (l *lane) newLimit(ctx context.Context, n limitName) (*scheduler.Limit, error) {
	if n.kind != scheduler.LimitLock {
		return scheduler.NewLimit(n.kind, limitPatience), nil
	}
	fence, err := l.fence(ctx, n.part)
	if err != nil {
		return nil, err
	}
	return scheduler.NewLock(fence, limitPatience), nil
}

// fence answers the fencing tokens of a partition: from memory, or read. It stays in memory: what a commit that failed gave out is
// not given out again either.
func (l *lane) fence(ctx context.Context, p store.Partition) (*scheduler.Fence, error) {
	if f := l.fences[p]; f != nil {
		return f, nil
	}
	f := &scheduler.Fence{}
	rec, err := l.r.store.Get(ctx, p, fenceKey())
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, fmt.Errorf("read the fencing tokens of partition %d: %w", p, errors.Join(ErrUnavailable, err))
	default:
		if err := codec.Decode(rec.Value, f); err != nil {
			l.log.Error("fencing tokens cannot be read: they go on at the clock's", "partition", p, "error", err)
			f = scheduler.NewFence(l.r.now())
		}
	}
	if l.fences == nil {
		l.fences = make(map[store.Partition]*scheduler.Fence)
	}
	l.fences[p] = l.r.beyond(f)
	return f, nil
}

// keepFences puts the tokens that were given out into the commit of their grants.
func (l *lane) keepFences() {
	for p, f := range l.fences {
		if f.Unsaved() {
			l.docs = append(l.docs, docWrite{part: p, puts: []store.Put{{Key: fenceKey(), Value: encode(f)}}})
		}
	}
}

// lockCall is somebody outside who waits to be answered.
type lockCall struct {
	caller Caller
	wait   bool // the answer that others hold it is none yet
	answer promise[scheduler.LimitAnswer]
}

// callsKey is where those are kept who ask in the name of one holder.
func callsKey(n limitName, holder string) string { return n.key() + limitRow + holder }

// takeOutsider asks for a lock in a caller's name. Asked again, the call keeps its place.
func (l *lane) takeOutsider(n limitName, in scheduler.LimitAsk, call *lockCall) {
	if err := l.mayTake(n, in); err != nil {
		call.answer.fail(err)
		return
	}
	key := callsKey(n, in.Job)
	if l.calls == nil {
		l.calls = make(map[string][]*lockCall)
	}
	known := false
	for _, c := range l.calls[key] {
		known = known || c == call
	}
	if !known {
		l.calls[key] = append(l.calls[key], call)
	}
	in.Turn = l.lockTurn(n)
	l.takeLimit(n, in)
}

// renewOutside lets a holder hold on, if it is still the one that the caller means.
func (l *lane) renewOutside(n limitName, c Caller, req LockRequest, call *lockCall) {
	h, err := l.limitHome(context.Background(), n)
	if err != nil {
		call.answer.fail(err)
		return
	}
	holder := h.limit.Holder(outsider(req.Owner))
	if err := l.r.mayTouch(holder, c, req); err != nil {
		call.answer.fail(err)
		return
	}
	l.takeOutsider(n, scheduler.LimitAsk{
		Job: holder.Job, Tenant: c.Tenant, Attempt: holder.Attempt, Terms: lockTerms(holder.Shared), TTL: req.TTL, By: holder.By, Since: holder.Since,
	}, call)
}

// mayTake tells what keeps a caller from asking in a holder's name: it is somebody else's, or holds the lock in the other mode.
func (l *lane) mayTake(n limitName, in scheduler.LimitAsk) error {
	h, err := l.limitHome(context.Background(), n)
	if err != nil {
		return err
	}
	holder := h.limit.Holder(in.Job)
	owner, _ := ownerOf(in.Job)
	switch {
	case holder == nil || !l.r.now().Before(holder.Until):
		return nil
	case holder.By != in.By:
		return fmt.Errorf("the owner %q of %s is %s: take another name: %w", owner, n.label, holder.By, ErrConflict)
	case holder.Shared != in.Terms.Shared:
		return fmt.Errorf("%q holds %s %s: release it first: %w", owner, n.label, modeName(holder.Shared), ErrConflict)
	}
	return nil
}

// lockTurn orders what is said of outsiders' holdings: it is said on the lock's own lane.
func (l *lane) lockTurn(n limitName) scheduler.Turn { return l.turnIn(n.part) }

// answerOutsider gives a lock's word to who asked in a holder's name. Those who do not wait leave the line.
func (l *lane) answerOutsider(n limitName, a scheduler.LimitAnswer) {
	key := callsKey(n, a.Job)
	var stay []*lockCall
	for _, c := range l.calls[key] {
		if a.Waits && c.wait {
			stay = append(stay, c)
			continue
		}
		c.answer.give(a)
	}
	if len(stay) > 0 {
		l.calls[key] = stay
		return
	}
	delete(l.calls, key)
	if a.Waits {
		l.takeLimit(n, scheduler.LimitRelease{Job: a.Job, Turn: a.Turn})
	}
}

// stillWaits keeps the place of a call that was not answered yet.
func (l *lane) stillWaits(n limitName, in scheduler.LimitAsk, call *lockCall) {
	for _, c := range l.calls[callsKey(n, in.Job)] {
		if c == call {
			in.Turn = l.lockTurn(n)
			l.takeLimit(n, in)
			return
		}
	}
}

// releaseOutside lets go what an owner holds, or by force what anybody does, and answers when that is durable.
func (l *lane) releaseOutside(n limitName, c Caller, req LockRequest, answer promise[struct{}]) {
	h, err := l.limitHome(context.Background(), n)
	if err != nil {
		answer.fail(err)
		return
	}
	gone, act := []string{outsider(req.Owner)}, actLockRelease
	if req.Force {
		gone, act = h.forced(req.Holder), actLockForce
		if len(gone) == 0 {
			err = fmt.Errorf("lock_lost: nobody of that name holds it: %w", ErrConflict)
		}
	} else {
		err = l.r.mayTouch(h.limit.Holder(gone[0]), c, req)
	}
	if err != nil {
		answer.fail(err)
		return
	}
	for _, holder := range gone {
		h.acts = append(h.acts, docAct{caller: c, name: act, subject: h.name.label})
		turn := scheduler.Turn{}
		if held := h.limit.Holder(holder); held != nil { // else its time was over meanwhile
			turn = held.Turn
		}
		l.takeLimit(n, scheduler.LimitRelease{Job: holder, Turn: turn})
	}
	h.kept = append(h.kept, answer)
}

// forced are the holders that a forced release takes a lock from: one by its name, or all.
func (h *limitHome) forced(holder string) (gone []string) {
	for _, job := range h.limit.Holders() {
		if holder == "" || job == holder || job == outsider(holder) {
			gone = append(gone, job)
		}
	}
	return gone
}

// withdraw takes a call back whose time to wait is over: it is answered that it waits, unless it got the lock meanwhile.
func (l *lane) withdraw(n limitName, holder string, call *lockCall) {
	key := callsKey(n, holder)
	for _, c := range l.calls[key] {
		if c != call {
			continue
		}
		h, err := l.limitHome(context.Background(), n)
		switch {
		case err != nil:
			call.answer.fail(err)
		case h.limit.Holder(holder) != nil:
			return // granted: the commit answers
		}
		call.wait = false
		a := scheduler.LimitAnswer{Job: holder, Waits: true, Turn: l.lockTurn(n)}
		if err == nil {
			held := h.limit.Holders()
			a.Held = held[:min(len(held), scheduler.HeldBy)]
		}
		l.answerOutsider(n, a)
		return
	}
}

// lockTaken notes for the audit log who of those outside was granted a lock just now.
func (l *lane) lockTaken(h *limitHome, now time.Time, answers []scheduler.LimitAnswer) {
	for _, a := range answers {
		if a.Waits || a.Refused != "" || !isOutsider(a.Job) {
			continue
		}
		holder := h.limit.Holder(a.Job)
		if holder == nil || !holder.Since.Equal(now) || holder.Turn != a.Turn {
			continue
		}
		c := Caller{Tenant: h.name.tenant, Actor: holder.By}
		if calls := l.calls[callsKey(h.name, a.Job)]; len(calls) > 0 {
			c = calls[0].caller
		}
		h.acts = append(h.acts, docAct{caller: c, name: actLockAcquire, subject: h.name.label})
	}
}

// Names of acts in the audit log.
const (
	actLockAcquire = "lock.acquire"
	actLockRelease = "lock.release"
	actLockForce   = "lock.force_release"
)

// lockLost tells who waits for a lock whose commit failed that nobody knows what came of it. Jobs ask again.
func (l *lane) lockLost(h *limitHome, err error) {
	l.countLock(h, 0)
	prefix := callsKey(h.name, outsiderPrefix)
	for key, calls := range l.calls {
		if strings.HasPrefix(key, prefix) {
			for _, c := range calls {
				c.answer.fail(wrapCommit(err))
			}
			delete(l.calls, key)
		}
	}
}

// countLock keeps the gauge of locks that are held.
func (l *lane) countLock(h *limitHome, holding int) {
	if h.name.kind != scheduler.LimitLock {
		return
	}
	if h.counted == 0 && holding > 0 {
		l.r.metrics.locks.held.Inc()
	}
	if h.counted > 0 && holding == 0 {
		l.r.metrics.locks.held.Dec()
	}
	h.counted = holding
}
