package safety_test

import (
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
