package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What every hostile request is measured by, whatever else its answer must say.
const (
	hostileAnswer = 5 * time.Second // the longest an answer may take: milliseconds, on a quiet machine
	hostileMemory = 64 << 20        // bytes by which the server's resident memory may grow
)

// attack is one hostile request and the answer that it must get.
type attack struct {
	name   string
	send   string // METHOD PATH
	header []string
	body   string
	status int
	code   string
}

// canary stands in many of the values that are sent: no answer and no line of the log may hold it.
const canary = "canary-5e0b"

// define posts a definition; its content type follows from how it begins.
func define(name, body string, status int, code string) attack {
	media := "application/yaml"
	if trimmed := strings.TrimPrefix(body, "\xef\xbb\xbf"); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		media = "application/json"
	}
	return attack{name, "POST /api/v1/workflows", []string{"Content-Type: " + media}, body, status, code}
}

// step is a definition of one step with more fields.
func step(fields string) string {
	return `{"id":"w","steps":[{"id":"a","type":"worker","topic":"job.t",` + fields + `}]}`
}

// withID is a definition of one step with that id.
func withID(id string) string {
	text, _ := json.Marshal(id) // strings always marshal
	return `{"id":"w","steps":[{"id":` + string(text) + `,"type":"worker","topic":"job.t"}]}`
}

// TestHostileRequests sends the real server what it must refuse. Each answer is a problem with its code, soon, that
// repeats nothing of what was sent; afterwards nothing is stored, the server lives, and each request is one line of the log.
func TestHostileRequests(t *testing.T) {
	p := newProcess(t)
	p.start()
	before := p.everything()
	var attacks []attack
	for _, family := range [][]attack{hostileDocuments(), hostileGraphs(), hostileValues(), hostileExpressions(), hostileHTTP()} {
		attacks = append(attacks, family...)
	}
	lines := p.refusals()
	for _, a := range attacks {
		memory := p.memory()
		t.Run(a.name, func(t *testing.T) { p.suffer(t, a) })
		if grown := p.memory() - memory; grown > hostileMemory {
			t.Errorf("%s: the server has grown by %d MiB", a.name, grown>>20)
		}
	}
	if after := p.everything(); after != before {
		t.Errorf("something was stored:\n%s\nbefore:\n%s", after, before)
	}
	if got := p.refusals() - lines; got != len(attacks) {
		t.Errorf("%d lines of the log tell of %d refused requests", got, len(attacks))
	}
	if log := p.logged(); strings.Contains(log, canary) || strings.Contains(log, "goroutine ") {
		t.Error("the log holds what was sent, or a stack")
	}
}

// suffer makes one attack and looks at its answer.
func (p *process) suffer(t *testing.T, a attack) {
	t.Helper()
	method, path, _ := strings.Cut(a.send, " ")
	req, err := http.NewRequest(method, "http://"+p.addr+path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range a.header {
		name, value, _ := strings.Cut(line, ": ")
		if req.Header.Add(name, value); name == "Host" {
			req.Host = value
		}
	}
	begun := time.Now()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > hostileAnswer {
		t.Errorf("the answer took %s", took)
	}
	var problem struct {
		Type, Title, Code string
		Status            int
	}
	if err := json.Unmarshal(raw, &problem); err != nil {
		t.Fatalf("%d: no problem: %v: %.300s", res.StatusCode, err, raw)
	}
	if res.StatusCode != a.status || problem.Code != a.code {
		t.Errorf("answered %d %s, want %d %s: %.400s", res.StatusCode, problem.Code, a.status, a.code, raw)
	}
	if problem.Status != res.StatusCode || problem.Title == "" || !strings.HasSuffix(problem.Type, problem.Code) || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the answer is no proper problem: %s: %.300s", res.Header.Get("Content-Type"), raw)
	}
	if bytes.Contains(raw, []byte(canary)) || bytes.Contains(raw, []byte("goroutine")) || len(raw) > 64<<10 {
		t.Errorf("the answer (%d bytes) tells too much: %.300s", len(raw), raw)
	}
}

// everything is what the lists hold.
func (p *process) everything() string {
	p.t.Helper()
	var all strings.Builder
	for _, list := range []string{"workflows", "runs?kind=workflow", "runs?kind=job", "jobs", "approvals"} {
		var page struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := p.call("GET", "/api/v1/"+list, "", nil, &page); err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %s\n", list, page.Items)
	}
	return all.String()
}

