package safety_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// The policies that the documentation shows are accepted, without a warning.
func TestDocumentedPolicies(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	policies := regexp.MustCompile("(?s)```yaml\n(default:.*?)```").FindAllSubmatch(page, -1)
	if len(policies) == 0 {
		t.Fatal("the page shows no policy")
	}
	for _, p := range policies {
		root, err := yamlx.Parse(p[1], yamlx.YAML)
		if err != nil {
			t.Fatal(err)
		}
		if snapshot, problems := safety.ParsePolicy(root, "policy.yaml"); snapshot == nil || len(problems) > 0 {
			t.Errorf("%s\n%v", p[1], problems)
		}
	}
}

// The page on the output policy shows a policy that is accepted and does what it says.
func TestDocumentedOutputPolicy(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/output-policy.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	root, err := yamlx.Parse(example[1], yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := safety.ParsePolicy(root, "policy.yaml")
	if s == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	r := safety.Request{Tenant: "acme", Pack: "crm.cards", Labels: map[string]string{"env": "production"}}
	for data, want := range map[string]safety.OutputVerdict{
		`{"n":1}`:                 safety.OutputAllow,
		`"ann@example.com"`:       safety.OutputRedact,
		`"password=hunter2"`:      safety.OutputQuarantine,
		`"see ACME-1234"`:         safety.OutputDeny,
		`{"password":"x1y2z3-!"}`: safety.OutputQuarantine,
	} {
		if d := safety.CheckOutput(s, r, safety.Output{Data: []byte(data)}); d.Verdict != want {
			t.Errorf("%s: %+v", data, d)
		}
	}
}

// ExampleCheckOutput hides an address in a result.
func ExampleCheckOutput() {
	root, err := yamlx.Parse([]byte("default: ALLOW\noutput_rules:\n  - {id: hide-people, match: {packs: crm.*}, scanners: [pii], decision: REDACT}\n"), yamlx.YAML)
	if err != nil {
		panic(err)
	}
	policy, _ := safety.ParsePolicy(root, "policy.yaml")
	d := safety.CheckOutput(policy, safety.Request{Pack: "crm.cards"}, safety.Output{Data: []byte(`{"owner": "ann@example.com"}`)})
	fmt.Println(d.Verdict, d.Rule, string(d.Redacted))
	// Output: REDACT policy/hide-people {"owner": "[redacted:email]"}
}
