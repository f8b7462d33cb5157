package gateway

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// asked puts an approval of two people of role sre, asked by ann.
func (a *api) asked(id string) {
	a.engine.mu.Lock()
	defer a.engine.mu.Unlock()
	a.engine.approvals["default/"+id] = runner.ApprovalView{
		ID: id, State: "waiting", Hash: "h", Round: 1, RunID: "r", Title: "May it?", RequestedBy: "user:ann", Input: json.RawMessage(`{"db":"orders"}`),
		Needs: []runner.NeedView{{Rule: "acme/prod", Approvers: []string{"role:sre", "user:zoe@example.com"}, Quorum: 2, FourEyes: true}},
	}
}

func TestWhoAnswers(t *testing.T) {
	a := newAPI(t, nil)
	a.asked("a1")
	path := prefix + "/approvals/a1"
	a.call("GET", path, "", "X-Principal-Id: eve").want(404, "not_found")
	a.call("POST", path+"/decide", `{"decision":"approve"}`, "X-Principal-Id: eve").want(404, "not_found")
	a.call("GET", path, "", "X-Principal-Id: ann").want(200, "")
	a.call("POST", path+"/decide", `{"decision":"approve"}`, "X-Principal-Id: ann", "X-Principal-Role: approver,sre").want(403, "four_eyes")
	a.call("POST", path+"/decide", `{"decision":"approve"}`).want(403, "not_an_approver") // an admin sees it
	a.call("POST", path+"/decide", `{"decision":"approve"}`, "X-Principal-Id: bob", "X-Principal-Role: viewer,sre").want(403, "forbidden")
	var view runner.ApprovalView
	a.call("POST", path+"/decide", `{"decision":"approve","values":{"ticket":7},"for":"user:cid"}`, "X-Principal-Id: bob", "X-Principal-Role: approver,sre").
		want(200, "").json(&view)
	if v := view.Votes[0]; v.By != "user:bob" || v.For != "user:cid" || v.Channel != "api" || string(view.Values) != `{"ticket":7}` {
		t.Errorf("approval %+v", view)
	}
}

func TestMine(t *testing.T) {
	a := newAPI(t, nil)
	a.asked("a1")
	a.engine.approvals["default/a2"] = runner.ApprovalView{ID: "a2", State: "waiting", RequestedBy: "user:bob"}
	list := func(query string, headers ...string) (ids []string) {
		var page Page[runner.ApprovalView]
		a.call("GET", prefix+"/approvals"+query, "", headers...).want(200, "").json(&page)
		for _, v := range page.Items {
			ids = append(ids, v.ID)
		}
		return ids
	}
	if got := list("?mine=true", "X-Principal-Id: bob", "X-Principal-Role: viewer,sre"); len(got) != 1 || got[0] != "a1" {
		t.Errorf("bob may decide %q", got)
	}
	if got := list("", "X-Principal-Id: bob", "X-Principal-Role: viewer,sre"); len(got) != 2 {
		t.Errorf("bob sees %q", got)
	}
	if got := list("", "X-Principal-Id: eve"); len(got) != 1 {
		t.Errorf("eve sees %q", got)
	}
}

