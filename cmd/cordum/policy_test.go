package main

import (
	"strings"
	"testing"

	"cordum.dev/cordum/safety"
)

// loadPolicyFile reads a file as a command does that needs no server.
func loadPolicyFile(t *testing.T, content string) (policy *safety.Snapshot, warned string, err error) {
	t.Helper()
	policy, err = readPolicy(writeFile(t, "policy.yaml", content), func(problem string) { warned += problem + "\n" })
	return policy, warned, err
}

// A policy file may have rules, not only a default.
func TestPolicyFileWithRules(t *testing.T) {
	policy, log, err := loadPolicyFile(t, "default: ALLOW\nname: base\nrules:\n  - {id: no-prod, match: {topics: [\"job.db.*\"], tags: {env: prod}}, decision: DENY}\n")
	if err != nil || log != "" {
		t.Fatalf("%v, log %q", err, log)
	}
	for env, want := range map[string]safety.Verdict{"prod": safety.Deny, "test": safety.Allow} {
		d := safety.Evaluate(policy, safety.Request{Topic: "job.db.drop", Labels: map[string]string{"env": env}})
		if d.Verdict != want {
			t.Errorf("%s: %s by %s", env, d.Verdict, d.Rule)
		}
	}
	if policy, _, err := loadPolicyFile(t, "default: ALLOW\n"); err != nil || safety.Evaluate(policy, safety.Request{}).Verdict != safety.Allow {
		t.Errorf("a file of a default alone: %v", err)
	}
}

// A policy that is not understood in full is refused with every place, and never used in part.
func TestPolicyFileThatIsRefused(t *testing.T) {
	policy, _, err := loadPolicyFile(t, "default: ALLOW\nname: base\nrules:\n  - {id: a, match: {}, decision: DENY}\n  - {id: b, match: {topic: [x]}, decision: FORBID}\n")
	if policy != nil || exitCode(err) != exitUsage {
		t.Fatalf("policy %v, %v", policy, err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) < 3 || !strings.Contains(lines[0], "policy.yaml:4:") || !strings.HasPrefix(lines[1], "error: ") {
		t.Errorf("said:\n%s", err)
	}
	for _, bad := range []string{"", "default: MAYBE\n", "rules: {}\n", "- 1\n", "default: ALLOW\nrulez: []\n"} {
		if policy, _, err := loadPolicyFile(t, bad); err == nil || policy != nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestPolicyWarningsAreTold(t *testing.T) {
	_, log, err := loadPolicyFile(t, "default: ALLOW\nname: base\nrules:\n  - {id: ask, match: {topics: [job.x]}, decision: REQUIRE_APPROVAL, approval: {approvers: [\"user:a\"], quorum: 2}}\n")
	if err != nil || !strings.Contains(log, "unapprovable") {
		t.Errorf("%v, log %q", err, log)
	}
}
