package runner

import "time"

// backlog is how far a lane is behind what comes in. What came before a timer was due goes before it, however much comes in while the
// store hangs: a worker that was heard in time is not taken for silent, and a result that came in time is not late.
type backlog struct {
	notes []tideMark // when how much had come, of what is not done yet; the oldest first
	until time.Time  // what had come by then is done
}

type tideMark struct {
	at   time.Time
	came uint64
}

// note takes the time before a lane takes what has come.
func (b *backlog) note(in *inbox, now time.Time) {
	came, _ := in.count()
	b.notes = append(b.notes, tideMark{now, came})
}

// done answers up to when all that had come is done: alarms up to then may ring.
func (b *backlog) done(in *inbox) time.Time {
	_, taken := in.count()
	n := 0
	for n < len(b.notes) && b.notes[n].came <= taken {
		b.until = b.notes[n].at
		n++
	}
	b.notes = b.notes[:copy(b.notes, b.notes[n:])]
	return b.until
}
