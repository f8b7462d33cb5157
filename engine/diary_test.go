package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// diary follows a run by its facts and its definition alone, in its own words: it counts nothing that it can look up, and
// knows none of the engine's lists. It says of each fact what is wrong with it.
type diary struct {
	def   *dag.Definition
	nodes []*entry
	stop  Stop
	also  bool // handlers are stopped too
	roll  bool // the stop rolls back
	ended bool // the run has ended
	rollback
}

// entry is what the diary knows of a node.
type entry struct {
	def, parent, item, round, target int32

	state             string // as stateOf writes it; "" before anything began
	tries, base, done int32  // attempts; those of earlier allowances; those whose effects a set-back dealt with
	output            string
	reused, effect    bool
	cut               bool // it never began
	unknown           map[int32]bool
	chosen            []string // of a switch
	closing           int      // of a fan-out or a loop: 1 softly, 2 hard
	first, count      int32    // its iterations, or the steps of its last round
	rounds            int32
	undo              int32 // its compensation
	gone              bool
	due               string // of a compensation: what it must be next, "" for anything
}

func newDiary(def *dag.Definition) *diary {
	d := &diary{def: def}
	for i := range def.Scopes[0].Count {
		d.add(entry{def: int32(i), parent: none, item: none, round: none, target: none})
	}
	return d
}

func (d *diary) add(e entry) int32 {
	e.undo, e.unknown = none, map[int32]bool{}
	d.nodes = append(d.nodes, &e)
	return int32(len(d.nodes) - 1)
}

func (d *diary) step(i int32) *dag.Step { return &d.def.Steps[d.nodes[i].def] }

// fansOut and loops tell whether a node is made of others.
func (d *diary) fansOut(i int32) bool {
	return d.nodes[i].target < 0 && d.nodes[i].item < 0 && d.step(i).ForEach != nil
}

func (d *diary) loops(i int32) bool {
	return d.nodes[i].target < 0 && !d.fansOut(i) && d.step(i).Inner > 0
}

// nests tells whether a node is a sub-workflow.
func (d *diary) nests(i int32) bool { return d.step(i).Type == "subworkflow" && !d.fansOut(i) }

// top is the workflow's own step that a node belongs to.
func (d *diary) top(i int32) int32 {
	for d.nodes[i].parent >= 0 {
		i = d.nodes[i].parent
	}
	return i
}

// sibling is the node of another step in the same scope and round.
func (d *diary) sibling(i int32, def int) int32 {
	e := d.nodes[i]
	if e.parent < 0 {
		return int32(def)
	}
	for k, o := range d.nodes {
		if o.gone == e.gone && o.parent == e.parent && o.round == e.round && o.item < 0 && o.def == int32(def) && o.target < 0 {
			return int32(k)
		}
	}
	return none
}

// says is what the naive table says of a node now.
func (d *diary) says(i int32) string {
	s := d.step(i)
	if d.nodes[i].item >= 0 || d.nodes[i].target >= 0 {
		return "run"
	}
	deps := make([]class, len(s.DependsOn))
	choosing, passed := false, false
	for k, on := range s.DependsOn {
		dep := d.nodes[d.sibling(i, on)]
		deps[k] = classOf(dep.state)
		if choosesAmong(&d.def.Steps[on], s.ID) {
			choosing = choosing || deps[k] == isOpen
			passed = passed || dep.state == "succeeded" && !slices.Contains(dep.chosen, s.ID)
		}
	}
	switch {
	case passed:
		return "branch_not_taken"
	case choosing:
		return ""
	}
	return joinSays(s.Join, deps)
}

// choosesAmong tells whether a step is a switch that has another among its branches.
func choosesAmong(s *dag.Step, id string) bool {
	return s.Type == "switch" && strings.Contains(fmt.Sprint(yamlValue(s.Own, "cases"), yamlValue(s.Own, "default")), id)
}

func yamlValue(n *yamlx.Node, key string) any {
	if v := n.Get(key); v != nil {
		return v.Value()
	}
	return nil
}

// grip is how strongly stops take hold of a node: not, softly (nothing begins) or hard (what workers have is stopped too).
func (d *diary) grip(i int32) int {
	e := d.nodes[i]
	handler := isHandler(d.step(i))
	switch {
	case e.target >= 0:
		return 0
	case e.parent < 0 && (d.stop == StopNone || handler && !d.also):
		return 0
	case e.parent < 0 && d.stop == StopHalt && !d.roll:
		return 1
	case e.parent < 0:
		return 2
	}
	above, closing := d.grip(e.parent), d.nodes[e.parent].closing
	if e.item < 0 && above == 1 {
		above = 0 // a loop that has begun goes on
	}
	if e.item < 0 && closing == 1 && handler {
		closing = 0
	}
	return max(above, closing)
}

// note writes a fact down and answers what is wrong with it, or "".
func (d *diary) note(in Input, f Fact) string {
	wrong := d.check(in, f)
	switch f := f.(type) {
	case *RunStarted:
		for _, u := range f.Reused {
			e := d.nodes[u.Step]
			e.reused, e.state, e.output = true, u.State.String(), string(u.Output.Data)
			var choice struct{ Steps []string }
			_ = json.Unmarshal(u.Output.Data, &choice) // of a switch
			e.chosen = choice.Steps
			if u.State == StepSkipped {
				e.state += ":" + u.Reason.String()
			}
		}
	case *StopBegun:
		d.stop, d.also, d.roll = max(d.stop, f.Stop), d.also || f.Handlers, d.roll || f.Rollback
	case *RunEnded:
		d.ended, d.stays = true, false
	case *SetBack:
		d.setBack(f)
	case *UndoingBegun:
		d.begin(f.Target)
	case *UndoingEnded:
		d.under = false
	default:
		if i, about := stepOf(f); about && i >= 0 && int(i) < len(d.nodes) {
			d.noteStep(i, f)
		}
	}
	return wrong
}

