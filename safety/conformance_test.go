package safety

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
)

// policyCases are the policy cases of the test format; they lie beside the repository.
const policyCases = "../../shared/conformance/policy.json"

type policyCase struct {
	ID       string            `json:"id"`
	Default  string            `json:"default"`
	Bundles  []json.RawMessage `json:"bundles"`
	Overlays []json.RawMessage `json:"overlays"`
	Request  caseRequest       `json:"request"`
	Expect   struct {
		Error       string           `json:"error"`
		Verdict     string           `json:"verdict"`
		Rules       []string         `json:"rules"`
		Constraints []map[string]any `json:"constraints"`
		Approvals   []string         `json:"approvals"`
		Expires     string           `json:"expires"`
	} `json:"expect"`
}

type caseRequest struct {
	Tenant      string            `json:"tenant"`
	Principal   string            `json:"principal"`
	Roles       []string          `json:"roles"`
	ActorType   string            `json:"actor_type"`
	Source      string            `json:"source"`
	Workflow    string            `json:"workflow"`
	Step        string            `json:"step"`
	Pack        string            `json:"pack"`
	Tool        string            `json:"tool"`
	Topic       string            `json:"topic"`
	Capability  string            `json:"capability"`
	Effect      string            `json:"effect"`
	Tags        map[string]string `json:"tags"`
	DerivedTags map[string]string `json:"derived_tags"`
	RiskTags    []string          `json:"risk_tags"`
	Requires    []string          `json:"requires"`
	Cost        float64           `json:"cost"`
	Input       json.RawMessage   `json:"input"`
	MCP         MCP               `json:"mcp"`
}

func (c *caseRequest) request() Request {
	return Request{
		Tenant: c.Tenant, Principal: c.Principal, Roles: c.Roles, ActorType: c.ActorType, Source: c.Source, Workflow: c.Workflow,
		Step: c.Step, Pack: c.Pack, Tool: c.Tool, Topic: c.Topic, Capability: c.Capability, Effect: c.Effect, Labels: c.Tags,
		Derived: c.DerivedTags, RiskTags: c.RiskTags, Requires: c.Requires, Cost: c.Cost, Input: c.Input, MCP: c.MCP,
	}
}

func documentsOf(t testing.TB, texts []json.RawMessage) []Document {
	t.Helper()
	var docs []Document
	for _, text := range texts {
		n, err := yamlx.Parse(text, yamlx.JSON)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, Document{Root: n})
	}
	return docs
}

// TestPolicyCases runs every policy case, and fails when there are none.
func TestPolicyCases(t *testing.T) {
	raw, err := os.ReadFile(filepath.FromSlash(policyCases))
	if err != nil {
		t.Fatalf("the policy cases are needed: %v", err)
	}
	var file struct {
		Cases []policyCase `json:"cases"`
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(file.Cases), err)
	}
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) { c.run(t) })
	}
}

func (c *policyCase) run(t *testing.T) {
	set := Set{Default: defaults[c.Default], Base: documentsOf(t, c.Bundles), Overlays: documentsOf(t, c.Overlays)}
	s, problems := Compile(set)
	if want := strings.ReplaceAll(c.Expect.Error, "-", "_"); want != "" {
		if s != nil || !Refused(problems) || !slices.ContainsFunc(problems, func(p Problem) bool { return p.Rule == want && !p.Warning }) {
			t.Fatalf("want the set refused by %s, got %v", want, problems)
		}
		return
	}
	if s == nil {
		t.Fatalf("refused: %v", problems)
	}
	d := Evaluate(s, c.Request.request())
	if d.Verdict.String() != c.Expect.Verdict {
		t.Errorf("verdict %s, want %s (%s: %s)", d.Verdict, c.Expect.Verdict, d.Rule, d.Reason)
	}
	sameSet(t, "rules", d.Rules, c.Expect.Rules)
	if c.Expect.Constraints != nil && d.Verdict != Deny {
		sameConstraints(t, d.Constraints, c.Expect.Constraints)
	}
	if c.Expect.Approvals != nil {
		var asked []string
		for _, a := range d.Approvals {
			asked = append(asked, a.Rule)
		}
		sameSet(t, "approvals", asked, c.Expect.Approvals)
	}
	if c.Expect.Expires != "" {
		if want, err := parseDuration(c.Expect.Expires); err != nil || d.Expires != want {
			t.Errorf("expires in %s, want %s (%v)", d.Expires, c.Expect.Expires, err)
		}
	}
}

func sameSet(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s %v, want %v", what, got, want)
	}
}

// sameConstraints compares them as sets, and lists in them as sets.
func sameConstraints(t *testing.T, got []Constraint, want []map[string]any) {
	t.Helper()
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var plain []map[string]any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	if a, b := constraintSet(plain), constraintSet(want); !reflect.DeepEqual(a, b) {
		t.Errorf("constraints %v, want %v", a, b)
	}
}

func constraintSet(list []map[string]any) []string {
	var out []string
	for _, c := range list {
		raw, _ := json.Marshal(sortLists(c))
		out = append(out, string(raw))
	}
	slices.Sort(out)
	return out
}

func sortLists(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = sortLists(v[k])
		}
	case []any:
		slices.SortFunc(v, func(a, b any) int { return compare(a.(string), b.(string)) })
	}
	return v
}
