package gateway

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
)

// commanded is the last command that a run was given.
func (a *api) commanded(run string) runner.Command {
	a.t.Helper()
	a.engine.mu.Lock()
	defer a.engine.mu.Unlock()
	all := a.engine.runs["default/"+run].commands
	if len(all) == 0 {
		a.t.Fatal("no command came")
	}
	return all[len(all)-1]
}

func TestRollbackAndRetry(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	path := prefix + "/runs/" + run
	a.call("POST", path+"/cancel", `{"rollback":true,"reason":"wrong"}`).want(202, "")
	if c := a.commanded(run); c.Verb != runner.VerbCancel || !c.Rollback {
		t.Errorf("command %+v", c)
	}
	a.call("POST", path+"/rollback", "", "Idempotency-Key: r-1").want(202, "")
	if c := a.commanded(run); c.Verb != runner.VerbRollback || c.To != "" || len(a.engine.lastCaller().Command) != 64 {
		t.Errorf("command %+v", c)
	}
	a.call("POST", path+"/rollback", `{"to":"built","then":"retry","reason":"again"}`).want(202, "")
	if c := a.commanded(run); c.To != "built" || c.Then != "retry" || a.engine.lastCaller().Reason != "again" {
		t.Errorf("command %+v", c)
	}
	a.call("POST", path+"/rollback", `{"then":"retry"}`).want(422, "conflicting_fields")
	a.call("POST", path+"/rollback", `{"to":"built","then":"later"}`).want(422, "invalid_body")
	a.engine.finish(run)
	a.call("POST", path+"/retry", `{"reason":"the disk is back"}`).want(202, "")
	if c := a.commanded(run); c.Verb != runner.VerbRetry {
		t.Errorf("command %+v", c)
	}
	a.call("POST", prefix+"/runs/"+runID(9999)+"/rollback", "").want(404, "not_found")
}

func TestFork(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	path := prefix + "/runs/" + run + "/fork"
	var out runner.Forked
	w := a.call("POST", path, `{"from":"b","outputs":{"a":{"id":7}},"preview":true}`).want(200, "").json(&out)
	if out.RunID != "" || !slices.Equal(out.Rerun, []string{"b"}) || w.Header().Get("Location") != prefix+"/runs/"+run {
		t.Errorf("preview %+v, %v", out, w.Header())
	}
	if req := a.engine.runs["default/"+run].forked; !req.Preview || string(req.Outputs["a"]) != `{"id":7}` || req.Input != nil {
		t.Errorf("request %+v", req)
	}
	w = a.call("POST", path, `{"from":"b","input":null,"reason":"fixed"}`, "Idempotency-Key: f").want(201, "").json(&out)
	if out.RunID == "" || w.Header().Get("Location") != prefix+"/runs/"+out.RunID || a.engine.lastCaller().Reason != "fixed" {
		t.Errorf("fork %+v, %v", out, w.Header())
	}
	if req := a.engine.runs["default/"+run].forked; len(req.IdempotencyKey) != 64 || req.Preview {
		t.Errorf("request %+v", req)
	}
	a.call("POST", path, `{}`).want(422, "invalid_body")
	a.call("POST", path, ``).want(400, "empty_body")
	a.call("POST", path, `{"from":"b","digest":"../x"}`).want(422, "invalid_body")
	a.call("POST", path, `{"from":"b","outputs":[]}`).want(422, "invalid_body")
	a.call("POST", path, `{"from":"b","tenant":"other"}`).want(400, "unknown_field")
}

func TestHeldCompensations(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	path := prefix + "/runs/" + run + "/compensations/"
	for _, tt := range []struct{ written, meant string }{
		{"charge", "charge"},
		{"each%5B2%5D", "each[2]"},
		{"undo:charge", "undo:charge"},
		{"poll[0].ask", "poll[0]/ask"},
		{run + ".ask~12", run + ".ask~12"},
	} {
		a.call("POST", path+tt.written+"/retry", "").want(202, "")
		if c := a.commanded(run); c.Verb != runner.VerbCompensation || c.Compensation != tt.meant || c.Action != "retry" {
			t.Errorf("%s: command %+v", tt.written, c)
		}
	}
	for _, action := range []string{"skip", "done"} {
		a.call("POST", path+"charge/"+action, "").want(422, "reason_needed")
		a.call("POST", path+"charge/"+action, `{"reason":" "}`).want(422, "reason_needed")
		a.call("POST", path+"charge/"+action, `{"reason":"paid back by hand"}`).want(202, "")
		a.call("POST", path+"charge/"+action, "", "X-Reason: paid back").want(202, "")
		if c := a.commanded(run); c.Action != action || a.engine.lastCaller().Reason != "paid back" {
			t.Errorf("command %+v", c)
		}
	}
	a.call("POST", path+"charge/forget", `{"reason":"x"}`).want(404, "not_found")
	a.call("POST", path+"poll%5B0%5D%2Fask/retry", "").want(404, "not_found")

	var page Page[runner.HeldView]
	a.call("GET", prefix+"/compensations?limit=1", "").want(200, "").json(&page)
	if len(page.Items) != 1 || page.Items[0].Step != "charge" || page.NextCursor == "" {
		t.Fatalf("page %+v", page)
	}
	a.call("GET", prefix+"/compensations?limit=1&cursor="+page.NextCursor, "").want(200, "").json(&page)
	if len(page.Items) != 1 || page.Items[0].Step != "reserve" {
		t.Errorf("second page %+v", page)
	}
	a.call("GET", prefix+"/compensations", "", "X-Tenant-ID: acme").want(200, "").json(&page)
	if len(page.Items) != 0 {
		t.Errorf("another tenant sees %+v", page)
	}
}

