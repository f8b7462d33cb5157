package engine

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/steps"
)

// none is the number of no node.
const none int32 = -1

// Step is one node of a run: a step of the workflow, an iteration of one that fans out, a step of a loop's round, or a
// compensation. The nodes of the workflow's own steps come first, in the order of the plan; every later one is appended by
// a fact and keeps its number for ever.
type Step struct {
	State   StepState
	Reason  SkipReason
	Attempt int32 // attempts asked for so far, over crashes, restarts and set-backs

	Def    int32 // index of its step in the plan
	Parent int32 // the fan-out it is an iteration of, or the loop it stands in a round of; -1: the workflow
	Item   int32 // its item's index in a fan-out; -1
	Round  int32 // the round it stands in; -1
	Target int32 // the node that it undoes; -1: it is no compensation
	Undo   int32 // the compensation of this node; -1: none yet
	// Gone: a set-back replaced the fan-out or the loop it was part of. It only tells what was.
	Gone bool

	Input     Payload // of the job, rendered for the first attempt
	Output    Payload
	Failure   Failure // of the last attempt that failed
	StartedAt time.Time
	EndedAt   time.Time

	// frame is the node of the first step of its scope in its round; base are attempts of earlier allowances.
	// floor are those of rounds whose effects a set-back dealt with.
	frame, base, floor int32
	// verdict is what the join said, from the moment it settled.
	verdict verdict
	// joins count down: dependencies that are final, that succeeded, that are bad.
	done, succeeded, bad int32
	// stopping: its job was asked to stop, also by the worker that has it. overdue: because its time was over.
	stopping, overdue bool
	// reused: another run did the work; this one must not undo it.
	reused bool
	// effect: it had its effect although it did not succeed. unknown are the attempts that may have had theirs.
	effect  bool
	unknown []int32
	// idle: a sub-workflow or a job that only waits for people, timers or signals.
	idle bool
	undo undoing
	// parts are the iterations of a fan-out, the rounds of a loop; nil for everything else and before it begins.
	parts *parts
}

func (s *Step) fields(c *codec.Codec) {
	codec.Enum(c, &s.State)
	codec.Enum(c, &s.Reason)
	c.Int32(&s.Attempt)
	for _, v := range []*int32{&s.Def, &s.Parent, &s.Item, &s.Round, &s.Target, &s.Undo, &s.frame, &s.base, &s.floor, &s.done, &s.succeeded, &s.bad} {
		c.Int32(v)
	}
	codec.Enum(c, &s.verdict)
	for _, v := range []*bool{&s.Gone, &s.stopping, &s.overdue, &s.reused, &s.effect, &s.idle} {
		c.Bool(v)
	}
	codec.List(c, &s.unknown, (*codec.Codec).Int32)
	s.Input.fields(c)
	s.Output.fields(c)
	s.Failure.Fields(c)
	c.Time(&s.StartedAt)
	c.Time(&s.EndedAt)
	codec.Enum(c, &s.undo.phase)
	c.Int32(&s.undo.left)
	has := s.parts != nil
	c.Bool(&has)
	if !has {
		return
	}
	if c.Reading() {
		s.parts = &parts{}
	}
	s.parts.fields(c)
}

// parts is what a fan-out or a loop keeps of the nodes below it.
type parts struct {
	first, count int32 // the iterations; of a loop, the steps of the round under way
	next, live   int32 // of a fan-out: the next item to begin, and how many have begun and not ended
	ended, bad   int32
	cut          int32   // iterations that a stop kept from beginning
	failed       int32   // the first node whose badness counts; -1
	closing      level   // it lets no more of them begin (soft), and stops those under way (hard)
	rounds       []int32 // of a loop: the first node of each round
	before       int32   // rounds that belong to earlier allowances
	open         int32   // undos below it that have not ended
	undoRound    int32   // the round being undone
	queued       bool    // it waits in the run's list of those to be looked at
	items        Payload // of a fan-out: its list
}

func (p *parts) fields(c *codec.Codec) {
	for _, v := range []*int32{
		&p.first, &p.count, &p.next, &p.live, &p.ended, &p.bad, &p.cut, &p.failed, &p.before, &p.open, &p.undoRound,
	} {
		c.Int32(v)
	}
	codec.Enum(c, &p.closing)
	codec.List(c, &p.rounds, (*codec.Codec).Int32)
	c.Bool(&p.queued)
	p.items.fields(c)
}

