package web

import (
	"reflect"
	"sync"
	"testing"
	"time"
)

// The inbox shows what is asked and why, of whom, who has answered and until when; an answer carries what the form asks for,
// and what was typed survives the answers of others.
func TestPageInbox(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("step_waiting", "approval", "waiting", nil)
	api.mu.Lock()
	api.approval["input"] = object{"table": "orders<script>"}
	api.approval["form"] = object{
		"type": "object", "required": []string{"ticket"},
		"properties": object{"ticket": object{"type": "string", "title": "Ticket"}, "hours": object{"type": "integer"}, "loud": object{"type": "boolean"}, "where": object{"enum": []any{"eu", 7}}},
	}
	api.mu.Unlock()
	b := openBrowser(t, api.URL+"/")
	b.until("nav", "Approvals")
	b.click(`a[href="#/approvals"]`)
	b.until("[data-approval] h2", "Approve <b>migration</b>?")
	b.until("[data-need]", "Needs 2 of role:sre, not who asked (rule acme/prod): it is production")
	b.until("[data-approval] pre", "orders<script>")
	b.put("[data-approval] textarea", "looks right")
	b.click(`[data-decision="approve"]`)
	b.until("[data-approval] .error:last-child", "Ticket is needed.")

	api.mu.Lock()
	api.approval["votes"] = []object{{"by": "user:bob", "decision": "approve", "comment": "fine", "at": api.began}}
	api.mu.Unlock()
	api.advance("approval_voted", "", "waiting", nil)
	b.until(`[data-vote="user:bob"]`, "user:bob: approve, “fine”")
	field := func(at string) string { return `[id="values-` + fakeApproval + `-` + at + `"]` }
	b.put(field("2"), "OPS-7")
	b.put(field("0"), "4")
	b.put(field("3"), "7")
	b.click(`[data-decision="approve"]`)
	b.until(".empty:not([hidden])", "Nothing waits for you.")
	want := object{
		"decision": "approve", "comment": "looks right", "expect_hash": "h1",
		"values": object{"ticket": "OPS-7", "hours": 4.0, "loud": false, "where": 7.0},
	}
	if got := api.decisions(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("the server was told %v", got)
	}
	b.noErrors()
}

// Who may not approve is told why, and can still deny; another asking takes the place of the one before.
func TestPageSaysWhyNot(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("step_waiting", "approval", "waiting", nil)
	api.mu.Lock()
	api.approval["may_decide"], api.approval["why_not"] = false, "who asked for it may not approve it"
	api.mu.Unlock()
	b := openBrowser(t, api.URL+"/#/runs/"+fakeRun)
	b.until("[data-approval]", "You cannot approve it: who asked for it may not approve it.")
	b.expect(map[string]string{
		`document.querySelector('[data-decision="approve"]').disabled`: "true",
		`document.querySelector('[data-decision="deny"]').disabled`:    "false",
	})
	api.mu.Lock()
	api.approval["round"], api.approval["hash"], api.approval["why_again"] = 2, "h2", "the job's input has changed"
	api.mu.Unlock()
	api.advance("approval_voided", "", "running", nil)
	b.until("[data-approval]", "Asked again: the job's input has changed.")
	b.click(`[data-decision="deny"]`)
	b.gone("[data-approval]")
	if got := api.decisions(); len(got) != 1 || got[0]["decision"] != "deny" || got[0]["expect_hash"] != "h2" {
		t.Errorf("the server was told %v", got)
	}
	b.noErrors()
}

// A hold that is on is shown on every view, and who set it and why.
func TestPageShowsHolds(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	b := openBrowser(t, api.URL+"/")
	b.until("h1", "Runs")
	api.mu.Lock()
	api.holds = []object{{"scope": "topic", "name": "job.deploy.*", "set_by": "user:ann", "reason": "<i>incident</i>", "except_undo": true}}
	api.mu.Unlock()
	b.click(`a[href="#/approvals"]`)
	b.until("#holds", "Topic job.deploy.* is held by user:ann: <i>incident</i> (compensations go on)")
	b.noErrors()
}

// TestPageInboxGoesOn: who may see little of what waits sees it, although the first pages have nothing for them; where even many have
// not, they are not told that nothing waits.
func TestPageInboxGoesOn(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.unseen = 3
	api.advance("step_waiting", "approval", "waiting", nil)
	b := openBrowser(t, api.URL+"/#/approvals")
	b.until("[data-approval] h2", "Approve <b>migration</b>?")
	api.mu.Lock()
	api.unseen = 1000
	api.mu.Unlock()
	b = openBrowser(t, api.URL+"/#/approvals")
	b.until("p.empty[hidden] ~ #inbox + p:not([hidden])", "There are more: cordum approval list --mine")
	b.noErrors()
}

// TestPageInboxHearsWhileItReads: what happens while the inbox is being read is read as well, though it was told of too early.
func TestPageInboxHearsWhileItReads(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t)
	api.advance("step_waiting", "approval", "waiting", nil)
	b := openBrowser(t, api.URL+"/#/approvals")
	b.until("[data-approval] h2", "Approve <b>migration</b>?")
	var once sync.Once
	vote := func() {
		api.mu.Lock()
		api.approval["votes"] = []object{{"by": "user:bob", "decision": "approve", "comment": "fine", "at": api.began}}
		api.mu.Unlock()
		api.advance("approval_voted", "", "waiting", nil)
		time.Sleep(500 * time.Millisecond) // the page hears of it before it has the answer from before
	}
	api.mu.Lock()
	api.late = func(path string) {
		if path == "/api/v1/approvals" {
			once.Do(vote)
		}
	}
	api.mu.Unlock()
	api.advance("step_waiting", "approval", "waiting", nil)
	b.until(`[data-vote="user:bob"]`, "user:bob: approve, “fine”")
	b.noErrors()
}
