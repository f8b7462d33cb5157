package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
)

func TestStartAndReadRun(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	if !id.IsRun(run) {
		t.Fatalf("run id %q", run)
	}
	var view runner.RunView
	a.call("GET", prefix+"/runs/"+run, "").want(200, "").json(&view)
	if view.ID != run || string(view.Input) != `{"n":1}` || view.StartedBy != "user:dev" {
		t.Errorf("run %+v", view)
	}
	var tl Timeline
	a.engine.advance(run, 4)
	a.call("GET", prefix+"/runs/"+run+"/timeline?after=1&limit=2", "").want(200, "").json(&tl)
	if len(tl.Items) != 2 || tl.Items[0].Seq != 2 || tl.NextAfter != 3 {
		t.Errorf("timeline %+v", tl)
	}
	for _, path := range []string{"/workflows/wf/timeline", "/workflows/" + run + "/timeline", "/workflow-runs/" + run + "/timeline"} {
		a.call("GET", prefix+path, "").want(200, "").json(&tl)
		if len(tl.Items) != 5 {
			t.Errorf("%s: %d events", path, len(tl.Items))
		}
	}
	var public WorkflowRun
	a.call("GET", prefix+"/workflow-runs/"+run, "").want(200, "").json(&public)
	if public.WorkflowID != "wf" || public.Steps["a"].JobID == "" || public.Steps["a"].Status != "running" {
		t.Errorf("workflow run %+v", public)
	}
}

func TestFullStartForm(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	w := a.call("POST", prefix+"/runs", `{"workflow":"wf","input":[1],"context":{"e":"p"},"labels":{"a":"b"}}`).want(201, "")
	if !strings.HasPrefix(w.Header().Get("Location"), prefix+"/runs/07") {
		t.Errorf("location %q", w.Header().Get("Location"))
	}
	a.call("POST", prefix+"/runs", `{"workflow":"none"}`).want(404, "not_found")
	a.call("POST", prefix+"/runs", `{"workflow":"wf","tenant":"other"}`).want(400, "unknown_field")
	a.call("POST", prefix+"/runs", `{"Workflow":"wf"}`).want(400, "unknown_field")
	a.call("POST", prefix+"/runs", `{"workflow":7}`).want(422, "invalid_body")
	a.call("POST", prefix+"/runs", ``).want(400, "empty_body")
}

func TestIdempotentStart(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	var first, second runner.Started
	one := a.call("POST", prefix+"/workflows/wf/runs", `{"n":2}`, "Idempotency-Key: k1").want(201, "").json(&first)
	two := a.call("POST", prefix+"/workflows/wf/runs", `{"n":2}`, "Idempotency-Key: k1").want(201, "").json(&second)
	if first != second || one.Header().Get("Idempotent-Replayed") != "" || two.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("answers %+v and %+v, headers %v", first, second, two.Header())
	}
	a.call("POST", prefix+"/workflows/wf/runs", `{"n":3}`, "Idempotency-Key: k1").want(422, "idempotency_key_reused")
	if w := a.call("POST", prefix+"/workflows/wf/runs", `{"n":3}`, "Idempotency-Key: k1", "X-Principal-Id: bob").want(201, ""); w.Header().Get("Idempotent-Replayed") != "" {
		t.Error("another principal's key was taken for this one's")
	}
	shot := a.call("POST", prefix+"/workflows", `{"steps":[{"id":"a","topic":"job.x"}]}`, "Idempotency-Key: k2").want(202, "")
	again := a.call("POST", prefix+"/workflows", `{"steps":[{"id":"a","topic":"job.x"}]}`, "Idempotency-Key: k2").want(202, "")
	if shot.Header().Get("Location") != again.Header().Get("Location") || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("a one-shot ran twice: %v, %v", shot.Header(), again.Header())
	}
	stored, _, _ := a.engine.count()
	a.call("POST", prefix+"/workflows", `{"steps":[{"id":"b","topic":"job.x"}]}`, "Idempotency-Key: k2").want(422, "idempotency_key_reused")
	a.call("POST", prefix+"/workflows?run=true", `{"id":"other","steps":[{"id":"b","topic":"job.x"}]}`, "Idempotency-Key: k2").want(422, "idempotency_key_reused")
	if now, _, _ := a.engine.count(); now != stored {
		t.Error("a definition was stored for a key that was used before")
	}
	a.call("POST", prefix+"/workflows/wf/runs", `{}`, "Idempotency-Key: "+strings.Repeat("k", 4096)).want(400, "invalid_idempotency_key")
	a.call("POST", prefix+"/workflows/wf/runs", `{}`, "Idempotency-Key: ").want(400, "invalid_idempotency_key")
}

