package web

import (
	"reflect"
	"testing"
)

// rollbackPlan is what a server says would be undone: two groups, one step of which is behind the checkpoint only.
func rollbackPlan() object {
	return object{
		"groups": [][]object{
			{{"step": "pay", "if": "ran"}, {"step": "go", "if": "under way"}},
			{{"step": "each", "if": "ran", "items": 9000}},
			{{"step": "reserve", "if": "ran"}},
		},
		"left": []object{{"step": "ship", "why": "irreversible", "if": "ran"}, {"step": "reserve", "why": "no compensate", "if": "ran"}},
	}
}

// liveRun is the run while it goes on.
func liveRun() object {
	run := orderRun()
	run["state"], run["compensation"] = "running", "none"
	for _, gone := range []string{"error", "held", "kept", "ended_at"} {
		delete(run, gone)
	}
	return run
}

// same fails when a path was told something else than one body.
func (f *recorded) same(path string, want object) {
	f.t.Helper()
	got := f.posts(path)
	if len(got) != 1 || !reflect.DeepEqual(got[0].body, want) || got[0].once == "" && path != "rollback-plan" {
		f.t.Errorf("%s was told %v, want once %v", path, got, want)
	}
}

// Before a run is cancelled with rollback the page shows what that would undo, and what would stay.
func TestPageCancelsWithAPlan(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, liveRun())
	api.answers["POST runs/"+fakeRun+"/rollback-plan"] = rollbackPlan()
	b := openBrowser(t, api.URL+runPage)
	b.until("#state", "running")
	b.click(`[data-verb="cancel"]`)
	b.expect(map[string]string{`document.querySelector("dialog .plan") === null`: "true", reachability: ""})
	b.click("#and-roll-back")
	b.until("dialog .plan ol li:nth-child(1)", "pay, go (under way: unless its worker says that it had no effect) (2 side by side)")
	b.until("dialog .plan ol li:nth-child(2)", "each (9000 of it)")
	b.until("dialog .plan ul", "ship: irreversible")
	b.click("#and-roll-back") // no, thanks
	b.gone("dialog .plan")
	b.click("#and-roll-back")
	b.until("dialog .plan", "reserve")
	b.put("#reason", "wrong customer")
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	api.same("runs/"+fakeRun+"/cancel", object{"rollback": true, "reason": "wrong customer"})
	b.noErrors()
}

// A run is rolled back to its beginning or to a checkpoint; the plan shows only what lies behind it.
func TestPageRollsBackToACheckpoint(t *testing.T) {
	t.Parallel()
	run := liveRun()
	run["state"] = "failed"
	api := newRecorded(t, run)
	api.answers["POST runs/"+fakeRun+"/rollback-plan"] = rollbackPlan()
	b := openBrowser(t, api.URL+runPage)
	b.until("#state", "failed")
	b.click(`[data-verb="rollback"]`)
	b.until("dialog .plan ol li:nth-child(3)", "reserve")
	b.expect(map[string]string{`document.querySelector("#then").parentElement.hidden`: "true"})
	b.put("#roll-back-to", "reserved")
	b.gone("dialog .plan ol li:nth-child(3)")
	b.until("dialog .plan ul", "ship: irreversible")
	b.expect(map[string]string{
		`document.querySelector("dialog .plan").textContent.includes("reserve")`: "false",
		`document.querySelector("#then").parentElement.hidden`:                   "false",
		reachability: "",
	})
	b.put("#then", "retry")
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	api.same("runs/"+fakeRun+"/rollback", object{"to": "reserved", "then": "retry"})
	b.click(`[data-verb="retry"]`)
	b.put("#reason", "the truck is back")
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	api.same("runs/"+fakeRun+"/retry", object{"reason": "the truck is back"})
	b.noErrors()
}