// newNode is a node before anything happened to it.
func newNode(def, parent int32) Step {
	return Step{Def: def, Parent: parent, Item: none, Round: none, Target: none, Undo: none}
}

// Spec is the compiled step that a node runs: its own, or the compensation of its target's.
func (r *Run) Spec(i int32) *steps.Step {
	s := &r.Steps[i]
	if s.Target >= 0 {
		if u := r.Plan.Steps[s.Def].Undo; u != nil {
			return u
		}
	}
	return &r.Plan.Steps[s.Def]
}

// DefOf is the definition that a node runs: its step's, or the compensation's.
func (r *Run) DefOf(i int32) *dag.Step { return r.Spec(i).Def }

// IsUndo tells whether a node is a compensation.
func (r *Run) IsUndo(i int32) bool { return r.Steps[i].Target >= 0 }

// Name is what people call a node: step, each[2], poll[0]/ask, undo:NAME.
func (r *Run) Name(i int32) string {
	s := &r.Steps[i]
	if s.Target >= 0 {
		return "undo:" + r.Name(s.Target)
	}
	if s.Parent < 0 {
		return r.Plan.Def.Steps[s.Def].ID
	}
	if s.Item >= 0 {
		return r.Name(s.Parent) + "[" + strconv.Itoa(int(s.Item)) + "]"
	}
	return r.Name(s.Parent) + "[" + strconv.Itoa(int(s.Round)) + "]/" + r.Plan.Def.Steps[s.Def].ID
}

// Find is the node that people call by a name, -1 when there is none. Of several the newest is meant.
func (r *Run) Find(name string) int32 {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if r.lastName(int32(i), name) && r.Name(int32(i)) == name {
			return int32(i)
		}
	}
	return none
}

// lastName tells whether a name may be a node's, without making the node's name.
func (r *Run) lastName(i int32, name string) bool {
	id := r.Plan.Def.Steps[r.Steps[i].Def].ID
	for at := len(name) - len(id); at >= 0; at-- {
		if name[at:at+len(id)] == id {
			return true
		}
	}
	return false
}

// fansOut tells whether a node is a fan-out: its iterations are nodes of their own.
func (r *Run) fansOut(i int32) bool {
	s := &r.Steps[i]
	return s.Item < 0 && s.Target < 0 && r.Plan.Steps[s.Def].ForEach != nil
}

// loops tells whether a node repeats rounds.
func (r *Run) loops(i int32) bool {
	s := &r.Steps[i]
	return s.Target < 0 && r.Plan.Def.Steps[s.Def].Inner > 0 && !r.fansOut(i)
}

// nests tells whether a node runs another workflow.
func (r *Run) nests(i int32) bool {
	if r.fansOut(i) {
		return false
	}
	_, is := r.Plan.Steps[r.Steps[i].Def].Spec.(steps.Subworkflow)
	return is
}

// top is the node of the workflow's own scope that a node belongs to.
func (r *Run) top(i int32) int32 {
	for {
		s := &r.Steps[i]
		switch {
		case s.Target >= 0:
			i = s.Target
		case s.Parent >= 0:
			i = s.Parent
		default:
			return i
		}
	}
}

// scope is the scope that a node's step lives in.
func (r *Run) scope(i int32) *dag.Scope {
	return &r.Plan.Def.Scopes[r.Plan.Def.Steps[r.Steps[i].Def].Scope]
}

// sibling is the node of another step of the same scope in the same round.
func (r *Run) sibling(i, def int32) int32 {
	return r.Steps[i].frame + def - int32(r.scope(i).First)
}

// dependents are the nodes that name this one in depends_on. An iteration and a compensation have none.
func (r *Run) dependents(i int32, each func(int32)) {
	s := &r.Steps[i]
	if s.Item >= 0 || s.Target >= 0 {
		return
	}
	for _, d := range r.Plan.Graph.Dependents[s.Def] {
		each(r.sibling(i, d))
	}
}

// dependencies are the nodes that this one names.
func (r *Run) dependencies(i int32, each func(int32)) {
	s := &r.Steps[i]
	if s.Item >= 0 || s.Target >= 0 {
		return
	}
	for _, d := range r.Plan.Graph.DependsOn(int(s.Def)) {
		each(r.sibling(i, d))
	}
}

