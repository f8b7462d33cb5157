package dag

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules about undoing.
const (
	RuleCompensateIrreversible = "compensate_irreversible"
	RuleDuplicateCheckpoint    = "duplicate_checkpoint"
	RuleUnknownCheckpoint      = "unknown_checkpoint"
)

// compensationFields are what every compensation has. It has no effect of its own to declare: it is a write.
var compensationFields = []string{
	"type", "input", "retry", "timeout", "timeout_sec", "queue_timeout", "total_timeout", "heartbeat_timeout", "idempotent", "requires",
	"preferred_worker_id", "preferred_pool", "priority", "resource_lock", "when_unknown",
}

// compensationKinds are the types whose work is a job, the default first.
var compensationKinds = []string{"worker", "http", "notify"}

// CompensationFields are the names of the fields that every compensation has, aliases included; those of its kind come
// on top. The slice is the caller's.
func CompensationFields() []string { return slices.Clone(compensationFields) }

// readSaga reads how a step is undone, and what it means for undoing others.
func readSaga(s *Step, o *Object) {
	if hasCommon(s.Type, "compensate") {
		s.Compensate = readCompensation(s.ID, o)
	}
	if s.Compensate != nil && s.Effect == EffectIrreversible {
		o.report.Errorf(RuleCompensateIrreversible, o.keyPlace("compensate"), "what is irreversible cannot be undone: leave compensate out, or say effect: write")
	}
	if pivot := o.Bool("pivot"); pivot != nil {
		s.Pivot = *pivot && rootOnly(s, o, "pivot")
	}
	if o.Get("checkpoint") != nil && rootOnly(s, o, "checkpoint") {
		s.Checkpoint = readCheckpoint(o)
	}
}

// rootOnly reports a mark that the steps of a loop cannot have: they run many times, and a place in the run's history
// to go back to, or never to go back behind, is there once.
func rootOnly(s *Step, o *Object, name string) bool {
	if s.Scope != 0 {
		o.report.Errorf(RuleBadValue, o.Place(name), "%s marks a step of the workflow, not one inside a loop: mark the loop instead", name)
	}
	return s.Scope == 0
}

func readCheckpoint(o *Object) string {
	name := o.Text("checkpoint")
	if n := o.Get("checkpoint"); n.Kind != yamlx.String || HasTemplate(n.Str) {
		return ""
	}
	if !ValidStepID(name) {
		o.report.Errorf(RuleInvalidID, o.Place("checkpoint"),
			"%q is no name of a checkpoint: as a step's id, up to %d of a-z, 0-9, hyphen and underscore, beginning with a letter or a digit", yamlx.Clip(name), MaxIDLength)
		return ""
	}
	return name
}

func readCompensation(id string, step *Object) *Compensation {
	n := step.Get("compensate")
	if n == nil {
		return nil
	}
	o := NewObject(n, step.Place("compensate"), step.report)
	do := &Step{ID: id, Own: settle(o.node), Pos: o.at.Pos, Pointer: o.at.Pointer}
	do.Type = o.OneOf("type", compensationKinds...)
	readJob(do, o)
	return &Compensation{Do: do, WhenUnknown: unknowns[o.OneOf("when_unknown", "run", "hold")]}
}

var unknowns = map[string]WhenUnknown{"run": UnknownRun, "hold": UnknownHold}

// checkCheckpoints sees that names of checkpoints are unique, in the order of the file, and that the one to come back
// to exists.
func checkCheckpoints(def *Definition, top *Object) {
	var marked []*Step
	for i := range def.Steps {
		if def.Steps[i].Checkpoint != "" {
			marked = append(marked, &def.Steps[i])
		}
	}
	slices.SortStableFunc(marked, func(a, b *Step) int { return comparePos(a.Pos, b.Pos) })
	names := make([]string, 0, len(marked))
	owner := make(map[string]string, len(marked))
	for _, s := range marked {
		if other, taken := owner[s.Checkpoint]; taken {
			o := NewObject(s.Own, Place{Pointer: s.Pointer, Pos: s.Pos}, top.report)
			top.report.Errorf(RuleDuplicateCheckpoint, o.Place("checkpoint"), "the checkpoint %s is that of the step %s already", s.Checkpoint, other)
			continue
		}
		owner[s.Checkpoint] = s.ID
		names = append(names, s.Checkpoint)
	}
	if def.RollbackTo == nil || def.RollbackTo.Checkpoint == "" || owner[def.RollbackTo.Checkpoint] != "" {
		return
	}
	to := NewObject(top.Get("on_failure"), top.Place("on_failure"), top.report)
	top.report.Unknown(RuleUnknownCheckpoint, to.Place("rollback_to"), def.RollbackTo.Checkpoint, names,
		"no step of the workflow has the checkpoint %q", yamlx.Clip(def.RollbackTo.Checkpoint))
}

// readLock reads the resource that is held from dispatch to result.
func readLock(o *Object) *Lock {
	n := o.Get("resource_lock")
	if n == nil || n.Kind != yamlx.Map {
		if n = o.Template("resource_lock"); n == nil {
			return nil
		}
		return &Lock{Name: n}
	}
	lock := NewObject(n, o.Place("resource_lock"), o.report)
	lock.Only([]string{"name", "mode"}, nil)
	lock.Need("name")
	return &Lock{Name: lock.Template("name"), Shared: lock.OneOf("mode", "exclusive", "shared") == "shared"}
}
