package engine

import "cordum.dev/cordum/dag"

// This file answers questions about a run for those who explain or show it. Nothing here changes anything.

// Dependencies are the nodes that a node's join waits for, in the order of the plan.
func (r *Run) Dependencies(i int32) []int32 {
	var out []int32
	r.dependencies(i, func(d int32) { out = append(out, d) })
	return out
}

// Bad tells whether a node has ended in a way that counts as a failure for the joins behind it.
func (r *Run) Bad(i int32) bool { return endedBadly(&r.Steps[i]) }

// FansOut tells whether a node's iterations are nodes of their own.
func (r *Run) FansOut(i int32) bool { return r.fansOut(i) }

// Loops tells whether a node repeats rounds.
func (r *Run) Loops(i int32) bool { return r.loops(i) }

// Nests tells whether a node's attempts are runs of another workflow.
func (r *Run) Nests(i int32) bool { return r.nests(i) }

// Unknown tells whether nobody knows if a node had its effect.
func (r *Run) Unknown(i int32) bool { return len(r.Steps[i].unknown) > 0 }

// Signal is the name of the signal that a waiting node waits for; "" when it waits for none.
func (r *Run) Signal(i int32) string {
	if !r.waitsFor(i, "wait") {
		return ""
	}
	d := decision{run: r}
	w, _ := d.waitOf(i)
	return w.Signal
}

// Allowance is how many attempts the node has in its present round, and how many of them were asked for.
func (r *Run) Allowance(i int32) (asked, allowed int32) {
	allowed = 1
	if retry := r.DefOf(i).Retry; retry != nil {
		allowed = int32(max(retry.MaxAttempts, 1))
	}
	return r.Steps[i].Attempt - r.Steps[i].base, allowed
}

// Window is how many iterations of a fan-out may run together, and how many do.
func (r *Run) Window(i int32) (limit, live int32) {
	if p := r.Steps[i].parts; p != nil {
		live = p.live
	}
	return r.window(i), live
}

// Parts are the nodes directly below a fan-out or a loop, first to last: iterations, or the steps of each round.
func (r *Run) Parts(i int32) []int32 {
	p := r.Steps[i].parts
	if p == nil {
		return nil
	}
	firsts := p.rounds
	if r.fansOut(i) {
		firsts = []int32{p.first}
	}
	out := make([]int32, 0, len(firsts)*int(p.count))
	for _, first := range firsts {
		for at := first; at < first+p.count; at++ {
			out = append(out, at)
		}
	}
	return out
}

// IfUndone says what a rollback would do to a node if its turn came now: pass, run or hold. A fan-out and a loop pass: ask
// for their parts.
func (r *Run) IfUndone(i int32) string {
	if r.Steps[i].parts != nil {
		return "pass"
	}
	return r.fate(i, r.keeps()).String()
}

// KeptNow are the steps that passed pivots keep from every rollback, ascending.
func (r *Run) KeptNow() []int32 { return r.keeps() }

// JoinMode is the join of a node's step.
func (r *Run) JoinMode(i int32) dag.JoinMode { return r.Plan.Def.Steps[r.Steps[i].Def].Join.Mode }

// JobLabels are the labels of a node's job: the run's with those of the step over them.
func (r *Run) JobLabels(i int32) map[string]string {
	labels, err := r.jobLabels(i)
	if err != nil {
		return r.Labels // the job was asked for: they could be rendered then
	}
	return labels
}

func (r *Run) jobLabels(i int32) (map[string]string, error) {
	step := &r.Plan.Steps[r.Steps[i].Def] // a compensation has its step's
	if step.Labels == nil {
		return r.Labels, nil
	}
	return step.JobLabels(r.env(i), r.Labels)
}

// WasUndone tells whether something that a node did was undone since: it, or anything below it.
func (r *Run) WasUndone(i int32) bool {
	if u := r.Steps[i].Undo; u >= 0 && r.Steps[u].State.Final() {
		return true
	}
	for _, part := range r.Parts(i) {
		if r.WasUndone(part) {
			return true
		}
	}
	return false
}

// Before is how many attempts a node had made before it was armed again: those of this round are behind it.
func (r *Run) Before(i int32) int32 { return r.Steps[i].base }

// Idle tells whether a job, or a sub-workflow, is known to wait only for people, timers or signals.
func (r *Run) Idle(i int32) bool { return r.Steps[i].idle }
