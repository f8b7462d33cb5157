package trial

import (
	"strings"

	"cordum.dev/cordum/engine"
)

// states are the words of the format that a node's state may be called; one under way is called by several.
func (w *world) states(name string) []string {
	m, node := w.find(name)
	if m == nil {
		return []string{"pending"} // it has not come to be
	}
	s := &m.run.Steps[node]
	switch {
	case m.asks(node):
		return []string{"waiting"}
	case s.State == engine.StepPending || s.Gone:
		return []string{"pending"}
	case s.State == engine.StepReady && s.Attempt == 0:
		return []string{"pending"}
	case s.State == engine.StepReady || s.State == engine.StepRetrying:
		return []string{"waiting", "running", "pending"} // between attempts
	case s.State == engine.StepInside || s.State == engine.StepHeld:
		return []string{"running", "waiting"}
	}
	return []string{s.State.String()}
}

// asks tells whether people are asked to let a node, or its job, go on. Of a run that somebody else plays only the engine's
// facts are seen: a job that waits says so there.
func (m *member) asks(node int32) bool {
	s := &m.run.Steps[node]
	return m.questions[node] != nil || s.State == engine.StepRunning && m.run.Idle(node)
}

// status is the run's as people see it: a job that the policy lets start only with leave is not under way yet, so a run of
// which nothing else is waits.
func (m *member) status() string {
	status := m.run.Status()
	if status != engine.RunRunning.String() || len(m.questions) == 0 || m.run.Undoing || m.run.More() {
		return status
	}
	for i := range m.run.Steps {
		node, s := int32(i), &m.run.Steps[i]
		kid := m.kids[node]
		switch {
		case s.State == engine.StepRunning && m.questions[node] == nil:
			return status
		case s.State == engine.StepInside && kid != nil && kid.status() != "waiting":
			return status
		}
	}
	return "waiting"
}

// reason is why a node was skipped.
func (w *world) reason(name string) string {
	m, node := w.find(name)
	if m == nil || m.run.Steps[node].State != engine.StepSkipped {
		return ""
	}
	return m.run.Steps[node].Reason.String()
}

// attempts are the jobs sent for a name; for a fan-out, those of its iterations.
func (w *world) attempts(name string) int {
	n := w.story.sent[name]
	if n > 0 || strings.HasSuffix(name, "]") {
		return n
	}
	for other, sent := range w.story.sent {
		if rest, below := strings.CutPrefix(other, name+"["); below && strings.IndexByte(rest, ']') == len(rest)-1 {
			n += sent
		}
	}
	return n
}

// compensated are the names of what was undone, each as often as it was.
func (w *world) compensated() (out []string) {
	for name, times := range w.story.undone {
		for range times {
			out = append(out, name)
		}
	}
	return out
}

// held are the names of what a compensation is held for. What is held in a sub-workflow that a parent's rollback undoes is
// named by the parent's step.
func (w *world) held() (out []string) {
	for _, m := range w.runs {
		if m.undoFor >= 0 || (m.parent != nil && m.parent.underUndo()) {
			continue
		}
		for i := range m.run.Steps {
			s := &m.run.Steps[i]
			if s.Target < 0 {
				continue
			}
			if s.State == engine.StepHeld || (s.State == engine.StepInside && m.heldInside(int32(i))) {
				out = append(out, strings.TrimPrefix(m.name(int32(i)), undoPrefix))
			}
		}
	}
	return out
}

// underUndo tells whether a run undoes what it did because a parent's rollback asked for it, however far up.
func (m *member) underUndo() bool {
	return m.undoFor >= 0 || (m.parent != nil && m.parent.underUndo())
}

// heldInside tells whether a sub-workflow that a compensation undoes has something held.
func (m *member) heldInside(undo int32) bool {
	for _, child := range m.w.runs {
		if child.parent == m && child.undoFor == undo && child.run.Compensation() == engine.CompensationHeld {
			return true
		}
	}
	return false
}

// waitsForSomebody are the kinds of step that wait for a person or a signal, not for the clock.
var waitsForSomebody = map[string]bool{"approval": true, "wait": true}

// waiting are the names of what waits for an approval or a signal.
func (w *world) waiting() (out []string) {
	for _, m := range w.runs {
		for i := range m.run.Steps {
			s, node := &m.run.Steps[i], int32(i)
			if m.asks(node) || (s.State == engine.StepWaiting && waitsForSomebody[m.run.Spec(node).Kind]) {
				out = append(out, m.name(node))
			}
		}
	}
	return out
}
