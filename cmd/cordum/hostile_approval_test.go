package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostilePolicy asks people about jobs in every way that somebody would try to get around.
const hostilePolicy = `
default: ALLOW
name: acme
rules:
  - id: one
    match: {tags: {ask: one}}
    decision: REQUIRE_APPROVAL
    approval: {approvers: ["role:sre"], expires: 4h}
  - id: two
    match: {tags: {ask: two}}
    decision: REQUIRE_APPROVAL
    approval: {approvers: ["role:sre"], quorum: 2, expires: 4h}
  - id: short
    match: {tags: {ask: short}}
    decision: REQUIRE_APPROVAL
    approval: {approvers: ["role:sre"], expires: 1s}
  - id: some
    match: {tags: {ask: some}, when: "input?.version == 'x'"}
    decision: REQUIRE_APPROVAL
    approval: {approvers: ["role:sre"], expires: 4h}
`

// hostileWorkflow sends one job that the policy asks about, as the label says.
func hostileWorkflow(ask string) string {
	return "id: " + ask + "\nlabels: {ask: " + ask + "}\nsteps:\n" +
		"  - {id: before, type: condition, condition: \"true\"}\n" +
		"  - {id: ship, topic: job.ship, depends_on: [before], input: {version: \"${input.version}\"}}\n"
}

const fanWorkflow = "id: some\nlabels: {ask: some}\nsteps:\n" +
	"  - {id: ship, topic: job.ship, for_each: \"['x', 'y', 'x']\", input: {version: \"${item}\"}}\n"

// TestHostileApprovals answers approvals in every way that must not count (the answers of one are those that a person sees who
// tries it), and sees that none of it lets a job go.
func TestHostileApprovals(t *testing.T) {
	o := newOffice(t, hostilePolicy, "API_RATE_LIMIT_RPS=-1")
	o.makeKey("annbot", "operator,approver,sre", "ann") // ann's service account
	got := o.work()
	for _, ask := range []string{"one", "two", "short"} {
		o.define(hostileWorkflow(ask))
	}
	o.define(fanWorkflow)

	t.Run("twice", func(t *testing.T) {
		_, id, yes := o.begin("one", "twice")
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusConflict, "conflict")
		o.wantRest("cid", "POST", "/approvals/"+id+"/reject", `{}`, http.StatusConflict, "conflict")
		receives(t, got, "twice")
	})
	t.Run("twice for a quorum", func(t *testing.T) {
		_, id, yes := o.begin("two", "half")
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
		again := o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "") // said already: nothing changes
		if again["state"] != "waiting" || len(again["votes"].([]any)) != 1 {
			t.Errorf("one person's two answers: %v", again)
		}
		o.wantRest("bob", "POST", "/approvals/"+id+"/reject", `{}`, http.StatusConflict, "conflict")
		o.wantRest("bob2", "POST", "/approvals/"+id+"/decide", yes, http.StatusConflict, "conflict")
	})
	t.Run("by the requester and their service account", func(t *testing.T) {
		_, id, yes := o.begin("one", "own")
		for _, who := range []string{"ann", "annbot"} {
			o.wantRest(who, "POST", "/approvals/"+id+"/decide", yes, http.StatusForbidden, "four_eyes")
			o.wantRest(who, "POST", "/approvals/"+id+"/approve", `{}`, http.StatusForbidden, "four_eyes")
			o.wantRest(who, "POST", "/approvals/"+id+"/delegate", `{"to": "user:eve", "until": "2099-01-01T00:00:00Z"}`, http.StatusForbidden, "four_eyes")
		}
		o.wantRest("bob", "POST", "/approvals/"+id+"/delegate", `{"to": "user:ann", "until": "2099-01-01T00:00:00Z"}`, http.StatusForbidden, "four_eyes")
	})
	t.Run("after the expiry", func(t *testing.T) {
		run, id, yes := o.begin("short", "late")
		o.until("it has expired", func() bool { _, v := o.rest("root", "GET", "/approvals/"+id, ""); return v["state"] == "expired" })
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusGone, "gone")
		o.wantRest("bob", "POST", "/approvals/"+id+"/delegate", `{"to": "user:eve", "until": "2099-01-01T00:00:00Z"}`, http.StatusGone, "gone")
		o.until("the run has ended", func() bool { _, v := o.rest("root", "GET", "/runs/"+run, ""); return v["ended_at"] != nil })
	})
	t.Run("after the job was edited", func(t *testing.T) {
		_, id, yes := o.begin("two", "small")
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
		after := o.wantRest("cid", "POST", "/approvals/"+id+"/edit", `{"input": {"version": "large"}}`, http.StatusOK, "")
		if after["round"] != 2.0 || after["votes"].([]any)[0].(map[string]any)["void"] != true {
			t.Errorf("after the edit: %v", after)
		}
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusConflict, "conflict")
		o.wantRest("cid", "POST", "/approvals/"+id+"/approve", `{}`, http.StatusForbidden, "four_eyes") // who edits asks
	})
	t.Run("the id of something else", func(t *testing.T) {
		run, id, yes := o.begin("one", "other")
		for _, wrong := range []string{run, run + ".before~0", run + ".ship~1", run + ".ship~0@1", run + ".ship", run + ".undo:ship~0", id + "%20", "x", "%2e%2e"} {
			o.wantRest("bob", "POST", "/approvals/"+wrong+"/decide", yes, http.StatusNotFound, "not_found")
		}
	})
	t.Run("the id of another iteration", func(t *testing.T) {
		run, id, yes := o.begin("some", "")
		receives(t, got, "y")                              // nobody is asked about it
		for _, wrong := range []string{"~0", "~2", "~4"} { // the fan-out, the one that nobody asks about, one that is not there
			o.wantRest("bob", "POST", "/approvals/"+run+".ship"+wrong+"/decide", yes, http.StatusNotFound, "not_found")
		}
		o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
		receives(t, got, "x") // one approval lets one of the two go, though their inputs are the same
	})
	t.Run("approve and deny at once", func(t *testing.T) { o.race(t, got) })
	t.Run("roles that are gone", func(t *testing.T) { o.rolesGone(t) })
	t.Run("after another policy", func(t *testing.T) { o.otherPolicy(t, got) })
	select {
	case version := <-got:
		t.Errorf("job %q was sent without an approval", version)
	default:
	}
}

