package trial

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
)

// tester is who starts the run of every case.
const tester = "user:tester"

// world is everything around the runs of one case: the clock, workers, people, policy.
type world struct {
	c     *Case
	plans map[string]*steps.Workflow // of sub-workflow steps, by id
	seed  uint64

	now    time.Time
	agenda agenda
	made   int // events, ever

	root     *member
	runs     map[string]*member // by run id
	byPrefix map[string]*member // by the prefix of their steps' names; of several attempts the newest
	story    *story
	policy   *safety.Snapshot
	locks    locks
	asked    map[string]int // how often an approval was asked, by name
	told     []bool         // of the case's signals and orders: came
	come     func(i int)    // the i-th of signals and orders has its moment
	wrong    []string       // what must not happen and did
}

func newWorld(c *Case, plans map[string]*steps.Workflow, policy *safety.Snapshot, round uint64) *world {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", c.ID, round)
	w := &world{
		c: c, plans: plans, seed: h.Sum64() | 1, now: Epoch, policy: policy, story: newStory(),
		runs: map[string]*member{}, byPrefix: map[string]*member{}, asked: map[string]int{},
		told:  make([]bool, len(c.Signals)+len(c.Orders)),
		locks: locks{byName: map[string]*scheduler.Limit{}, askers: map[string]asker{}},
	}
	w.come = func(i int) { w.later(0, func() { w.tell(i) }) }
	return w
}

// simulated is a world whose case's run is decided here.
func simulated(c *Case, plan *steps.Workflow, plans map[string]*steps.Workflow, policy *safety.Snapshot, round uint64) *world {
	w := newWorld(c, plans, policy, round)
	w.root = w.join(w.runID(), plan, nil, engine.Parent{})
	return w
}

// draw is a number below n that depends on the case alone.
func (w *world) draw(n uint64) uint64 {
	w.seed ^= w.seed << 13
	w.seed ^= w.seed >> 7
	w.seed ^= w.seed << 17
	return w.seed % n
}

// runID is the id of the case's run.
func (w *world) runID() string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	id := []byte("0001")
	for len(id) < 28 {
		id = append(id, digits[w.draw(32)])
	}
	return string(id)
}

// play lets everything happen that a case makes happen.
func (w *world) play() {
	w.root.submit()
	w.reached(AtStart)
	for w.step() || w.atRest() {
		if w.made > MaxEvents {
			w.broken("more than %d events: it goes round in circles", MaxEvents)
		}
		if len(w.wrong) > 0 {
			return
		}
	}
}

// step lets the next event happen.
func (w *world) step() bool {
	if len(w.agenda) == 0 {
		return false
	}
	e := heap.Pop(&w.agenda).(event)
	w.now = e.at
	e.do()
	return true
}

// atRest does the next thing that was to come when nothing more happens by itself.
func (w *world) atRest() bool {
	for i := range w.told {
		if !w.told[i] && w.after(i) == AtEnd {
			w.tell(i)
			return true
		}
	}
	return false
}

// after is when the i-th of signals and orders comes.
func (w *world) after(i int) string {
	if i < len(w.c.Signals) {
		return w.c.Signals[i].After
	}
	return w.c.Orders[i-len(w.c.Signals)].After
}

// reached does what comes after a moment, as events of their own.
func (w *world) reached(moment string) {
	for i := range w.told {
		if !w.told[i] && w.after(i) == moment {
			w.told[i] = true
			w.come(i)
		}
	}
}

// broken notes something that must not happen.
func (w *world) broken(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// find is the node that a name means, in the run it belongs to; the run is nil when there is none.
func (w *world) find(name string) (*member, int32) {
	rest, undo := name, ""
	if len(name) > len(undoPrefix) && name[:len(undoPrefix)] == undoPrefix {
		rest, undo = name[len(undoPrefix):], undoPrefix
	}
	for cut := len(rest) - 1; cut >= -1; cut-- {
		if cut >= 0 && rest[cut] != '/' {
			continue
		}
		if m := w.byPrefix[rest[:cut+1]]; m != nil {
			if node := m.run.Find(undo + rest[cut+1:]); node >= 0 {
				return m, node
			}
		}
	}
	return nil, -1
}
