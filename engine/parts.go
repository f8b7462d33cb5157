package engine

import "slices"

// This file is how a fan-out and a loop keep the nodes below them. What they do about it is decided in fanout.go and loop.go.

// grow appends nodes that no stop has to look at: whether they begin is asked when their turn comes.
func (r *Run) grow(n int, make func(k int32) Step) (first int32) {
	first = int32(len(r.Steps))
	swept := r.sweep == first
	r.Steps = slices.Grow(r.Steps, n)
	for k := range n {
		s := make(int32(k))
		*r.counter(&s)++
		r.Steps = append(r.Steps, s)
	}
	if swept {
		r.sweep = int32(len(r.Steps))
	}
	return first
}

// enter begins a fan-out or a loop.
func (r *Run) enter(at Stamp, i int32) {
	if r.Steps[i].State != StepReady {
		return
	}
	r.moveStep(i, StepInside)
	if s := &r.Steps[i]; s.StartedAt.IsZero() {
		s.StartedAt = at.At
	}
}

func (r *Run) applyFannedOut(at Stamp, f *FannedOut) {
	frame, def := r.Steps[f.Step].frame, r.Steps[f.Step].Def
	first := r.grow(int(f.Count), func(k int32) Step {
		s := newNode(def, f.Step)
		s.Item, s.frame = k, frame
		return s
	})
	r.Steps[f.Step].parts = &parts{first: first, count: f.Count, failed: none, items: f.Items}
	r.enter(at, f.Step)
	r.fill(f.Step)
	if f.Count == 0 {
		r.look(f.Step)
	}
}

// DefaultParallel is how many iterations of a fan-out run together when it does not say (docs/architecture.md, "Limits").
const DefaultParallel = 1000

// window is how many iterations of a fan-out run together.
func (r *Run) window(i int32) int32 {
	if n := r.Plan.Def.Steps[r.Steps[i].Def].MaxParallel; n > 0 {
		return int32(n)
	}
	return DefaultParallel
}

// fill lets iterations have their turn, as many as may run together.
func (r *Run) fill(i int32) {
	p := r.Steps[i].parts
	limit := r.window(i)
	if r.Steps[i].State != StepInside || p.closing != free || r.level(i) != free {
		return
	}
	for p.next < p.count && p.live < limit {
		at := p.first + p.next
		p.next++
		if r.Steps[at].State == StepPending { // the others ended before a retry
			p.live++
			r.Steps[at].verdict = run
			r.moveStep(at, StepReady)
		}
	}
}

func (r *Run) applyRound(at Stamp, f *RoundBegun) {
	def := r.Steps[f.Step].Def
	p := r.Steps[f.Step].parts
	if p == nil {
		p = &parts{}
	}
	inner := r.Plan.Def.Scopes[r.Plan.Def.Steps[def].Inner]
	round, frame := int32(len(p.rounds)), int32(len(r.Steps))
	r.grow(inner.Count, func(k int32) Step {
		s := newNode(int32(inner.First)+k, f.Step)
		s.Round, s.frame = round, frame
		return s
	})
	p.first, p.count, p.ended, p.bad, p.failed, p.closing = frame, int32(inner.Count), 0, 0, none, free
	p.rounds = append(p.rounds, frame)
	r.seen(f.Step)
	r.Steps[f.Step].parts = p
	r.enter(at, f.Step)
	r.settleJoins(frame, p.count)
}

// settleJoins counts the joins of a scope's pending nodes anew and lets those that are settled have their turn.
func (r *Run) settleJoins(first, count int32) {
	for i := first; i < first+count; i++ {
		s := &r.Steps[i]
		if s.State != StepPending {
			continue
		}
		s.done, s.succeeded, s.bad, s.verdict = 0, 0, 0, undecided
		r.dependencies(i, func(d int32) {
			dep := &r.Steps[d]
			if !dep.State.Final() {
				return
			}
			s.done++
			if dep.State == StepSucceeded {
				s.succeeded++
			}
			if endedBadly(dep) {
				s.bad++
			}
		})
		if r.passedBy(i) {
			s.verdict = skipBranchNotTaken
			r.moveStep(i, StepReady)
			continue
		}
		r.settleJoin(i)
	}
}