// memory is the server's resident memory in bytes.
func (p *process) memory() int {
	p.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if errors.Is(err, os.ErrNotExist) && p.cmd.Process.Signal(syscall.Signal(0)) == nil {
		return 0 // a system without /proc
	}
	if err != nil {
		p.t.Fatalf("the server is gone: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		p.t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func (p *process) logged() string {
	p.t.Helper()
	raw, err := os.ReadFile(p.log.Name())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(raw)
}

// refusals counts the lines of the log that tell of refused requests.
func (p *process) refusals() int {
	n := 0
	for line := range strings.Lines(p.logged()) {
		var entry struct {
			Msg    string
			Status int
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "request" && entry.Status >= 400 {
			n++
		}
	}
	return n
}

// hostileDocuments are definitions that cannot be read.
func hostileDocuments() []attack {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9))
	}
	seed := `{"steps":[ // two backups
	{"id":"a","type":"worker","pack":"p","tool":"t"}]}`
	utf16 := "\xff\xfe{\x00}\x00"
	return []attack{
		define("W1 empty", "", 400, "empty_body"),
		define("W1 blank", " \n ", 400, "empty_body"),
		define("W2 truncated", `{`, 400, "invalid_json"),
		define("W2 comment", seed, 400, "invalid_json"),
		define("W3 deep list", strings.Repeat("[", 100_000), 400, "json_too_deep"),
		define("W3 deep object", strings.Repeat(`{"a":`, 100_000), 400, "json_too_deep"),
		define("W3 deep YAML", strings.Repeat("- ", 100_000), 400, "json_too_deep"),
		define("W3 deep YAML flow", "a: "+strings.Repeat("[", 100_000), 400, "json_too_deep"),
		define("W4 20 MiB", `{"id":"w","description":"`+strings.Repeat("x", 20<<20)+`"}`, 413, "body_too_large"),
		define("W5 key twice", `{"id":"w","steps":[],"steps":[]}`, 400, "duplicate_key"),
		define("W5 key twice in YAML", "id: w\nsteps: []\nsteps: []\n", 400, "duplicate_key"),
		define("W6 other case", `{"id":"w","Steps":[{"id":"a","topic":"job.t"}],"steps":[{"id":"a","topic":"job.t"}]}`, 400, "unknown_field"),
		define("W7 unknown field", step(`"depend_on":[]`), 422, "unknown_field"),
		define("W8 billion laughs", laughs, 400, "yaml_alias_limit"),
		define("W9 alias to itself", "id: w\nsteps: &s [*s]\n", 400, "yaml_alias_limit"),
		define("W9 merge loop", "id: w\nsteps: &s\n  <<: *s\n", 400, "yaml_alias_limit"),
		define("W10 object tag", "id: w\nsteps: !!python/object:os.system {}\n", 400, "yaml_tag_refused"),
		define("W10 binary tag", "id: w\nname: !!binary Z29v\nsteps: []\n", 400, "yaml_tag_refused"),
		define("W12 two documents", "id: w\nsteps: []\n---\nid: v\nsteps: []\n", 400, "multiple_documents"),
		define("W13 UTF-16", utf16, 400, "invalid_utf8"),
		define("W13 not UTF-8", "{\"id\":\"w\xff\"}", 400, "invalid_utf8"),
		define("W13 not UTF-8 in YAML", "id: w\xff\n", 400, "invalid_utf8"),
		define("W13 lone surrogate", `{"id":"w","name":"\ud800","steps":[]}`, 400, "invalid_utf8"),
		define("W13 NUL", `{"id":"w`+`\u0000`+`","steps":[{"id":"a","topic":"job.t"}]}`, 400, "invalid_utf8"),
		define("W13 BOM is stripped", "\xef\xbb\xbf"+`{"id":"w","steps":[]}`, 422, "no_steps"),
	}
}

