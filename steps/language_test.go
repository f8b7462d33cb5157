package steps

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

var update = flag.Bool("update", false, "write workflow.schema.json")

// The file is what the tables of kinds and fields say.
func TestLanguageSchemaIsCurrent(t *testing.T) {
	want, err := describeLanguage()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("workflow.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(LanguageSchema(), want) {
		t.Error("workflow.schema.json is not what the tables say: run go test ./steps -run TestLanguageSchemaIsCurrent -update")
	}
}

func schemaValue(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(LanguageSchema(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func propertiesOf(t *testing.T, schema any) []string {
	t.Helper()
	properties, ok := schema.(map[string]any)["properties"].(map[string]any)
	if !ok {
		t.Fatalf("no properties in %v", schema)
	}
	return yamlx.SortedKeys(properties)
}

// Each field that is read is in the schema, and no other.
func TestLanguageSchemaHasEachField(t *testing.T) {
	t.Parallel()
	top := schemaValue(t)
	same := func(what string, got, want []string) {
		t.Helper()
		want = slices.Clone(want)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %q, the language %q", what, got, want)
		}
	}
	same("workflow", propertiesOf(t, top), dag.WorkflowFields())
	defs := top["$defs"].(map[string]any)
	for _, k := range kinds {
		same(k.name, propertiesOf(t, defs["step_"+k.name]), known[k.name])
		if k.undoes {
			same("compensation "+k.name, propertiesOf(t, defs["compensate_"+k.name]), undoable[k.name])
		}
		_, list := Load([]byte("id: wf\nsteps:\n  a: {topic: job.x, compensate: {type: "+k.name+"}}\n"), yamlx.YAML, false)
		refused := slices.ContainsFunc(list, func(d dag.Diagnostic) bool { return d.Rule == dag.RuleBadValue })
		if refused == k.undoes {
			t.Errorf("a compensation of type %s: %v", k.name, list)
		}
	}
}

// Wherever there are fields there are no others, and each has a text that editors show.
func TestLanguageSchemaIsClosedAndDescribed(t *testing.T) {
	t.Parallel()
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(at, item)
			}
		case map[string]any:
			_, closed := v["additionalProperties"]
			properties, has := v["properties"].(map[string]any)
			if has && !closed && v["allOf"] == nil && !strings.HasSuffix(at, "/if") {
				t.Errorf("%s lets any other field stand", at)
			}
			for name, field := range properties {
				if text, _ := field.(map[string]any)["description"].(string); text == "" && !strings.HasSuffix(at, "/if") {
					t.Errorf("%s/%s has no description", at, name)
				}
			}
			for k, item := range v {
				walk(at+"/"+k, item)
			}
		}
	}
	walk("", any(schemaValue(t)))
}

// What Load accepts the schema accepts; what it refuses for its structure the schema refuses, but for what JSON Schema
// cannot say.
func TestLanguageSchemaAgreesWithLoad(t *testing.T) {
	t.Parallel()
	n, err := yamlx.Parse(LanguageSchema(), yamlx.JSON)
	if err != nil {
		t.Fatal(err)
	}
	language, err := compileSchema(n)
	if err != nil {
		t.Fatal(err)
	}
	structural := []string{"unknown_field", "missing_field", "wrong_type", "bad_value", "conflicting_fields", "unknown_type", "bad_join"}
	checked := 0
	for name, src := range documents(t) {
		node, err := yamlx.Parse([]byte(src), yamlx.Auto)
		if err != nil {
			continue // not the schema's to say
		}
		checked++
		w, list := Load([]byte(src), yamlx.Auto, true)
		err = language.check("document", "language", node.Value())
		if w != nil && err != nil {
			t.Errorf("%s: accepted, but %v", name, err)
		}
		isStructural := slices.ContainsFunc(list, func(d dag.Diagnostic) bool {
			return d.Severity == dag.Error && slices.Contains(structural, d.Rule)
		})
		if isStructural && err == nil && !beyondSchema[name] {
			t.Errorf("%s: the schema accepts what is refused: %v", name, list)
		}
	}
	if checked < 100 {
		t.Errorf("only %d documents were checked", checked)
	}
}

// beyondSchema are documents that are wrong in a way that JSON Schema cannot say.
var beyondSchema = map[string]bool{
	// pack and tool beside a topic that is not theirs
	"lint-pack-tool-and-other-topic": true,
	// tolerate without for_each: allowed is what it is only with it
	"lint-tolerate-without-for-each": true,
}

// documents are the shared lint cases, and the examples.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	var file struct {
		Cases []struct {
			ID   string `json:"id"`
			Text string `json:"workflow_text"`
		}
	}
	if err := json.Unmarshal(SharedCases(t, "lint.json"), &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		if c.Text != "" {
			docs[c.ID] = c.Text
		}
	}
	for _, path := range examples(t) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs[path] = string(src)
	}
	return docs
}
