package runner

import (
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// This file is what the fleet may take for waiting, or for held, although it is over: of runs whose last commit failed, so that
// what they had to tell the fleet was forgotten with them. Heartbeats that list jobs put that right; of plain workers, and of
// what went to a topic, nothing would. When such a run is in memory again, its log says what is true.

// doubt notes an attempt of which the fleet is told when its run is read again.
func (l *lane) doubt(run, attempt string) {
	if l.doubts == nil {
		l.doubts = make(map[string][]string)
	}
	l.doubts[run] = append(l.doubts[run], attempt)
}

// doubtMoves notes what a run would have told the fleet of attempts that the fleet knows.
func (l *lane) doubtMoves(lr *live) {
	for _, m := range lr.moves {
		if m.kind != moveAnnounce && m.kind != moveAdopt {
			l.doubt(lr.id, m.attempt)
		}
	}
}

// resolve tells the fleet which of a run's doubtful attempts are over.
func (l *lane) resolve(lr *live) {
	for _, attempt := range l.doubts[lr.id] {
		if kind, over := lr.isOver(attempt); over {
			l.moves = append(l.moves, move{kind: kind, attempt: attempt})
		}
	}
	delete(l.doubts, lr.id)
}

// isOver tells whether an attempt may be over as the fleet sees it: it is unless the log says that somebody has it, or, where the
// log does not know, unless heartbeats of whoever the fleet takes for its worker say when it is lost.
func (lr *live) isOver(attempt string) (kind moveKind, over bool) {
	ref, err := id.ParseJob(attempt)
	if err != nil {
		return moveEnded, true
	}
	node, j := lr.job(ref)
	if j == nil || lr.attemptID(node) != attempt || j.State < scheduler.JobScheduled || j.State.Final() || (lr.run.State.Final() && !lr.run.Undoing) {
		return moveEnded, true
	}
	return moveDoubted, !j.Holds()
}
