package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/safety"
)

// nastyNames are names that would do something where they are printed, logged or looked up.
var nastyNames = []string{
	"", " ", "..", "../../etc/passwd", "a\r\nX-Evil: 1", "\x1b[31mred\x1b[0m", "\u202egnp.exe", "a\u0000b", "=cmd()", "*", ">", "%2e%2e", "<!channel>", "<img onerror=x>",
	strings.Repeat("x", 5000),
}

// governance is one attack on the routes of keys, approvals, policies, holds and the audit log. Status 0 is any that refuses,
// an empty code is any code.
type governance struct {
	who, send, body string
	status          int
	code            string
}

// TestHostileGovernance sends the routes of policies, approvals, keys, holds and the audit log what they must refuse, as
// people of every role and of another tenant. Each answer has its code, and nothing has changed.
func TestHostileGovernance(t *testing.T) {
	o := newOffice(t, hostilePolicy, "API_RATE_LIMIT_RPS=-1", "API_PUBLIC_RATE_LIMIT_RPS=-1")
	o.define(hostileWorkflow("one"))
	o.publish(t, `{"name": "mine", "rules": [{"id": "none", "match": {"topics": ["job.nothing"]}, "decision": "DENY"}]}`)
	run, approval, _ := o.begin("one", "v")
	o.makeKey("reader", "viewer", "ron")
	o.makeForeignAdmin()
	held := o.wantRest("root", "POST", "/holds", `{"scope": "topic", "name": "job.nothing", "everywhere": true, "reason": "a test"}`, http.StatusCreated, "")["id"].(string)
	legal := o.wantRest("root", "POST", "/audit/holds", `{"reason": "a test"}`, http.StatusCreated, "")["id"].(string)
	before := o.governed()
	var attacks []governance
	for _, family := range [][]governance{
		strangers(run, approval, keyID(o.keys["ann"]), held, legal), garbage(approval), nasty(approval), policies(), elsewhere(approval),
	} {
		attacks = append(attacks, family...)
	}
	for _, a := range attacks {
		memory := o.memory()
		o.attack(t, a)
		if grown := o.memory() - memory; grown > 2*hostileMemory { // a policy of the largest size is read whole to say what is wrong
			t.Errorf("%.100s: the server has grown by %d MiB", a.send, grown>>20)
		}
	}
	if after := o.governed(); after != before {
		t.Errorf("something has changed:\n%s\nbefore:\n%s", after, before)
	}
	log := o.logged()
	for _, sign := range []string{"\x1b", "goroutine ", "X-Evil: 1\n", canary} {
		if strings.Contains(log, sign) {
			t.Errorf("%q is in the log", sign)
		}
	}
}

// attack sends one and looks at its answer.
func (o *office) attack(t *testing.T, a governance) {
	t.Helper()
	method, path, _ := strings.Cut(a.send, " ")
	req, err := http.NewRequest(method, "http://"+o.addr+"/api/v1"+path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", o.keys[a.who])
	if a.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	begun := time.Now()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s: %v", a.send, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct {
		Type, Title, Code string
		Status            int
	}
	name := fmt.Sprintf("%.100q by %s with %.120q", a.send, a.who, a.body)
	if err := json.Unmarshal(raw, &problem); err != nil {
		t.Errorf("%s: %d is no problem: %v: %.300s", name, res.StatusCode, err, raw)
		return
	}
	said := problem.Status == res.StatusCode && problem.Code != "" && res.StatusCode >= 400 && res.StatusCode < 500
	if !said || (a.status != 0 && res.StatusCode != a.status) || (a.code != "" && problem.Code != a.code) {
		t.Errorf("%s: %d %s, want %d %s: %.400s", name, res.StatusCode, problem.Code, a.status, a.code, raw)
	}
	if took := time.Since(begun); took > hostileAnswer {
		t.Errorf("%s: the answer took %s", name, took)
	}
	if strings.ContainsAny(string(raw), "\x1b\u202e") || strings.Contains(string(raw), canary) || len(raw) > 64<<10 || res.Header.Get("X-Evil") != "" {
		t.Errorf("%s: the answer repeats what was sent: %.400s", name, raw)
	}
}

