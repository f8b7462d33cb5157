package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/plan/trial"
)

// offline runs a command with a server's address that nobody listens on.
func offline(t *testing.T, code int, args ...string) result {
	t.Helper()
	r := cordum(t.Context(), "", []string{"CORDUM_GATEWAY=http://127.0.0.1:1"}, args...)
	if r.code != code {
		t.Fatalf("cordum %s: %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.errOut)
	}
	return r
}

func TestLintForms(t *testing.T) {
	warned := writeFile(t, "warned.yaml", "id: w\non_failure: rollback\nsteps:\n  - {id: a, topic: job.x}\n")
	offline(t, exitOK, "workflow", "lint", warned).says(t, `warned\.yaml:4:\d+ warning CW\d+ `, `\n  .*\^`, `1 file is valid \(0 errors, 1 warning\)`)
	offline(t, exitDefinition, "workflow", "lint", warned, "--strict").says(t, `0 errors, 1 warning`)
	if text, table := offline(t, exitOK, "workflow", "lint", warned, "-o", "text").out, offline(t, exitOK, "workflow", "lint", warned).out; text != table {
		t.Errorf("text is %q, the default %q", text, table)
	}
	var sarif struct {
		Version string
		Runs    []struct {
			Results []struct{ RuleID, Level string }
		}
	}
	if err := json.Unmarshal([]byte(offline(t, exitOK, "workflow", "lint", warned, "-o", "sarif").out), &sarif); err != nil || sarif.Version != "2.1.0" || len(sarif.Runs[0].Results) != 1 || sarif.Runs[0].Results[0].Level != "warning" {
		t.Errorf("%v: %+v", err, sarif)
	}
	var found struct{ Diagnostics []plan.Finding }
	if err := json.Unmarshal([]byte(offline(t, exitOK, "workflow", "lint", warned, "-o", "json").out), &found); err != nil || found.Diagnostics[0].Rule != "missing_compensate" {
		t.Errorf("%v: %+v", err, found)
	}
	offline(t, exitUsage, "run", "list", "-o", "sarif")
	offline(t, exitUsage, "workflow", "lint")
}

// Sub-workflows are followed through the files of one call.
func TestLintFollowsFiles(t *testing.T) {
	first := writeFile(t, "first.yaml", "id: first\nsteps:\n  - {id: s, type: subworkflow, workflow: second}\n")
	second := writeFile(t, "second.yaml", "id: second\nsteps:\n  - {id: s, type: subworkflow, workflow: first}\n")
	offline(t, exitOK, "workflow", "lint", first)
	offline(t, exitDefinition, "workflow", "lint", first, second).says(t, `first\.yaml:3:\d+ error`, `second\.yaml:3:\d+ error`)
}

func TestPlanOfAFile(t *testing.T) {
	file := writeFile(t, "order.yaml", orderWorkflow+"  - {id: big, depends_on: [reserve], type: approval, when: input.amount > 100}\n")
	offline(t, exitOK, "workflow", "plan", file).says(t, `big +approval +if .*depends on input\.amount`, `1\. charge`, `NOT KNOWN BEFORE THE RUN`, `digest [0-9a-f]{64}`)
	offline(t, exitOK, "workflow", "plan", file, "--input", `{"amount":7}`).says(t, `big +approval +never: `)
	policy := writeFile(t, "policy.yaml", "default: ALLOW\nname: base\nrules:\n  - {id: no, match: {topics: [job.billing.charge]}, decision: DENY}\n")
	offline(t, exitOK, "workflow", "plan", file, "--policy", policy).says(t, `policy: DENY by base/no`)
	var made plan.Plan
	if err := json.Unmarshal([]byte(offline(t, exitOK, "workflow", "plan", file, "--fail-at", "charge", "-o", "json").out), &made); err != nil || len(made.Failures) != 1 {
		t.Errorf("%v: %+v", err, made.Failures)
	}
	if name := strings.TrimSpace(offline(t, exitOK, "workflow", "plan", file, "--fail-at", "charge", "-o", "name").out); name != made.Digest {
		t.Errorf("digest %q, want %q", name, made.Digest)
	}
	parent := writeFile(t, "parent.yaml", "id: parent\nsteps:\n  - {id: sub, type: subworkflow, workflow: order}\n")
	offline(t, exitOK, "workflow", "plan", parent).says(t, `which is not looked into`)
	offline(t, exitOK, "workflow", "plan", parent, "--with", file).says(t, `job\.billing\.charge`)

	for _, args := range [][]string{
		{file, "--input", "{"},
		{file, "--context", "[]"},
		{file, "--fail-at", "nothing"},
		{},
		{file, "x"},
		{file, "--if-cancelled", "R"},
		{file, "--policy", writeFile(t, "bad.yaml", "rules: 7\n")},
	} {
		offline(t, exitUsage, append([]string{"workflow", "plan"}, args...)...)
	}
	offline(t, exitDefinition, "workflow", "plan", writeFile(t, "bad.yaml", "id: x\nsteps: []\n"))
	offline(t, exitError, "workflow", "plan", "stored")
}

const passingCase = `
id: a small order
workflow: order.yaml
expect: {status: succeeded, steps: {ship: succeeded}}
`

const failingCase = `
id: a large order
workflow: order.yaml
expect: {status: failed}
`

func TestWorkflowTests(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("order.yaml", orderWorkflow)
	passes, mixed := write("passes.yaml", passingCase), write("mixed.yaml", passingCase+"---"+failingCase)
	invalid := write("invalid.yaml", passingCase+"colour: red\n")

	offline(t, exitOK, "workflow", "test", passes).says(t, `^1 passed, 0 failed, 0 invalid`)
	offline(t, exitTests, "workflow", "test", mixed).says(t, `FAIL a large order`, `1 passed, 1 failed`)
	offline(t, exitOK, "workflow", "test", mixed, "--filter", "small").says(t, `1 passed, 0 failed`)
	offline(t, exitTests, "workflow", "test", mixed, "--filter", "large")
	offline(t, exitDefinition, "workflow", "test", invalid).says(t, `invalid\.yaml:\d+`, `colour`)
	offline(t, exitDefinition, "workflow", "test", write("broken.yaml", "id: [\n"), "--filter", "x")
	offline(t, exitUsage, "workflow", "test", mixed, "--filter", "none of these")
	offline(t, exitUsage, "workflow", "test")
	offline(t, exitUsage, "workflow", "test", filepath.Join(dir, "none.yaml"))

	var report trial.Report
	r := offline(t, exitTests, "workflow", "test", mixed, "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || report.Passed != 1 || report.Failed != 1 || len(report.Cases) != 2 || !report.Cases[0].OK || report.Cases[1].Why == "" {
		t.Errorf("%v: %s", err, r.out)
	}
}

func TestWorkflowFmt(t *testing.T) {
	const loose = "# about it\nsteps:\n  - {id: a, topic: job.x, timeout_sec: 90}\nid: w\n"
	file := writeFile(t, "w.yaml", loose)
	formatted := offline(t, exitOK, "workflow", "fmt", file).out
	if !strings.Contains(formatted, "# about it") || !strings.Contains(formatted, "timeout: 1m30s") || strings.Index(formatted, "id: w") > strings.Index(formatted, "steps:") {
		t.Errorf("formatted:\n%s", formatted)
	}
	if r := offline(t, exitError, "workflow", "fmt", "--check", file); strings.TrimSpace(r.out) != file {
		t.Errorf("check says %q", r.out)
	}
	bad := writeFile(t, "bad.yaml", "id: x\nsteps: []\n")
	offline(t, exitDefinition, "workflow", "fmt", "-w", file, bad).says(t, "nothing was written")
	if text, _ := os.ReadFile(file); string(text) != loose {
		t.Errorf("a file was written beside a refused one:\n%s", text)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if r := offline(t, exitOK, "workflow", "fmt", "-w", file); strings.TrimSpace(r.out) != file {
		t.Errorf("written: %q", r.out)
	}
	text, err := os.ReadFile(file)
	if stat, _ := os.Stat(file); err != nil || string(text) != formatted || stat.Mode().Perm() != 0o640 {
		t.Errorf("%v, mode %s:\n%s", err, stat.Mode(), text)
	}
	if r := offline(t, exitOK, "workflow", "fmt", "--check", file); r.out != "" {
		t.Errorf("check says %q", r.out)
	}
	offline(t, exitUsage, "workflow", "fmt", "-w", "--check", file)
	if r := cordum(t.Context(), loose, nil, "workflow", "fmt", "-w", "-"); r.code != exitUsage {
		t.Errorf("%d: %s", r.code, r.errOut)
	}
}

func TestWorkflowDiff(t *testing.T) {
	before := writeFile(t, "before.yaml", orderWorkflow)
	after := writeFile(t, "after.yaml", strings.Replace(orderWorkflow, "compensate: {topic: job.stock.release}", "description: kept", 1))
	offline(t, exitOK, "workflow", "diff", before, after).says(t, `~ reserve`, `undo coverage 2/2 → 1/2`)
	offline(t, exitOK, "workflow", "diff", before, before).says(t, `both mean the same`)
	var d dag.Difference
	if err := json.Unmarshal([]byte(offline(t, exitOK, "workflow", "diff", before, after, "-o", "json").out), &d); err != nil || len(d.Changed) != 1 {
		t.Errorf("%v: %+v", err, d)
	}
	if r := offline(t, exitOK, "workflow", "diff", before, after, "-o", "name"); r.out != "reserve\n" {
		t.Errorf("names %q", r.out)
	}
	offline(t, exitUsage, "workflow", "diff", before)
}

func TestGraphForms(t *testing.T) {
	file := writeFile(t, "order.yaml", orderWorkflow)
	for form, want := range map[string]string{"mermaid": "flowchart TD", "dot": `digraph "order"`, "ascii": "charge  after reserve"} {
		for _, flag := range []string{"-o", "-f"} {
			if r := offline(t, exitOK, "workflow", "graph", file, flag, form); !strings.Contains(r.out, want) {
				t.Errorf("%s %s: %s", flag, form, r.out)
			}
		}
	}
	offline(t, exitUsage, "workflow", "graph", file, "-o", "svg")
}

func TestWorkflowSchema(t *testing.T) {
	var schema struct {
		AdditionalProperties bool `json:"additionalProperties"`
		Properties           map[string]any
	}
	r := offline(t, exitOK, "workflow", "schema")
	if err := json.Unmarshal([]byte(r.out), &schema); err != nil || schema.AdditionalProperties || schema.Properties["steps"] == nil {
		t.Errorf("%v: %.200s", err, r.out)
	}
}