func TestEditAndDelegate(t *testing.T) {
	a := newAPI(t, nil)
	a.asked("a1")
	path := prefix + "/approvals/a1"
	sre := []string{"X-Principal-Id: bob", "X-Principal-Role: approver,sre"}
	var view runner.ApprovalView
	a.call("POST", path+"/edit", `{"input":{"db":"test"},"expect_hash":"other"}`, sre...).want(409, "conflict")
	a.call("POST", path+"/edit", `{"comment":"x"}`, sre...).want(422, "invalid_body")
	a.call("POST", path+"/edit", `{"input":{"a":1,"a":2}}`, sre...).want(400, "duplicate_key")
	a.call("POST", path+"/edit", `{"input":{"db":"test"},"expect_hash":"h","comment":"smaller"}`, sre...).want(200, "").json(&view)
	if string(view.Input) != `{"db":"test"}` || view.Editors[0] != "user:bob" || a.engine.lastCaller().Reason != "smaller" {
		t.Errorf("approval %+v", view)
	}
	a.call("POST", path+"/delegate", `{"to":"bob","until":"2100-01-01T00:00:00Z"}`, sre...).want(422, "invalid_delegation")
	a.call("POST", path+"/delegate", `{"to":"user:bob","until":"2100-01-01T00:00:00Z"}`, sre...).want(422, "invalid_delegation")
	a.call("POST", path+"/delegate", `{"to":"user:cid","until":"soon"}`, sre...).want(422, "invalid_body")
	a.call("POST", path+"/delegate", `{"to":"user:cid","until":"2100-01-01T00:00:00Z","reason":"on leave"}`, sre...).want(200, "").json(&view)
	if d := view.Delegations[0]; d.From != "user:bob" || d.To != "user:cid" {
		t.Errorf("approval %+v", view)
	}
	a.call("GET", path+"/deliveries", "", sre...).want(200, "")
	a.call("GET", path+"/deliveries", "", "X-Principal-Id: eve").want(404, "not_found")
}

func TestValuesThatDoNotFit(t *testing.T) {
	a := newAPI(t, nil)
	a.engine.approvals["default/a1"] = runner.ApprovalView{ID: "a1", State: "waiting", Form: json.RawMessage(`{}`)}
	a.call("POST", prefix+"/approvals/a1/decide", `{"decision":"approve"}`).want(422, "invalid_values")
}

// linked is a gateway that can sign links, and one of them.
func linked(t *testing.T) (*api, string) {
	a := newAPI(t, func(c *Config) {
		c.Approvers = []Approver{{Actor: "user:zoe@example.com"}, {Actor: "user:sam@example.com", Roles: []string{"sre"}}}
	})
	a.asked("a1")
	return a, a.link("a1", "user:zoe@example.com")
}

func (a *api) link(approval, approver string) string {
	a.t.Helper()
	var made ApprovalLink
	a.call("POST", prefix+"/approvals/"+approval+"/links", `{"approver":"`+approver+`"}`).want(201, "").json(&made)
	return made.Path
}

const form = "Content-Type: application/x-www-form-urlencoded"

func TestLinkShowsAndDecidesOnce(t *testing.T) {
	a, link := linked(t)
	for _, method := range []string{"GET", "HEAD", "GET"} { // whoever looks at mail opens what is in it
		w := a.call(method, link, "").want(200, "")
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self'") || w.Header().Get("Referrer-Policy") != "same-origin" {
			t.Errorf("headers %v", w.Header())
		}
		if method == "GET" && (!strings.Contains(w.Body.String(), "acme/prod") || !strings.Contains(w.Body.String(), "orders")) {
			t.Errorf("page %s", w.Body)
		}
	}
	if v := a.engine.approvals["default/a1"]; v.State != "waiting" || len(v.Votes) != 0 {
		t.Fatalf("looking decided: %+v", v)
	}
	a.call("POST", link, "comment=hm", form).want(400, "")
	a.call("POST", link, "decision=approve", form, "Sec-Fetch-Site: cross-site").want(403, "cross_origin")
	a.call("POST", link, `{"decision":"approve"}`).want(415, "unsupported_media_type")
	a.call("POST", link, "decision=approve&comment=fine", form, "Sec-Fetch-Site: same-origin").want(200, "")
	v := a.engine.approvals["default/a1"]
	if v.State != "approved" || v.Votes[0].By != "user:zoe@example.com" || v.Votes[0].Channel != "link" || v.Votes[0].Comment != "fine" {
		t.Fatalf("approval %+v", v)
	}
	a.call("POST", link, "decision=deny", form).want(409, "")
	a.call("GET", link, "").want(409, "")
	acts := a.engine.docs.acts
	if len(acts) != 2 || !strings.HasPrefix(acts[0], "config.change") || acts[1] != "approval.link user:dev a1 for user:zoe@example.com" {
		t.Errorf("acts %q", acts)
	}
	if strings.Contains(a.log.String(), link[len(linkPath):]) {
		t.Error("the link is in the log")
	}
}

