package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

const (
	rootKey     = "0000000000000000000000000000000000000000000000000000000000000001"
	workerToken = "0000000000000000000000000000000000000000000000000000000000000002"
	twoPeople   = `
default: ALLOW
name: acme
rules:
  - id: production
    match: {tags: {env: production}}
    decision: REQUIRE_APPROVAL
    reason: production needs two
    approval: {approvers: ["role:sre"], quorum: 2, expires: 4h}
`
	deployment = "id: deploy\nlabels: {env: production}\nsteps:\n  - {id: ship, topic: job.ship, input: {version: \"${input.version}\"}}\n"
)

// office is a server as it runs in production's manner, with keys, and people who have some.
type office struct {
	*process
	keys map[string]string
}

// newOffice starts a server with a policy and makes a key for everybody.
func newOffice(t *testing.T, policy string, env ...string) *office {
	t.Helper()
	o := &office{process: newProcess(t), keys: map[string]string{"root": rootKey}}
	o.mode = []string{}
	file := filepath.Join(o.dir, "policy.yaml")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	o.start(append(env, "CORDUM_API_KEY="+rootKey, "CORDUM_WORKER_TOKEN="+workerToken, "SAFETY_POLICY_PATH="+file)...)
	for name, roles := range map[string]string{"ann": "author,operator,approver,sre", "bob": "approver,sre", "cid": "approver,sre", "eve": "approver"} {
		o.makeKey(name, roles, name)
	}
	o.makeKey("bob2", "approver,sre", "bob")
	return o
}

func (o *office) makeKey(name, roles, owner string) {
	o.t.Helper()
	r := o.cli("root", "key", "create", "--name", name, "--role", roles, "--owner", "user:"+owner)
	if r.code != exitOK {
		o.t.Fatalf("key of %s: %s%s", name, r.out, r.errOut)
	}
	o.keys[name] = strings.TrimSpace(r.out)
}

// cli runs a command as somebody.
func (o *office) cli(who string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return cordum(ctx, "", []string{"CORDUM_GATEWAY=http://" + o.addr, "CORDUM_API_KEY=" + o.keys[who]}, args...)
}

