package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

// policyAPI is a gateway with a policy store that has published its default.
func policyAPI(t *testing.T, change func(*kernel.Config), more ...func(*Config)) *api {
	t.Helper()
	cfg := kernel.Config{Documents: kernel.NewMemory(), Past: pastOf{}, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	k, err := kernel.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Run(stop) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); !k.Ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing comes into force")
		}
	}
	return newAPI(t, func(c *Config) {
		c.Kernel, c.Policy = k, k.Snapshot
		for _, m := range more {
			m(c)
		}
	})
}

// pastOf is one run of two decisions.
type pastOf struct{}

func (pastOf) Decisions(_ context.Context, _ kernel.Who, _ kernel.PastFilter, visit func(kernel.PastDecision) error) error {
	for _, step := range []string{"a", "b"} {
		p := kernel.PastDecision{Run: "r", Workflow: "w", Step: step, Job: "r." + step + "~0", Verdict: "ALLOW", Request: safety.Request{Topic: "job." + step}}
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}

const acme = `{"name":"acme/base","rules":[{"id":"a","match":{"topics":["job.a"]},"decision":"ALLOW"}]}`

func (a *api) verdict(topic string) string {
	a.t.Helper()
	var d struct{ Verdict, Rule, Snapshot string }
	a.call("POST", prefix+"/policy/evaluate", `{"topic":"`+topic+`"}`).want(200, "").json(&d)
	return d.Verdict
}

func TestDraftPublishRollbackOverREST(t *testing.T) {
	a := policyAPI(t, nil)
	var b BundleView
	w := a.call("POST", prefix+"/policy/bundles", acme).want(201, "").json(&b)
	if b.Name != "acme/base" || b.State != "draft" || w.Header().Get("ETag") != `"`+b.ETag+`"` || w.Header().Get("Location") != prefix+"/policy/bundles/acme~base" {
		t.Errorf("created %+v, header %v", b, w.Header())
	}
	if a.verdict("job.a") != "DENY" {
		t.Error("a draft decides")
	}
	var p PolicyPublished
	a.call("POST", prefix+"/policy/publish", `{"reason":"first"}`).want(200, "").json(&p)
	if p.Version.Version != 2 || p.Reason != "first" || p.By != "user:dev" || !p.Active || a.verdict("job.a") != "ALLOW" {
		t.Errorf("published %+v, and job.a is %s", p, a.verdict("job.a"))
	}
	yaml := "name: acme/base\nrules:\n  - {id: a, match: {topics: [job.a]}, decision: DENY, reason: no more}\n"
	a.call("PUT", prefix+"/policy/bundles/acme~base", yaml, "Content-Type: application/yaml", `If-Match: "`+strings.Repeat("0", 64)+`"`).want(412, "precondition_failed")
	a.call("PUT", prefix+"/policy/bundles/acme~base", yaml, "Content-Type: application/yaml", `If-Match: "`+b.ETag+`"`).want(200, "")
	a.call("PUT", prefix+"/policy/bundles/acme~base", yaml, "Content-Type: application/yaml", `If-None-Match: *`).want(412, "precondition_failed")
	a.call("PUT", prefix+"/policy/bundles/other", yaml, "Content-Type: application/yaml").want(422, "invalid_name")
	a.call("GET", prefix+"/policy/bundles/acme~base", "").want(200, "").json(&b)
	if b.State != "changed" || b.Text != yaml || b.InForce != acme {
		t.Errorf("bundle %+v", b)
	}
	a.call("POST", prefix+"/policy/publish", "").want(200, "")
	if a.verdict("job.a") != "DENY" {
		t.Error("what was published is not in force")
	}
	a.call("POST", prefix+"/policy/rollback", `{"to":"2","reason":"too strict"}`).want(200, "").json(&p)
	if p.Of != 2 || p.Version.Version != 4 || a.verdict("job.a") != "ALLOW" {
		t.Errorf("rolled back %+v", p)
	}
	a.call("POST", prefix+"/policy/rollback", `{"to":"77"}`).want(404, "not_found")

	var list Page[PolicyVersion]
	a.call("GET", prefix+"/policy/snapshots?limit=3", "").want(200, "").json(&list)
	if len(list.Items) != 3 || list.Items[0].Version.Version != 4 || !list.Items[0].Active || list.Items[1].Active || list.NextCursor == "" {
		t.Errorf("history %+v", list)
	}
	a.call("GET", prefix+"/policy/snapshots?cursor="+list.NextCursor, "").want(200, "").json(&list)
	if len(list.Items) != 1 || list.Items[0].Version.Version != 1 {
		t.Errorf("the rest of the history %+v", list)
	}
	var s PolicySnapshot
	a.call("GET", prefix+"/policy/snapshots/"+p.Digest, "").want(200, "").json(&s)
	if s.Digest != p.Digest || len(s.Texts) != 1 || !strings.Contains(string(s.Canonical), "acme/base") {
		t.Errorf("snapshot %+v", s)
	}
	var active PolicyActive
	a.call("GET", prefix+"/policy/active", "").want(200, "").json(&active)
	if !active.InForce || active.Digest != p.Digest {
		t.Errorf("active %+v", active)
	}
	a.call("DELETE", prefix+"/policy/bundles/acme~base", "").want(204, "")
	a.call("DELETE", prefix+"/policy/bundles/acme~base", "").want(404, "not_found")
	a.call("GET", prefix+"/policy/bundles/acme~base", "").want(200, "").json(&b)
	if b.State != "deleted" {
		t.Errorf("bundle %+v", b)
	}
}

// The canonical form is answered byte by byte, so that anybody can check its digest.
func TestCanonicalFormIsAnsweredAsItIs(t *testing.T) {
	a := policyAPI(t, nil)
	a.call("POST", prefix+"/policy/bundles", `{"name":"x","rules":[{"id":"a","match":{"when":"input.n < 3 && input.m > 1"},"decision":"DENY","reason":"<&> é \u2028"}]}`).want(201, "")
	var p PolicyPublished
	a.call("POST", prefix+"/policy/publish", "").want(200, "").json(&p)
	var s PolicySnapshot
	a.call("GET", prefix+"/policy/snapshots/"+p.Digest, "").want(200, "").json(&s)
	if sum := sha256.Sum256(s.Canonical); hex.EncodeToString(sum[:]) != p.Digest {
		t.Errorf("%s has another digest than %s", s.Canonical, p.Digest)
	}
}

func TestBadBundlesOverREST(t *testing.T) {
	a := policyAPI(t, func(c *kernel.Config) { c.MaxBytes = 4 << 10 })
	var p Problem
	a.call("POST", prefix+"/policy/bundles", `{"name":"x","rules":[{"id":"a","match":{"topic":["y"]},"decision":"FORBID"}]}`).want(422, "invalid_policy").json(&p)
	if len(p.Errors) < 2 || p.Errors[0].Line != 1 || p.Errors[0].Rule == "" || p.Errors[0].Location == "" {
		t.Errorf("problem %+v", p)
	}
	a.call("POST", prefix+"/policy/bundles", "").want(400, "empty_body")
	a.call("POST", prefix+"/policy/bundles", `{"name":`).want(422, "invalid_policy")
	a.call("POST", prefix+"/policy/bundles", `{"bundle":{},"rules":[]}`).want(422, "invalid_body")
	a.call("POST", prefix+"/policy/bundles", strings.Replace(acme, "job.a", strings.Repeat("a", 8<<10), 1)).want(413, "too_large")
	for _, name := range []string{"a%2e%2e", "..", "a%00", "a%2Fb", "%3Cscript%3E", "a'b", "%20"} {
		if w := a.call("GET", prefix+"/policy/bundles/"+name, ""); w.Code != 400 && w.Code != 404 {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
	}
	a.call("GET", prefix+"/policy/bundles/a'b", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/policy/snapshots/x", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/policy/snapshots/"+strings.Repeat("0", 64), "").want(404, "not_found")
	a.call("GET", prefix+"/policy/snapshots?cursor=1", "").want(400, "invalid_cursor")
}

func TestSignedBundlesOverREST(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kernel.ParseKeys(hex.EncodeToString(public))
	if err != nil {
		t.Fatal(err)
	}
	a := policyAPI(t, func(c *kernel.Config) { c.Keys, c.SignatureRequired = keys, true })
	text := `{ "version": 3,  "name": "acme", "rules": [] }` // two spaces: the bytes count, not their meaning
	signature := hex.EncodeToString(ed25519.Sign(private, []byte(text)))
	a.call("POST", prefix+"/policy/bundles", text).want(403, "signature_required")
	a.call("POST", prefix+"/policy/bundles", text+" ", "X-Policy-Signature: "+signature).want(403, "bad_signature")
	a.call("POST", prefix+"/policy/bundles", `{"bundle":{"version": 3, "name": "acme", "rules": []},"signature":"`+signature+`"}`).want(403, "bad_signature")
	a.call("POST", prefix+"/policy/bundles", text, "X-Policy-Signature: "+signature).want(201, "")
	a.call("POST", prefix+"/policy/bundles", `{"signature":"`+signature+`", "bundle": `+text+`}`).want(200, "")
	quoted, _ := json.Marshal(text)
	var b BundleView
	a.call("PUT", prefix+"/policy/bundles/acme", `{"bundle":`+string(quoted)+`,"signature":"`+signature+`"}`).want(200, "").json(&b)
	if b.SignedBy != keys[0].ID || b.Version != 3 {
		t.Errorf("bundle %+v", b)
	}
	a.call("POST", prefix+"/policy/publish", "").want(200, "")
	older := strings.Replace(text, "3", "2", 1)
	a.call("POST", prefix+"/policy/bundles", older, "X-Policy-Signature: "+hex.EncodeToString(ed25519.Sign(private, []byte(older)))).want(409, "version_rollback")
}

func TestAskingPolicies(t *testing.T) {
	a := policyAPI(t, nil)
	a.call("POST", prefix+"/policy/bundles", acme).want(201, "")
	var x struct {
		Decision struct{ Verdict, Rule string }
		Combined []string
	}
	a.call("POST", prefix+"/policy/explain?drafts=true", `{"topic":"job.a"}`).want(200, "").json(&x)
	if x.Decision.Verdict != "ALLOW" || x.Decision.Rule != "acme/base/a" || len(x.Combined) == 0 {
		t.Errorf("explained %+v", x)
	}
	a.call("POST", "/policy/explain", `{"topic":"job.a"}`).want(200, "").json(&x)
	if x.Decision.Verdict != "DENY" {
		t.Errorf("explained %+v", x)
	}
	var s struct {
		Snapshot  string
		Decisions []struct {
			ID       string
			Decision struct{ Verdict string }
		}
		Plan map[string]any
	}
	body := `{"bundle":{"name":"next","rules":[{"id":"n","match":{"topics":["job.n"]},"decision":"REQUIRE_APPROVAL"}]},"requests":[{"id":"one","topic":"job.n"},{"topic":"job.x"}]}`
	for _, path := range []string{prefix + "/policy/simulate", "/policy/simulate"} {
		a.call("POST", path, body).want(200, "").json(&s)
		if len(s.Decisions) != 2 || s.Decisions[0].ID != "one" || s.Decisions[0].Decision.Verdict != "REQUIRE_APPROVAL" || s.Decisions[1].ID != "2" || s.Decisions[1].Decision.Verdict != "DENY" {
			t.Errorf("%s: %+v", path, s)
		}
	}
	a.call("POST", prefix+"/policy/simulate", `{"bundle":"name: x","requests":[]}`).want(422, "invalid_policy")
	a.call("POST", prefix+"/policy/simulate", `{"snapshot":"1","all_drafts":true}`).want(422, "conflicting_fields")
	a.call("POST", prefix+"/policy/simulate", `{"all_drafts":true,"workflow":{"id":"none"}}`).want(404, "not_found")
	a.run()
	a.call("POST", prefix+"/policy/simulate", `{"all_drafts":true,"workflow":{"id":"wf"}}`).want(200, "").json(&s)
	if s.Plan == nil {
		t.Errorf("simulated %+v", s)
	}
	var r kernel.Report
	a.call("POST", prefix+"/policy/replay", `{"all_drafts":true}`).want(200, "").json(&r)
	if r.Decisions != 2 || r.NewlyDenied != 1 || r.Same != 1 {
		t.Errorf("replayed %+v", r)
	}
	a.call("POST", prefix+"/policy/publish", `{"max_newly_denied":0}`).want(409, "newly_denied")
	a.call("POST", prefix+"/policy/publish", `{"max_newly_denied":1}`).want(200, "")
	a.call("GET", prefix+"/policy/shadow", "").want(404, "not_found")
	a.call("POST", prefix+"/policy/shadow", `{"snapshot":"1"}`).want(200, "")
	a.call("GET", prefix+"/policy/shadow", "").want(200, "")
	a.call("DELETE", prefix+"/policy/shadow", "").want(204, "")
}

// Policies speak of every tenant, so who belongs to another one sees none and changes none.
func TestPoliciesAreOfTheOwnTenant(t *testing.T) {
	a := policyAPI(t, nil)
	other := "X-Tenant-ID: acme"
	for _, r := range policyRoutes() {
		if r.Path == prefix+"/policy/evaluate" || r.Path == "/policy/evaluate" {
			continue
		}
		body := ""
		if r.Body > 0 {
			body = `{"to":"1"}`
			if r.ID == "explainPolicy" || r.ID == "simulatePolicy" || r.ID == "replayPolicy" || r.ID == "setShadow" || r.ID == "publishPolicy" || r.ID == "" {
				body = `{}`
			}
		}
		path := pathOf(&r)
		if r.ID == "getSnapshot" {
			path = strings.Replace(path, "/x", "/1", 1)
		}
		a.call(r.Method, path, body, other).want(403, "forbidden")
	}
	a.call("POST", prefix+"/policy/evaluate", `{"topic":"job.a"}`, other).want(200, "")
	a.call("POST", prefix+"/policy/evaluate", `{"topic":"job.a","tenant":"default"}`, other).want(403, "tenant_mismatch")
	a.call("POST", prefix+"/policy/evaluate", `{"topic":"job.a","tenant":"acme"}`).want(200, "")
}

func TestPolicyForbidsItsOwnChangeOverREST(t *testing.T) {
	a := policyAPI(t, nil)
	a.call("POST", prefix+"/policy/bundles", `{"name":"lock","rules":[{"id":"no","match":{"tools":["policy.*"]},"decision":"DENY"}]}`).want(201, "")
	a.call("POST", prefix+"/policy/publish", "").want(422, "unapprovable")
	a.call("POST", prefix+"/policy/publish", `{"break_glass":true}`).want(422, "reason_needed")
	a.call("POST", prefix+"/policy/publish", `{"break_glass":true}`, "X-Reason: audit week").want(200, "")
	a.call("POST", prefix+"/policy/rollback", `{"to":"1"}`).want(403, "policy_denied")
	var p PolicyPublished
	a.call("POST", prefix+"/policy/rollback", `{"to":"1","break_glass":true,"reason":"over"}`).want(200, "").json(&p)
	if !p.BreakGlass {
		t.Errorf("published %+v", p)
	}
}

func TestNoPolicyStore(t *testing.T) {
	a := newAPI(t, nil)
	a.call("GET", prefix+"/policy/active", "").want(503, "unavailable")
	a.call("POST", prefix+"/policy/evaluate", `{}`).want(503, "unavailable")
}