// A key is one of its route: what another route made is not what this one was asked for.
func TestIdempotencyKeyIsOfItsRoute(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	var first, second runner.Started
	a.call("POST", prefix+"/workflows/wf/runs", `{"n":2}`, "Idempotency-Key: k1").want(201, "").json(&first)
	w := a.call("POST", prefix+"/runs", `{"workflow":"wf","input":{"n":2}}`, "Idempotency-Key: k1").want(201, "").json(&second)
	if first.RunID == second.RunID || w.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("run %s was answered to two routes", first.RunID)
	}
}

func TestCreateWorkflow(t *testing.T) {
	tests := []struct {
		name, target, body string
		status             int
		started            bool
	}{
		{"named", "", `{"id":"x","steps":[{"id":"a","topic":"job.x"}]}`, 201, false},
		{"named, run in the address", "?run=true", `{"id":"x","steps":[{"id":"a","topic":"job.x"}]}`, 202, true},
		{"named, run in the body", "", `{"run": true, "id":"x","steps":[{"id":"a","topic":"job.x"}]}`, 202, true},
		{"run last in the body", "", `{"id":"x","steps":[{"id":"a","topic":"job.x"}], "run":true}`, 202, true},
		{"run is false", "", `{"id":"x","run":false,"steps":[{"id":"a","topic":"job.x"}]}`, 201, false},
		{"only a name", "", `{"name":"x","steps":[{"id":"a","topic":"job.x"}]}`, 201, false},
		{"one-shot", "", `{"steps":[{"id":"a","topic":"job.x"}]}`, 202, true},
		{"one-shot, only stored", "?run=false", `{"steps":[{"id":"a","topic":"job.x"}]}`, 201, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, nil)
			var out WorkflowCreated
			w := a.call("POST", prefix+"/workflows"+tt.target, tt.body).want(tt.status, "").json(&out)
			if (out.RunID != "") != tt.started || out.Digest == "" {
				t.Errorf("answer %+v", out)
			}
			want := prefix + "/workflows/" + out.ID
			if tt.started {
				want = prefix + "/runs/" + out.RunID
			}
			if w.Header().Get("Location") != want {
				t.Errorf("location %q, want %q", w.Header().Get("Location"), want)
			}
		})
	}
}

func TestYAMLDefinition(t *testing.T) {
	a := newAPI(t, nil)
	a.call("POST", prefix+"/workflows", "id: from-yaml\nsteps:\n  - {id: a, topic: job.x}\n", "Content-Type: application/yaml").want(201, "")
	a.call("POST", prefix+"/workflows", "run: true\nid: from-yaml\nsteps:\n  - {id: a, topic: job.x}\n", "Content-Type: text/yaml; charset=UTF-8").want(202, "")
	a.call("GET", prefix+"/workflows/from-yaml/graph", "").want(200, "")
	var page Page[runner.WorkflowVersion]
	a.call("GET", prefix+"/workflows", "").want(200, "").json(&page)
	if len(page.Items) != 1 {
		t.Errorf("page %+v", page)
	}
}

// cyclic is a definition that is refused.
const cyclic = `{"id":"c","steps":[{"id":"a","topic":"job.x","depends_on":["b"]},{"id":"b","topic":"job.x","depends_on":["a"]}]}`

