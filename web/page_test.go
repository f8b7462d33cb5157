package web

import (
	"testing"
	"time"
)

// A person opens the page, picks the run, watches the backups, approves, and sees the run end, without a reload.
func TestPageFollowsARunAndApproves(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("run_started", "", "running", nil)
	b := openBrowser(t, api.URL+"/")
	b.until(`tr[data-run] .state`, "running")
	b.click(`tr[data-run] a`)
	b.until("h1", "db-migration")
	b.until("#state", "running")
	b.until("#compensation", "none")

	api.advance("step_started", "backup-db", "running", object{"attempt": 1})
	api.advance("step_started", "backup-files", "running", nil)
	b.until(`tr[data-step="backup-db"] .state`, "running")
	b.until(`g[data-step="backup-files"]`, "running")
	b.until(`[data-lane="backup-db"] .took`, "s") // a bar with its time so far
	api.advance("step_succeeded", "backup-db", "succeeded", nil)
	api.advance("step_succeeded", "backup-files", "succeeded", nil)
	api.advance("step_waiting", "approval", "waiting", nil)

	b.until("[data-approval] h2", "Approve <b>migration</b>?") // as text: nothing from a run becomes HTML
	b.until("[data-approval] pre", "v2.0")
	b.eval(`document.querySelector("[data-approval] textarea").value = "backups checked"`)
	api.advance("job_progress", "backup-db", "succeeded", nil) // news must not throw away what was typed
	b.until(`li[data-type="job_progress"]`, "backup-db goes on")
	b.click(`[data-decision="approve"]`)
	b.until(`tr[data-step="approval"] .state`, "succeeded")
	if got := api.decisions(); len(got) != 1 || got[0]["decision"] != "approve" || got[0]["comment"] != "backups checked" || got[0]["expect_hash"] != "h1" {
		t.Errorf("the server was told %v", got)
	}

	api.advance("step_succeeded", "migrate", "succeeded", nil)
	api.advance("run_succeeded", "", "succeeded", nil)
	b.until("#state", "succeeded")
	if b.text("[data-approval]") != "" {
		t.Error("the approval is still asked after it was decided")
	}
	b.noErrors()
}

// A connection that breaks is made again, the reader is told, and each event is shown once and in order.
func TestPageReconnects(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("run_started", "", "running", nil)
	b := openBrowser(t, api.URL+"/#/runs/"+fakeRun)
	b.until("#connection", "live")
	b.until(`li[data-seq="1"]`, "run started")

	before := api.connections()
	api.dropViewers()
	api.advance("step_started", "backup-db", "running", nil)
	deadline := time.Now().Add(patience)
	for api.connections() == before {
		if time.Now().After(deadline) {
			t.Fatal("the page does not connect again")
		}
		b.eval("new Promise((done) => setTimeout(done, 20))")
	}
	b.until("#connection", "live")
	api.advance("step_succeeded", "backup-db", "succeeded", nil)
	b.until(`li[data-seq="3"]`, "step succeeded")
	if got := b.eval(`[...document.querySelectorAll(".events li")].filter((li) => li.dataset.seq).map((li) => li.dataset.seq + " ").join("")`); got != seqs(3) {
		t.Errorf("events shown: %s, want %s", got, seqs(3))
	}
}

// Every state says itself in words, and everything that can be clicked can be reached with the keyboard.
func TestPageWithoutColourOrMouse(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("step_waiting", "approval", "waiting", nil)
	b := openBrowser(t, api.URL+"/#/runs/"+fakeRun)
	b.until("[data-approval] button", "Approve")
	b.until("svg.graph", "waiting")
	for what, expression := range map[string]string{
		"a state without words":       `[...document.querySelectorAll(".state")].filter((e) => !/[a-z]/.test(e.textContent)).length`,
		"a graph node without a name": `[...document.querySelectorAll("svg.graph g")].filter((e) => !e.getAttribute("aria-label")).length`,
		"something out of reach":      `[...document.querySelectorAll("svg.graph g, button, a")].filter((e) => e.tabIndex < 0).length`,
		"a field without a label":     `[...document.querySelectorAll("main textarea")].filter((e) => e.labels.length === 0).length`,
		"a row missing in the table":  `4 - document.querySelectorAll("#steps tbody tr").length`,
	} {
		if got := b.eval(expression); got != "0" {
			t.Errorf("%s: %s", what, got)
		}
	}
	b.eval(`document.querySelector('g[data-step="migrate"]').dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}))`)
	if got := b.eval(`document.activeElement.dataset.step`); got != "migrate" {
		t.Errorf("Enter on a node of the graph leads to %q", got)
	}
	b.noErrors()
}
