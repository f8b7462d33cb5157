package dag

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// RuleCycle is the rule of steps that wait for each other.
const RuleCycle = "cycle"

// Graph is what the engine needs of the dependencies: cost per finished step is its out-degree. It is immutable.
type Graph struct {
	Dependents [][]int32 // by step: who names it in depends_on, ascending
	InDegree   []int32
	Roots      []int32 // of the workflow itself, ascending; those of loops: RootsOf
	Topo       []int32 // one topological order of all scopes, ties by index: the same for the same definition

	dependsOn [][]int32
	layer     []int32 // within the step's scope
	scopes    []Scope
	scope     []int32   // by step: its scope
	roots     [][]int32 // by scope
}

// NewGraph makes the graph of a definition; it is nil when there is a cycle, of which each diagnostic names one.
func NewGraph(def *Definition) (*Graph, []Diagnostic) {
	g := &Graph{
		Dependents: make([][]int32, len(def.Steps)),
		InDegree:   make([]int32, len(def.Steps)),
		dependsOn:  make([][]int32, len(def.Steps)),
		scopes:     def.Scopes,
		scope:      make([]int32, len(def.Steps)),
		roots:      make([][]int32, len(def.Scopes)),
	}
	for i := range def.Steps {
		g.connect(int32(i), &def.Steps[i])
	}
	g.Roots = g.RootsOf(0)
	left := g.order()
	if len(g.Topo) < len(def.Steps) {
		return nil, cycles(def, left)
	}
	g.layers()
	return g, nil
}

// connect adds a step with what it waits for, which stands in its own scope.
func (g *Graph) connect(i int32, s *Step) {
	g.scope[i] = int32(s.Scope)
	g.InDegree[i] = int32(len(s.DependsOn))
	if len(s.DependsOn) == 0 {
		g.roots[s.Scope] = append(g.roots[s.Scope], i)
		return
	}
	g.dependsOn[i] = make([]int32, len(s.DependsOn))
	for k, d := range s.DependsOn {
		g.Dependents[d] = append(g.Dependents[d], i)
		g.dependsOn[i][k] = int32(d)
	}
}

// RootsOf are the steps of a scope that wait for nothing, ascending. The slice belongs to the graph; it is empty for a
// scope that does not exist.
func (g *Graph) RootsOf(scope int) []int32 {
	if scope < 0 || scope >= len(g.roots) {
		return nil
	}
	return g.roots[scope]
}

// Loop is the loop that a step is inside of, -1 for a step of the workflow itself. It is the innermost one.
func (g *Graph) Loop(step int) int { return g.scopes[g.scope[step]].Loop }

// minHeap yields the smallest index first.
type minHeap []int32

func (h minHeap) Len() int           { return len(h) }
func (h minHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h minHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *minHeap) Push(x any) { *h = append(*h, x.(int32)) }

