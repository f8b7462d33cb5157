package plan

import (
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// readField is a field of a step that holds expressions or templates.
type readField struct {
	name       string
	node       *yamlx.Node
	expression bool
}

func (f readField) reads() []expr.Read { return expr.ReadsOf(f.node, f.expression) }

// Fields whose text is an expression, and fields whose texts may hold ${…} (the language's page, "Expressions"). until is
// the one in a loop and the other in a delay.
var (
	expressionFields = map[string]bool{"when": true, "condition": true, "for_each": true, "on": true, "while": true, "match": true}
	templateFields   = map[string]bool{
		"input": true, "context": true, "title": true, "message": true, "url": true, "headers": true, "body": true, "for": true,
		"until": true, "resource_lock": true, "labels": true,
	}
)

// fieldsRead are the fields of a step, or of a compensation, that read names when the step runs. The steps inside a loop
// are steps of their own.
func fieldsRead(own *yamlx.Node, kind string) []readField {
	if own == nil {
		return nil
	}
	var out []readField
	for _, f := range own.Fields {
		switch {
		case expressionFields[f.Key], f.Key == "until" && kind == "loop":
			out = append(out, readField{f.Key, f.Value, true})
		case templateFields[f.Key]:
			out = append(out, readField{f.Key, f.Value, false})
		case f.Key == "cases" && kind == "switch":
			for _, c := range f.Value.Items {
				out = append(out, readField{"cases", c.Get("when"), true})
			}
		}
	}
	return out
}
