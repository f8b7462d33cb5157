package steps

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var subworkflowKind = kind{
	name: "subworkflow",
	doc:  "Starts another workflow and waits for it. Output is the child's output.",
	fields: []field{
		{"workflow", aText("The other workflow's id.")},
		{"version", aText("Its version: a digest, or the author's label. Absent: the newest when the step starts.")},
	},
	needs: []any{"workflow"},
	// What the child does to the world is the child's to say.
	effect: dag.EffectNone,
	decode: decodeSubworkflow,
}

// subworkflow runs another workflow.
type subworkflow struct{ child Child }

// Start implements Spec.
func (s subworkflow) Start(*expr.Env) (Ask, error) { return s.child, nil }

// Child implements Subworkflow.
func (s subworkflow) Child() Child { return s.child }

func decodeSubworkflow(r *reading) Spec {
	r.Need("workflow")
	child := Child{Workflow: r.Text("workflow"), Version: r.Text("version")}
	if (child.Workflow != "" || emptyText(r, "workflow")) && !dag.ValidWorkflowID(child.Workflow) {
		r.report.Errorf(dag.RuleInvalidID, r.Place("workflow"), "%q is no id of a workflow", yamlx.Clip(child.Workflow))
	}
	if emptyText(r, "version") {
		r.report.Errorf(dag.RuleBadValue, r.Place("version"), "version is empty; leave it out for the newest")
	}
	return subworkflow{child}
}
