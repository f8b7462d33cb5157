package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
)

const policyFile = `default: DENY
name: acme
rules:
  - {id: read, match: {effect: read}, decision: ALLOW}
  - {id: write, match: {effect: write, tags: {env: production}}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:sre"], quorum: 2}}
  - {id: limit, match: {effect: write}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 60}]}
`

// TestDocumentedPolicyCommands runs every command that the page about policies shows, on the files that it shows.
func TestDocumentedPolicyCommands(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, block := range regexp.MustCompile("(?s)```(?:yaml\n# |json\n// )(\\S+)\n(.*?)```").FindAllSubmatch(page, -1) {
		if err := os.WriteFile(string(block[1]), block[2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	word := regexp.MustCompile(`'[^']*'|\S+`)
	lines := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(page, -1) {
		for line := range strings.Lines(string(block[1])) {
			var args []string
			for _, w := range word.FindAllString(line, -1) {
				args = append(args, strings.Trim(w, "'"))
			}
			if lines++; args[0] != "cordum" || offline(t, exitOK, args[1:]...).out == "" && args[2] != "lint" {
				t.Errorf("%s says nothing", line)
			}
		}
	}
	if lines < 7 {
		t.Errorf("only %d commands were found", lines)
	}
}

// TestPolicySimulate is the call of the platform's page: a bundle in JSON and a list of requests.
func TestPolicySimulate(t *testing.T) {
	bundle := writeFile(t, "policy.json", `{"name": "acme.production.v1", "rules": [{"id": "ask", "match": {"tags": {"env": "production"}}, "decision": "REQUIRE_APPROVAL",
		"approval": {"approvers": ["role:sre"], "quorum": 2, "expires": "4h"}}]}`)
	requests := writeFile(t, "test-requests.json", `[{"id": "deploy", "tags": {"env": "production"}}, {"tool": "x"}]`)
	simulate := []string{"policy", "simulate", "--bundle", bundle, "--requests", requests}
	offline(t, exitOK, simulate...).says(t, `REQUEST +DECISION`, `deploy +REQUIRE_APPROVAL +acme\.production\.v1/ask +2 of role:sre`, `2 +DENY +default`)
	var out struct {
		Snapshot  string
		Decisions []struct {
			ID       string
			Decision struct {
				Verdict, Rule, Expires string
				Rules                  []string
			}
		}
	}
	if err := json.Unmarshal([]byte(offline(t, exitOK, append(simulate, "-o", "json")...).out), &out); err != nil {
		t.Fatal(err)
	}
	if d := out.Decisions; len(d) != 2 || len(out.Snapshot) != 64 || d[0].Decision.Verdict != "REQUIRE_APPROVAL" || d[0].Decision.Expires != "4h" || d[1].Decision.Rules == nil {
		t.Errorf("%+v", out)
	}
	offline(t, exitOK, append(simulate, "--default", "allow")...).says(t, `2 +ALLOW`)
	overlay := writeFile(t, "pack.yaml", "name: pack\nrules: [{id: no, match: {tool: x}, decision: DENY}]\n")
	offline(t, exitOK, append(simulate, "--default", "allow", "--overlay", overlay)...).says(t, `2 +DENY +pack/no`)
	offline(t, exitOK, append(simulate, "-o", "jsonl")...)
	if names := offline(t, exitOK, append(simulate, "-o", "name")...).out; names != "deploy\n2\n" {
		t.Errorf("%q", names)
	}
}

func TestPolicySimulateOfAWorkflow(t *testing.T) {
	file := writeFile(t, "order.yaml", orderWorkflow)
	policy := writeFile(t, "policy.yaml", "default: ALLOW\nrules: [{id: no, match: {topics: \"job.*\"}, decision: DENY}]\n")
	var made plan.Plan
	if err := json.Unmarshal([]byte(offline(t, exitOK, "policy", "simulate", "--bundle", policy, "--workflow", file, "-o", "json").out), &made); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(made.Steps, func(s plan.Step) bool { return s.Job != nil })
	if at < 0 || made.Steps[at].Job.Policy[0].Rule != "policy/no" || made.Steps[at].Job.Policy[0].Verdict != "DENY" {
		t.Errorf("%+v", made.Steps)
	}
}

// TestPolicyMistakes: what is wrong is said with its place, and the exit code tells files from the use.
func TestPolicyMistakes(t *testing.T) {
	good, wrong := writeFile(t, "good.yaml", policyFile), writeFile(t, "wrong.yaml", "name: b\nrules:\n  - {id: a, match: {}, decision: DENY}\n")
	request := writeFile(t, "requests.yaml", "- {tolo: x}\n")
	offline(t, exitDefinition, "policy", "simulate", "--bundle", wrong, "--requests", request).says(t, `wrong\.yaml:3:\d+ error PO01 `, `the policy is invalid: 1 error`)
	offline(t, exitDefinition, "policy", "simulate", "--bundle", good, "--requests", request).says(t, `requests\.yaml:1:\d+ error PO03 `)
	offline(t, exitDefinition, "policy", "explain", "--bundle", writeFile(t, "no.yaml", "a: ["), "--request", "{}")
	for _, args := range [][]string{
		{"simulate", "--bundle", good},
		{"simulate", "--requests", request},
		{"simulate", "--bundle", good, "--requests", request, "--workflow", good},
		{"explain", "--bundle", good},
		{"explain", "--bundle", good, "--request", "{"},
		{"explain", "--bundle", good, "--request", `{"tolo": 1}`},
		{"coverage", "--bundle", good},
		{"diff", good},
		{"lint"},
		{"test"},
		{"simulate", "--bundle", good, "--default", "maybe", "--requests", request},
	} {
		offline(t, exitUsage, append([]string{"policy"}, args...)...)
	}
	offline(t, exitUsage, "policy", "lint", filepath.Join(t.TempDir(), "none.yaml"))
}

func TestPolicyLint(t *testing.T) {
	good := writeFile(t, "good.yaml", policyFile)
	offline(t, exitOK, "policy", "lint", good).says(t, `1 file is valid`)
	doubtful := writeFile(t, "doubtful.yaml", policyFile+"  - {id: never, match: {effect: read, when: \"effect == 'write'\"}, decision: DENY}\n")
	offline(t, exitOK, "policy", "lint", doubtful).says(t, `doubtful\.yaml:7:\d+ warning PO32 `, `\n  .*\^`)
	offline(t, exitDefinition, "policy", "lint", doubtful, "--strict")
	var found struct{ Diagnostics []plan.Finding }
	if err := json.Unmarshal([]byte(offline(t, exitOK, "policy", "lint", doubtful, "-o", "json").out), &found); err != nil || found.Diagnostics[0].Docs != "docs/policy.md#po32" {
		t.Errorf("%v: %+v", err, found)
	}
	twin := writeFile(t, "twin.yaml", policyFile)
	offline(t, exitOK, "policy", "lint", good, twin).says(t, `2 files are valid`)
	offline(t, exitDefinition, "policy", "lint", good, twin, "--together").says(t, `PO09 `)
	overlay := writeFile(t, "pack.yaml", "name: pack\nrules: [{id: open, match: {tool: x}, decision: ALLOW}]\n")
	offline(t, exitOK, "policy", "lint", good, "--overlay", overlay).says(t, `pack\.yaml:2:\d+ warning PO33 `)
}

func TestPolicyTest(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("policy.yaml", policyFile)
	good := write("good.test.yaml", "id: reads\npolicy: policy.yaml\nrequest: {effect: read}\nexpect: {verdict: ALLOW, rules: [acme/read]}\n---\nid: reads and writes\npolicy: policy.yaml\nrequest: {effect: write}\nexpect: {verdict: ALLOW_WITH_CONSTRAINTS, rules: [acme/limit]}\n")
	offline(t, exitOK, "policy", "test", good).says(t, `2 passed, 0 failed, 0 invalid`, `policy\.yaml: 2 of 3 rules hit \(67 %\) by 2 requests; never: acme/write`)
	failing := write("failing.test.yaml", "id: writes\npolicy: policy.yaml\nrequest: {effect: write}\nexpect: {verdict: DENY}\n")
	offline(t, exitTests, "policy", "test", failing).says(t, `FAIL writes`, `verdict: expected DENY, it is ALLOW_WITH_CONSTRAINTS`, `\+ acme/limit: matches`)
	offline(t, exitTests, "policy", "test", failing, good).says(t, `2 passed, 1 failed, 0 invalid`)
	offline(t, exitOK, "policy", "test", failing, good, "--filter", "reads")
	invalid := write("invalid.test.yaml", "id: x\nrequest: {}\nexpect: {verdict: DENY}\nmore: 1\n")
	offline(t, exitDefinition, "policy", "test", invalid, failing).says(t, `invalid\.test\.yaml:4: unknown_field`)
	var report struct {
		Passed, Failed, Invalid int
		Cases                   []struct {
			ID, Why string
			OK      bool
		}
		Coverage []struct {
			Policy string
			Never  []string
		}
	}
	if err := json.Unmarshal([]byte(offline(t, exitOK, "policy", "test", good, "-o", "json").out), &report); err != nil || report.Passed != 2 || !report.Cases[0].OK || len(report.Coverage[0].Never) != 1 {
		t.Errorf("%v: %+v", err, report)
	}
}

func TestPolicyExplainDiffCoverage(t *testing.T) {
	policy := writeFile(t, "policy.yaml", policyFile)
	explain := offline(t, exitOK, "policy", "explain", "--bundle", policy, "--request", `{"effect": "write", "tags": {"env": "staging"}}`)
	explain.says(t, `^ALLOW_WITH_CONSTRAINTS by acme/limit`, `- acme/write: tags\.env wants production and the request has staging`,
		`MaxTimeout 60, of acme/limit`, `REQUIRE_APPROVAL \(acme/write\) with tags\.env = production`, `DENY \(default\) without effect`)
	other := writeFile(t, "other.yaml", strings.Replace(policyFile, "quorum: 2", "quorum: 1", 1))
	offline(t, exitOK, "policy", "diff", policy, other).says(t, `~ acme/write\n +approval: .*"quorum":2.* -> .*"quorum":1`)
	offline(t, exitOK, "policy", "diff", policy, policy).says(t, `mean the same`)
	requests := writeFile(t, "requests.yaml", "requests: [{effect: read}, {effect: none}, {effect: write}]\n")
	coverage := []string{"policy", "coverage", "--bundle", policy, "--requests", requests}
	offline(t, exitOK, coverage...).says(t, `acme/write +never`, `acme/read +1`, `2 of 3 rules hit`)
	offline(t, exitTests, append(coverage, "--min", "70")...)
	offline(t, exitOK, append(coverage, "--min", "60")...)
}