// rest makes a request as somebody and answers its status and body.
func (o *office) rest(who, method, path, body string) (int, map[string]any) {
	o.t.Helper()
	req, err := http.NewRequest(method, "http://"+o.addr+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", o.keys[who])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		o.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, out
}

// wantRest makes a request that must be answered with a status and, if it is a problem, a code.
func (o *office) wantRest(who, method, path, body string, status int, code string) map[string]any {
	o.t.Helper()
	got, out := o.rest(who, method, path, body)
	if said, _ := out["code"].(string); got != status || said != code {
		o.t.Fatalf("%s as %s %s: %d %v, want %d %s", method, who, path, got, out, status, code)
	}
	return out
}

// work connects a worker that notes what it gets.
func (o *office) work() (got chan string) {
	o.t.Helper()
	got = make(chan string, 16)
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + o.nats, Token: workerToken, ID: "shipper"})
	if err != nil {
		o.t.Fatal(err)
	}
	sdk.RegisterTopic(w, "job.ship", func(_ context.Context, _ sdk.Job, in map[string]any) (map[string]any, error) {
		version, _ := in["version"].(string)
		got <- version
		return in, nil
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	o.t.Cleanup(func() { stop(); <-done })
	return got
}

// follow hears a run's events over a WebSocket until it has ended, and gives their types.
func (o *office) follow(who, run string) <-chan []string {
	o.t.Helper()
	conn, res, err := websocket.DefaultDialer.Dial("ws://"+o.addr+"/api/v1/stream", http.Header{"X-Api-Key": {o.keys[who]}})
	if err != nil {
		o.t.Fatalf("stream: %v %v", err, res)
	}
	if err := conn.WriteJSON(map[string]any{"id": "a", "subscribe": map[string]any{"run": run, "after_seq": 0}}); err != nil {
		o.t.Fatal(err)
	}
	heard := make(chan []string, 1)
	go func() {
		defer conn.Close()
		var types []string
		defer func() { heard <- types }()
		_ = conn.SetReadDeadline(time.Now().Add(deadline))
		for {
			var m struct {
				Type  string
				Event runner.Event
			}
			if err := conn.ReadJSON(&m); err != nil || m.Type == "end" {
				return
			}
			if m.Type == "event" {
				types = append(types, m.Event.Type)
			}
		}
	}()
	return heard
}

// asked waits until people are asked about a run's step and answers the id of the approval.
func (o *office) asked(run string) string {
	o.t.Helper()
	var id string
	o.until("people are asked", func() bool {
		_, page := o.rest("root", "GET", "/approvals?state=waiting", "")
		for _, item := range page["items"].([]any) {
			if a := item.(map[string]any); a["run_id"] == run {
				id = a["id"].(string)
			}
		}
		return id != ""
	})
	return id
}

// tellsInOrder tells whether words come in a list in this order, whatever is between.
func tellsInOrder(list []string, words ...string) bool {
	for _, word := range list {
		if len(words) > 0 && word == words[0] {
			words = words[1:]
		}
	}
	return len(words) == 0
}

// TestApprovalThatPolicyDemands follows one from end to end: the policy wants two people, the requester is refused, also with a
// second key; they answer over REST and with the command; the stream tells all of it; the worker gets the job once.
func TestApprovalThatPolicyDemands(t *testing.T) {
	o := newOffice(t, twoPeople)
	got := o.work()
	file := filepath.Join(o.dir, "deploy.yaml")
	if err := os.WriteFile(file, []byte(deployment), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := o.cli("ann", "workflow", "create", "--file", file); r.code != exitOK {
		t.Fatal(r.out, r.errOut)
	}
	started := o.cli("ann", "run", "start", "deploy", "--input", `{"version": "v2"}`)
	run := strings.TrimSpace(started.out)
	if started.code != exitOK {
		t.Fatal(started.errOut)
	}
	heard := o.follow("bob", run)
	id := o.asked(run)
	if v := o.wantRest("bob", "GET", "/runs/"+run, "", http.StatusOK, ""); v["state"] != "waiting" {
		t.Errorf("the run is %v", v["state"])
	}
	shown := o.wantRest("bob", "GET", "/approvals/"+id, "", http.StatusOK, "")
	if in, _ := json.Marshal(shown["input"]); string(in) != `{"version":"v2"}` || shown["may_decide"] != true || shown["source"] != "policy" {
		t.Errorf("bob is shown %v", shown)
	}
	hash := shown["hash"].(string)
	yes := `{"decision": "approve", "expect_hash": "` + hash + `"}`
	o.wantRest("ann", "POST", "/approvals/"+id+"/decide", yes, http.StatusForbidden, "four_eyes")
	o.wantRest("eve", "GET", "/approvals/"+id, "", http.StatusNotFound, "not_found")
	o.wantRest("eve", "POST", "/approvals/"+id+"/decide", yes, http.StatusNotFound, "not_found")
	o.wantRest("bob", "POST", "/approvals/"+id+"/decide", `{"decision": "approve", "expect_hash": "`+strings.Repeat("0", 64)+`"}`, http.StatusConflict, "conflict")
	if r := o.cli("bob", "approval", "approve", id, "--comment", "looks right"); r.code != exitOK {
		t.Fatal(r.out, r.errOut)
	}
	if after := o.wantRest("bob2", "POST", "/approvals/"+id+"/decide", yes, http.StatusConflict, "conflict"); after == nil {
		t.Error("a second key is a second person")
	}
	if len(got) != 0 {
		t.Fatal("the job was sent with one approval of two")
	}
	if v := o.wantRest("cid", "POST", "/approvals/"+id+"/decide", yes, http.StatusOK, ""); v["state"] != "consumed" && v["state"] != "approved" {
		t.Errorf("after the second answer the approval is %v", v["state"])
	}
	select {
	case version := <-got:
		if version != "v2" {
			t.Errorf("the worker got %q", version)
		}
	case <-time.After(deadline):
		t.Fatal("the job was not sent")
	}
	types := <-heard
	if !tellsInOrder(types, "job_decided", "approval_requested", "approval_voted", "approval_voted", "approval_approved", "job_decided",
		"job_released", "approval_consumed", "job_dispatched", "step_succeeded", "run_succeeded") {
		t.Errorf("the stream told %v", types)
	}
	o.wantRest("bob", "POST", "/approvals/"+id+"/decide", yes, http.StatusConflict, "conflict")
	o.checkAudit(run)
}

// checkAudit compares a run's audit records with what it did.
func (o *office) checkAudit(run string) {
	o.t.Helper()
	r := o.cli("root", "audit", "list", "-o", "jsonl", "--run", run)
	if r.code != exitOK {
		o.t.Fatal(r.out, r.errOut)
	}
	acts := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(r.out), "\n") {
		var record struct{ Act, Run, Actor string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Run != run {
			o.t.Fatalf("audit record %q: %v", line, err)
		}
		acts[record.Act]++
	}
	if acts["decision"] != 2 || acts["release"] != 1 || acts["result"] < 1 || acts["approval"] < 4 {
		o.t.Errorf("audit records: %v", acts)
	}
}

// TestPublishedBetweenApprovalAndDispatch: what two people let start waits for a worker. Another policy is published meanwhile:
// people are asked anew, and the worker that comes gets nothing before they have answered; what a policy denies then, it
// never gets.
func TestPublishedBetweenApprovalAndDispatch(t *testing.T) {
	o := newOffice(t, twoPeople)
	file := filepath.Join(o.dir, "deploy.yaml")
	if err := os.WriteFile(file, []byte(deployment), 0o600); err != nil {
		t.Fatal(err)
	}
	o.wantCLI("ann", "workflow", "create", "--file", file)
	var runs [2]string
	for i := range runs {
		runs[i] = o.wantCLI("ann", "run", "start", "deploy", "--input", `{"version": "v2"}`)
		id := o.asked(runs[i])
		o.wantCLI("bob", "approval", "approve", id)
		o.wantCLI("cid", "approval", "approve", id)
		if step := o.stepOf(runs[i]); step["job_state"] != "scheduled" {
			t.Fatalf("with both answers the job is %v", step["job_state"])
		}
	}
	o.publishFile("again", `name: extra
rules: [{id: ask, match: {tags: {env: production}}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:sre"]}}]
`)
	got := o.work()
	for _, run := range runs {
		if v := o.wantRest("root", "GET", "/approvals/"+o.asked(run), "", http.StatusOK, ""); v["round"] != float64(2) || v["why_again"] == nil {
			t.Errorf("asked anew: round %v, why %v", v["round"], v["why_again"])
		}
	}
	o.wantCLI("bob", "approval", "approve", o.asked(runs[0]))
	o.wantCLI("cid", "approval", "approve", o.asked(runs[0]))
	select {
	case <-got:
	case <-time.After(deadline):
		t.Fatal("the job was not sent")
	}
	o.publishFile("never", "name: freeze\nrules: [{id: no, match: {tags: {env: production}}, decision: DENY, reason: freeze}]\n")
	waiting := o.asked(runs[1])
	if r := o.cli("bob", "approval", "approve", waiting); r.code == exitOK {
		t.Error("an answer to what is asked no more")
	}
	o.until("it is denied", func() bool { return o.stepOf(runs[1])["state"] == "denied" })
	if len(got) != 0 {
		t.Error("what the policy denies was sent")
	}
}

// publishFile makes a draft of a file and publishes it.
func (o *office) publishFile(name, bundle string) {
	o.t.Helper()
	file := filepath.Join(o.dir, name+".yaml")
	if err := os.WriteFile(file, []byte(bundle), 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.wantCLI("root", "policy", "put", file)
	o.wantCLI("root", "policy", "publish", "--reason", "a test")
}

// wantCLI runs a command that must succeed and answers what it printed.
func (o *office) wantCLI(who string, args ...string) string {
	o.t.Helper()
	r := o.cli(who, args...)
	if r.code != exitOK {
		o.t.Fatalf("cordum %s as %s: %d\n%s%s", strings.Join(args, " "), who, r.code, r.out, r.errOut)
	}
	return strings.TrimSpace(r.out)
}

// stepOf is the one step of a run.
func (o *office) stepOf(run string) map[string]any {
	o.t.Helper()
	v := o.wantRest("root", "GET", "/runs/"+run, "", http.StatusOK, "")
	return v["steps"].([]any)[0].(map[string]any)
}
