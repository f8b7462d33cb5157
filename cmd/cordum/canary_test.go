package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	sdk "cordum.dev/cordum/sdk/go"
)

// place is somewhere a secret could come to light.
type place uint

const (
	inLog     place = 1 << iota // the server's log, at its most talkative
	inMetrics                   // /metrics
	inTraces                    // what a collector gets
	inAudit                     // the audit log, listed and exported
	inRuns                      // a run, its timeline, its streams, its approvals, its evidence: for who may read it
	inOthers                    // every other answer: problems, lists, workers, policies
	inFiles                     // the data folder

	// anywhere is where what nobody may see is looked for.
	anywhere = inLog | inMetrics | inTraces | inAudit | inRuns | inOthers | inFiles
	// private is where what belongs to a run's readers must not be.
	private = inLog | inMetrics | inTraces | inAudit | inOthers
)

var placeNames = map[place]string{
	inLog: "the log", inMetrics: "the metrics", inTraces: "the traces", inAudit: "the audit log", inRuns: "what is shown of runs",
	inOthers: "another answer", inFiles: "the data folder",
}

// cage holds the secrets of a test and what the world got to see.
type cage struct {
	*office
	secrets map[string]secretValue

	mu   sync.Mutex
	seen map[place][]byte
}

type secretValue struct {
	text  string
	never place
}

// canaryKey is a new text that the secret scanner takes for a key of a cloud.
func canaryKey() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	for i, b := range raw {
		raw[i] = letters[int(b)%len(letters)]
	}
	return "AKIA" + string(raw)
}

// hatch makes a secret that must never be in some places.
func (c *cage) hatch(name string, never place) string {
	text := canaryKey()
	c.watch(name, text, never)
	return text
}

func (c *cage) watch(name, text string, never place) { c.secrets[name] = secretValue{text, never} }

// saw keeps what came to light somewhere.
func (c *cage) saw(where place, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[where] = append(append(c.seen[where], data...), '\n')
}