func TestDiagnosticsBecomeProblems(t *testing.T) {
	a := newAPI(t, nil)
	tests := []struct {
		body   string
		status int
		code   string
	}{
		{`{`, 400, "invalid_json"},
		{cyclic, 422, "cycle"},
		{`{"id":"x","lables":{},"steps":[{"id":"a","topic":"job.x"}]}`, 422, "unknown_field"},
		{`{"id":"x","Name":"x","steps":[{"id":"a","topic":"job.x"}]}`, 400, "unknown_field"},
	}
	for _, tt := range tests {
		var p Problem
		a.call("POST", prefix+"/workflows", tt.body).want(tt.status, tt.code).json(&p)
		at := slices.IndexFunc(p.Errors, func(e ProblemItem) bool { return e.Rule == tt.code })
		if at < 0 || p.Errors[at].Line == 0 || !strings.HasPrefix(p.Errors[at].Code, "CW") {
			t.Errorf("%s: errors %+v", tt.body, p.Errors)
		}
	}
	var once Problem
	a.call("POST", prefix+"/workflows", "{\"steps\":[{\"id\":\"a\",\"topic\":\"job.x\",\n\"depend_on\":[]}]}").want(422, "unknown_field").json(&once)
	if once.Errors[0].Hint != "depends_on" || once.Errors[0].Line != 2 {
		t.Errorf("errors of a one-shot %+v", once.Errors)
	}
	a.call("POST", prefix+"/workflows", "", "Content-Type: application/json").want(400, "empty_body")
	if n, _, _ := a.engine.count(); n != 0 {
		t.Errorf("%d workflows were stored", n)
	}
}

func TestControlVerbs(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	a.call("POST", prefix+"/runs/"+run+"/pause", `{"reason":"lunch"}`, "X-Principal-Id: ann").want(202, "")
	if c := a.engine.lastCaller(); c.Reason != "lunch" || c.Actor != "user:ann" || c.Tenant != "default" {
		t.Errorf("caller %+v", c)
	}
	a.call("POST", prefix+"/runs/"+run+"/resume", "", "X-Reason: back", "Idempotency-Key: c-1").want(202, "")
	if c := a.engine.lastCaller(); c.Reason != "back" || len(c.Command) != 64 {
		t.Errorf("caller %+v", c)
	}
	a.call("POST", prefix+"/runs/"+run+"/signal", `{"name":"go","payload":{"x":1}}`).want(202, "")
	a.call("POST", prefix+"/runs/"+run+"/signal", `{"payload":1}`).want(422, "invalid_body")
	a.call("POST", prefix+"/runs/"+run+"/cancel", `{"force":true}`).want(202, "")
	for _, path := range []string{"/runs/" + run + "/rerun", "/workflows/wf/rerun", "/workflows/" + run + "/rerun", "/workflow-runs/" + run + "/rerun"} {
		a.call("POST", prefix+path, "").want(201, "")
	}
	a.call("POST", prefix+"/workflows/none/rerun", "").want(404, "not_found")
	a.engine.finish(run)
	a.call("POST", prefix+"/runs/"+run+"/pause", "").want(409, "conflict")
	a.call("POST", prefix+"/runs/0701JDPV6V2K8Q00000000009999/pause", "").want(404, "not_found")
}

func TestJobs(t *testing.T) {
	a := newAPI(t, nil)
	var job JobAccepted
	body := `{"pack":"infra.kubectl","tool":"apply","input":{"m":"…"},"context":{"requires":["kubectl"],"preferred_worker_id":"w-1","resource_lock":"cluster:production"}}`
	w := a.call("POST", prefix+"/jobs", body).want(202, "").json(&job)
	if job.JobID == "" || job.JobID != job.ID || job.Worker != "w-1" {
		t.Errorf("job %+v", job)
	}
	a.call("GET", w.Header().Get("Location"), "").want(200, "")
	a.call("GET", prefix+"/jobs/"+strings.ReplaceAll(job.ID, "~", "%7E"), "").want(200, "")
	a.call("POST", prefix+"/jobs", `{"prompt":"hi","topic":"job.default","context":null}`).want(202, "").json(&job)
	if string(job.Output) != `{"prompt":"hi"}` {
		t.Errorf("input %s", job.Output)
	}
	a.call("POST", prefix+"/jobs", `{"pack":"x"}`).want(422, "invalid_body")
	a.call("POST", prefix+"/jobs", `{"topic":"x","pack":"y","tool":"z"}`).want(422, "invalid_body")
	a.call("POST", prefix+"/jobs", `{"topic":"x","context":"y"}`).want(422, "invalid_body")
	a.call("POST", prefix+"/jobs", `{"topic":"x","status":"SUCCEEDED"}`).want(400, "unknown_field")
	a.call("POST", prefix+"/jobs/"+job.ID+"/cancel", "").want(202, "")
	var page Page[runner.JobView]
	a.call("GET", prefix+"/jobs?status=PENDING", "").want(200, "").json(&page)
	if len(page.Items) != 2 {
		t.Errorf("page %+v", page)
	}
	a.call("GET", prefix+"/jobs?status=%27%20OR%201", "").want(400, "invalid_argument")
}

