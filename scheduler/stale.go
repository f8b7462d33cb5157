package scheduler

import "time"

// StaleStat counts attempts that nothing has happened to for long.
type StaleStat struct {
	Waiting int // for a worker, since longer than a limit
	Unsaid  int // given to a worker a lease ago, and no heartbeat or acceptance has spoken of them
}

// Stale looks for them. It looks at all that workers have, and, of what waits, only at what is stale.
func (f *Fleet) Stale(now time.Time, limit time.Duration) (s StaleStat) {
	f.advance(now)
	for _, d := range f.inOrder {
		for _, l := range d.open {
			for _, of := range l.shares {
				s.Waiting += of.waiting.older(f.now.Add(-limit))
			}
		}
	}
	for _, w := range f.workers {
		for _, a := range w.held {
			if a.listedIn == 0 && f.now.Sub(a.grantedAt) > f.cfg.WorkerLease {
				s.Unsaid++
			}
		}
	}
	return s
}

// older counts those that were released before a time. All of one queue have the same head start, so it ends with the first
// younger one.
func (q *queue) older(than time.Time) (n int) {
	for _, a := range q.inOrder[q.head:] {
		if a == nil {
			continue
		}
		if !a.req.ReleasedAt.Before(than) {
			break
		}
		n++
	}
	for _, a := range q.late.items {
		if a.req.ReleasedAt.Before(than) {
			n++
		}
	}
	return n
}
