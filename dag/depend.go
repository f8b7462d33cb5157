package dag

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules about what steps wait for.
const (
	RuleUnknownDependency   = "unknown_dependency"
	RuleDuplicateDependency = "duplicate_dependency"
	RuleBadJoin             = "bad_join"
	RuleAtLeast             = "at_least_out_of_range"
)

// readDependencies resolves names to indexes, and reads the joins, which need to know how many there are.
func readDependencies(def *Definition, report *Report) {
	names := neighbours{def: def, index: make(map[string]int, len(def.Steps)), ids: make([]string, len(def.Steps))}
	for i := range def.Steps {
		names.index[def.Steps[i].ID], names.ids[i] = i, def.Steps[i].ID
	}
	edges := 0
	for i := range def.Steps {
		s := &def.Steps[i]
		o := NewObject(s.Own, Place{Pointer: s.Pointer, Pos: s.Pos}, report)
		s.DependsOn = names.dependsOn(o, s.Scope)
		s.Join = readJoin(o, len(s.DependsOn))
		if edges += len(s.DependsOn); edges > MaxEdges {
			report.Errorf(RuleTooManySteps, o.Place("depends_on"), "there are more than %d dependencies", MaxEdges)
			return
		}
	}
}

// neighbours finds steps by name: all of them, and those of one scope.
type neighbours struct {
	def   *Definition
	index map[string]int
	ids   []string // by step
}

// of are the names of a scope's steps.
func (names *neighbours) of(scope int) []string {
	s := names.def.Scopes[scope]
	return names.ids[s.First : s.First+s.Count]
}

func (names *neighbours) dependsOn(o *Object, scope int) []int {
	n := o.Get("depends_on")
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.List {
		if n.Kind != yamlx.String || o.static("depends_on", n.Str) {
			o.wrongType("depends_on", "a list of ids")
		}
		return nil
	}
	seen := make(map[int]bool, len(n.Items))
	out := make([]int, 0, len(n.Items))
	for i, item := range n.Items {
		at, known := names.index[item.Str]
		if item.Kind == yamlx.String && known && names.def.Steps[at].Scope == scope && !seen[at] {
			seen[at] = true
			out = append(out, at)
			continue
		}
		if names.refuse(o.item("depends_on", n, i), scope); o.report.Full() {
			break
		}
	}
	slices.Sort(out)
	return out
}

// refuse reports an entry of depends_on that names no step to depend on. entry has it as its one field.
func (names *neighbours) refuse(entry *Object, scope int) {
	field := entry.node.Fields[0]
	id, place := entry.Text(field.Key), entry.Place(field.Key)
	at, known := names.index[id]
	switch {
	case field.Value.Kind != yamlx.String || (id == "" && field.Value.Str != ""): // reported
	case !known:
		entry.report.Unknown(RuleUnknownDependency, place, id, names.of(scope), "there is no step %q to depend on", yamlx.Clip(id))
	case names.def.Steps[at].Scope != scope:
		entry.report.Errorf(RuleUnknownDependency, place, "the step %s lives in another scope: the steps of a loop depend on each other only, and nothing outside depends on them; depend on the loop instead", id)
	default:
		entry.report.Errorf(RuleDuplicateDependency, place, "the step %s is named twice", id)
	}
}

var joinWords = []string{"all_success", "all_done", "any_success", "none_failed", "any_failed"}

var joinModes = map[string]JoinMode{
	"all_success": AllSuccess, "all_done": AllDone, "any_success": AnySuccess, "none_failed": NoneFailed, "any_failed": AnyFailed,
}

func readJoin(o *Object, dependencies int) Join {
	n := o.Get("join")
	if n == nil || n.Kind != yamlx.Map {
		return Join{Mode: joinModes[o.oneOf(RuleBadJoin, "join", joinWords)]}
	}
	j := NewObject(n, o.Place("join"), o.report)
	j.Only([]string{"at_least"}, nil)
	k := n.Get("at_least")
	switch {
	case k == nil:
		o.report.Errorf(RuleBadJoin, j.at, "as an object a join is {at_least: k}")
		return Join{}
	case k.Kind != yamlx.Int:
		j.wrongType("at_least", "an integer")
		return Join{}
	case k.Int < 1 || k.Int > int64(dependencies):
		o.report.Errorf(RuleAtLeast, j.Place("at_least"), "at_least is between 1 and the number of dependencies, which is %d", dependencies)
		return Join{}
	}
	return Join{Mode: AtLeast, K: int(k.Int)}
}
