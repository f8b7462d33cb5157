package steps

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

// LanguageID is the identifier of the language's JSON Schema. Nothing is fetched from it.
const LanguageID = "https://cordum.dev/schema/workflow-1.json"

//go:embed workflow.schema.json
var languageSchema []byte

// LanguageSchema is the JSON Schema (2020-12) of workflow definitions, for editors: every field with its text, and no
// other field. It says what JSON Schema can say; the rest (ids that exist, expressions, cycles) is for Load. The bytes are
// the caller's.
func LanguageSchema() []byte { return bytes.Clone(languageSchema) }

// describeLanguage writes the schema from the table of kinds and the texts of language_fields.go. workflow.schema.json is
// what it wrote last.
func describeLanguage() ([]byte, error) {
	top := anObject("A workflow.", []any{"steps"}, workflowFields...)
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["$id"] = LanguageID
	top["title"] = "Cordum workflow"
	top["allOf"] = []any{exclusive("timeout", "timeout_sec"), exclusive("input", "input_schema"), shape{"anyOf": []any{
		shape{"required": []any{"id"}}, shape{"required": []any{"name"}}, shape{"$comment": "Neither: run once, under a derived id."},
	}}}
	top["$defs"] = definitions()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(top)
	return out.Bytes(), err
}

func definitions() shape {
	defs := shape{
		"stepID":     shape{"type": "string", "pattern": stepIDPattern, "description": "The id of a step: a-z, 0-9, hyphen and underscore, unique in the document."},
		"duration":   shape{"type": "string", "minLength": 2, "pattern": durationPattern, "description": "250ms, 30s, 5m, 1h30m, 7d, or PT5M."},
		"seconds":    shape{"type": "integer", "minimum": 1, "maximum": int(dag.MaxDuration.Seconds())},
		"expression": shape{"type": []any{"string", "boolean"}, "maxLength": expr.MaxSource, "description": "An expression, without ${ }, or a boolean."},
		"steps":      stepsShape,
		"retry":      retryShape,
		"join":       joinShape,
		"tolerate":   tolerateShape,
		"lock":       lockShape,
		"jsonSchema": shape{"type": []any{"object", "boolean"}, "description": "A JSON Schema (2020-12). It refers to nothing outside itself."},
		"onFailure":  onFailureShape,
		"compensate": compensateShape(),
		"step":       byType("step", "type"),
	}
	for _, k := range kinds {
		defs["step_"+k.name] = stepShape(k)
		if k.undoes {
			defs["compensate_"+k.name] = undoShape(k)
		}
	}
	return defs
}

// byType is an object that is checked as its type says. Editors show the types by this list.
func byType(what, field string) shape {
	types := []string{}
	var branches []any
	for i, k := range kinds {
		types = append(types, k.name, k.doc)
		is := shape{"properties": shape{field: shape{"const": k.name}}, "required": []any{field}}
		if i == 0 { // the default
			is = shape{"properties": shape{field: shape{"const": k.name}}}
		}
		branches = append(branches, shape{"if": is, "then": shape{"$ref": "#/$defs/" + what + "_" + k.name}})
	}
	return shape{"type": "object", "properties": shape{field: oneOf("What the step does. Default `worker`.", types...)}, "allOf": branches}
}

func stepShape(k kind) shape {
	fields := pick(stepFields, dag.CommonFields(k.name))
	out := kindShape(k, k.doc, fields)
	if k.name != conditionKind.name {
		out["allOf"] = append(out["allOf"].([]any), exclusive("when", "condition"))
	}
	return out
}

// kindShape is an object with fields, and those of a kind on top.
func kindShape(k kind, doc string, fields []field) shape {
	out := anObject(doc, k.needs, append(fields, k.fields...)...)
	out["allOf"] = append([]any{exclusive("timeout", "timeout_sec")}, k.rules...)
	return out
}

// compensateShape is byType for the kinds that a compensation may have.
func compensateShape() shape {
	types := []string{}
	var branches []any
	for _, k := range kinds {
		if !k.undoes {
			continue
		}
		types = append(types, k.name, k.doc)
		is := shape{"properties": shape{"type": shape{"const": k.name}}}
		if k.name != workerKind.name {
			is["required"] = []any{"type"}
		}
		branches = append(branches, shape{"if": is, "then": shape{"$ref": "#/$defs/compensate_" + k.name}})
	}
	return shape{"type": "object", "properties": shape{"type": oneOf("What the compensation does. Default `worker`.", types...)}, "allOf": branches}
}

func undoShape(k kind) shape {
	fields := append(pick(stepFields, dag.CompensationFields()), compensationFields...)
	return kindShape(k, "How the step is undone. "+k.doc, fields)
}

// exclusive refuses a field beside its other name.
func exclusive(name, alias string) shape { return shape{"not": shape{"required": []any{name, alias}}} }

// pick answers those of the fields that are named.
func pick(fields []field, names []string) []field {
	named := " " + strings.Join(names, " ") + " "
	var out []field
	for _, f := range fields {
		if strings.Contains(named, " "+f.name+" ") {
			out = append(out, f)
		}
	}
	return out
}
