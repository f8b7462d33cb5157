package saga_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/saga"
)

// graph makes the graph of steps 0..n-1; needs[i] are the steps that i depends on.
func graph(t interface{ Fatal(...any) }, needs ...[]int) *dag.Graph {
	def := &dag.Definition{Scopes: []dag.Scope{{Loop: -1, Count: len(needs)}}}
	for i, on := range needs {
		def.Steps = append(def.Steps, dag.Step{ID: fmt.Sprintf("s%05d", i), DependsOn: on})
	}
	g, cyclic := dag.NewGraph(def)
	if g == nil {
		t.Fatal(cyclic)
	}
	return g
}

func all(int32) bool { return true }

func TestGroups(t *testing.T) {
	t.Parallel()
	diamond := [][]int{nil, {0}, {0}, {1, 2}}
	except := func(out ...int32) func(int32) bool { return func(s int32) bool { return !slices.Contains(out, s) } }
	tests := []struct {
		name   string
		needs  [][]int
		within []bool
		undo   func(int32) bool
		want   [][]int32
	}{
		{"nothing", [][]int{nil, {0}}, nil, except(0, 1), nil},
		{"chain", [][]int{nil, {0}, {1}}, nil, all, [][]int32{{2}, {1}, {0}}},
		{"independent", [][]int{nil, nil, nil}, nil, all, [][]int32{{0, 1, 2}}},
		{"diamond", diamond, nil, all, [][]int32{{3}, {1, 2}, {0}}},
		{"through one that passes", diamond, nil, except(1), [][]int32{{3}, {2}, {0}}},
		{"through both", diamond, nil, except(1, 2), [][]int32{{3}, {0}}},
		{"the failed one passes", diamond, nil, except(3), [][]int32{{1, 2}, {0}}},
		{"within", diamond, []bool{false, true, true, true}, all, [][]int32{{3}, {1, 2}}},
		{"arms of two lengths", [][]int{nil, {0}, {1}, {0}}, nil, all, [][]int32{{2, 3}, {1}, {0}}},
	}
	for _, tt := range tests {
		if got := saga.Groups(graph(t, tt.needs...), tt.within, tt.undo); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKeptAndBehind(t *testing.T) {
	t.Parallel()
	// 0 → 1 → 2 (pivot) → 3, and the side branch 4 → 5 behind 0, joined in 6.
	g := graph(t, nil, []int{0}, []int{1}, []int{2}, []int{0}, []int{4}, []int{3, 5})
	if got := set(saga.Kept(g, []int32{2})); !reflect.DeepEqual(got, []int32{0, 1, 2}) {
		t.Errorf("kept %v", got)
	}
	if got := set(saga.Kept(g, nil)); len(got) != 0 {
		t.Errorf("kept %v without a pivot", got)
	}
	if got := set(saga.Kept(g, []int32{2, 5})); !reflect.DeepEqual(got, []int32{0, 1, 2, 4, 5}) {
		t.Errorf("kept %v by two pivots", got)
	}
	if got := set(saga.Behind(g, 4)); !reflect.DeepEqual(got, []int32{5, 6}) {
		t.Errorf("behind %v", got)
	}
	if got := saga.Waits(g, 0, nil); got != 2 {
		t.Errorf("waits for %d", got)
	}
	if got := saga.Waits(g, 4, saga.Behind(g, 4)); got != 1 {
		t.Errorf("waits for %d behind the checkpoint", got)
	}
}

func set(in []bool) []int32 {
	var out []int32
	for s, yes := range in {
		if yes {
			out = append(out, int32(s))
		}
	}
	return out
}

// randomGraph draws a graph whose steps depend on some of those before them.
func randomGraph(t *rapid.T) *dag.Graph {
	n := rapid.IntRange(1, 14).Draw(t, "steps")
	needs := make([][]int, n)
	for i := range needs {
		for d := range i {
			if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				needs[i] = append(needs[i], d)
			}
		}
	}
	return graph(t, needs...)
}

// The groups are a partition of what is undone, and each step stands behind all its undone descendants, no later than
// the last of them makes it.
func TestGroupsAreReverseTopological(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := randomGraph(t)
		n := len(g.InDegree)
		within := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "within")
		undo := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "undo")
		group := make(map[int32]int, n)
		for i, steps := range saga.Groups(g, within, func(s int32) bool { return undo[s] }) {
			if len(steps) == 0 {
				t.Fatalf("the group %d is empty", i)
			}
			for _, s := range steps {
				if _, twice := group[s]; twice {
					t.Fatalf("step %d stands in two groups", s)
				}
				group[s] = i
			}
		}
		for s := range int32(n) {
			at, in := group[s]
			if in != (within[s] && undo[s]) {
				t.Fatalf("step %d in a group: %v", s, in)
			}
			last := -1
			for _, d := range g.Descendants(int(s)) {
				if behind, undone := group[d]; undone {
					last = max(last, behind)
				}
			}
			if in && at != last+1 {
				t.Fatalf("step %d is undone in group %d, its last descendant in %d", s, at, last)
			}
		}
	})
}

// Undoing by counting down, as the engine does it, undoes each step once, and no step before its undone descendants.
func TestCountingDownGivesTheSameOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := randomGraph(t)
		within := saga.Kept(g, []int32{rapid.Int32Range(0, int32(len(g.InDegree)-1)).Draw(t, "pivot")})
		for s := range within {
			within[s] = !within[s]
		}
		var ready, ended []int32
		left := make([]int32, len(within))
		for s := range int32(len(within)) {
			if left[s] = saga.Waits(g, s, within); within[s] && left[s] == 0 {
				ready = append(ready, s)
			}
		}
		for len(ready) > 0 {
			i := rapid.IntRange(0, len(ready)-1).Draw(t, "next")
			s := ready[i]
			ready = slices.Delete(ready, i, i+1)
			ended = append(ended, s)
			for _, d := range g.DependsOn(int(s)) {
				if left[d]--; within[d] && left[d] == 0 {
					ready = append(ready, d)
				}
			}
		}
		if len(ended) != len(set(within)) {
			t.Fatalf("%d of %d steps had their turn", len(ended), len(set(within)))
		}
		for s, steps := range ended {
			for _, later := range ended[s+1:] {
				if slices.Contains(g.Descendants(int(steps)), later) {
					t.Fatalf("step %d is undone before its descendant %d", steps, later)
				}
			}
		}
	})
}

// What pivots keep is closed upwards, so that what is undone is closed downwards.
func TestKeptIsClosedUpwards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := randomGraph(t)
		passed := rapid.SliceOfDistinct(rapid.Int32Range(0, int32(len(g.InDegree)-1)), func(s int32) int32 { return s }).Draw(t, "passed")
		kept := saga.Kept(g, passed)
		for s, yes := range kept {
			because := slices.Contains(passed, int32(s))
			for _, d := range g.Descendants(s) {
				because = because || slices.Contains(passed, d)
			}
			if yes != because {
				t.Fatalf("step %d kept: %v", s, yes)
			}
		}
	})
}
