package dag

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// commonFields are those every step has, but for what without says. condition is one of them except on a condition
// step, where it is its own.
var commonFields = []string{
	"id", "name", "type", "description", "labels", "depends_on", "join", "when", "condition", "for_each", "max_parallel",
	"tolerate", "input", "input_schema", "output_schema", "retry", "max_retries",
	"initial_backoff_sec", "max_backoff_sec", "timeout", "timeout_sec", "queue_timeout", "total_timeout",
	"heartbeat_timeout", "on_failure", "effect", "idempotent", "compensate", "pivot", "checkpoint", "resource_lock", "requires",
	"preferred_worker_id", "preferred_pool", "priority",
}

// without are the common fields that a kind does not have, so that nobody believes them to be in effect there.
//   - compensate: what undoes a step is a job against what its own job did. A sub-workflow and a loop are undone by
//     what is inside them; the others have done nothing to the world.
//   - fan-out of a switch: it would choose one branch per item, and a dependent runs once. Every other kind has a
//     meaning per item, also a condition, whose output is then the list of answers.
//   - retry of a loop: its steps have their own, and another round is what a loop is for.
var without = map[string][]string{
	"approval":    {"compensate"},
	"condition":   {"compensate", "condition"},
	"switch":      {"compensate", "for_each", "max_parallel", "tolerate"},
	"delay":       {"compensate"},
	"wait":        {"compensate"},
	"loop":        {"compensate", "retry", "max_retries", "initial_backoff_sec", "max_backoff_sec"},
	"subworkflow": {"compensate"},
	"transform":   {"compensate"},
}

// CommonFields are the names of the fields that every step of a kind has, aliases included. The slice is the caller's.
func CommonFields(kind string) []string {
	return slices.DeleteFunc(slices.Clone(commonFields), func(f string) bool { return !hasCommon(kind, f) })
}

// hasCommon says whether a common field exists on a kind.
func hasCommon(kind, field string) bool { return !slices.Contains(without[kind], field) }

// kindCondition is the one kind whose own field has the name of a common one's alias.
const kindCondition = "condition"

func readStep(id string, o *Object, scope int) Step {
	s := Step{ID: id, Scope: scope, Own: settle(o.node), Pos: o.at.Pos, Pointer: o.at.Pointer}
	s.Name = o.Text("name")
	s.Type = o.Text("type")
	s.Description = o.Description("description")
	s.Labels = readStepLabels(o)
	s.When = readWhen(o, s.Type)
	readJob(&s, o)
	readFanOut(&s, o)
	readSchemas(&s, o)
	s.OnFailure = readOnFailure(o)
	s.Effect = effects[o.OneOf("effect", "none", "read", "write", "irreversible")]
	readSaga(&s, o)
	return s
}

// readJob reads what a step and a compensation have in common.
func readJob(s *Step, o *Object) {
	s.Input = s.Own.Get("input")
	if hasCommon(s.Type, "retry") {
		s.Retry = readRetry(o)
	}
	readTimeouts(s, o)
	readRouting(s, o)
	s.Idempotent = o.Bool("idempotent")
	s.ResourceLock = readLock(o)
}

// readSchemas reads the schemas of a step, inline or by id.
func readSchemas(s *Step, o *Object) {
	s.InputSchema = readStepSchema(s, o, "input_schema")
	s.OutputSchema = readStepSchema(s, o, "output_schema")
}

func readStepSchema(s *Step, o *Object, name string) *yamlx.Node {
	n := s.Own.Get(name)
	switch {
	case n == nil:
		return nil
	case n.Kind == yamlx.String:
		if o.static(name, n.Str) && n.Str == "" {
			o.report.Errorf(RuleBadValue, o.Place(name), "%s is a JSON Schema or the id of one, not an empty text", name)
		}
	case n.Kind != yamlx.Map && n.Kind != yamlx.Bool:
		o.wrongType(name, "a JSON Schema, or the id of one")
		return nil
	}
	return n
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
		return nil
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
	s.Priority = priorities[o.OneOf("priority", "batch", "interactive", "critical")]
}

var priorities = map[string]Priority{"batch": Batch, "interactive": Interactive, "critical": Critical}
