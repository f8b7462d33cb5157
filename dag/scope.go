package dag

import (
	"slices"
	"strconv"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules about how many steps there are.
const (
	RuleNoSteps      = "no_steps"
	RuleTooManySteps = "too_many_steps" // edges as well
)

// kindLoop is the one kind with steps of its own.
const kindLoop = "loop"

// flattener reads the steps of all scopes into one list.
type flattener struct {
	def    *Definition
	report *Report
	total  int              // entries seen, wrong ones included
	first  map[string]Place // where each id stands: ids are unique in the document
}

// readSteps reads the steps of the workflow, then scope by scope those of its loops: a loop's scope follows when the
// walk over the list comes to the loop.
func readSteps(def *Definition, top *Object) {
	f := flattener{def: def, report: top.report, first: map[string]Place{}}
	if top.Get("steps") == nil {
		top.Need("steps")
		return
	}
	f.scope(top, -1)
	for i := 0; i < len(def.Steps); i++ {
		s := &def.Steps[i]
		if s.Type != kindLoop {
			continue
		}
		loop := NewObject(s.Own, Place{Pointer: s.Pointer, Pos: s.Pos}, f.report)
		loop.Need("steps")
		f.scope(loop, i)
	}
	readDependencies(def, f.report)
}

// scope reads the steps that one object has, which are a list of objects with ids, or a map from id to object. loop is
// the step they belong to, -1 for the workflow.
func (f *flattener) scope(owner *Object, loop int) {
	n := owner.Get("steps")
	if n == nil {
		return
	}
	objects := stepObjects(owner, n)
	if len(objects) == 0 {
		if n.Kind == yamlx.List || n.Kind == yamlx.Map {
			f.report.Errorf(RuleNoSteps, owner.Place("steps"), "%s has at least one step", scopeName(loop))
		}
		return
	}
	if f.total += len(objects); f.total > MaxSteps {
		f.report.Errorf(RuleTooManySteps, owner.Place("steps"), "there are %d steps or more, the limit is %d", f.total, MaxSteps)
		return
	}
	objects = f.identified(objects)
	number := len(f.def.Scopes)
	f.def.Scopes = append(f.def.Scopes, Scope{Loop: loop, First: len(f.def.Steps), Count: len(objects)})
	if loop >= 0 {
		f.def.Steps[loop].Inner = number
	}
	f.def.Steps = slices.Grow(f.def.Steps, len(objects))
	for _, o := range objects {
		f.def.Steps = append(f.def.Steps, readStep(o.id, o.Object, number))
	}
}

func scopeName(loop int) string {
	if loop < 0 {
		return "a workflow"
	}
	return "a loop"
}

// identified answers the steps that have an id of their own, sorted by it. Sorting comes before reading: entries are
// small, steps are not.
func (f *flattener) identified(objects []stepObject) []stepObject {
	out := make([]stepObject, 0, len(objects))
	for _, s := range objects {
		id, ok := readStepID(s)
		if !ok {
			continue
		}
		s.id = id
		if here := s.place("id"); f.unique(id, here) {
			f.first[id] = here
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b stepObject) int { return strings.Compare(a.id, b.id) })
	return out
}

// unique reports an id that is taken, at whichever of the two places comes later in the file.
func (f *flattener) unique(id string, here Place) bool {
	other, taken := f.first[id]
	if !taken {
		return true
	}
	if here.Pos.Line < other.Pos.Line {
		here, other = other, here
	}
	f.report.Errorf(RuleDuplicateID, here, "the step %s stands in line %d already: an id is unique in the document, steps of loops included", id, other.Pos.Line)
	return false
}

// stepObject is one entry of steps; key is its id in the map form.
type stepObject struct {
	*Object
	id    string // once it is known to be one
	key   string
	keyed bool
	keyAt Place
}

func (s stepObject) place(field string) Place {
	if s.keyed {
		return s.keyAt
	}
	return s.Place(field)
}

func stepObjects(o *Object, n *yamlx.Node) []stepObject {
	at := o.Place("steps")
	var out []stepObject
	switch n.Kind {
	case yamlx.List:
		for i, item := range n.Items {
			out = append(out, stepObject{Object: NewObject(item, at.Below(strconv.Itoa(i), item.Pos), o.report)})
		}
	case yamlx.Map:
		for _, f := range n.Fields {
			// Where the step begins is its key: its fields may stand lines below.
			key := at.Below(f.Key, f.Pos)
			out = append(out, stepObject{Object: NewObject(f.Value, key, o.report), key: f.Key, keyed: true, keyAt: key})
		}
	default:
		o.wrongType("steps", "a list of steps, or an object of them by id")
	}
	return out
}

func readStepID(s stepObject) (string, bool) {
	id, at := s.key, s.keyAt
	if own := s.Get("id"); own != nil || !s.keyed {
		if own == nil {
			s.Need("id")
			return "", false
		}
		if own.Kind != yamlx.String || HasTemplate(own.Str) {
			s.Text("id")
			return "", false
		}
		if s.keyed && own.Str != s.key {
			s.report.Errorf(RuleConflicting, s.Place("id"), "the step stands under another id")
			return "", false
		}
		id, at = own.Str, s.Place("id")
	}
	if !ValidStepID(id) {
		s.report.Errorf(RuleInvalidID, at,
			"%q is no id of a step: up to %d of a-z, 0-9, hyphen and underscore, beginning with a letter or a digit", yamlx.Clip(id), MaxIDLength)
		return "", false
	}
	return id, true
}