func TestApprovals(t *testing.T) {
	a := newAPI(t, nil)
	for _, id := range []string{"a1", "a2", "a3", "a4"} {
		a.engine.approvals["default/"+id] = runner.ApprovalView{ID: id, State: "waiting", Hash: "h"}
	}
	a.engine.approvals["default/old"] = runner.ApprovalView{ID: "old", State: "expired"}
	var view runner.ApprovalView
	a.call("POST", prefix+"/approvals/a1/decide", `{"decision":"approve","comment":"fine","expect_hash":"h"}`, "X-Principal-Id: bob").want(200, "").json(&view)
	if view.State != "approved" || view.DecidedBy != "user:bob" || view.Comment != "fine" {
		t.Errorf("approval %+v", view)
	}
	a.call("POST", prefix+"/approvals/a1/decide", `{"decision":"deny"}`).want(409, "conflict")
	a.call("POST", prefix+"/approvals/a2/decide", `{"decision":"approve","expect_hash":"other"}`).want(409, "conflict")
	a.call("POST", prefix+"/approvals/a2/decide", `{"decision":"maybe"}`).want(422, "invalid_body")
	a.call("POST", prefix+"/approvals/a2/decide", `{}`).want(422, "invalid_body")
	a.call("POST", prefix+"/approvals/a3/reject", `{"reason":"no"}`).want(200, "").json(&view)
	if view.State != "denied" || view.Comment != "no" {
		t.Errorf("approval %+v", view)
	}
	a.call("POST", prefix+"/approvals/a4/approve", "").want(200, "")
	a.call("POST", prefix+"/approvals/old/approve", "").want(410, "gone")
	a.call("POST", prefix+"/approvals/none/approve", "").want(404, "not_found")
	a.call("GET", prefix+"/approvals", "").want(200, "")
	a.call("GET", prefix+"/approvals/a1", "").want(200, "")
}

func TestListsAndPages(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	a.run()
	a.run()
	var page Page[runner.RunHeader]
	w := a.call("GET", prefix+"/runs?limit=2", "").want(200, "").json(&page)
	if len(page.Items) != 2 || page.NextCursor == "" || !strings.Contains(w.Header().Get("Link"), `rel="next"`) {
		t.Fatalf("page %+v, link %q", page, w.Header().Get("Link"))
	}
	link, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Link"), "<"), ">")
	var rest Page[runner.RunHeader]
	a.call("GET", link, "").want(200, "").json(&rest)
	if len(rest.Items) != 1 || rest.NextCursor != "" {
		t.Errorf("second page %+v", rest)
	}
	for _, query := range []string{"limit=-1", "limit=0", "limit=1001", "limit=1e9", "limit=x", "order=1;--", "state=%27%20OR%201", "kind=all"} {
		a.call("GET", prefix+"/runs?"+query, "").want(400, "invalid_argument")
	}
	for _, cursor := range []string{"forged", page.NextCursor[1:], page.NextCursor[:9], "." + page.NextCursor} {
		a.call("GET", prefix+"/runs?cursor="+cursor, "").want(400, "invalid_cursor")
	}
	for _, elsewhere := range []string{"/jobs?", "/workflows?", "/approvals?", "/runs?state=running&", "/runs?kind=job&", "/runs?workflow=wf&"} {
		a.call("GET", prefix+elsewhere+"cursor="+page.NextCursor, "").want(400, "invalid_cursor")
	}
	a.call("GET", prefix+"/runs?cursor="+page.NextCursor, "", "X-Tenant-ID: acme").want(400, "invalid_cursor")
	a.call("GET", prefix+"/runs?limit=2&limit=3", "").want(400, "invalid_argument")
}