func TestSendBack(t *testing.T) {
	a := newAPI(t, nil)
	a.engine.approvals["default/a1"] = runner.ApprovalView{ID: "a1", State: "waiting"}
	path := prefix + "/approvals/a1/decide"
	a.call("POST", path, `{"decision":"send_back"}`).want(422, "missing_field")
	a.call("POST", path, `{"decision":"approve","to":"draft"}`).want(422, "conflicting_fields")
	var view runner.ApprovalView
	a.call("POST", path, `{"decision":"send_back","to":"draft","comment":"shorter"}`).want(200, "").json(&view)
	if view.Comment != "back to draft: shorter" {
		t.Errorf("approval %+v", view)
	}
}

func TestExplain(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	path := prefix + "/runs/" + run
	var e plan.Explanation
	a.call("GET", path+"/explain", "").want(200, "").json(&e)
	if e.Run != run || e.State != "running" || len(e.Why) == 0 {
		t.Errorf("run: %+v", e)
	}
	for _, step := range []string{"big", run + ".big~0"} {
		a.call("GET", path+"/steps/"+step+"/explain", "").want(200, "").json(&e)
		if e.Step != "big" || e.State != "skipped" || !strings.Contains(e.Why[0].Text, "input.amount > 100") || e.Why[0].Seq == 0 {
			t.Errorf("%s: %+v", step, e)
		}
	}
	for _, step := range []string{"none", "undo:reserve", run + ".big~99", runID(1) + ".big~0", "..%5B"} {
		a.call("GET", path+"/steps/"+step+"/explain", "").want(404, "not_found")
	}
	a.call("GET", path+"/explain", "", "X-Tenant-ID: acme").want(404, "not_found")

	var r plan.Rollback
	a.call("POST", path+"/rollback-plan", "").want(200, "").json(&r)
	if len(r.Groups) != 1 || r.Groups[0][0].Step != "reserve" {
		t.Errorf("rollback plan %+v", r)
	}
	a.call("POST", path+"/rollback-plan", "", "X-Tenant-ID: acme").want(404, "not_found")
}

func TestIterations(t *testing.T) {
	a := newAPI(t, nil)
	path := prefix + "/runs/" + a.run() + "/steps/poll[0].each/iterations"
	var page Page[runner.StepView]
	w := a.call("GET", path+"?limit=2", "").want(200, "").json(&page)
	if len(page.Items) != 2 || page.Items[1].Path != "poll[0]/each[1]" || page.NextCursor == "" {
		t.Fatalf("page %+v", page)
	}
	link, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Link"), "<"), ">")
	a.call("GET", link, "").want(200, "").json(&page)
	if len(page.Items) != 1 || page.Items[0].Path != "poll[0]/each[2]" {
		t.Errorf("second page %+v", page)
	}
	other := prefix + "/runs/" + a.run() + "/steps/poll[0].each/iterations?"
	a.call("GET", other+link[strings.Index(link, "cursor="):], "").want(400, "invalid_cursor")
}

// What happened just behind the event that settled a run is told before the end of the stream.
func TestStreamTellsAllBeforeItsEnd(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	s := connect(t, addr)
	s.say(`{"id":"a","subscribe":{"run":%q}}`, run)
	if got := s.types(2); got != "snapshot 1, live 1" {
		t.Fatalf("got %s", got)
	}
	a.engine.mu.Lock()
	now, r := time.Unix(1, 0).UTC(), a.engine.runs["default/"+run]
	r.view.State, r.view.EndedAt = "succeeded", &now
	a.engine.add(r, "run_succeeded")
	a.engine.add(r, "step_progress")
	a.engine.mu.Unlock()
	if got := s.types(2); got != "event 2, event 3" {
		t.Fatalf("got %s", got)
	}
	if got := s.types(1); got != "end 3" {
		t.Fatalf("got %s", got)
	}
}

// The stream goes on while something is being undone, and ends when nothing is left to happen.
func TestStreamEndsWhenSettled(t *testing.T) {
	for compensation, want := range map[string]bool{"none": true, "done": true, "running": false, "held": false} {
		a := newAPI(t, nil)
		run := a.run()
		a.engine.finish(run)
		a.engine.runs["default/"+run].view.Compensation = compensation
		if v := a.engine.runs["default/"+run].view; Settled(&v) != want {
			t.Errorf("%s: settled is %v", compensation, !want)
		}
	}
}
