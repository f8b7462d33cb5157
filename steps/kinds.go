package steps

import (
	"slices"

	"cordum.dev/cordum/dag"
)

// kind is a type of step.
type kind struct {
	name   string
	doc    string     // one sentence, for people
	fields []field    // its own; needed ones are the decoder's to miss
	needs  []any      // the fields it cannot do without, and
	rules  []any      // what else holds of them: for the published schema, the decoder says it itself
	effect dag.Effect // when the step does not say
	// secrets: its input goes to whoever executes, and may refer to secrets.
	secrets bool
	// undoes: it asks for a job, so it can be a compensation.
	undoes bool
	decode func(r *reading) Spec
}

// kinds are all types of step, the default first. A new one is one file and one line here.
var kinds = []kind{
	workerKind,
	approvalKind,
	notifyKind,
	conditionKind,
	switchKind,
	delayKind,
	waitKind,
	loopKind,
	subworkflowKind,
	transformKind,
	httpKind,
}

// known are the names of all fields that a step of a kind may have; undoable those of a compensation.
var known, undoable = func() (steps, undos map[string][]string) {
	steps, undos = map[string][]string{}, map[string][]string{}
	for _, k := range kinds {
		steps[k.name] = append(dag.CommonFields(k.name), fieldNames(k.fields)...)
		undos[k.name] = append(dag.CompensationFields(), fieldNames(k.fields)...)
	}
	return steps, undos
}()

// kindNamed finds a kind; the empty name is the default.
func kindNamed(name string) (kind, bool) {
	if name == "" {
		return kinds[0], true
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}
