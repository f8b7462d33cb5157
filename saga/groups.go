package saga

import "cordum.dev/cordum/dag"

// Kept are the steps that passed pivots keep: each pivot and its ancestors. passed are the indexes of the pivots that
// succeeded. The answer has an entry for each step; it is closed upwards, so what is not kept is closed downwards. The
// inside of a loop is kept with its loop, which is for the caller to look up.
func Kept(g *dag.Graph, passed []int32) []bool {
	kept := make([]bool, len(g.InDegree))
	stack := make([]int32, 0, len(passed))
	mark := func(s int32) {
		if !kept[s] {
			kept[s] = true
			stack = append(stack, s)
		}
	}
	for _, p := range passed {
		mark(p)
	}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, d := range g.DependsOn(int(s)) {
			mark(d)
		}
	}
	return kept
}

// Behind are the steps that come after a checkpoint's step: its descendants, itself excluded. The answer has an entry
// for each step.
func Behind(g *dag.Graph, step int32) []bool {
	behind := make([]bool, len(g.InDegree))
	for _, d := range g.Descendants(int(step)) {
		behind[d] = true
	}
	return behind
}

// Waits is how many undos a step's own undo turn waits for: those of its dependents within the set (nil = all).
func Waits(g *dag.Graph, step int32, within []bool) int32 {
	if within == nil {
		return int32(len(g.Dependents[step]))
	}
	n := int32(0)
	for _, d := range g.Dependents[step] {
		if within[d] {
			n++
		}
	}
	return n
}

// Groups are the parallel groups of a rollback, the first to be undone first, each ascending: of the steps within the
// set (nil = all) those for which undo says true. Steps that pass through make no group. A step stands in the earliest
// group that is behind those of all its undone descendants. undo is asked once for each step within.
func Groups(g *dag.Graph, within []bool, undo func(step int32) bool) [][]int32 {
	var groups [][]int32
	turn := make([]int32, len(g.InDegree)) // groups that must have ended before the step's own turn
	undone := make([]bool, len(g.InDegree))
	for i := len(g.Topo) - 1; i >= 0; i-- {
		s := g.Topo[i]
		undone[s] = (within == nil || within[s]) && undo(s)
		for _, d := range g.Dependents[s] {
			after := turn[d]
			if undone[d] {
				after++
			}
			turn[s] = max(turn[s], after)
		}
		for undone[s] && int(turn[s]) >= len(groups) {
			groups = append(groups, nil)
		}
	}
	for s := range undone {
		if undone[s] {
			groups[turn[s]] = append(groups[turn[s]], int32(s))
		}
	}
	return groups
}