// hostileGraphs are definitions whose steps do not make a workflow.
func hostileGraphs() []attack {
	each := func(n int, step func(i int) string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = step(i)
		}
		return `{"id":"w","steps":[` + strings.Join(list, ",") + `]}`
	}
	steps := func(n int, dependency func(i int) string) string {
		return each(n, func(i int) string {
			return fmt.Sprintf(`{"id":"s%d","topic":"job.t","depends_on":[%s]}`, i, dependency(i))
		})
	}
	long := strings.Repeat("x", 50)
	almostRead := func(i int) string {
		return fmt.Sprintf(`{"id":"%s%d","topic":"job.t","when":"steps.%s%dz.output"}`, long, i, long, i)
	}
	almostNamed := func(i int) string {
		return fmt.Sprintf(`{"id":"%s%d","topic":"job.t","depends_on":["%s%dy"]}`, long, i, long, i)
	}
	circle := func(i int) string { return fmt.Sprintf(`"s%d"`, (i+9_999)%10_000) }
	many := func(i int) string {
		var on []string
		for d := range min(i, 320) {
			on = append(on, fmt.Sprintf(`"s%d"`, i-d-1))
		}
		return strings.Join(on, ",")
	}
	all := []attack{
		define("W14 itself", step(`"depends_on":["a"]`), 422, "cycle"),
		define("W15 circle of 10,000", steps(10_000, circle), 422, "cycle"),
		define("W16 10,000 unknown dependencies", each(10_000, almostNamed), 422, "unknown_dependency"),
		define("W16 10,000 unknown steps", each(10_000, almostRead), 422, "unknown_step"),
		define("W16 unknown dependency", step(`"depends_on":["b"]`), 422, "unknown_dependency"),
		define("W16 same id", `{"id":"w","steps":[{"id":"a","topic":"job.t"},{"id":"a","topic":"job.t"}]}`, 422, "duplicate_id"),
		define("W18 10,001 steps", steps(10_001, func(int) string { return "" }), 422, "too_many_steps"),
		define("W18 100,001 edges", steps(480, many), 422, "too_many_steps"),
		define("W19 no steps", `{"id":"w","steps":[]}`, 422, "no_steps"),
	}
	for _, id := range []string{
		"../../etc", "a/b", "a%2fb", ".", "..", strings.Repeat("x", 300), "__proto__", "*", ">", "a.b", "con", "a b",
		"é", "e\u0301", "a\u200bb", "\u0430", "", "a\nb",
	} {
		all = append(all, define("W17 id "+strconv.QuoteToASCII(id)[:min(len(strconv.QuoteToASCII(id)), 14)], withID(id), 422, "invalid_id"))
	}
	for _, id := range []string{"a..b", "../w", "W", "w/v", "*", ">"} {
		all = append(all, define("W17 workflow "+id, `{"id":"`+id+`","steps":[{"id":"a","topic":"job.t"}]}`, 422, "invalid_id"))
	}
	return all
}

// hostileValues are fields with values that make no sense.
func hostileValues() []attack {
	var all []attack
	for _, d := range []string{`-1`, `0`, `1e18`, `9223372036854775808`, `"5 lightyears"`, `"NaN"`, `"-5s"`, `"0s"`, `"99999999999h"`} {
		all = append(all, define("W20 timeout "+d, step(`"timeout":`+d), 422, "invalid_duration"))
	}
	for _, r := range []string{
		`{"max_attempts":1000000000}`, `{"max_attempts":0}`, `{"max_attempts":-1}`, `{"max_attempts":3,"multiplier":1e308}`, `{"max_attempts":3,"multiplier":0}`,
		`{"max_attempts":3,"multiplier":-1}`,
	} {
		all = append(all, define("W21 "+r, step(`"retry":`+r), 422, "out_of_range"))
	}
	all = append(all,
		define("W21 backoff 0", step(`"retry":{"max_attempts":3,"initial":"0s"}`), 422, "out_of_range"),
		define("W21 jitter", step(`"retry":{"max_attempts":3,"jitter":-1}`), 422, "out_of_range"),
		define("W11 number as id", "id: w\nsteps:\n  - {id: 1e3, topic: job.t}\n", 422, "wrong_type"),
		define("W11 date as name", "id: w\nname: 2026-01-01\nsteps:\n  - {id: a, type: no, topic: job.t}\n", 422, "unknown_type"),
		define("W11 octal", "id: w\nsteps:\n  - {id: a, topic: job.t, retry: {max_attempts: 010}}\n", 422, "wrong_type"),
		define("W23 undo reads a later step", `{"id":"w","steps":[{"id":"a","topic":"job.t","compensate":{"topic":"job.u","input":{"v":"${steps.b.output}"}}},{"id":"b","topic":"job.t","depends_on":["a"]}]}`, 422, "compensation_cycle"),
		define("W24 fan-out over text", step(`"for_each":"'text'"`), 422, "expr_type"),
		define("W25 topic", `{"id":"w","steps":[{"id":"a","topic":"job.${input.t}"}]}`, 422, "template_not_allowed"),
		define("W25 pack", `{"id":"w","steps":[{"id":"a","pack":"${input.p}","tool":"t"}]}`, 422, "template_not_allowed"),
		define("W25 dependency", step(`"depends_on":["${input.d}"]`), 422, "template_not_allowed"),
	)
	return all
}

// hostileExpressions are expressions that would cost too much or reach too far.
func hostileExpressions() []attack {
	when := func(name, expr, code string) attack {
		text, _ := json.Marshal(expr) // strings always marshal
		return define(name, step(`"when":`+string(text)), 422, code)
	}
	return []attack{
		when("E1 parentheses", strings.Repeat("(", 1_200_000), "expr_too_long"),
		when("E1 minus", strings.Repeat("-", 1_000_000), "expr_too_long"),
		when("E1 not", strings.Repeat("!", 3_000_000), "expr_too_long"),
		when("E1 just short enough", strings.Repeat("(", 4_000), "expr_too_deep"),
		when("E6 method", `input.constructor("return 1")()`, "expr_syntax"),
		when("E6 environment", `$env["HOME"] == ""`, "unknown_name"),
		when("E6 class", `"".__class__ == 1`, "expr_type"),
		when("E6 function", `env("HOME") == ""`, "unknown_name"),
		when("E10 clock", `now() > 1`, "unknown_name"),
		when("W16 nobody behind it", `steps.zzz.output == 1`, "unknown_step"),
	}
}

