package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

func (a *api) batch(body string) BatchResult {
	a.t.Helper()
	var out BatchResult
	a.call("POST", prefix+"/batches", body).want(200, "").json(&out)
	return out
}

func TestBatch(t *testing.T) {
	a := newAPI(t, nil)
	runs := []string{a.run(), a.run(), a.run()}
	a.engine.finish(runs[1])
	out := a.batch(`{"filter":{"workflow":"wf"},"action":"cancel","dry_run":true}`)
	if want := []string{runs[2], runs[0]}; out.Matched != 2 || out.Done != 0 || !slices.Equal(out.Runs, want) || len(a.engine.runs["default/"+runs[0]].commands) != 0 {
		t.Errorf("dry run %+v", out)
	}
	out = a.batch(`{"filter":{"workflow":"wf"},"action":"cancel","rollback":true,"reason":"incident 7"}`)
	if out.Matched != 2 || out.Done != 2 || len(out.Failed) != 0 || out.Cursor != "" {
		t.Errorf("cancel %+v", out)
	}
	if c := a.commanded(runs[0]); c.Verb != runner.VerbCancel || !c.Rollback || a.engine.lastCaller().Reason != "incident 7" {
		t.Errorf("command %+v", c)
	}
	if len(a.engine.runs["default/"+runs[1]].commands) != 0 {
		t.Error("a run that has ended was cancelled")
	}
	if out := a.batch(`{"filter":{"started_by":"user:eve"},"action":"pause"}`); out.Matched != 0 || out.Runs == nil || out.Failed == nil {
		t.Errorf("nobody's runs: %+v", out)
	}
	if out := a.batch(`{"filter":{"compensation":"none","state":"succeeded"},"action":"rollback"}`); out.Done != 1 || out.Runs[0] != runs[1] {
		t.Errorf("rollback %+v", out)
	}
}

func TestBatchSaysWhatFailed(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	a.engine.mu.Lock()
	a.engine.stubborn = map[string]bool{run: true}
	a.engine.mu.Unlock()
	other := a.run()
	out := a.batch(`{"filter":{"state":"running"},"action":"pause"}`)
	if out.Matched != 2 || out.Done != 1 || len(out.Failed) != 1 || out.Failed[0].Run != run || out.Failed[0].Code != "internal" {
		t.Errorf("batch %+v", out)
	}
	if strings.Contains(fmt.Sprint(out), "boom") {
		t.Errorf("the cause is in the answer: %+v", out)
	}
	if c := a.commanded(other); c.Verb != runner.VerbPause {
		t.Errorf("command %+v", c)
	}
}

func TestBatchByLabel(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	var red runner.Started
	a.call("POST", prefix+"/runs", `{"workflow":"wf","labels":{"team":"red"}}`).want(201, "").json(&red)
	a.call("POST", prefix+"/runs", `{"workflow":"wf","labels":{"team":"blue"}}`).want(201, "")
	if out := a.batch(`{"filter":{"labels":{"team":"red"}},"action":"pause"}`); out.Matched != 1 || out.Runs[0] != red.RunID {
		t.Errorf("batch %+v", out)
	}
	if out := a.batch(`{"filter":{"labels":{"none":""}},"action":"pause"}`); out.Matched != 0 {
		t.Errorf("a label that is not there: %+v", out)
	}
}

func TestBatchPages(t *testing.T) {
	a := newAPI(t, nil)
	for range 5 {
		a.run()
	}
	var all []string
	cursor := ""
	for range 10 {
		out := a.batch(fmt.Sprintf(`{"filter":{"workflow":"wf"},"action":"pause","dry_run":true,"limit":2,"cursor":%q}`, cursor))
		all = append(all, out.Runs...)
		if cursor = out.Cursor; cursor == "" {
			break
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 5 {
		t.Errorf("runs %v", all)
	}
	out := a.batch(`{"filter":{"workflow":"wf"},"action":"pause","dry_run":true,"limit":2}`)
	for _, body := range []string{
		`{"filter":{"workflow":"wf"},"action":"cancel","limit":2,"cursor":%q}`,
		`{"filter":{"workflow":"wf","started_by":"user:dev"},"action":"pause","limit":2,"cursor":%q}`,
	} {
		a.call("POST", prefix+"/batches", fmt.Sprintf(body, out.Cursor)).want(400, "invalid_cursor")
	}
	a.call("POST", prefix+"/batches", fmt.Sprintf(`{"filter":{"workflow":"wf"},"action":"pause","cursor":%q}`, out.Cursor), "X-Tenant-ID: acme").
		want(400, "invalid_cursor")
}

// A filter that can name nothing is a mistake, and so is one that names everything.
func TestBatchFilters(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	for _, tt := range []struct {
		body   string
		status int
		code   string
	}{
		{`{"filter":{},"action":"cancel"}`, 400, "invalid_argument"},
		{`{"filter":{"labels":{}},"action":"cancel"}`, 400, "invalid_argument"},
		{`{"action":"cancel"}`, 422, "invalid_body"},
		{`{"filter":{"state":"succeeded"},"action":"cancel"}`, 400, "impossible_filter"},
		{`{"filter":{"state":"succeeded"},"action":"retry"}`, 400, "impossible_filter"},
		{`{"filter":{"state":"running"},"action":"resume"}`, 400, "impossible_filter"},
		{`{"filter":{"state":"failed","compensation":"held"},"action":"retry"}`, 400, "impossible_filter"},
		{`{"filter":{"workflow":"wf"},"action":"pause","rollback":true}`, 422, "conflicting_fields"},
		{`{"filter":{"workflow":"wf"},"action":"delete"}`, 422, "invalid_body"},
		{`{"filter":{"state":"' OR 1"},"action":"cancel"}`, 422, "invalid_body"},
		{`{"filter":{"workflow":"wf","tenant":"acme"},"action":"cancel"}`, 400, "unknown_field"},
		{`{"filter":{"workflow":"wf"},"action":"cancel","tenant":"acme"}`, 400, "unknown_field"},
		{`{"filter":{"workflow":"wf"},"action":"cancel","limit":1001}`, 422, "invalid_body"},
		{`{"filter":{"workflow":"wf"},"action":"cancel","limit":-1}`, 422, "invalid_body"},
		{`{"filter":{"workflow":"wf"},"action":"cancel","cursor":"forged"}`, 400, "invalid_cursor"},
		{`{"filter":[],"action":"cancel"}`, 422, "invalid_body"},
	} {
		a.call("POST", prefix+"/batches", tt.body).want(tt.status, tt.code)
	}
	if len(a.engine.runs["default/"+run].commands) != 0 {
		t.Error("a run was given a command")
	}
	if out := a.batch(`{"filter":{"workflow":"wf"},"action":"resume"}`); out.Matched != 0 {
		t.Errorf("a running run was resumed: %+v", out)
	}
	a.call("GET", prefix+"/openapi.json", "").want(200, "") // rendering opens the schemas of answers, and no others
	a.call("POST", prefix+"/batches", `{"filter":{"workflow":"wf","tenant":"acme"},"action":"cancel"}`).want(400, "unknown_field")
}
