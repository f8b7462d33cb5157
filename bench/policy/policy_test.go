package policy

import (
	"testing"

	"cordum.dev/cordum/safety"
)

// TestSets: the sets that are measured compile, have as many rules as they say, and allow the request by rules.
func TestSets(t *testing.T) {
	t.Parallel()
	for n, rules := range map[int][]string{50: exact(50), 1_000: exact(1_000), 10_000: mixed(10_000)} {
		s, err := compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		if d := safety.Evaluate(s, request()); s.RuleCount() != n || d.Verdict != safety.Allow || len(d.Rules) == 0 {
			t.Errorf("%d rules: %+v", n, d)
		}
	}
}
