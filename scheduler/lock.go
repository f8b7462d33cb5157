package scheduler

import (
	"slices"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// This file is what makes a limit a lock: one holder alone or several that share it, each with a fencing token, and holders from
// outside who let go by themselves. It is waited for in one line, so that those who share it never overtake somebody who waits
// to have it alone.

// Fence gives out fencing tokens. All locks of a partition draw from one, so that nothing has to be kept of a lock that nobody
// holds, and no token is ever given twice. The zero value begins at 1.
type Fence struct {
	last    int64
	changed bool
}

// NewFence goes on behind every token that may have been given out before now, for a fence whose record cannot be read: counting
// by ones it never comes as far as the microseconds since 1970.
func NewFence(now time.Time) *Fence { return &Fence{last: now.UnixMicro()} }

// GoOnBehind makes the tokens to come greater than those of another fence, too.
func (f *Fence) GoOnBehind(g *Fence) { f.last = max(f.last, g.last) }

// Fields describes the stored form. It is to be stored in the commit of every grant.
func (f *Fence) Fields(c *codec.Codec) { c.Int(&f.last) }

// Unsaved tells whether the fence changed since it was last asked.
func (f *Fence) Unsaved() bool {
	changed := f.changed
	f.changed = false
	return changed
}

func (f *Fence) next() int64 {
	f.last++
	f.changed = true
	return f.last
}

// lock is what a limit remembers of being one.
type lock struct {
	fence   *Fence    // nil: it is none
	alone   int       // holders that do not share it: 0 or 1, but for what was restored
	soonest time.Time // when the first holder may let go by itself; zero: none will
}

// NewLock makes a lock that nobody holds, with tokens from fence. Patience is that of [NewLimit].
func NewLock(fence *Fence, patience time.Duration) *Limit {
	l := NewLimit(LimitLock, patience)
	l.fence = fence
	return l
}

// room tells whether a wish can be met now.
func (l *Limit) room(in LimitAsk) bool {
	switch {
	case l.kind != LimitLock:
		return l.fits(l.kind, len(l.holders), in)
	case in.Terms.Shared:
		return l.alone == 0
	}
	return len(l.holders) == 0
}

// entered gives a new holder of a lock its token.
func (l *Limit) entered(now time.Time, h *Holder, ttl time.Duration) {
	if l.kind != LimitLock {
		return
	}
	h.Token = l.fence.next()
	if !h.Shared {
		l.alone++
	}
	l.extend(now, h, ttl)
}

// extend lets a holder from outside hold on from now.
func (l *Limit) extend(now time.Time, h *Holder, ttl time.Duration) {
	if l.kind == LimitLock && ttl > 0 {
		h.Until = now.Add(ttl)
		l.noteEnd(h)
	}
}

func (l *Limit) noteEnd(h *Holder) {
	if !h.Until.IsZero() && (l.soonest.IsZero() || h.Until.Before(l.soonest)) {
		l.soonest = h.Until
	}
}

// left forgets a holder that has let go.
func (l *Limit) left(h *Holder) {
	if l.kind == LimitLock && !h.Shared {
		l.alone--
	}
}

// restored takes over what a stored holder is to a lock. Its token was given out, whatever the fence's record says.
func (l *Limit) restored(h *Holder) {
	if l.kind != LimitLock {
		return
	}
	if !h.Shared {
		l.alone++
	}
	l.fence.last = max(l.fence.last, h.Token)
	l.noteEnd(h)
}

// lapse lets those go who said that they would by now.
func (l *Limit) lapse(now time.Time) {
	if l.soonest.IsZero() || now.Before(l.soonest) {
		return
	}
	l.soonest = time.Time{}
	for _, h := range l.holders {
		if !h.Until.IsZero() && !now.Before(h.Until) {
			l.giveBack(now, h, false, 0)
		} else {
			l.noteEnd(h)
		}
	}
}

// tellWaits answers who asked for a lock and did not get it: it waits holding nothing else.
func (l *Limit) tellWaits(in LimitAsk) {
	w := l.waiting[in.Job]
	if l.kind != LimitLock || w == nil || w.Turn != in.Turn {
		return
	}
	held := l.Holders()
	l.asking.Answers = append(l.asking.Answers, LimitAnswer{
		Job: in.Job, Tenant: in.Tenant, Turn: in.Turn, Waits: true, Held: held[:min(len(held), HeldBy)],
	})
}

// Holder answers who holds it under a name, as it is now; nil when nobody does. It is the machine's.
func (l *Limit) Holder(job string) *Holder { return l.holders[job] }

// Line are the wishes that wait, first to last.
func (l *Limit) Line() []LimitAsk {
	all := make([]*waiter, 0, len(l.waiting))
	for _, w := range l.waiting {
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *waiter) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	out := make([]LimitAsk, len(all))
	for i, w := range all {
		out[i] = w.LimitAsk
	}
	return out
}
