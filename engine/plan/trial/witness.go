package trial

import (
	"bytes"
	"reflect"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
)

// witness follows a run by its log alone: every fact, as it would be stored and read back, is applied to a second run. What
// names started and ended, and whether the invariants hold, is read from that one, fact by fact.
type witness struct {
	m     *member
	run   *engine.Run
	nodes []seen
	where map[frame]int32 // of each round of a loop: the nodes of its steps
	undos map[int32]int   // by step of the workflow: compensations under way in it
	// setBack: the run came back to a checkpoint only to fail there: what is behind it stays open.
	setBack bool

	since int // facts since the last comparison
	paid  int // how many facts the next comparison costs
}

// seen is what the witness knows of a node.
type seen struct {
	name      string
	state     engine.StepState
	attempts  int32 // within the allowance under way
	successes int   // within the round under way
	undone    bool  // its compensation succeeded, or was marked done
	open      bool  // it is a compensation under way
}

// frame names a step of a round: a loop's node, the round, the step's index in the plan. Steps of the workflow itself stand
// in none.
type frame struct{ loop, round, def int32 }

func newWitness(m *member) *witness {
	w := &witness{m: m, run: engine.New(m.id, m.plan), where: map[frame]int32{}, undos: map[int32]int{}}
	w.meet()
	return w
}

// see takes a fact over the stored form, applies it, and looks at what it changed.
func (w *witness) see(at engine.Stamp, f engine.Fact) {
	stored := engine.NewFact(f.Kind())
	if stored == nil {
		w.m.w.broken("a fact of kind %d cannot be read back", f.Kind())
		return
	}
	raw := codec.Append(nil, f)
	if err := codec.Decode(raw, stored); err != nil {
		w.m.w.broken("%T cannot be read back: %v", f, err)
		return
	}
	if again := codec.Append(nil, stored); !bytes.Equal(raw, again) {
		w.m.w.broken("%T is stored differently when it is stored again", f)
		return
	}
	w.before(stored)
	was, undoing := w.run.State, w.run.Compensation()
	if err := engine.Apply(w.run, at, stored); err != nil {
		w.m.w.broken("%T does not apply to the folded run: %v", f, err)
		return
	}
	w.since++
	w.meet()
	w.compare(stored)
	w.runMoved(stored, was, undoing)
}

// meet makes the acquaintance of nodes that are new.
func (w *witness) meet() {
	for i := len(w.nodes); i < len(w.run.Steps); i++ {
		s := &w.run.Steps[i]
		w.nodes = append(w.nodes, seen{name: w.m.prefixed(w.run.Name(int32(i)))})
		if s.Target < 0 && s.Item < 0 {
			w.where[frame{s.Parent, s.Round, s.Def}] = int32(i)
		}
	}
}

// prefixed is a name of this run as seen from the case's own.
func (m *member) prefixed(name string) string { return below(m.prefix, name) }

// compare looks for nodes that a fact changed: the one it is about, or all when it is about the run.
func (w *witness) compare(f engine.Fact) {
	if i := engine.StepOf(f); i >= 0 && i < len(w.nodes) && !wide(f) {
		w.look(int32(i), f)
		return
	}
	for i := range w.nodes {
		w.look(int32(i), f)
	}
}

// wide tells whether a fact changes nodes beside the one it names.
func wide(f engine.Fact) bool {
	switch f.(type) {
	case *engine.Reopened, *engine.SetBack:
		return true
	}
	return false
}

// look compares a node with what it was.
func (w *witness) look(i int32, f engine.Fact) {
	n, s := &w.nodes[i], &w.run.Steps[i]
	was := n.state
	if was == s.State {
		return
	}
	w.checkMove(i, was, f)
	n.state = s.State
	story, now := w.m.w.story, w.m.w.now
	if s.Target >= 0 {
		w.countOpen(i, was, s.State)
	}
	switch {
	case s.State == engine.StepPending || s.State == engine.StepReady:
		if was.Final() {
			story.note(now, "%s is set back", n.name)
		}
	case s.State == engine.StepHeld:
		story.note(now, "%s is held%s", n.name, failureOf(s))
		w.m.w.reached(n.name)
	case s.State == engine.StepSkipped:
		story.ended(n.name)
		story.note(now, "%s skipped: %s", n.name, s.Reason)
		w.m.w.reached(n.name)
	case s.State.Final():
		w.start(n)
		story.ended(n.name)
		story.note(now, "%s %s%s", n.name, s.State, failureOf(s))
		w.m.w.reached(n.name)
	case w.start(n):
		story.note(now, "%s %s", n.name, s.State)
	}
}

// start begins the turn of a name, unless it is under way: a further attempt is no new turn.
func (w *witness) start(n *seen) bool {
	if w.open(n.name) {
		return false
	}
	w.m.w.story.started(n.name)
	return true
}

// open tells whether a name's last turn has not ended.
func (w *witness) open(name string) bool {
	turns := w.m.w.story.turns[name]
	return len(turns) > 0 && turns[len(turns)-1].end == 0
}

func failureOf(s *engine.Step) string {
	if s.State == engine.StepSucceeded || s.Failure.Code == "" {
		return ""
	}
	return " (" + s.Failure.Code + ")"
}

// runMoved notes what became of the run.
func (w *witness) runMoved(f engine.Fact, was engine.RunState, undoing engine.Compensation) {
	story, now := w.m.w.story, w.m.w.now
	who := "the run"
	if w.m.prefix != "" {
		who = "the run of " + strings.TrimSuffix(w.m.prefix, "/")
	}
	if w.run.State != was {
		story.note(now, "%s is %s", who, w.run.State)
	}
	if c := w.run.Compensation(); c != undoing {
		story.note(now, "%s: compensation %s", who, c)
	}
	switch f := f.(type) {
	case *engine.RunPaused, *engine.RunResumed:
		story.note(now, "%s is %s", who, w.run.Status())
	case *engine.StopBegun:
		story.note(now, "%s stops: %s", who, f.Stop)
	}
}

// decided is called after each decision: now and then, and most often when the log is short, the run is replaced by what a
// restart would find, which must be the same.
func (w *witness) decided() {
	if w.since < w.paid {
		return
	}
	w.paid = int(w.m.w.draw(8))
	if n := len(w.run.Steps); n > oftenNodes {
		w.paid = n // a comparison costs as much as the run has nodes
	}
	w.since = 0
	w.restart()
}

// restart compares the run with its folded log, and goes on with the stored form of it.
func (w *witness) restart() {
	live, folded := w.m.snapshot(), codec.Append(nil, w.run)
	if !bytes.Equal(live, folded) {
		w.m.w.broken("the log folds to another state than the run has: %s", differs(w.m.run, w.run))
		return
	}
	fresh := engine.New(w.m.id, w.m.plan)
	if err := codec.Decode(live, fresh); err != nil {
		w.m.w.broken("the run's snapshot cannot be read: %v", err)
		return
	}
	if again := codec.Append(nil, fresh); !bytes.Equal(live, again) {
		w.m.w.broken("the run's snapshot is stored differently when it is stored again")
		return
	}
	w.m.run = fresh
}

// differs names the first node that two states of a run do not agree about.
func differs(live, folded *engine.Run) string {
	for i := range live.Steps {
		if i >= len(folded.Steps) {
			return live.Name(int32(i)) + " is missing in the log's"
		}
		if !reflect.DeepEqual(live.Steps[i], folded.Steps[i]) {
			return "the node " + live.Name(int32(i)) + " differs"
		}
	}
	return "the run itself"
}