// Pop implements heap.Interface.
func (h *minHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// order fills Topo with what can be ordered, and answers how many dependencies of each step are left.
func (g *Graph) order() []int32 {
	left := slices.Clone(g.InDegree)
	ready := minHeap(slices.Concat(g.roots...))
	heap.Init(&ready)
	g.Topo = make([]int32, 0, len(left))
	for len(ready) > 0 {
		s := heap.Pop(&ready).(int32)
		g.Topo = append(g.Topo, s)
		for _, d := range g.Dependents[s] {
			if left[d]--; left[d] == 0 {
				heap.Push(&ready, d)
			}
		}
	}
	return left
}

const (
	maxCycles    = 10 // reported at most
	maxCyclePath = 12 // steps named of one
)

// cycles finds cycles among the steps with dependencies left. Each of them has such a dependency, so walking from any
// one leads into a cycle; each step is walked over once.
func cycles(def *Definition, left []int32) []Diagnostic {
	walk := make([]int, len(left)) // number of the walk that came by, from 1
	var report Report
	for start := range left {
		if left[start] == 0 || walk[start] != 0 || len(report.list) == maxCycles {
			continue
		}
		at := start
		for walk[at] == 0 {
			walk[at] = start + 1
			at = unordered(def, left, at)
		}
		if walk[at] == start+1 {
			reportCycle(&report, def, left, at)
		}
	}
	return report.Diagnostics()
}

// unordered is the first dependency of a step that is itself left.
func unordered(def *Definition, left []int32, step int) int {
	for _, d := range def.Steps[step].DependsOn {
		if left[d] > 0 {
			return d
		}
	}
	return step
}

func reportCycle(report *Report, def *Definition, left []int32, on int) {
	path := []string{def.Steps[on].ID}
	for at := unordered(def, left, on); at != on; at = unordered(def, left, at) {
		path = append(path, def.Steps[at].ID)
	}
	path = append(path, def.Steps[on].ID)
	shown := strings.Join(path, " → ")
	if len(path) > maxCyclePath {
		last := path[len(path)-2:]
		shown = fmt.Sprintf("%s → … (%d more) → %s", strings.Join(path[:maxCyclePath-2], " → "), len(path)-maxCyclePath, strings.Join(last, " → "))
	}
	s := &def.Steps[on]
	o := NewObject(s.Own, Place{Pointer: s.Pointer, Pos: s.Pos}, report)
	report.Errorf(RuleCycle, o.Place("depends_on"), "these steps wait for each other: %s", shown)
}

// DependsOn are the steps that a step names, ascending. The slice belongs to the graph.
func (g *Graph) DependsOn(step int) []int32 { return g.dependsOn[step] }

// Ancestors are all steps upstream of a step, ascending.
func (g *Graph) Ancestors(step int) []int32 { return g.reach(step, g.dependsOn) }

// Descendants are all steps downstream of a step, ascending.
func (g *Graph) Descendants(step int) []int32 { return g.reach(step, g.Dependents) }

func (g *Graph) reach(step int, next [][]int32) []int32 {
	seen := make([]bool, len(next))
	out := []int32{}
	queue := []int32{int32(step)}
	for len(queue) > 0 {
		s := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, n := range next[s] {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
				queue = append(queue, n)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Upstream answers whether one step is an ancestor of another, in constant time. A step inside a loop is downstream of
// what its loop is downstream of, for as many loops as it is inside of; never of the loops themselves. It takes a bit for each pair of steps,
// 12 MB at the limit, and is made when the first question needs it. It is not safe for use by several goroutines.
type Upstream struct {
	g     *Graph
	words int      // of one step's set
	sets  []uint64 // by step: a bit for each ancestor; nil until needed
}

// Upstream begins to ask.
func (g *Graph) Upstream() *Upstream { return &Upstream{g: g, words: (len(g.Topo) + 63) / 64} }

// Is says whether a is an ancestor of b.
func (u *Upstream) Is(a, b int) bool {
	for u.g.scope[a] != u.g.scope[b] {
		if b = u.g.Loop(b); b < 0 {
			return false
		}
	}
	return u.within(a, b)
}

// within is Is for two steps of one scope.
func (u *Upstream) within(a, b int) bool {
	if _, direct := slices.BinarySearch(u.g.dependsOn[b], int32(a)); direct {
		return true
	}
	if u.g.layer[a] >= u.g.layer[b] {
		return false
	}
	if u.sets == nil {
		u.fill()
	}
	return u.set(int32(b))[a/64]&(1<<(a%64)) != 0
}

func (u *Upstream) set(step int32) []uint64 {
	return u.sets[int(step)*u.words : (int(step)+1)*u.words]
}

func (u *Upstream) fill() {
	u.sets = make([]uint64, len(u.g.Topo)*u.words)
	for _, s := range u.g.Topo {
		into := u.set(s)
		for _, d := range u.g.dependsOn[s] {
			for w, bits := range u.set(d) {
				into[w] |= bits
			}
			into[d/64] |= 1 << (d % 64)
		}
	}
}

func (g *Graph) layers() {
	g.layer = make([]int32, len(g.Topo))
	for _, s := range g.Topo {
		for _, d := range g.dependsOn[s] {
			g.layer[s] = max(g.layer[s], g.layer[d]+1)
		}
	}
}

// Layer is the length of the longest path from a root of its scope to a step; a root's is 0.
func (g *Graph) Layer(step int) int { return int(g.layer[step]) }

// CriticalPath is the longest chain of steps of the workflow itself, from a root on; of several the one whose last steps have the smallest ids.
func (g *Graph) CriticalPath() []int32 {
	last := int32(-1)
	for s := range g.layer {
		if g.scope[s] == 0 && (last < 0 || g.layer[s] > g.layer[last]) {
			last = int32(s)
		}
	}
	var path []int32
	for last >= 0 {
		path = append(path, last)
		before := int32(-1)
		for _, d := range g.dependsOn[last] {
			if before < 0 && g.layer[d] == g.layer[last]-1 {
				before = d
			}
		}
		last = before
	}
	slices.Reverse(path)
	return path
}