// noteStep writes a fact about a node down.
func (d *diary) noteStep(i int32, f Fact) {
	e := d.nodes[i]
	switch f := f.(type) {
	case *JobAsked:
		e.state, e.tries = "running", f.Attempt
	case *ChildAsked:
		e.state, e.tries = "inside", f.Attempt
	case *ApprovalAsked, *DelaySet, *SignalAwaited:
		e.state = "waiting"
	case *StepSucceededFact:
		e.state, e.output, e.chosen = "succeeded", string(f.Output.Data), f.Chosen
	case *StepEnded:
		e.state, e.cut = f.State.String(), false
		d.learn(e, f.Failure, f.Effect, f.Settles, f.Output)
	case *StepSkippedFact:
		e.state = "skipped:" + f.Reason.String()
	case *RetrySet:
		e.state = "retrying"
		d.learn(e, f.Failure, f.Effect, f.Settles, f.Output)
	case *RetryDue:
		e.state = "ready"
	case *OutputHeld:
		e.state = "waiting"
		d.learn(e, Failure{}, true, f.Settles, f.Output)
	case *LateResult:
		d.learnLate(e, f)
	case *FannedOut:
		e.state, e.first, e.count = "inside", int32(len(d.nodes)), f.Count
		for k := range f.Count {
			d.add(entry{def: e.def, parent: i, item: k, round: none, target: none})
		}
	case *RoundBegun:
		d.noteRound(i)
	case *Reopened:
		e.state, e.closing = "inside", 0
		for k := e.first; k < e.first+e.count; k++ {
			if classOf(d.nodes[k].state) == isBad {
				d.again(k)
			}
		}
	case *ClosingBegun:
		d.noteClosing(i, f.Hard)
	default:
		d.noteUndo(i, f)
	}
}

func (d *diary) noteRound(i int32) {
	e := d.nodes[i]
	inner := d.def.Scopes[d.step(i).Inner]
	e.state, e.closing, e.first, e.count = "inside", 0, int32(len(d.nodes)), int32(inner.Count)
	for k := range inner.Count {
		d.add(entry{def: int32(inner.First + k), parent: i, item: none, round: e.rounds, target: none})
	}
	e.rounds++
}

// noteClosing: iterations that have not begun end with it.
func (d *diary) noteClosing(i int32, isHard bool) {
	e := d.nodes[i]
	e.closing = 1
	if isHard {
		e.closing = 2
	}
	for k := e.first; d.fansOut(i) && k < e.first+e.count; k++ {
		if d.nodes[k].state == "" {
			d.nodes[k].state, d.nodes[k].cut = "cancelled", true
		}
	}
}

// learn is what an attempt's end says of its effect.
func (d *diary) learn(e *entry, f Failure, effect, settles bool, out Payload) {
	if settles && idempotent(&d.def.Steps[e.def]) {
		clear(e.unknown)
	}
	if effect {
		e.effect, e.output = true, string(out.Data)
	}
	if f.Unknown && f.Attempt > 0 {
		e.unknown[f.Attempt] = true
	}
}

func (d *diary) learnLate(e *entry, f *LateResult) {
	switch {
	case !f.Settles:
	case f.Effect:
		e.effect, e.output = true, string(f.Output.Data)
		clear(e.unknown)
	case idempotent(&d.def.Steps[e.def]):
		clear(e.unknown)
	default:
		delete(e.unknown, f.Attempt)
	}
}

// idempotent is the default applied, of the kinds that the worlds have.
func idempotent(s *dag.Step) bool {
	return s.Idempotent != nil && *s.Idempotent || s.Type == "notify"
}

// setBack arms again what a set-back says.
func (d *diary) setBack(f *SetBack) {
	within := d.within(f.Target)
	kept := d.keeps()
	for i := range int32(d.def.Scopes[0].Count) {
		switch {
		case f.Target.To != "" && within[i] && !kept[i]:
			d.afresh(i)
		case classOf(d.nodes[i].state) == isBad:
			d.again(i)
		}
	}
	d.stop, d.also, d.roll, d.ended, d.back = StopNone, false, false, false, false
}

// afresh: what it did is undone and forgotten.
func (d *diary) afresh(i int32) {
	e := d.nodes[i]
	for k, o := range d.nodes {
		if int32(k) != i && o.target < 0 && d.below(int32(k), i) {
			o.gone = true
		}
	}
	*e = entry{
		def: e.def, parent: e.parent, item: e.item, round: e.round, target: none,
		tries: e.tries, base: e.tries, done: e.tries, undo: none, unknown: map[int32]bool{},
	}
}

// again: it has another allowance. What is bad in it is armed when it is reopened.
func (d *diary) again(i int32) {
	e := d.nodes[i]
	e.state, e.base, e.closing, e.cut = "", e.tries, 0, false
}

// below tells whether a node is part of another.
func (d *diary) below(i, of int32) bool {
	for i = d.nodes[i].parent; i >= 0; i = d.nodes[i].parent {
		if i == of {
			return true
		}
	}
	return false
}
