package scheduler

import (
	"fmt"
	"strconv"
	"time"
)

// ledger is what a limit remembers of jobs that have gone: tokens of a rate that are still out, and what a budget has spent.
// The three kinds differ in nothing else, so each method is their table.
type ledger struct {
	per      time.Duration // of the newest terms
	tokens   []tokens      // of a rate: those taken, oldest first
	reserved int64         // of a budget: what holders may come to use; derived from them
	spent    int64         // of a budget: what is used up in its period
	period   time.Time     // of a daily budget: when the day began that spent is of
}

// tokens were taken between first and last. They come back when their window has passed since last: never too early.
type tokens struct {
	first, last time.Time
	n           int64
}

// never says why a wish cannot ever be met; empty when it can.
func (g *ledger) never(kind LimitKind, in LimitAsk) string {
	switch {
	case in.Terms.Max <= 0:
		return "the limit is 0"
	case kind != LimitBudget:
		return ""
	case in.Amount > in.Terms.Max:
		return fmt.Sprintf("%s is estimated, more than the whole budget of %s", units(in.Amount), units(in.Terms.Max))
	case in.Terms.Per == 0 && g.reserved == 0 && !g.affords(in):
		return fmt.Sprintf("%s of %s is used up, %s more is estimated", units(g.spent), units(in.Terms.Max), units(in.Amount))
	}
	return ""
}

// fits tells whether there is room for a wish, beside so many holders.
func (g *ledger) fits(kind LimitKind, holders int, in LimitAsk) bool {
	switch kind {
	case LimitConcurrent:
		return int64(holders) < in.Terms.Max
	case LimitRate:
		return g.out() < in.Terms.Max
	case LimitBudget:
		return g.affords(in)
	}
	return false
}

// affords tells whether a budget has something left, and enough. Where nobody can tell what a job costs, something is enough.
func (g *ledger) affords(in LimitAsk) bool {
	left := in.Terms.Max - g.spent - g.reserved
	return left > 0 && in.Amount <= left
}

// out is how many tokens of a rate are taken.
func (g *ledger) out() (n int64) {
	for _, t := range g.tokens {
		n += t.n
	}
	return n
}

// take notes what a new holder takes, and tells whether something changed that is stored.
func (g *ledger) take(kind LimitKind, now time.Time, in LimitAsk) bool {
	switch kind {
	case LimitRate:
		g.per = in.Terms.Per
		g.takeToken(now, in.Terms)
		return true
	case LimitBudget:
		g.reserved += in.Amount
		daily := in.Terms.Per == Daily
		if daily && g.period.IsZero() {
			g.period = day(now)
			return true
		}
	}
	return false
}

// takeToken takes one. Of a rate of many, those taken close together are kept as one entry, so that there are few: they come
// back together, with the last of them.
func (g *ledger) takeToken(now time.Time, terms LimitTerms) {
	grain := time.Duration(0)
	if terms.Max > rateEntries {
		grain = terms.Per / rateEntries
	}
	if n := len(g.tokens); n > 0 {
		last := &g.tokens[n-1]
		if now.Before(last.last) { // the clock went back: count from the later of the two
			now = last.last
		}
		if now.Sub(last.first) <= grain {
			last.n, last.last = last.n+1, now
			return
		}
	}
	g.tokens = append(g.tokens, tokens{first: now, last: now, n: 1})
}

// settle notes what a holder that goes used, and tells whether something changed that is stored.
func (g *ledger) settle(kind LimitKind, h *Holder, used bool, cost int64) bool {
	switch kind {
	case LimitRate:
		return !used && g.returnToken(h.Since)
	case LimitBudget:
		g.reserved -= h.Amount
		if used && cost > 0 {
			g.spent = min(g.spent+cost, maxSpent)
			return true
		}
	}
	return false
}

// returnToken puts back the token that was taken at a time, if it is still out.
func (g *ledger) returnToken(at time.Time) bool {
	for i := range g.tokens {
		t := &g.tokens[i]
		if at.After(t.last) && i < len(g.tokens)-1 {
			continue
		}
		if at.Before(t.first) && i == 0 {
			return false // it has come back
		}
		if t.n--; t.n == 0 {
			g.tokens = append(g.tokens[:i], g.tokens[i+1:]...)
		}
		return true
	}
	return false
}

// roll lets time pass: tokens come back, a new day has a new budget. It tells whether something changed that is stored.
func (g *ledger) roll(kind LimitKind, now time.Time) bool {
	switch kind {
	case LimitRate:
		back := 0
		for back < len(g.tokens) && !now.Before(g.tokens[back].last.Add(g.per)) {
			back++
		}
		g.tokens = g.tokens[back:]
		return back > 0
	case LimitBudget:
		if !g.period.IsZero() && day(now).After(g.period) {
			g.period, g.spent = day(now), 0
			return true
		}
	}
	return false
}

// opens is when a wish that waits may be met by the passing of time; zero when time does not help.
func (g *ledger) opens(kind LimitKind, in LimitAsk) time.Time {
	switch {
	case kind == LimitRate:
		out := g.out()
		for _, t := range g.tokens {
			if out -= t.n; out < in.Terms.Max {
				return t.last.Add(g.per)
			}
		}
	case kind == LimitBudget && in.Terms.Per == Daily && !g.period.IsZero():
		return g.period.Add(Daily)
	}
	return time.Time{}
}

// blank tells whether there is nothing to remember.
func (g *ledger) blank(now time.Time) bool {
	return len(g.tokens) == 0 && (g.spent == 0 || !g.period.IsZero() && day(now).After(g.period))
}

// day is when the day of UTC began.
func day(t time.Time) time.Time { return t.UTC().Truncate(Daily) }

// units writes an amount as people do.
func units(millionths int64) string {
	return strconv.FormatFloat(float64(millionths)/float64(Unit), 'f', -1, 64)
}
