package dag

// What belongs to the language but not to this version of it. It is refused by name, so that nobody believes it is
// in effect.
var (
	laterWorkflowFields = set("concurrency")
	laterStepFields     = set("for_each", "max_parallel", "tolerate", "output_schema", "input_schema", "compensate", "pivot",
		"checkpoint", "resource_lock")
	laterKinds      = set("switch", "wait", "loop", "subworkflow", "transform", "http")
	laterKindFields = map[string]map[string]bool{
		"approval": set("approvers", "quorum", "form", "escalate"),
	}
)

// LaterKind says whether a type of step belongs to a later version.
func LaterKind(kind string) bool { return laterKinds[kind] }

// LaterField says whether a field of a step of this type does.
func LaterField(kind, field string) bool {
	return laterStepFields[field] || laterKindFields[kind][field]
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