// makeForeignAdmin makes the key of an administrator of another tenant.
func (o *office) makeForeignAdmin() {
	o.t.Helper()
	made := o.wantRest("root", "POST", "/keys", `{"name": "foreign", "tenant": "other", "roles": ["admin", "approver", "sre"], "owner": "user:mal"}`, http.StatusCreated, "")
	o.keys["foreign"] = made["key"].(string)
}

// governed is all that the attacks must not change.
func (o *office) governed() string {
	o.t.Helper()
	var all strings.Builder
	for _, path := range []string{"/keys", "/approvals", "/holds", "/audit/holds", "/policy/bundles", "/policy/active", "/policy/snapshots", "/runs", "/workflows"} {
		status, body := o.rest("root", "GET", path, "")
		if items, ok := body["items"].([]any); ok {
			for _, item := range items {
				delete(item.(map[string]any), "last_used_at")
			}
		}
		text, err := json.Marshal(body)
		if err != nil {
			o.t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %d: %s\n", path, status, text)
	}
	return all.String()
}

// strangers do what is not theirs: by their role, and by their tenant.
func strangers(run, approval, key, hold, legal string) (all []governance) {
	const reason = `{"reason": "x"}`
	forbidden := func(send, body string, roles ...string) {
		for _, who := range roles {
			all = append(all, governance{who, send, body, 403, "forbidden"})
		}
	}
	missing := func(send, body string) { all = append(all, governance{"foreign", send, body, 404, "not_found"}) }
	bundle := `{"name": "mine", "rules": []}`
	for _, send := range []string{
		"GET /keys", "GET /keys/" + key, "GET /audit", "GET /audit/export", "GET /audit/verify", "GET /audit/heads", "GET /audit/holds", "GET /runs/" + run + "/evidence",
	} {
		forbidden(send, "", "reader", "ann", "bob")
	}
	for send, body := range map[string]string{
		"POST /keys": `{"name": "x", "roles": ["admin"]}`, "POST /keys/" + key + "/revoke": `{}`, "POST /audit/heads": `{}`, "POST /audit/holds": reason,
		"POST /audit/holds/" + legal + "/lift": reason, "POST /holds": `{"scope": "all", "reason": "x"}`, "POST /holds/" + hold + "/lift": reason,
		"POST /policy/publish": `{}`, "POST /policy/rollback": `{"to": "1"}`, "POST /approvals/" + approval + "/links": `{"approver": "user:x"}`,
	} {
		forbidden(send, body, "reader", "ann", "bob")
	}
	for send, body := range map[string]string{
		"PUT /policy/bundles/mine": bundle, "POST /policy/bundles": bundle, "DELETE /policy/bundles/mine": "", "POST /policy/replay": `{"snapshot": "1"}`,
		"POST /policy/shadow": `{"snapshot": "1"}`, "DELETE /policy/shadow": "", "GET /policy/shadow": "",
	} {
		forbidden(send, body, "reader", "bob")
	}
	for _, verb := range []string{"decide", "approve", "reject", "edit", "delegate"} {
		body := map[string]string{"decide": `{"decision": "approve"}`, "edit": `{"input": {}}`, "delegate": `{"to": "user:x", "until": "2099-01-01T00:00:00Z"}`}[verb]
		if body == "" {
			body = `{}`
		}
		forbidden("POST /approvals/"+approval+"/"+verb, body, "reader")
		missing("POST /approvals/"+approval+"/"+verb, body)
	}
	missing("GET /approvals/"+approval, "")
	missing("GET /approvals/"+approval+"/deliveries", "")
	missing("POST /approvals/"+approval+"/links", `{"approver": "user:x"}`)
	missing("GET /keys/"+key, "")
	missing("POST /keys/"+key+"/revoke", `{}`)
	missing("GET /runs/"+run+"/evidence", "")
	missing("POST /audit/holds/"+legal+"/lift", reason)
	for send, body := range map[string]string{
		"GET /policy/bundles": "", "GET /policy/bundles/mine": "", "PUT /policy/bundles/mine": bundle, "DELETE /policy/bundles/mine": "", "POST /policy/publish": `{"break_glass": true, "reason": "x"}`,
		"POST /policy/rollback": `{"to": "1"}`, "GET /policy/active": "", "GET /policy/snapshots": "", "GET /policy/snapshots/1": "", "POST /policy/explain": `{"effect": "read"}`,
		"POST /policy/simulate": `{"requests": []}`, "POST /policy/replay": `{"snapshot": "1"}`, "POST /policy/shadow": `{"snapshot": "1"}`,
		"POST /holds": `{"scope": "all", "reason": "x"}`, "POST /holds/" + hold + "/lift": reason,
	} {
		forbidden(send, body, "foreign")
	}
	forbidden("POST /holds", `{"scope": "tenant", "name": "default", "reason": "x"}`, "foreign")
	forbidden("POST /holds", `{"scope": "topic", "name": "*", "everywhere": true, "reason": "x"}`, "foreign")
	return append(all,
		governance{"foreign", "POST /keys", `{"name": "x", "tenant": "default", "roles": ["admin"]}`, 403, "tenant_mismatch"},
		governance{"foreign", "GET /keys?tenant=default", "", 403, "tenant_mismatch"},
		governance{"foreign", "POST /policy/evaluate", `{"tenant": "default"}`, 403, "tenant_mismatch"},
	)
}

// garbage is bodies that are nothing, of every route that takes one.
func garbage(approval string) (all []governance) {
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for _, send := range []string{
		"POST /keys", "POST /keys/x/revoke", "POST /approvals/" + approval + "/decide", "POST /approvals/" + approval + "/edit", "POST /approvals/" + approval + "/delegate",
		"POST /approvals/" + approval + "/links", "POST /policy/publish", "POST /policy/rollback", "POST /policy/evaluate", "POST /policy/explain", "POST /policy/simulate",
		"POST /policy/replay", "POST /policy/shadow", "POST /holds", "POST /holds/x/lift", "POST /audit/holds", "POST /audit/heads", "PUT /policy/bundles/x", "POST /policy/bundles",
	} {
		for body, code := range map[string]string{
			`{"nobody_knows": "` + canary + `"}`: "unknown_field", `{"a":`: "invalid_json", `{"a": 1, "a": 2}`: "duplicate_key", deep: "json_too_deep",
			"{\"a\": \"\xff\"}": "invalid_utf8",
		} {
			a := governance{"root", send, body, 400, code}
			if strings.Contains(send, "/bundles") { // errors[] says it with its place
				a.status, a.code = 422, "invalid_policy"
			}
			all = append(all, a)
		}
		all = append(all, governance{"root", send, `"` + strings.Repeat("x", 5<<20) + `"`, 413, "body_too_large"})
	}
	return all
}

// nasty is names in paths and in bodies.
func nasty(approval string) (all []governance) {
	for _, name := range nastyNames {
		raw, _ := json.Marshal(name) // strings always marshal
		text := string(raw)
		all = append(all,
			governance{"root", "POST /keys", `{"name": "x", "roles": [` + text + `]}`, 422, ""},
			governance{"root", "POST /keys", `{"name": "x", "roles": ["viewer"], "owner": ` + strings.Replace(text, `"`, `"user:`, 1) + `}`, 422, ""},
			governance{"root", "POST /keys", `{"name": "x", "roles": ["viewer"], "scopes": [` + text + `]}`, 422, ""},
			governance{"root", "POST /approvals/" + approval + "/links", `{"approver": ` + strings.Replace(text, `"`, `"user:`, 1) + `}`, 0, ""},
			governance{"bob", "POST /approvals/" + approval + "/delegate", `{"to": ` + strings.Replace(text, `"`, `"user:`, 1) + `, "until": "2099-01-01T00:00:00Z"}`, 422, ""},
			governance{"root", "POST /policy/bundles", `{"name": ` + text + `, "rules": [{"id": "a", "match": {"topics": ["x"]}, "decision": "DENY"}]}`, 422, ""},
			governance{"root", "POST /policy/rollback", `{"to": ` + text + `}`, 0, ""},
		)
	}
	for _, path := range []string{"..", "%2e%2e", "%2e%2e%2f%2e%2e", "a%0d%0aX-Evil:%201", "%1b%5b31m", "%00", strings.Repeat("x", 300), "key%3A1", "*", "%E2%80%AE"} {
		for _, send := range []string{"GET /keys/", "GET /approvals/", "GET /policy/bundles/", "GET /policy/snapshots/", "POST /holds/ /lift", "POST /audit/holds/ /lift", "GET /runs/ /evidence"} {
			method, at, _ := strings.Cut(send, " ")
			a := governance{"root", method + " " + strings.Replace(at, " ", path, 1), "", 0, ""}
			if at = strings.Replace(at, " ", path, 1); strings.HasSuffix(at, "/") {
				at += path
			}
			if a.send = method + " " + at; method == "POST" {
				a.body = `{"reason": "x"}`
			}
			all = append(all, a)
		}
	}
	return all
}

// policies are bundles and questions that make no sense, or cost too much.
func policies() []governance {
	rules := make([]string, safety.MaxRules+1)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{"id":"r%d","match":{"topics":["x"]},"decision":"DENY"}`, i)
	}
	bundle := func(rule string) string { return `{"name": "x", "rules": [` + rule + `]}` }
	put := func(body string) governance {
		return governance{"root", "PUT /policy/bundles/x", body, 422, "invalid_policy"}
	}
	return []governance{
		put(bundle(`{"id": "a", "match": {}, "decision": "DENY"}`)),
		put(bundle(`{"id": "a", "match": {"topicz": ["x"]}, "decision": "DENY"}`)),
		put(bundle(`{"id": "a", "match": {"topics": ["x"]}, "decision": "MAYBE"}`)),
		put(bundle(`{"id": "a", "match": {"when": "` + strings.Repeat("(", 3000) + `"}, "decision": "DENY"}`)),
		put(bundle(`{"id": "a", "match": {"topics": ["x"]}, "decision": "REQUIRE_APPROVAL", "approval": {"approvers": []}}`)),
		put(bundle(`{"id": "a", "match": {"topics": ["x"]}, "decision": "ALLOW", "constraints": [{"type": "MaxTimeout", "value": -1}]}`)),
		{"root", "PUT /policy/bundles/y", bundle(`{"id": "a", "match": {"topics": ["x"]}, "decision": "DENY"}`), 0, ""}, // two names
		{"root", "POST /policy/publish", `{"bundles": ["nothing"]}`, 0, ""},
		{"root", "POST /policy/publish", `{"max_newly_denied": -1}`, 422, "invalid_body"},
		{"root", "POST /policy/publish", `{"break_glass": true}`, 422, "reason_needed"},
		{"root", "POST /policy/rollback", `{"to": "99999"}`, 404, "not_found"},
		{"root", "POST /policy/rollback", `{"to": "` + strings.Repeat("f", 64) + `"}`, 404, "not_found"},
		{"root", "POST /policy/replay", `{"snapshot": "99999"}`, 404, "not_found"},
		{"root", "POST /policy/shadow", `{"snapshot": "99999"}`, 404, "not_found"},
		{"root", "POST /policy/simulate", `{"bundle": {"name": "x", "rules": [` + strings.Join(rules, ",") + `]}, "requests": []}`, 422, "invalid_policy"},
		{"root", "POST /policy/evaluate", `{"cost": 1e999}`, 0, ""},
		{"root", "POST /policy/evaluate", `{"roles": "admin"}`, 422, "invalid_body"},
		{"root", "POST /policy/explain?snapshot=x", `{}`, 400, "invalid_argument"},
		{"root", "POST /holds", `{"scope": "all", "name": "x", "reason": "x"}`, 0, ""},
		{"root", "POST /holds", `{"scope": "topic", "reason": "x"}`, 0, ""},
		{"root", "POST /holds", `{"scope": "planet", "reason": "x"}`, 422, "invalid_body"},
		{"root", "POST /holds", `{"scope": "all"}`, 422, "invalid_body"},
		{"root", "GET /audit?limit=-1", "", 400, "invalid_argument"},
		{"root", "GET /audit?limit=1e9", "", 400, "invalid_argument"},
		{"root", "GET /audit?cursor=Zm9yZ2Vk", "", 400, "invalid_cursor"},
		{"root", "GET /audit?order=1;--", "", 400, "invalid_argument"},
		{"root", "GET /audit?since=yesterday", "", 400, "invalid_argument"},
		{"root", "GET /audit/export?tenant=other", "", 400, "invalid_argument"},
		{"root", "GET /audit/heads?cursor=x", "", 400, "invalid_cursor"},
		{"root", "GET /keys?cursor=x", "", 400, "invalid_cursor"},
		{"root", "GET /policy/snapshots?cursor=x", "", 400, "invalid_cursor"},
	}
}

// elsewhere are answers to approvals that are of the wrong type or much too long.
func elsewhere(approval string) []governance {
	at := "POST /approvals/" + approval
	return []governance{
		{"bob", at + "/decide", `{"decision": "maybe"}`, 422, "invalid_body"},
		{"bob", at + "/decide", `{"decision": true}`, 422, "invalid_body"},
		{"bob", at + "/decide", `{"decision": "approve", "comment": "` + strings.Repeat("x", 5000) + `"}`, 422, "invalid_body"},
		{"bob", at + "/decide", `{"decision": "approve", "values": "` + strings.Repeat("x", 1<<20) + `"}`, 400, "invalid_argument"},
		{"bob", at + "/decide", `{"decision": "approve", "for": "user:ann"}`, 403, "not_an_approver"},
		{"bob", at + "/decide", `{"decision": "send_back", "to": "nothing"}`, 409, "conflict"},
		{"bob", at + "/decide", `{"decision": "approve", "expect_hash": "x"}`, 409, "conflict"},
		{"bob", at + "/decide", `{"decision": "approve", "state": "approved", "by": ["user:cid"]}`, 400, "unknown_field"},
		{"bob", at + "/edit", `{"input": ` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `, "expect_hash": "x"}`, 409, "conflict"},
		{"bob", at + "/edit", `{"comment": "no input"}`, 422, "invalid_body"},
		{"bob", at + "/delegate", `{"to": "role:sre", "until": "2099-01-01T00:00:00Z"}`, 422, "invalid_delegation"},
		{"bob", at + "/delegate", `{"to": "user:eve", "until": "2001-01-01T00:00:00Z"}`, 422, "invalid_delegation"},
		{"bob", at + "/delegate", `{"to": "user:eve", "until": "soon"}`, 422, "invalid_body"},
		{"root", at + "/links", `{"approver": "user:x", "expires_at": "2099-01-01T00:00:00Z"}`, 400, "invalid_principal"},
		{"root", at + "/links", `{"approver": "user:x", "expires_at": "soon"}`, 422, "invalid_body"},
	}
}

// TestSlowGovernance opens many slow requests to the routes that take no key, and is answered beside them.
func TestSlowGovernance(t *testing.T) {
	o := newOffice(t, hostilePolicy, "API_PUBLIC_RATE_LIMIT_RPS=-1", "CORDUM_LOG_LEVEL=error")
	for range 200 {
		conn, err := net.Dial("tcp", o.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /a/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n", strings.Repeat("x", 3000)); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	o.wantRest("root", "GET", "/approvals", "", http.StatusOK, "")
	if took := time.Since(begun); took > hostileAnswer/4 {
		t.Errorf("beside slow clients an answer took %s", took)
	}
}