// spellings are the ways in which a secret could be written.
func spellings(secret string) []string {
	inJSON, _ := json.Marshal(secret) // strings always marshal
	return []string{
		secret, strings.Trim(string(inJSON), `"`), url.QueryEscape(secret), hex.EncodeToString([]byte(secret)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
		strings.TrimRight(base64.RawURLEncoding.EncodeToString([]byte(secret)), "="),
	}
}

// search looks for every secret in all that was seen.
func (c *cage) search(t *testing.T) {
	t.Helper()
	for name, s := range c.secrets {
		for where, what := range placeNames {
			for _, spelling := range spellings(s.text) {
				at := bytes.Index(c.seen[where], []byte(spelling))
				if s.never&where == 0 || at < 0 {
					continue
				}
				around := c.seen[where][max(0, at-300):min(len(c.seen[where]), at+100)]
				t.Errorf("%s is in %s: …%s…", name, what, around)
				break
			}
		}
	}
}

const canaryPolicy = `
default: ALLOW
name: acme
rules:
  - id: leave
    match: {tags: {ask: leave}}
    decision: REQUIRE_APPROVAL
    approval: {approvers: ["role:sre"], four_eyes: false, expires: 4h}
  - id: odd
    match: {tags: {ask: odd}, when: "input.version > 3"}
    decision: ALLOW
output_rules:
  - id: hide
    match: {topics: [job.hide, job.fail]}
    scanners: [secret]
    decision: REDACT
  - id: hold
    match: {topics: [job.hold]}
    scanners: [secret]
    decision: QUARANTINE
    approval: {approvers: ["role:sre"], expires: 4h}
  - id: refuse
    match: {topics: [job.refuse, job.fail.quiet]}
    scanners: [secret]
    decision: DENY
`

const canaryWorkflow = `
id: canary
on_failure: continue
input_schema: {type: object, properties: {count: {type: integer}}}
steps:
  - {id: call, type: http, url: "%s/in?key=${secrets.TOKEN}", headers: {Authorization: "Bearer ${secrets.TOKEN}"}}
  - {id: broken, type: http, url: "${secrets.ADDRESS}"}
  - {id: hide, topic: job.hide, input: {note: "${input.note}"}}
  - {id: hold, topic: job.hold}
  - {id: refuse, topic: job.refuse}
  - {id: fail, topic: job.fail}
  - {id: quiet, topic: job.fail.quiet}
  - {id: ship, topic: job.ship, labels: {ask: leave}, input: {version: "${input.note}"}}
  - {id: odd, topic: job.ship, labels: {ask: odd}, input: {version: "${input.note}"}}
  - {id: gate, type: approval, title: "Go on?", context: {note: "${input.note}"}, approvers: ["role:sre"],
     form: {type: object, required: [pass], properties: {pass: {type: string, minLength: 5}}}}
output: {hide: "${steps.hide.output}"}
`

// TestCanaries lets secrets of every kind go through a server, with all that can be done to a run, and looks for them in all
// that comes out of it. docs/operations.md says what is promised.
func TestCanaries(t *testing.T) {
	c := newCage(t)
	run := c.live(t)
	c.others(t, run)
	c.stop(t)
	for where, what := range placeNames { // what looks for nothing finds nothing
		if len(c.seen[where]) == 0 {
			t.Errorf("nothing was seen of %s", what)
		}
	}
	for _, name := range []string{"an input", "a held output"} {
		if !bytes.Contains(c.seen[inFiles], []byte(c.secrets[name].text)) {
			t.Errorf("%s is not in the data folder, where it has to be: nothing would be found there", name)
		}
	}
	if !bytes.Contains(c.seen[inRuns], []byte(c.secrets["an input"].text)) || !bytes.Contains(c.seen[inTraces], []byte("canary")) {
		t.Error("what is to be seen was not")
	}
	c.search(t)
}

// newCage starts a server with secrets in everything that it is told.
func newCage(t *testing.T) *cage {
	c := &cage{secrets: map[string]secretValue{}, seen: map[place][]byte{}}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is broken off is seen as far as it came
		c.saw(inTraces, body)
	}))
	t.Cleanup(collector.Close)
	secrets := filepath.Join(t.TempDir(), "default")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"TOKEN": c.hatch("a secret of a step", anywhere), "ADDRESS": "https://127.0.0.1:1/" + c.hatch("a secret address", anywhere),
	} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A receiver that refuses, and says why with all that it got.
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, fmt.Sprintf("%s %v %s", r.URL, r.Header, body), http.StatusInternalServerError)
	}))
	t.Cleanup(receiver.Close)
	c.office = newOffice(t, canaryPolicy, "API_RATE_LIMIT_RPS=-1", "API_PUBLIC_RATE_LIMIT_RPS=-1", "CORDUM_LOG_LEVEL=debug", "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL,
		"CORDUM_SECRETS_DIR="+filepath.Dir(secrets), "CORDUM_EGRESS_ALLOW="+strings.TrimPrefix(receiver.URL, "http://"),
		"CORDUM_NOTIFY_WEBHOOK_URL="+receiver.URL+"/"+c.hatch("a webhook's address", anywhere),
		"CORDUM_NOTIFY_WEBHOOK_SECRET="+c.signing(), "CORDUM_PUBLIC_URL=http://cordum.example.com",
		"CORDUM_NOTIFY_SLACK_URL="+receiver.URL+"/"+c.hatch("an address of Slack", anywhere),
		"CORDUM_NOTIFY_SMTP_URL=smtp://user:"+c.hatch("a password of e-mail", anywhere)+"@127.0.0.1:1", "CORDUM_NOTIFY_SMTP_FROM=a@example.com",
		"CORDUM_NOTIFY_SMTP_TO=b@example.com", "CORDUM_APPROVERS=zoe@example.com=sre")
	c.watch("the worker's token", workerToken, anywhere)
	for name, key := range c.keys {
		c.watch("the key of "+name, key, anywhere)
	}
	c.serveSecrets()
	c.define(fmt.Sprintf(canaryWorkflow, receiver.URL))
	return c
}

