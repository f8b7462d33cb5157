package dag

import (
	"slices"
	"strconv"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules about steps.
const (
	RuleNoSteps             = "no_steps"
	RuleTooManySteps        = "too_many_steps" // edges as well
	RuleUnknownDependency   = "unknown_dependency"
	RuleDuplicateDependency = "duplicate_dependency"
	RuleBadJoin             = "bad_join"
	RuleAtLeast             = "at_least_out_of_range"
)

// commonFields are those every step has. condition is one of them except on a condition step, where it is its own.
var commonFields = []string{
	"id", "name", "type", "description", "labels", "depends_on", "join", "when", "condition", "input", "retry", "timeout",
	"timeout_sec", "queue_timeout", "total_timeout", "heartbeat_timeout", "on_failure", "effect", "idempotent", "requires",
	"preferred_worker_id", "preferred_pool", "priority",
}

// CommonFields are the names of the fields that every step of a kind has, aliases included. The slice is the caller's.
func CommonFields(kind string) []string {
	out := slices.Clone(commonFields)
	if kind == kindCondition {
		out = slices.DeleteFunc(out, func(f string) bool { return f == "condition" })
	}
	return out
}

// kindCondition is the one kind whose own field has the name of a common one's alias.
const kindCondition = "condition"

// readSteps reads the steps, which are a list of objects with ids, or a map from id to object.
func readSteps(def *Definition, o *Object) {
	n := o.Get("steps")
	if n == nil {
		o.Need("steps")
		return
	}
	objects := stepObjects(o, n)
	if len(objects) == 0 {
		if n.Kind == yamlx.List || n.Kind == yamlx.Map {
			o.report.Errorf(RuleNoSteps, o.Place("steps"), "a workflow has at least one step")
		}
		return
	}
	if len(objects) > MaxSteps {
		o.report.Errorf(RuleTooManySteps, o.Place("steps"), "there are %d steps, the limit is %d", len(objects), MaxSteps)
		return
	}
	def.Steps = make([]Step, 0, len(objects))
	first := make(map[string]yamlx.Pos, len(objects))
	for _, s := range objects {
		id, ok := readStepID(s)
		if !ok {
			continue
		}
		if pos, twice := first[id]; twice {
			o.report.Errorf(RuleDuplicateID, s.place("id"), "the step %s stands in line %d already", id, pos.Line)
			continue
		}
		first[id] = s.At().Pos
		def.Steps = append(def.Steps, readStep(id, s.Object))
	}
	slices.SortFunc(def.Steps, func(a, b Step) int { return strings.Compare(a.ID, b.ID) })
	def.Scopes = []Scope{{Loop: -1, Count: len(def.Steps)}}
	readDependencies(def, o.report)
}

// stepObject is one entry of steps; key is its id in the map form.
type stepObject struct {
	*Object
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

func readStep(id string, o *Object) Step {
	s := Step{ID: id, Own: settle(o.node), Pos: o.at.Pos, Pointer: o.at.Pointer}
	s.Name = o.Text("name")
	s.Type = o.Text("type")
	s.Description = o.Description("description")
	s.Labels = readStepLabels(o)
	s.When = readWhen(o, s.Type)
	s.Input = s.Own.Get("input")
	s.Retry = readRetry(o)
	readTimeouts(&s, o)
	readRouting(&s, o)
	s.OnFailure = readOnFailure(o, false)
	s.Effect = effects[o.OneOf("effect", "none", "read", "write", "irreversible")]
	s.Idempotent = o.Bool("idempotent")
	return s
}

var effects = map[string]Effect{
	"none": EffectNone, "read": EffectRead, "write": EffectWrite, "irreversible": EffectIrreversible,
}

func readStepLabels(o *Object) *yamlx.Node {
	n := o.Get("labels")
	if n == nil {
		return nil
	}
	labels := NewObject(n, o.Place("labels"), o.report)
	if len(labels.node.Fields) > MaxLabels {
		o.report.Errorf(RuleOutOfRange, o.Place("labels"), "there are %d labels, the limit is %d", len(labels.node.Fields), MaxLabels)
	}
	for _, f := range labels.node.Fields {
		labels.Template(f.Key)
	}
	return n
}

func readWhen(o *Object, kind string) *yamlx.Node {
	if kind == kindCondition {
		return o.Expression("when")
	}
	return o.Expression(o.Either("when", "condition"))
}

func readTimeouts(s *Step, o *Object) {
	s.Timeout = o.Duration("timeout", "timeout_sec")
	s.QueueTimeout = o.Duration("queue_timeout", "")
	s.TotalTimeout = o.Duration("total_timeout", "")
	s.HeartbeatTimeout = o.Duration("heartbeat_timeout", "")
}

func readRouting(s *Step, o *Object) {
	s.Requires = o.Texts("requires")
	s.PreferredWorkerID = o.Text("preferred_worker_id")
	s.PreferredPool = o.Text("preferred_pool")
	switch o.OneOf("priority", "batch", "interactive", "critical") {
	case "batch":
		s.Priority = Batch
	case "interactive":
		s.Priority = Interactive
	case "critical":
		s.Priority = Critical
	}
}

// readDependencies resolves names to indexes, and reads the joins, which need to know how many there are.
func readDependencies(def *Definition, report *Report) {
	index := make(map[string]int, len(def.Steps))
	ids := make([]string, len(def.Steps))
	for i := range def.Steps {
		index[def.Steps[i].ID], ids[i] = i, def.Steps[i].ID
	}
	edges := 0
	for i := range def.Steps {
		s := &def.Steps[i]
		o := NewObject(s.Own, Place{Pointer: s.Pointer, Pos: s.Pos}, report)
		s.DependsOn = dependsOn(o, index, ids)
		s.Join = readJoin(o, len(s.DependsOn))
		if edges += len(s.DependsOn); edges > MaxEdges {
			report.Errorf(RuleTooManySteps, o.Place("depends_on"), "there are more than %d dependencies", MaxEdges)
			return
		}
	}
}

func dependsOn(o *Object, index map[string]int, ids []string) []int {
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
	items := o.itemsOf("depends_on", n)
	seen := make(map[int]bool, len(n.Items))
	var out []int
	for i, item := range n.Items {
		key := strconv.Itoa(i)
		id := items.Text(key)
		at, known := index[id]
		switch {
		case item.Kind != yamlx.String || (id == "" && item.Str != ""): // reported
		case !known:
			o.report.Unknown(RuleUnknownDependency, items.Place(key), id, ids, "there is no step %q to depend on", yamlx.Clip(id))
		case seen[at]:
			o.report.Errorf(RuleDuplicateDependency, items.Place(key), "the step %s is named twice", id)
		default:
			seen[at] = true
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return out
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