// receives sees that the worker gets the job with this version next.
func receives(t *testing.T, got <-chan string, want string) {
	t.Helper()
	select {
	case version := <-got:
		if version != want {
			t.Fatalf("the worker got %q, want %q", version, want)
		}
	case <-time.After(deadline):
		t.Fatalf("the worker did not get %q", want)
	}
}

// define stores a workflow as ann, who writes them.
func (o *office) define(text string) {
	o.t.Helper()
	file := filepath.Join(o.t.TempDir(), "workflow.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	if r := o.cli("ann", "workflow", "create", "--file", file); r.code != exitOK {
		o.t.Fatal(r.out, r.errOut)
	}
}

// begin has ann start a run, and answers what people are asked about it, and what they would send to approve it.
func (o *office) begin(workflow, version string) (run, approval, yes string) {
	o.t.Helper()
	started := o.wantRest("ann", "POST", "/runs", fmt.Sprintf(`{"workflow": %q, "input": {"version": %q}}`, workflow, version), http.StatusCreated, "")
	run = started["run_id"].(string)
	approval = o.asked(run)
	shown := o.wantRest("bob", "GET", "/approvals/"+approval, "", http.StatusOK, "")
	return run, approval, `{"decision": "approve", "expect_hash": "` + shown["hash"].(string) + `"}`
}

// race has two people answer the same approval in opposite ways at the same moment, a hundred times: one of them wins, and the
// job goes where the winner approved.
func (o *office) race(t *testing.T, got <-chan string) {
	for i := range 100 {
		version := fmt.Sprintf("race-%d", i)
		run, id, yes := o.begin("one", version)
		no := strings.Replace(yes, `"approve"`, `"deny"`, 1)
		var status [2]int
		var both sync.WaitGroup
		for k, answer := range []struct{ who, body string }{{"bob", yes}, {"cid", no}} {
			both.Go(func() { status[k] = o.status(answer.who, "POST", "/approvals/"+id+"/decide", answer.body) })
		}
		both.Wait()
		var want string
		switch status {
		case [2]int{200, 409}:
			want = "succeeded"
			receives(t, got, version)
		case [2]int{409, 200}:
			want = "failed"
		default:
			t.Fatalf("approve and deny at once are answered with %v", status)
		}
		_, after := o.rest("root", "GET", "/runs/"+run+"?wait=10s&since=1000000", "")
		if after["state"] != want {
			t.Fatalf("after %v the run is %v: %v", status, after["state"], after)
		}
	}
}

