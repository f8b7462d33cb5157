package gateway

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/steps"
)

func hasRule(list []plan.Finding, rule string) bool {
	return slices.ContainsFunc(list, func(f plan.Finding) bool { return f.Rule == rule })
}

func TestLintReport(t *testing.T) {
	a := newAPI(t, nil)
	lint := func(body string, headers ...string) LintReport {
		t.Helper()
		var report LintReport
		a.call("POST", prefix+"/workflows/lint", body, headers...).want(200, "").json(&report)
		return report
	}
	r := lint(cyclic)
	if r.Valid || r.Errors != 1 || r.ID != "" || r.Diagnostics[0].Rule != "cycle" || !strings.HasPrefix(r.Diagnostics[0].Code, "CW") || r.Diagnostics[0].Docs == "" {
		t.Errorf("report %+v", r)
	}
	r = lint("id: w\non_failure: rollback\nsteps:\n  - {id: a, topic: job.x}\n", "Content-Type: application/yaml")
	if !r.Valid || r.Errors != 0 || r.Warnings != 1 || r.ID != "w" || !hasRule(r.Diagnostics, "missing_compensate") || r.Diagnostics[0].Line != 4 {
		t.Errorf("report %+v", r)
	}
	r = lint(`{"steps":[{"id":"a","topic":"job.x"}]}`)
	if !r.Valid || !strings.HasPrefix(r.ID, oneShotPrefix) || len(r.Digest) != 64 || r.Steps != 1 || r.Diagnostics == nil {
		t.Errorf("report %+v", r)
	}
	a.call("POST", prefix+"/workflows/lint", `{`).want(200, "").json(&r)
	if r.Valid || r.Diagnostics[0].Rule != "invalid_json" {
		t.Errorf("report %+v", r)
	}
}

func TestSavingWarns(t *testing.T) {
	a := newAPI(t, nil)
	out := a.store("id: w\non_failure: rollback\nsteps:\n  - {id: a, topic: job.x}\n")
	if !hasRule(out.Warnings, "missing_compensate") {
		t.Errorf("warnings %+v", out.Warnings)
	}
}

// Workflows that would contain each other are refused, whichever is stored last.
func TestSavingSeesOtherWorkflows(t *testing.T) {
	a := newAPI(t, nil)
	calls := func(id, other string) string {
		return "id: " + id + "\nsteps:\n  - {id: s, type: subworkflow, workflow: " + other + "}\n"
	}
	a.store(calls("first", "second"))
	a.store(calls("second", "third"))
	a.call("POST", prefix+"/workflows", calls("third", "first"), "Content-Type: application/yaml").want(422, "subflow_cycle")
	a.call("POST", prefix+"/workflows", calls("third", "first"), "Content-Type: application/yaml", "X-Tenant-ID: acme").want(201, "")
	var report LintReport
	a.call("POST", prefix+"/workflows/lint", calls("third", "first"), "Content-Type: application/yaml").want(200, "").json(&report)
	if !hasRule(report.Diagnostics, "subflow_cycle") {
		t.Errorf("report %+v", report)
	}
}

func TestSchemaOfTheLanguage(t *testing.T) {
	a := newAPI(t, withKeys)
	w := a.call("GET", prefix+"/workflows/schema", "").want(200, "")
	if !bytes.Equal(w.Body.Bytes(), steps.LanguageSchema()) || w.Header().Get("Content-Type") != "application/schema+json" || !json.Valid(w.Body.Bytes()) {
		t.Errorf("content type %q, %d bytes", w.Header().Get("Content-Type"), w.Body.Len())
	}
}

func TestGraphForms(t *testing.T) {
	a := newAPI(t, nil)
	a.store(shop)
	path := prefix + "/workflows/shop/graph"
	for format, want := range map[string]string{"mermaid": "flowchart TD", "dot": `digraph "shop"`, "ascii": "charge  after big, reserve"} {
		w := a.call("GET", path+"?format="+format, "").want(200, "")
		if !strings.Contains(w.Body.String(), want) || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s (%s): %s", format, w.Header().Get("Content-Type"), w.Body)
		}
	}
	for _, query := range []string{"", "?format=json"} {
		var graph runner.GraphView
		w := a.call("GET", path+query, "").want(200, "").json(&graph)
		if graph.Nodes == nil || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %+v", w.Header().Get("Content-Type"), graph)
		}
	}
	a.call("GET", path+"?format=svg", "").want(400, "invalid_argument")
}

func TestDiffOfVersions(t *testing.T) {
	a := newAPI(t, nil)
	before := a.store(shop).Digest
	after := a.store(strings.Replace(shop, ", compensate: {topic: job.billing.refund}", "", 1)).Digest
	path := prefix + "/workflows/shop/diff?from="
	var d WorkflowDiff
	a.call("GET", path+before, "").want(200, "").json(&d)
	if d.From != before || d.To != after || d.Same || len(d.Changed) != 1 || d.Changed[0].ID != "charge" || d.Undo.After.Covered >= d.Undo.Before.Covered {
		t.Errorf("difference %+v", d)
	}
	a.call("GET", path+after+"&to="+after, "").want(200, "").json(&d)
	if !d.Same {
		t.Errorf("difference %+v", d)
	}
	a.call("GET", prefix+"/workflows/shop/diff", "").want(400, "invalid_argument")
	a.call("GET", path+"x", "").want(400, "invalid_argument")
	a.call("GET", path+strings.Repeat("0", 64), "").want(404, "not_found")
	a.call("GET", path+before, "", "X-Tenant-ID: acme").want(404, "not_found")
}