// signing is a secret with which webhooks are signed.
func (c *cage) signing() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	text := base64.StdEncoding.EncodeToString(raw)
	c.watch("a webhook's secret", text, anywhere)
	return "whsec_" + text
}

// serveSecrets connects a worker whose results hold secrets.
func (c *cage) serveSecrets() {
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + c.nats, Token: workerToken, ID: "leaky"})
	if err != nil {
		c.t.Fatal(err)
	}
	gives := func(topic, secret string) {
		sdk.RegisterTopic(w, topic, func(context.Context, sdk.Job, map[string]any) (map[string]any, error) {
			return map[string]any{"text": "the key is " + secret, "list": []any{map[string]any{"nested": secret}}}, nil
		})
	}
	fails := func(topic, secret string) {
		sdk.RegisterTopic(w, topic, func(context.Context, sdk.Job, map[string]any) (map[string]any, error) {
			return nil, &sdk.Error{Code: "broken", Err: errors.New("with key " + secret), Details: map[string]any{"key": secret}}
		})
	}
	gives("job.hide", c.hatch("a redacted output", anywhere))
	gives("job.hold", c.hatch("a held output", anywhere&^inFiles))
	gives("job.refuse", c.hatch("a denied output", anywhere&^inFiles)) // its compensation would need it
	fails("job.fail", c.hatch("a redacted error", anywhere))
	fails("job.fail.quiet", c.hatch("a withheld error", anywhere))
	sdk.RegisterTopic(w, "job.ship", func(_ context.Context, _ sdk.Job, in map[string]any) (map[string]any, error) {
		return map[string]any{"done": true}, nil
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	c.t.Cleanup(func() { stop(); <-done })
}

// live takes a run through all that people can do to it, with secrets in whatever they say, and answers its id.
func (c *cage) live(t *testing.T) string {
	note, label := c.hatch("an input", private), c.hatch("a label", private)
	start := fmt.Sprintf(`{"workflow": "canary", "input": {"note": %q}, "labels": {"note": %q}}`, note, label)
	run := c.wantRest("ann", "POST", "/runs", start, http.StatusCreated, "")["run_id"].(string)
	c.stream(t, "ann", run)
	waiting := map[string]string{}
	c.until("people are asked three times", func() bool {
		_, page := c.rest("bob", "GET", "/approvals?state=waiting", "")
		for _, item := range page["items"].([]any) {
			a := item.(map[string]any)
			waiting[a["step"].(string)] = a["id"].(string)
		}
		return len(waiting) == 3
	})
	for _, who := range []string{"bob", "cid", "ann", "root"} {
		c.reads(who, inRuns, "/runs/"+run, "/runs/"+run+"/timeline", "/approvals/"+waiting["hold"], "/approvals/"+waiting["gate"], "/approvals", "/runs")
	}
	c.links(t, waiting["gate"])
	comment := c.hatch("a comment", private)
	c.posts("bob", "/approvals/"+waiting["ship"]+"/edit", fmt.Sprintf(`{"input": {"version": %q}, "comment": %q}`, c.hatch("an edited input", private), comment))
	c.posts("ann", "/approvals/"+waiting["ship"]+"/decide", fmt.Sprintf(`{"decision": "approve", "comment": %q}`, comment))
	c.posts("cid", "/approvals/"+waiting["ship"]+"/decide", fmt.Sprintf(`{"decision": "approve", "comment": %q}`, comment))
	pass := c.hatch("a value of a form", private)
	c.posts("bob", "/approvals/"+waiting["gate"]+"/decide", fmt.Sprintf(`{"decision": "approve", "values": {"pass": [%q]}}`, pass)) // does not fit
	c.posts("bob", "/approvals/"+waiting["gate"]+"/decide", fmt.Sprintf(`{"decision": "approve", "values": {"pass": %q}, "comment": %q}`, pass, comment))
	c.posts("bob", "/approvals/"+waiting["hold"]+"/decide", fmt.Sprintf(`{"decision": "deny", "comment": %q}`, comment))
	c.until("the run has ended", func() bool { _, v := c.rest("root", "GET", "/runs/"+run, ""); return v["ended_at"] != nil })
	c.until("the channels have failed", func() bool {
		code, v := c.rest("root", "GET", "/approvals/"+waiting["hold"]+"/deliveries", "")
		return code == 200 && len(v["items"].([]any)) > 0 && strings.Contains(fmt.Sprint(v["items"]), "error:")
	})
	for step := range waiting {
		c.reads("root", inRuns, "/approvals/"+waiting[step], "/approvals/"+waiting[step]+"/deliveries", "/runs/"+run+"/steps/"+step+"/explain")
	}
	c.reads("root", inRuns, "/runs/"+run, "/runs/"+run+"/timeline?limit=1000", "/runs/"+run+"/explain", "/runs/"+run+"/evidence",
		"/workflow-runs/"+run, "/runs", "/approvals", "/jobs")
	for _, args := range [][]string{{"run", "get", run}, {"run", "timeline", run}, {"run", "explain", run}, {"approval", "list", "--state", "all"}} {
		r := c.cli("root", args...)
		c.saw(inRuns, []byte(r.out+r.errOut))
	}
	return run
}

// links makes an approval link and opens it in every way that it should not be.
func (c *cage) links(t *testing.T, approval string) {
	made := c.wantRest("root", "POST", "/approvals/"+approval+"/links", `{"approver": "user:zoe@example.com"}`, http.StatusCreated, "")
	path := made["path"].(string)
	text := strings.TrimPrefix(path, "/a/")
	body, _, _ := strings.Cut(text, ".")
	c.watch("an approval link", text[len(body)+1:], anywhere)
	for _, at := range []string{path, path + "/", "/" + path, path + "x", "/A" + path[2:], "/api/v1" + path, "/%61" + path[2:], path + "?x=1"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			req, err := http.NewRequest(method, "http://"+c.addr+at, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-API-Key", c.keys["root"])
			c.sends(req, inRuns)
		}
	}
}

// others asks for everything that is of no run, and sends secrets where they do not belong.
func (c *cage) others(t *testing.T, run string) {
	root := c.keys["root"]
	ann := c.keys["ann"]
	for _, at := range []string{
		"/keys/" + url.PathEscape(ann), "/runs/" + ann, "/approvals/" + ann, "/workflows/" + ann, "/policy/bundles/" + ann, "/policy/snapshots/" + ann,
		"/runs?token=" + ann, "/runs?cursor=" + ann, "/audit?cursor=" + ann, "/audit?actor=" + ann, "/stream/sse?run=" + ann, "/runs/" + run + "/steps/" + ann + "/explain",
	} {
		c.reads("root", inOthers, at)
	}
	c.posts("root", "/keys/"+ann+"/revoke", `{}`)
	wrong := c.hatch("a wrong value", anywhere)
	for path, body := range map[string]string{
		"/runs":               `{"workflow": "canary", "input": {"count": "` + wrong + `"}}`,
		"/jobs":               `{"topic": "job.x", "labels": {"a": "` + wrong + `", "b": 1}}`,
		"/keys":               `{"name": "x", "roles": ["` + wrong + ` x"]}`,
		"/policy/evaluate":    `{"request": {"effect": "` + wrong + `"}}`,
		"/policy/simulate":    `{"bundle": {"name": "x", "rules": "` + wrong + `"}, "requests": []}`,
		"/approvals/x/edit":   `{"input": "` + wrong + `"}`,
		"/holds":              `{"scope": "` + wrong + `"}`,
		"/audit/holds":        `{"run": "` + wrong + `", "reason": "x"}`,
		"/policy/publish":     `{"bundles": ["` + wrong + ` "]}`,
		"/policy/rollback":    `{"to": "` + wrong + `"}`,
		"/runs/" + run + "/x": `{"` + wrong + `": 1}`,
	} {
		c.posts("root", path, body)
	}
	r := c.cli("root", "key", "revoke", c.keys["eve"])
	c.saw(inOthers, []byte(r.out+r.errOut))
	c.publish(t, `{"name": "more", "rules": [{"id": "none", "match": {"topics": ["job.nothing"]}, "decision": "DENY"}]}`)
	c.wantRest("root", "POST", "/keys/"+keyID(c.keys["eve"])+"/revoke", `{}`, http.StatusOK, "")
	reason := c.hatch("a reason", inLog|inMetrics|inTraces|inAudit)
	c.posts("root", "/holds", `{"scope": "topic", "name": "job.nothing", "reason": "with `+reason+`"}`)
	c.posts("root", "/keys/"+keyID(c.keys["bob2"])+"/revoke", `{"reason": "`+reason+`"}`)
	c.reads("eve", inOthers, "/runs") // a key that is none any more
	c.reads("root", inOthers, "/keys", "/workers", "/workflows", "/status", "/policy/active", "/policy/snapshots", "/policy/bundles", "/policy/shadow", "/holds", "/openapi.json")
	c.posts("root", "/policy/replay", `{"snapshot": "1"}`)
	c.reads("root", inAudit, "/audit?limit=1000", "/audit/export", "/audit/heads", "/audit/verify")
	req, err := http.NewRequest("GET", "http://"+c.addr+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.sends(req, inMetrics)
	for _, protocol := range []string{root, root + "x"} { // a key as browsers show it
		dialer := websocket.Dialer{Subprotocols: []string{"cordum.v1", "cordum-api-key." + base64.RawURLEncoding.EncodeToString([]byte(protocol))}}
		if conn, _, err := dialer.Dial("ws://"+c.addr+"/api/v1/stream", nil); err == nil {
			_ = conn.Close()
		}
	}
}

// stream hears all that two live streams tell of a run until it ends.
func (c *cage) stream(t *testing.T, who, run string) {
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+c.addr+"/api/v1/stream", http.Header{"X-Api-Key": {c.keys[who]}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteJSON(map[string]any{"id": "a", "subscribe": map[string]any{"run": run, "after_seq": 0}}); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("GET", "http://"+c.addr+"/api/v1/stream/sse?run="+run+"&after_seq=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", c.keys[who])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	t.Cleanup(both.Wait)
	both.Go(func() {
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(deadline))
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			c.saw(inRuns, message)
		}
	})
	both.Go(func() {
		defer res.Body.Close()
		all, _ := io.ReadAll(res.Body)
		c.saw(inRuns, all)
	})
}

// reads asks for something as somebody and keeps the whole answer, whatever it is.
func (c *cage) reads(who string, where place, paths ...string) {
	c.t.Helper()
	for _, path := range paths {
		req, err := http.NewRequest("GET", "http://"+c.addr+"/api/v1"+path, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		req.Header.Set("X-API-Key", c.keys[who])
		c.sends(req, where)
	}
}

// posts sends something as somebody. A refusal belongs to nobody's run.
func (c *cage) posts(who, path, body string) {
	c.t.Helper()
	req, err := http.NewRequest("POST", "http://"+c.addr+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", c.keys[who])
	req.Header.Set("Content-Type", "application/json")
	c.sends(req, inRuns)
}

func (c *cage) sends(req *http.Request, where place) {
	c.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode >= 400 {
		where = inOthers
	}
	var head bytes.Buffer
	_ = res.Header.Write(&head) // a buffer takes everything
	c.saw(where, slices.Concat(fmt.Appendf(nil, "%s %d\n", req.Method, res.StatusCode), head.Bytes(), body))
}

// stop ends the server as people do, and looks at what it leaves.
func (c *cage) stop(t *testing.T) {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.gone:
	case <-time.After(deadline):
		t.Fatal("the server does not end")
	}
	c.saw(inLog, []byte(c.logged()))
	err := filepath.WalkDir(filepath.Join(c.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		c.saw(inFiles, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