// status makes a request as somebody from any goroutine; 0: it was not answered.
func (o *office) status(who, method, path, body string) int {
	req, err := http.NewRequest(method, "http://"+o.addr+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("X-API-Key", o.keys[who])
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// keyID is the part of a key by which people call it.
func keyID(key string) string { return strings.Split(key, "_")[1] }

// rolesGone takes away what people had when they looked, and when they answered.
func (o *office) rolesGone(t *testing.T) {
	_, id, yes := o.begin("two", "gone")
	o.makeKey("dan", "approver,sre", "dan")
	o.wantRest("dan", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
	o.wantRest("root", "POST", "/keys/"+keyID(o.keys["dan"])+"/revoke", `{}`, http.StatusOK, "")
	o.wantRest("dan", "POST", "/approvals/"+id+"/decide", yes, http.StatusUnauthorized, "unauthenticated")
	o.wantRest("cid", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
	o.until("people are asked again", func() bool {
		_, v := o.rest("root", "GET", "/approvals/"+id, "")
		return v["state"] == "waiting" && v["round"] == 2.0 && v["why_again"] == "who approved it may not any more"
	})

	// What a person has when they click counts, not what they had when they looked. A role to answer approvals at all is asked of
	// everybody; without the one that the rule names there is no such approval.
	o.makeKey("viewer", "viewer,sre", "vic")
	o.makeKey("nosre", "approver", "vic")
	o.wantRest("viewer", "GET", "/approvals/"+id, "", http.StatusOK, "")
	o.wantRest("viewer", "POST", "/approvals/"+id+"/decide", yes, http.StatusForbidden, "forbidden")
	o.wantRest("nosre", "POST", "/approvals/"+id+"/decide", yes, http.StatusNotFound, "not_found")
	// An administrator sees everything, and is no approver by that.
	o.wantRest("root", "POST", "/approvals/"+id+"/decide", yes, http.StatusForbidden, "not_an_approver")
}

// otherPolicy publishes policies between what people see, what they say, and what is sent.
func (o *office) otherPolicy(t *testing.T, got <-chan string) {
	_, id, yes := o.begin("two", "policy")
	o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "")
	o.publish(t, `{"name": "more", "rules": [{"id": "none", "match": {"topics": ["job.nothing"]}, "decision": "DENY"}]}`)
	o.wantRest("cid", "POST", "/approvals/"+id+"/decide", yes, http.StatusConflict, "conflict")
	shown := o.wantRest("cid", "GET", "/approvals/"+id, "", http.StatusOK, "")
	if shown["round"] != 2.0 || shown["why_again"] != "another policy is in force" {
		t.Errorf("after another policy people are shown %v", shown)
	}
	o.wantRest("cid", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, "") // bob's answer is void
	if v := o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, ""); v["state"] == "waiting" {
		t.Errorf("after two answers to what is asked now: %v", v)
	}
	receives(t, got, "policy")

	run, id, yes := o.begin("one", "denied")
	o.publish(t, `{"name": "more", "rules": [{"id": "all", "match": {"topics": ["job.ship"]}, "decision": "DENY"}]}`)
	if status := o.status("bob", "POST", "/approvals/"+id+"/decide", yes); status != http.StatusConflict {
		t.Errorf("an approval of what is denied by now is answered with %d", status)
	}
	o.until("the run has ended", func() bool { _, v := o.rest("root", "GET", "/runs/"+run, ""); return v["state"] == "failed" })
}

// publish puts a bundle in force.
func (o *office) publish(t *testing.T, bundle string) {
	t.Helper()
	var name struct{ Name string }
	if err := json.Unmarshal([]byte(bundle), &name); err != nil {
		t.Fatal(err)
	}
	if status := o.status("root", "PUT", "/policy/bundles/"+name.Name, bundle); status >= 300 {
		t.Fatalf("the draft is answered with %d", status)
	}
	o.wantRest("root", "POST", "/policy/publish", `{"reason": "a test", "break_glass": true}`, http.StatusOK, "")
}
