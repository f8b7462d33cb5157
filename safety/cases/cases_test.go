package cases

import (
	"os"
	"strings"
	"testing"
)

// conformance are the policy cases of the test format; they lie beside the repository.
const conformance = "../../../shared/conformance/policy.json"

func TestConformance(t *testing.T) {
	text, err := os.ReadFile(conformance)
	if err != nil {
		t.Fatalf("the policy cases are needed: %v", err)
	}
	report := Run([]File{{Path: conformance, Text: text}}, nil, "")
	if report.Passed < 60 {
		t.Errorf("%d cases passed", report.Passed)
	}
	for _, c := range report.Cases {
		if !c.OK {
			t.Errorf("%s:\n%s", c.ID, c.Why)
		}
	}
}

// run runs test files that lie in memory; the first is the one that is run.
func run(t *testing.T, test string, files map[string]string) *Report {
	t.Helper()
	return Run([]File{{Path: "dir/a.test.yaml", Text: []byte(test)}}, func(path string) ([]byte, error) {
		text, ok := files[path]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}, "")
}

const base = "bundles: [{name: b, rules: [{id: a, match: {tool: apply}, decision: ALLOW, constraints: [{type: EgressAllowlist, value: [x, y]}]}, {id: p, match: {effect: write}, decision: REQUIRE_APPROVAL, approval: {expires: 1h}}]}]\n"

// TestDifferencesAreFound: whatever a case expects otherwise fails it, and the report says so.
func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	for expect, want := range map[string]string{
		"{verdict: ALLOW_WITH_CONSTRAINTS, rules: [b/a], constraints: [{type: EgressAllowlist, value: [y, x]}], approvals: []}": "",
		"{verdict: allow_with_constraints}":                                "",
		"{verdict: DENY}":                                                  "verdict: expected DENY, it is ALLOW_WITH_CONSTRAINTS",
		"{verdict: ALLOW_WITH_CONSTRAINTS, rules: []}":                     "rules: expected [], it is [b/a]",
		"{verdict: ALLOW_WITH_CONSTRAINTS, rules: [b/a, b/p]}":             "rules: expected [b/a b/p]",
		"{verdict: ALLOW_WITH_CONSTRAINTS, constraints: []}":               "constraints: expected []",
		"{verdict: ALLOW_WITH_CONSTRAINTS, constraints: [{type: Redact}]}": "constraints: expected",
		"{verdict: ALLOW_WITH_CONSTRAINTS, approvals: [b/p]}":              "approvals: expected [b/p], it is []",
		"{verdict: ALLOW_WITH_CONSTRAINTS, expires: 1h}":                   "expires: expected 1h0m0s, it is 0s",
		"{error: bad-value}":                                               "error: expected bad_value, the set is accepted",
	} {
		report := run(t, "id: x\n"+base+"request: {tool: apply}\nexpect: "+expect, nil)
		got := report.Cases[0]
		if got.OK != (want == "") || !strings.Contains(got.Why, want) || report.Invalid > 0 {
			t.Errorf("%s: %+v", expect, got)
		}
		if !got.OK && want[:5] != "error" && !strings.Contains(got.Why, "by b/a") {
			t.Errorf("%s is not explained: %s", expect, got.Why)
		}
	}
}

// TestInvalid: what is not understood is never run, and each problem has its line.
func TestInvalid(t *testing.T) {
	t.Parallel()
	for test, want := range map[string]string{
		"id: x\nexpect: {verdict: DENY}":                                           "request",
		"id: x\nrequest: {}":                                                       "expect",
		"id: x\nrequest: {}\nexpect: {}":                                           "verdict",
		"request: {}\nexpect: {verdict: DENY}":                                     "id",
		"id: x\nrequest: {tolo: x}\nexpect: {verdict: DENY}":                       "dir/a.test.yaml:2: unknown_field",
		"id: x\nrequest: {roles: dev}\nexpect: {verdict: DENY}":                    "bad_value",
		"id: x\nrequest: {}\nexpect: {verdict: NO}":                                "no decision",
		"id: x\nrequest: {}\nexpect: {error: whatever}":                            "no set is refused",
		"id: x\nrequest: {}\nexpect: {verdict: DENY, rule: x}":                     "unknown_field",
		"id: x\nrequest: {}\nmore: 1\nexpect: {verdict: DENY}":                     "unknown_field",
		"id: x\nbundles: {}\nrequest: {}\nexpect: {verdict: DENY}":                 "list of bundles",
		"id: x\ndefault: MAYBE\nrequest: {}\nexpect: {verdict: DENY}":              "default",
		"id: x\npolicy: none.yaml\nrequest: {}\nexpect: {verdict: DENY}":           "cannot be read",
		"id: x\npolicy: p.yaml\nbundles: []\nrequest: {}\nexpect: {verdict: DENY}": "beside policy",
		"id: x\nbundles: [{name: b}]\nrequest: {}\nexpect: {verdict: DENY}":        "missing_field",
		"cases: 1": "list",
		"id: [":    "yaml",
		"id: x\nrequest: {}\nexpect: {verdict: DENY}\n---\nid: x\nrequest: {}\nexpect: {verdict: DENY}": "duplicate_id",
	} {
		report := run(t, test, map[string]string{"dir/p.yaml": "default: ALLOW"})
		if report.Invalid != 1 || report.Failed > 0 {
			t.Errorf("%s: %+v", test, report)
			continue
		}
		last := report.Cases[len(report.Cases)-1]
		for _, c := range report.Cases {
			if !c.OK {
				last = c
			}
		}
		if !strings.Contains(last.Why, want) || last.OK {
			t.Errorf("%s: %s", test, last.Why)
		}
	}
}

// TestPolicyFile: cases of one policy file say together which of its rules were never hit.
func TestPolicyFile(t *testing.T) {
	t.Parallel()
	policy := "default: ALLOW\nbundles: [{name: b, rules: [{id: a, match: {tool: x}, decision: DENY}, {id: z, match: {tool: z}, decision: DENY}]}]\noverlays: [{name: o, rules: [{id: a, match: {tool: y}, decision: DENY}]}]\n"
	report := run(t, "cases:\n- {id: x, policy: p.yaml, request: {tool: x}, expect: {verdict: DENY, rules: [b/a]}}\n"+
		"- {id: y, policy: p.yaml, request: {tool: w}, overlays: [{name: q, rules: [{id: r, match: {tool: w}, decision: DENY}]}], expect: {verdict: DENY, rules: [q/r]}}\n",
		map[string]string{"dir/p.yaml": policy})
	if report.Passed != 2 || len(report.Coverage) != 1 {
		t.Fatalf("%+v", report)
	}
	c := report.Coverage[0]
	if c.Policy != "dir/p.yaml" || c.Rules != 3 || c.Hit != 1 || c.Default != 1 || strings.Join(c.Never, " ") != "b/z o/a" {
		t.Errorf("%+v", c)
	}
	refused := run(t, "id: x\npolicy: p.yaml\nrequest: {}\nexpect: {error: bad-value}", map[string]string{"dir/p.yaml": "default: MAYBE"})
	if refused.Passed != 1 {
		t.Errorf("%+v", refused)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	text := "id: first\nrequest: {}\nexpect: {verdict: DENY}\n---\nid: second\nrequest: {}\nexpect: {verdict: ALLOW}\n---\nid: secret\nrequest: 1\nexpect: {verdict: DENY}"
	report := Run([]File{{Path: "a.yaml", Text: []byte(text)}}, nil, "first")
	if report.Passed != 1 || report.Failed+report.Invalid > 0 {
		t.Errorf("%+v", report)
	}
}