// see is the node that steps.<id> means for an expression of node i; -1 when it cannot be seen from there.
func (r *Run) see(i int32, def int) int32 {
	scope := r.Plan.Def.Steps[def].Scope
	if scope == 0 {
		return int32(def)
	}
	for at := i; at >= 0; {
		s := &r.Steps[at]
		if s.Target < 0 && r.Plan.Def.Steps[s.Def].Scope == scope {
			if s.Def == int32(def) && s.Item >= 0 {
				at = s.Parent // an iteration sees itself as its fan-out
				s = &r.Steps[at]
			}
			return s.frame + int32(def-r.Plan.Def.Scopes[scope].First)
		}
		if at = s.Parent; s.Target >= 0 {
			at = s.Target
		}
	}
	return none
}

// item is the value and the index of the fan-out that a node stands in; the nearest of several.
func (r *Run) item(i int32) (value any, index int, ok bool) {
	for at := i; at >= 0; {
		s := &r.Steps[at]
		if s.Item >= 0 {
			list := r.items(s.Parent)
			if int(s.Item) < len(list) {
				value = list[s.Item]
			}
			return value, int(s.Item), true
		}
		if at = s.Parent; s.Target >= 0 {
			at = s.Target
		}
	}
	return nil, 0, false
}

// final tells whether a node has ended and counts as what it ended as.
func (r *Run) final(i int32) bool { return r.Steps[i].State.Final() }

// handler tells whether a step runs because things ended or failed: a stop leaves those to run.
func (r *Run) handler(i int32) bool {
	def := &r.Plan.Def.Steps[r.Steps[i].Def]
	return len(def.DependsOn) > 0 && (def.Join.Mode == dag.AllDone || def.Join.Mode == dag.AnyFailed)
}

// level is how strongly a stop takes hold of a node.
type level uint8

// The levels. Soft: nothing that no worker has begins. Hard: what workers have is stopped as well.
const (
	free level = iota
	soft
	hard
)

// level is how strongly the run's stop, and those of what the node is part of, take hold of it. A soft stop from outside does
// not reach into a loop that has begun; handlers are left to run. Compensations are not stopped.
func (r *Run) level(i int32) level {
	s := &r.Steps[i]
	if s.Target >= 0 {
		return free
	}
	if s.Parent < 0 {
		if r.Stop == StopNone || (r.handler(i) && !r.stopHandlers) {
			return free
		}
		if r.Stop == StopHalt && !r.Rollback {
			return soft
		}
		return hard
	}
	p := r.Steps[s.Parent].parts
	l := r.level(s.Parent)
	if s.Item >= 0 {
		return max(l, p.closing)
	}
	if l == soft && r.Steps[s.Parent].State == StepInside {
		l = free
	}
	if p.closing == soft && r.handler(i) {
		return l
	}
	return max(l, p.closing)
}

// stops tells whether a node is to begin nothing any more.
func (r *Run) stops(i int32) bool { return r.level(i) != free }

// swept tells whether a ready step never has its turn because a stop's sweep ends it.
func (r *Run) swept(i int32) bool { return r.Steps[i].verdict == run && r.stops(i) }

// unready takes a node out of the queue of those whose turn it is; mostly it is the first.
func (r *Run) unready(i int32) { r.ready = without(r.ready, i) }

// without is a queue without one of its nodes.
func without(queue []int32, i int32) []int32 {
	at := slices.Index(queue, i)
	switch {
	case at == 0:
		return queue[1:]
	case at > 0:
		return slices.Delete(queue, at, at+1)
	}
	return queue
}

// output is a node's output as JSON values; a fan-out's is put together from its iterations.
func (r *Run) output(i int32) (any, *tooLarge) {
	s := &r.Steps[i]
	if s.State != StepSucceeded || !r.fansOut(i) || s.parts == nil {
		return decode(s.Output.Data), nil
	}
	return r.gathered(i)
}

// OutputOf is a node's output as people see it; nil while it has none.
func (r *Run) OutputOf(i int32) json.RawMessage {
	s := &r.Steps[i]
	if s.State == StepSucceeded && r.fansOut(i) && s.parts != nil {
		return r.gather(i)
	}
	return s.Output.Data
}