func TestLinkIsForOnePersonAndOneQuestion(t *testing.T) {
	a, link := linked(t)
	a.call("POST", prefix+"/approvals/a1/links", `{"approver":"user:eve@example.com"}`).want(400, "invalid_principal") // may not even see it
	edit := a.engine.approvals["default/a1"]
	edit.Round, edit.Hash = 2, "h2"
	a.engine.approvals["default/a1"] = edit
	a.call("GET", link, "").want(409, "")
	a.call("POST", link, "decision=approve", form).want(409, "")
	a.call("POST", a.link("a1", "user:sam@example.com"), "decision=deny", form).want(200, "")
	if v := a.engine.approvals["default/a1"]; v.Votes[0].By != "user:sam@example.com" {
		t.Errorf("approval %+v", v)
	}
	a.call("POST", prefix+"/approvals/a1/links", `{"approver":"user:sam@example.com"}`).want(409, "conflict")
	a.call("POST", prefix+"/approvals/a1/links", `{"approver":"sam"}`).want(400, "invalid_principal")
	a.call("POST", prefix+"/approvals/a1/links", `{"approver":"user:sam"}`, "X-Principal-Id: bob").want(403, "forbidden")
}

// A link that is not in the audit trail is given to nobody: who has it answers as somebody else.
func TestLinkWithoutRecord(t *testing.T) {
	a, _ := linked(t)
	a.engine.docs.refuse = "approval.link"
	w := a.call("POST", prefix+"/approvals/a1/links", `{"approver":"user:sam@example.com"}`).want(503, "unavailable")
	if strings.Contains(w.Body.String(), linkPath) {
		t.Errorf("the refusal shows the link: %s", w.Body)
	}
}

func TestLinksThatAreNone(t *testing.T) {
	a, link := linked(t)
	for at := len(linkPath); at < len(link); at++ {
		c := byte('A')
		if link[at] == 'A' {
			c = 'B'
		}
		forged := link[:at] + string(c) + link[at+1:]
		if w := a.call("POST", forged, "decision=approve", form); w.Code != 404 {
			t.Fatalf("%s: status %d", forged, w.Code)
		}
	}
	for _, bad := range []string{link[:len(link)-1], link + "A", link + "=", "/a/x", "/a/x.y"} {
		if w := a.call("GET", bad, ""); w.Code != 404 {
			t.Errorf("%s: status %d", bad, w.Code)
		}
	}
	now := time.Now().Add(MaxLinkAge)
	a.g.keys.now = func() time.Time { return now }
	a.call("POST", link, "decision=approve", form).want(410, "")
	other := newAPI(t, nil)
	other.asked("a1")
	other.call("GET", link, "").want(404, "") // it has no key of links yet
	other.link("a1", "user:zoe@example.com")
	other.call("GET", link, "").want(404, "") // another installation's
	if v := a.engine.approvals["default/a1"]; v.State != "waiting" {
		t.Errorf("approval %+v", v)
	}
}

// What others wrote is text on the page, whatever it looks like.
func TestLinkPageEscapes(t *testing.T) {
	a, _ := linked(t)
	v := a.engine.approvals["default/a1"]
	v.Title, v.Workflow, v.Input = `<img src=x onerror=alert(1)>`, `"><script>`, json.RawMessage(`{"a":"<script>alert(1)</script>"}`)
	a.engine.approvals["default/a1"] = v
	body := a.call("GET", a.link("a1", "user:zoe@example.com"), "").want(200, "").Body.String()
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("page %s", body)
	}
}

func TestParseApprover(t *testing.T) {
	got, err := ParseApprover("ann@example.com=sre+oncall")
	if err != nil || got.Actor != "user:ann@example.com" || len(got.Roles) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "ann", "ann@x=", "ann@x=admin", "ann@x=a b", "a b@x", "ann@x=public"} {
		if _, err := ParseApprover(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