func TestEmptyListIsAnArray(t *testing.T) {
	a := newAPI(t, nil)
	for _, path := range []string{"/runs", "/workflows", "/jobs", "/approvals"} {
		if body := a.call("GET", prefix+path, "").want(200, "").Body.String(); !strings.Contains(body, `"items":[]`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestLongPoll(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	done := make(chan runner.RunView)
	go func() {
		var view runner.RunView
		_ = json.Unmarshal(a.call("GET", prefix+"/runs/"+run+"?wait=30s&since=1", "").Body.Bytes(), &view)
		done <- view
	}()
	eventually(t, "the long poll waits", func() bool { return a.engine.watching() == 1 })
	a.engine.advance(run, 1)
	if view := <-done; view.Seq != 2 {
		t.Errorf("answered at seq %d", view.Seq)
	}
	begun := time.Now()
	a.call("GET", prefix+"/runs/"+run+"?wait=50ms&since=2", "").want(200, "")
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("answered after %s without news", took)
	}
	a.call("GET", prefix+"/runs/"+run+"?wait=1h", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/runs/"+run+"?wait=soon", "").want(400, "invalid_argument")
}

func TestSystemRoutes(t *testing.T) {
	a := newAPI(t, nil)
	if body := a.call("GET", "/health", "").want(200, "").Body.String(); body != "ok" {
		t.Errorf("health says %q", body)
	}
	a.call("GET", "/healthz", "").want(200, "")
	a.call("GET", "/readyz", "").want(200, "")
	a.engine.sick = errors.New("partition 3 is not ours: secret")
	if body := a.call("GET", "/readyz", "").want(503, "unavailable").Body.String(); strings.Contains(body, "secret") {
		t.Errorf("the cause is in the answer: %s", body)
	}
	a.call("GET", "/readyz", "").want(503, "unavailable")
	if n := strings.Count(a.log.String(), `"msg":"not ready"`); n != 1 || strings.Contains(a.log.String(), `"level":"ERROR"`) {
		t.Errorf("two probes left %d warnings:\n%s", n, a.log)
	}
	a.engine.sick = nil
	a.call("GET", "/readyz", "").want(200, "")
	if !strings.Contains(a.log.String(), "ready again") {
		t.Error("that it is ready again is not in the log")
	}
	var s Status
	a.call("GET", prefix+"/status", "").want(200, "").json(&s)
	if s.Workers != 1 || s.Mode != "dev" || !s.Ready || s.Actor != "user:dev" {
		t.Errorf("status %+v", s)
	}
	metrics := a.call("GET", "/metrics", "").want(200, "").Body.String()
	for _, want := range []string{
		`cordum_http_requests_total{method="GET",route="/readyz",status="503"} 2`,
		`cordum_http_request_duration_seconds_count{method="GET",route="/api/v1/status"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	for _, path := range []string{"/openapi.yaml", prefix + "/openapi.yaml", prefix + "/openapi.json", prefix + "/openapi-3.0.json"} {
		if body := a.call("GET", path, "").want(200, "").Body.String(); !strings.Contains(body, "startWorkflow") {
			t.Errorf("%s has no operations", path)
		}
	}
}

func TestPage(t *testing.T) {
	a := newAPI(t, func(c *Config) {
		c.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" && r.URL.Path != "/app.js" {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte("page"))
		})
	})
	a.call("GET", "/", "").want(200, "")
	a.call("GET", "/app.js", "").want(200, "")
	a.call("GET", "/nothing.js", "").want(404, "not_found")
	newAPI(t, nil).call("GET", "/", "").want(404, "not_found")
}

// eventually waits for a condition that another goroutine makes true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not seen in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