// A fork says beforehand which steps it reuses, and leads to the new run.
func TestPageForks(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, liveRun())
	api.answers["POST runs/"+fakeRun+"/fork"] = object{"run_id": fakeChild, "fork_of": fakeRun, "reused": []string{"reserve"}, "edited": []string{}, "rerun": []string{"pay", "ship"}}
	child := orderRun()
	child["id"], child["fork_of"] = fakeChild, fakeRun
	api.answers["GET runs/"+fakeChild] = child
	api.answers["GET runs/"+fakeChild+"/timeline"] = object{"items": []any{}}
	b := openBrowser(t, api.URL+runPage)
	b.until("#state", "running")
	b.click(`[data-verb="fork"]`)
	b.until("dialog .plan", "Runs againpay, shipIs reusedreserveWith another outputnone")
	b.put("#fork-from", "pay")
	b.put("#fork-outputs", "{no json")
	b.until("dialog [data-preview] .error", "Edited outputs is not JSON")
	b.click("dialog button[type=submit]")
	b.until("dialog form > .error", "Edited outputs is not JSON")
	b.put("#fork-outputs", `{"reserve": {"id": 7}}`)
	b.until("dialog .plan", "Runs again")
	b.click("dialog button[type=submit]")
	b.until("#facts", "Fork of"+fakeRun)
	b.expect(map[string]string{`location.hash`: "#/runs/" + fakeChild, `document.querySelector("dialog") === null`: "true"})
	api.same("runs/"+fakeRun+"/fork", object{"from": "pay", "outputs": object{"reserve": object{"id": 7.0}}})
	b.noErrors()
}

// A signal has a name, which the definition's waits suggest, and any JSON.
func TestPageSendsASignal(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, liveRun())
	b := openBrowser(t, api.URL+runPage)
	b.until("#state", "running")
	b.click(`[data-verb="signal"]`)
	b.until("dialog h2", "signal")
	b.expect(map[string]string{`[...document.querySelectorAll("#signals option")].map((o) => o.value).sort().join()`: "answer,go", reachability: ""})
	b.put("#signal-name", "go")
	b.put("#signal-payload", `{"by": "ann"}`)
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	api.same("runs/"+fakeRun+"/signal", object{"name": "go", "payload": object{"by": "ann"}})
	b.noErrors()
}

// Buttons that make no sense in a state are off; what the server refuses all the same is said.
func TestPageOffersWhatMakesSense(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, liveRun())
	b := openBrowser(t, api.URL+runPage)
	const on = `[...document.querySelectorAll("[data-verb]")].filter((e) => !e.disabled).map((e) => e.dataset.verb).join()`
	for _, tc := range []struct{ state, compensation, want string }{
		{"running", "none", "pause,cancel,rollback,fork,signal"},
		{"waiting", "none", "pause,cancel,rollback,fork,signal"},
		{"paused", "none", "resume,cancel,rollback,fork,signal"},
		{"faulted", "none", "resume,cancel,fork,signal"},
		{"running", "running", "pause,cancel,fork,signal"},
		{"failed", "none", "rollback,retry,fork"},
		{"failed", "held", "fork"},
		{"failed", "done", "rollback,retry,fork"},
		{"succeeded", "none", "rollback,fork"},
		{"cancelled", "running", "fork"},
	} {
		api.change("run_changed", "", nil, func(run object) { run["state"], run["compensation"] = tc.state, tc.compensation })
		b.until("#state .state", tc.state)
		b.until("#compensation .state", tc.compensation)
		b.expect(map[string]string{on: tc.want})
	}
	api.mu.Lock()
	api.refuse["POST runs/"+fakeRun+"/fork"] = 409
	delete(api.answers, "GET workflows/order")
	api.mu.Unlock()
	b.click(`[data-verb="fork"]`) // the definition cannot be read
	b.until("main > div > .error", "no such thing")
}

// An approval is sent back to a step upstream of it, with the comment.
func TestPageSendsAnApprovalBack(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("step_waiting", "approval", "waiting", nil)
	b := openBrowser(t, api.URL+runPage)
	b.until("[data-approval] select", "backup-db")
	b.expect(map[string]string{
		`[...document.querySelectorAll("[data-approval] option")].map((o) => o.value).join()`: ",backup-db,backup-files",
		`document.querySelector('[data-decision="send_back"]').disabled`:                      "true",
		reachability: "",
	})
	b.put("[data-approval] select", "backup-db")
	b.put("[data-approval] textarea", "the backup is empty")
	b.click(`[data-decision="send_back"]`)
	b.gone("[data-approval]")
	want := object{"decision": "send_back", "to": "backup-db", "comment": "the backup is empty", "expect_hash": "h1"}
	if got := api.decisions(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("the server was told %v", got)
	}
	b.noErrors()
}
