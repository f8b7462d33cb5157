package scheduler

import (
	"slices"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/yamlx"
)

// Fields describes the stored form of a limit. Its holders are stored each for itself, so that a grant costs the same
// whether ten or ten thousand hold it; who waits is not stored.
func (l *Limit) Fields(c *codec.Codec) {
	codec.Enum(c, &l.kind)
	c.Duration(&l.per)
	c.Int(&l.spent)
	c.Time(&l.period)
	codec.List(c, &l.tokens, func(c *codec.Codec, t *tokens) {
		c.Time(&t.first)
		c.Time(&t.last)
		c.Int(&t.n)
	})
}

// Fields describes the stored form of a holder. Its job is its key.
func (h *Holder) Fields(c *codec.Codec) {
	c.Uint(&h.Turn.Epoch)
	c.Uint(&h.Turn.N)
	c.Int32(&h.Attempt)
	c.Int(&h.Amount)
	c.Time(&h.Since)
	c.String(&h.Tenant)
	c.Bool(&h.Shared)
	c.Int(&h.Token)
	c.Time(&h.Until)
	c.String(&h.By)
}

// Unsaved is what is to be stored of a limit so that the store has what it has.
type Unsaved struct {
	Head bool      // its own fields
	Put  []*Holder // by job; they are the machine's: read them before the next Take
	Gone []string  // jobs that hold no more
}

// Unsaved answers what changed since it was last asked.
func (l *Limit) Unsaved() Unsaved {
	out := Unsaved{Head: l.changed}
	for _, job := range yamlx.SortedKeys(l.unsaved) {
		if h := l.holders[job]; h != nil {
			out.Put = append(out.Put, h)
		} else {
			out.Gone = append(out.Gone, job)
		}
	}
	l.changed = false
	clear(l.unsaved)
	return out
}

// Restore takes over a holder as it was stored. It is doubted at the next tick: it may have let go of the machine that was before,
// and nothing was kept of that.
func (l *Limit) Restore(h *Holder) {
	l.holders[h.Job] = h
	if l.kind == LimitBudget {
		l.reserved += h.Amount
	}
	l.restored(h)
}

// Shut makes a limit whose record cannot be read count as used up, as far as is to be feared: a rate for one window, a
// budget for its day or, when it has none, for ever.
func (l *Limit) Shut(now time.Time, terms LimitTerms) {
	l.changed = true
	switch l.kind {
	case LimitRate:
		l.per, l.tokens = terms.Per, []tokens{{first: now, last: now, n: maxAmount}}
	case LimitBudget:
		l.spent = maxSpent
		if terms.Per == Daily {
			l.period = day(now)
		}
	}
}

// Idle tells whether the machine can be forgotten: nobody holds it or waits.
func (l *Limit) Idle() bool { return len(l.holders) == 0 && l.line.len() == 0 }

// Blank tells whether it is as good as a new one: nothing has to be kept of it.
func (l *Limit) Blank(now time.Time) bool { return l.Idle() && l.blank(now) }

// Holders are the jobs that hold it, sorted.
func (l *Limit) Holders() []string {
	jobs := make([]string, 0, len(l.holders))
	for job := range l.holders {
		jobs = append(jobs, job)
	}
	slices.Sort(jobs)
	return jobs
}