// partEnded counts a node that ended for the fan-out or the loop that it is part of.
func (r *Run) partEnded(i int32) {
	s := &r.Steps[i]
	p := r.Steps[s.Parent].parts
	if s.Gone || i < p.first || i >= p.first+p.count {
		return
	}
	p.ended++
	if endedBadly(s) {
		p.bad++
	}
	if s.Item >= 0 && s.State == StepCancelled && r.level(i) != free {
		p.cut++ // not bad by itself
	}
	if p.failed < 0 && r.badByItself(i) {
		p.failed = i
	}
	if s.Item >= 0 {
		p.live--
	}
	switch {
	case p.ended == p.count || r.overfull(s.Parent):
		r.look(s.Parent)
	case s.Item >= 0:
		r.fill(s.Parent)
	}
}

// overfull tells whether a fan-out or a loop has more bad nodes than it tolerates, and does nothing about it yet.
func (r *Run) overfull(i int32) bool {
	p := r.Steps[i].parts
	if !r.fansOut(i) {
		return p.failed >= 0 && p.closing == free
	}
	return p.closing < hard && p.bad-p.cut > r.allowed(i)
}

// allowed is how many iterations of a fan-out may be bad.
func (r *Run) allowed(i int32) int32 {
	return int32(r.Plan.Def.Steps[r.Steps[i].Def].Tolerate.Allows(int(r.Steps[i].parts.count)))
}

// look puts a fan-out or a loop among those that the next decision looks at.
func (r *Run) look(i int32) {
	if p := r.Steps[i].parts; !p.queued && r.Steps[i].State == StepInside {
		p.queued = true
		r.due = append(r.due, i)
	}
}

// seen takes a fan-out or a loop off that list: something was decided about it.
func (r *Run) seen(i int32) {
	if p := r.Steps[i].parts; p != nil && p.queued {
		p.queued = false
		r.due = slices.DeleteFunc(r.due, func(at int32) bool { return at == i })
	}
}

// applyClosing begins the end of a fan-out or a loop. Iterations that have not begun end at once.
func (r *Run) applyClosing(at Stamp, f *ClosingBegun) {
	r.seen(f.Step)
	p := r.Steps[f.Step].parts
	p.closing = soft
	if f.Hard {
		p.closing = hard
	}
	if r.fansOut(f.Step) {
		for i := p.first; i < p.first+p.count; i++ {
			if r.Steps[i].State != StepPending {
				continue
			}
			r.moveStep(i, StepCancelled)
			s := &r.Steps[i]
			s.EndedAt, s.Failure = at.At, Failure{Code: CodeCancelled, Message: "it had not begun when its fan-out ended"}
			p.ended++
			p.bad++
			p.cut++
		}
	}
	if p.ended == p.count {
		r.look(f.Step)
	}
	r.sweep = min(r.sweep, p.first)
	r.sweptFrom = r.sweep
	r.ready = slices.DeleteFunc(r.ready, r.swept)
}

func (r *Run) applyReopened(at Stamp, f *Reopened) {
	r.enter(at, f.Step)
	r.reopen(f.Step)
	p := r.Steps[f.Step].parts
	if r.fansOut(f.Step) {
		r.fill(f.Step)
	} else {
		r.settleJoins(p.first, p.count)
	}
	if p.ended == p.count {
		r.look(f.Step)
	}
}

// reopen arms the bad nodes of a fan-out or of a loop's last round again, after a retry armed itself.
func (r *Run) reopen(i int32) {
	p := r.Steps[i].parts
	p.ended, p.bad, p.cut, p.live, p.next = 0, 0, 0, 0, 0
	p.failed, p.closing = none, free
	p.before = int32(len(p.rounds)) // a fresh allowance of rounds
	for at := p.first; at < p.first+p.count; at++ {
		s := &r.Steps[at]
		switch {
		case endedBadly(s):
			r.rearm(at, false)
		case s.State.Final():
			p.ended++
		}
	}
	if p.ended < p.count {
		p.before-- // the last round goes on
	}
}
