package steps

import "cordum.dev/cordum/dag"

// shape is a JSON Schema under construction.
type shape = map[string]any

// field is a field of the language: its name, and what may stand there, with the text that editors show.
type field struct {
	name  string
	shape shape
}

func fieldNames(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

const (
	durationPattern = `^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$|^P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$`
	stepIDPattern   = `^[a-z0-9][a-z0-9_-]{0,62}$`
	// staticPattern refuses ${: what is fixed when the workflow is saved.
	staticPattern = `^([^$]|\$+[^${])*\$*$`
)

// described adds the text that editors show.
func described(s shape, doc string) shape {
	s["description"] = doc
	return s
}

func aText(doc string) shape {
	return described(shape{"type": "string", "pattern": staticPattern, "maxLength": dag.MaxTextLength}, doc)
}

// aTemplate is a text that may hold ${…}.
func aTemplate(doc string) shape { return described(shape{"type": "string"}, doc) }

func anExpression(doc string) shape {
	return described(shape{"$ref": "#/$defs/expression"}, doc)
}

func aBoolean(doc string) shape { return described(shape{"type": "boolean"}, doc) }

func anInteger(doc string, least, most int) shape {
	return described(shape{"type": "integer", "minimum": least, "maximum": most}, doc)
}

func aDuration(doc string) shape { return described(shape{"$ref": "#/$defs/duration"}, doc) }

func seconds(doc string) shape { return described(shape{"$ref": "#/$defs/seconds"}, doc) }

func ref(name, doc string) shape { return described(shape{"$ref": "#/$defs/" + name}, doc) }

func idList(doc string) shape {
	return described(shape{"type": "array", "items": shape{"$ref": "#/$defs/stepID"}, "maxItems": dag.MaxListLength}, doc)
}

// manyIDs is idList without a limit of its own: a step may wait for all others.
func manyIDs(doc string) shape {
	return described(shape{"type": "array", "items": shape{"$ref": "#/$defs/stepID"}}, doc)
}

func textList(doc string) shape {
	return described(shape{"type": "array", "items": shape{"type": "string", "minLength": 1, "pattern": staticPattern}, "maxItems": dag.MaxListLength}, doc)
}

// oneOf is one of a few words, each followed by what it means ("" when the word says it). Editors that know
// enumDescriptions show them; the others show them in the description.
func oneOf(doc string, wordsAndMeanings ...string) shape {
	var words, meanings []any
	explained := false
	for i := 0; i < len(wordsAndMeanings); i += 2 {
		words = append(words, wordsAndMeanings[i])
		meanings = append(meanings, wordsAndMeanings[i+1])
		if wordsAndMeanings[i+1] != "" {
			explained = true
			doc += "\n- `" + wordsAndMeanings[i] + "`: " + wordsAndMeanings[i+1]
		}
	}
	out := shape{"type": "string", "enum": words, "description": doc}
	if explained {
		out["enumDescriptions"] = meanings
	}
	return out
}

// an object with these fields and no others.
func anObject(doc string, needed []any, fields ...field) shape {
	properties := shape{}
	for _, f := range fields {
		properties[f.name] = f.shape
	}
	out := shape{"type": "object", "properties": properties, "additionalProperties": false}
	if len(needed) > 0 {
		out["required"] = needed
	}
	if doc != "" {
		out["description"] = doc
	}
	return out
}

func listOf(doc string, items shape) shape {
	return described(shape{"type": "array", "items": items, "maxItems": dag.MaxListLength}, doc)
}

func approverList(doc string) shape {
	one := shape{"type": "string", "minLength": 1, "description": "user:…, role:…, group:…, or an expression that gives one or a list of them."}
	return described(shape{"anyOf": []any{one, shape{"type": "array", "items": one, "minItems": 1, "maxItems": dag.MaxListLength}}}, doc)
}

var (
	caseList = listOf("The cases, the first that matches first.", shape{
		"type": "object", "required": []any{"steps"}, "additionalProperties": false,
		"properties": shape{
			"when":  anExpression("The case matches when this is true; where the switch does not say `on`."),
			"value": shape{"description": "The case matches when `on` equals this; fixed, any JSON value."},
			"steps": idList("The steps of the branch. Each names the switch in depends_on."),
		},
		"not": shape{"required": []any{"when", "value"}},
	})
	escalationList = listOf("Who is asked as well when nobody answered for that long.", anObject("", []any{"after", "to"},
		field{"after", aDuration("How long after the question was asked.")},
		field{"to", approverList("Who may then decide too.")},
	))
)