// hostileHTTP are requests that are wrong whatever they are about.
func hostileHTTP() []attack {
	const jsonType = "Content-Type: application/json"
	job := `{"topic":"job.t","input":{"x":"` + canary + `"}}`
	post := func(name string, status int, code string, header ...string) attack {
		return attack{name, "POST /api/v1/jobs", header, job, status, code}
	}
	get := func(name, path string, status int, code string, header ...string) attack {
		return attack{name, "GET " + path, header, "", status, code}
	}
	all := []attack{
		post("A9 text", 415, "unsupported_media_type", "Content-Type: text/plain"),
		post("A9 form", 415, "unsupported_media_type", "Content-Type: multipart/form-data; boundary=x"),
		post("A9 charset", 415, "unsupported_media_type", "Content-Type: application/json;charset=utf-7"),
		post("A9 none", 415, "unsupported_media_type"),
		post("A12 gzip", 415, "unsupported_encoding", jsonType, "Content-Encoding: gzip"),
		post("A14 long key", 400, "invalid_idempotency_key", jsonType, "Idempotency-Key: "+strings.Repeat("k", 4096)),
		post("A14 empty key", 400, "invalid_idempotency_key", jsonType, "Idempotency-Key: "),
		post("A17 cross-site", 403, "cross_origin", jsonType, "Sec-Fetch-Site: cross-site"),
		post("A17 origin", 403, "cross_origin", jsonType, "Origin: https://evil.example"),
		post("A17 null origin", 403, "cross_origin", jsonType, "Origin: null"),
		post("A19 host", 421, "misdirected_request", jsonType, "Host: evil.example"),
		post("A10 headers", 431, "too_many_headers", append([]string{jsonType}, strings.Split(strings.Repeat("X: y,", 101), ",")[:101]...)...),
		{"A8 mass assignment", "POST /api/v1/jobs", []string{jsonType}, `{"topic":"job.t","status":"` + canary + `","role":"admin"}`, 400, "unknown_field"},
		{"A3 method override", "POST /api/v1/runs", []string{jsonType, "X-HTTP-Method-Override: GET"}, `{}`, 422, "invalid_body"},
		{"job without a topic", "POST /api/v1/jobs", []string{jsonType}, `{"input":{"x":"` + canary + `"}}`, 422, "invalid_body"},
		{"job topic", "POST /api/v1/jobs", []string{jsonType}, `{"topic":"job.>"}`, 422, "invalid_job"},
		{"job input too large", "POST /api/v1/jobs", []string{jsonType}, `{"topic":"job.t","input":"` + strings.Repeat("x", 3<<20) + `"}`, 413, "body_too_large"},
		{"run of nothing", "POST /api/v1/runs", []string{jsonType}, `{"workflow":"nothing"}`, 404, "not_found"},
		get("A19 host of an IP", "/healthz", 421, "misdirected_request", "Host: 10.0.0.1"),
		get("S5 after_seq", "/api/v1/stream/sse?run=x&after_seq=-1", 400, "invalid_after_seq"),
		get("A2 slash", "/api/v1/runs/", 404, "not_found"),
		get("A2 suffix", "/api/v1/runs/healthz", 404, "not_found"),
		get("A2 dots", "/api/v1/%2e%2e/v1/runs", 404, "not_found"),
		get("A6 unknown run", "/api/v1/runs/0000000000000000000000000000", 404, "not_found"),
		get("A6 unknown approval", "/api/v1/approvals/x", 404, "not_found"),
		get("A6 unknown job", "/api/v1/jobs/"+strings.Repeat("x", 100), 404, "not_found"),
		get("A21 key in the address", "/api/v1/runs?api_key="+canary, 401, "credentials_in_query"),
	}
	for _, list := range []string{"workflows", "runs", "jobs", "approvals"} {
		for _, query := range []string{"limit=-1", "limit=0", "limit=1e9", "limit=1000000000", "order=1;--", "order=1", "status='%20OR%201"} {
			all = append(all, get("A13 "+list+" "+query, "/api/v1/"+list+"?"+query, 400, "invalid_argument"))
		}
		all = append(all, get("A13 cursor of "+list, "/api/v1/"+list+"?cursor=Zm9yZ2Vk", 400, "invalid_cursor"))
	}
	return all
}
