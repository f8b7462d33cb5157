package plan_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// fence finds the definitions of a page: blocks that begin with an id, or with the address of the schema.
var fence = regexp.MustCompile("(?s)```yaml\n((?:id|\\$schema):.*?)```")

// definitions are those of docs/workflows.md.
func definitions(t *testing.T) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range fence.FindAllSubmatch(page, -1) {
		blocks = append(blocks, string(block[1]))
	}
	if len(blocks) < 20 {
		t.Fatalf("the page has %d definitions", len(blocks))
	}
	return blocks
}

// Every definition of the reference is accepted, and lint has nothing to say of it but what is not in effect yet, which has its
// own section on the page.
func TestReferenceLoads(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, block := range definitions(t) {
		w, _ := plan.Check([]byte(block), yamlx.YAML, plan.Options{})
		for _, f := range lint(block) {
			if f.Rule == plan.RuleNotInEffect {
				continue
			}
			t.Errorf("%s: line %d: %s %s: %s", strings.SplitN(block, "\n", 2)[0], f.Line, f.Code, f.Rule, f.Message)
		}
		if w == nil {
			continue
		}
		if ids[w.Def.ID] {
			t.Errorf("two definitions have the id %s", w.Def.ID)
		}
		ids[w.Def.ID] = true
	}
}

// otherNames are fields that mean the same as another one, which has the example.
var otherNames = []string{
	"condition", "delay_sec", "initial_backoff_sec", "max_backoff_sec", "max_retries", "timeout_sec",
}

// Every field that the published schema has for the workflow, for each type of step and for each type of compensation
// stands in an example. What all steps have stands in one step at least.
func TestReferenceShowsEveryField(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{} // "workflow/timeout", "step/join", "wait/match", "undo http/url", "retry/on"
	for _, block := range definitions(t) {
		root, err := yamlx.Parse([]byte(block), yamlx.YAML)
		if err != nil {
			t.Fatal(err)
		}
		note(seen, "workflow", root)
		noteSteps(seen, root.Get("steps"))
	}
	schema := languageFields(t)
	want := func(what string, fields []string, but ...string) {
		for _, f := range fields {
			if !slices.Contains(but, f) && !slices.Contains(otherNames, f) && !seen[what+"/"+f] {
				t.Errorf("no example shows %s of %s", f, what)
			}
		}
	}
	want("workflow", schema["workflow"], "input_schema") // another name of input
	want("retry", schema["retry"], "on")                 // not_on is shown
	want("tolerate", schema["tolerate"])
	want("step", dag.CommonFields(""))
	want("undo", dag.CompensationFields())
	for name, fields := range schema {
		if kind, ok := strings.CutPrefix(name, "step_"); ok {
			want(kind, fields, dag.CommonFields(kind)...)
		}
		if kind, ok := strings.CutPrefix(name, "compensate_"); ok {
			want("undo "+kind, fields, dag.CompensationFields()...)
		}
	}
	if !seen["condition/condition"] {
		t.Error("no example shows condition of condition")
	}
}

// languageFields are the names of fields by definition of the published schema.
func languageFields(t *testing.T) map[string][]string {
	t.Helper()
	type object struct {
		Properties map[string]json.RawMessage
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(steps.LanguageSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{"workflow": yamlx.SortedKeys(schema.Properties)}
	for name, o := range schema.Defs {
		out[name] = yamlx.SortedKeys(o.Properties)
	}
	return out
}

func note(seen map[string]bool, what string, n *yamlx.Node) {
	if n == nil {
		return
	}
	for _, f := range n.Fields {
		seen[what+"/"+f.Key] = true
	}
}

func noteSteps(seen map[string]bool, list *yamlx.Node) {
	each := list.Items
	for _, f := range list.Fields {
		each = append(each, f.Value)
	}
	for _, s := range each {
		note(seen, "step", s)
		note(seen, typeOf(s), s)
		note(seen, "retry", s.Get("retry"))
		note(seen, "tolerate", s.Get("tolerate"))
		if undo := s.Get("compensate"); undo != nil {
			note(seen, "undo", undo)
			note(seen, "undo "+typeOf(undo), undo)
		}
		if inner := s.Get("steps"); inner != nil {
			noteSteps(seen, inner)
		}
	}
}

func typeOf(n *yamlx.Node) string {
	if t := n.Get("type"); t != nil {
		return t.Str
	}
	return "worker"
}
