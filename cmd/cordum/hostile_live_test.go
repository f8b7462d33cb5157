package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// TestHostileExpressionsWhileRunning runs expressions that cost too much, or break, on values that only a run has. Each
// fails its own step with its code, and what stands in a value is never evaluated again.
func TestHostileExpressionsWhileRunning(t *testing.T) {
	p := newProcess(t)
	p.start()
	const injected = "${input.n} ${{ 1 + 1 }} ${secrets.KEY}"
	conditions := []struct{ step, expr, code string }{
		{"rounds", "sum(input.many, sum(input.many, sum(input.many, #))) > 1", "expr_cost"},
		{"range", "len(1..1000000000) > 1", "expr_memory"},
		{"repeat", `len(repeat(input.text, 1000000)) > 1`, "expr_memory"},
		{"pattern", `input.long matches input.pattern`, "expr_cost"},
		{"zero", "1 % input.zero == 1", "expr_runtime"},
		{"nil", "input.nothing.at.all == 1", "expr_runtime"},
		{"index", "input.list[7] == 1", "expr_runtime"},
		{"compare", `input.text < input.n`, "expr_runtime"},
		{"overflow", "input.big + input.big > 0", "expr_runtime"},
	}
	steps, want := []map[string]any{}, map[string]string{}
	for _, c := range conditions {
		steps = append(steps, map[string]any{"id": c.step, "type": "condition", "condition": c.expr})
		want[c.step] = c.code
	}
	definition, err := json.Marshal(map[string]any{
		"id": "expressions", "on_failure": "continue", "steps": steps, "output": map[string]any{"text": "${input.text}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.call("POST", "/api/v1/workflows", "application/json", definition, nil); err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]any{
		"text": injected, "n": 7, "zero": 0, "many": make([]int, 1000), "list": []int{1}, "big": int64(math.MaxInt64), "long": strings.Repeat("a", 100_000), "pattern": "(a+)+$",
	})
	if err != nil {
		t.Fatal(err)
	}
	run := p.runToEnd("expressions", input)
	for _, step := range run.Steps {
		if step.State != "failed" || step.Error == nil || step.Error.Code != want[step.ID] {
			t.Errorf("step %s is %s with %+v, want %s", step.ID, step.State, step.Error, want[step.ID])
		}
	}
	if len(run.Steps) != len(conditions) {
		t.Errorf("%d steps", len(run.Steps))
	}
	const echo = `{"id":"echo","steps":[{"id":"a","type":"condition","condition":"true"}],"output":{"text":"${input.text}"}}`
	if err := p.call("POST", "/api/v1/workflows", "application/json", []byte(echo), nil); err != nil {
		t.Fatal(err)
	}
	if run = p.runToEnd("echo", input); !strings.Contains(string(run.Output), injected) {
		t.Errorf("E8: the text became %s", run.Output)
	}
}

// runToEnd starts a run and waits for its end.
func (p *process) runToEnd(workflow string, input []byte) (run runner.RunView) {
	p.t.Helper()
	var started runner.Started
	if err := p.call("POST", "/api/v1/workflows/"+workflow+"/runs", "application/json", input, &started); err != nil {
		p.t.Fatal(err)
	}
	if err := p.call("GET", "/api/v1/runs/"+started.RunID+"?wait=10s&since=1000000", "", nil, &run); err != nil || run.EndedAt == nil {
		p.t.Fatalf("the run has not ended: %v %+v", err, run)
	}
	return run
}

// TestLongPoll waits for the end of a run whose facts are fewer than the number that is asked for, and for the next fact.
func TestLongPoll(t *testing.T) {
	p := newProcess(t)
	p.start()
	const nap = `{"id":"nap","steps":[{"id":"a","type":"delay","for":"300ms"}]}`
	if err := p.call("POST", "/api/v1/workflows", "application/json", []byte(nap), nil); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	run := p.runToEnd("nap", []byte(`{}`))
	if took := time.Since(begun); took < 300*time.Millisecond || took > 9*time.Second {
		t.Errorf("the end of a run of 300 ms was answered after %s", took)
	}
	var again runner.RunView
	begun = time.Now()
	if err := p.call("GET", fmt.Sprintf("/api/v1/runs/%s?wait=10s&since=%d", run.ID, run.Seq), "", nil, &again); err != nil || again.Seq != run.Seq {
		t.Errorf("a run that has ended: %v %+v", err, again)
	}
	if took := time.Since(begun); took > 9*time.Second {
		t.Errorf("a run that has ended is waited for: %s", took)
	}
}

// TestHostileViewers breaks the stream's protocol. Each viewer is closed with the documented code, and the next one is served.
func TestHostileViewers(t *testing.T) {
	p := newProcess(t)
	p.start()
	url := "ws://" + p.addr + "/api/v1/stream"
	for _, origin := range []string{"https://evil.example", "null", "http://" + p.addr + ".evil"} {
		_, res, err := websocket.DefaultDialer.Dial(url, http.Header{"Origin": {origin}})
		if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("S1: a page of %s may watch", origin)
		}
	}
	for _, tt := range []struct {
		name  string
		frame []byte
		code  int
	}{
		{"S5 too long", append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0x86, 0xa0, 0, 0, 0, 0}, make([]byte, 100_000)...), 1009},
		{"S5 length of 2^63", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1002},
		{"S6 not masked", []byte{0x81, 2, '{', '}'}, 1002},
		{"S6 reserved bits", []byte{0xf1, 0x82, 0, 0, 0, 0, '{', '}'}, 1002},
		{"S6 reserved opcode", []byte{0x83, 0x80, 0, 0, 0, 0}, 1002},
		{"S6 fragmented ping", []byte{0x09, 0x80, 0, 0, 0, 0}, 1002},
		{"S6 long ping", append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...), 1002},
		{"S7 not UTF-8", []byte{0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe}, 1007},
		{"binary", []byte{0x82, 0x82, 0, 0, 0, 0, '{', '}'}, 1003},
	} {
		conn, _, err := websocket.DefaultDialer.Dial(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.NetConn().Write(tt.frame); err != nil {
			t.Fatal(err)
		}
		if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, tt.code) {
			t.Errorf("%s: %v, want a close with %d", tt.name, err, tt.code)
		}
		_ = conn.Close()
	}
	conn, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for _, tt := range []struct{ send, code string }{
		{`{"subscribe":{"run":"x","after_seq":-1}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"x","after_seq":18446744073709551616}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"x","after_seq":"1"}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"0000000000000000000000000000"}}`, "not_found"},
		{`{"subscribe":{"run":"*"}}`, "not_found"},
		{`{"subscribe":{"run":"` + strings.Repeat("x", 1000) + `"}}`, "not_found"},
		{`{"subscribe":{"run":"x","tenant":"other"}}`, "unknown_field"},
		{`{"subscribe":`, "invalid_json"},
		{strings.Repeat("[", 1000), "json_too_deep"},
	} {
		var answer struct {
			Type  string
			Error struct{ Code string }
		}
		if err := conn.WriteMessage(websocket.TextMessage, []byte(tt.send)); err != nil {
			t.Fatal(err)
		}
		if err := conn.ReadJSON(&answer); err != nil || answer.Type != "error" || answer.Error.Code != tt.code {
			t.Errorf("%.60s is answered with %+v %v, want %s", tt.send, answer, err, tt.code)
		}
	}
}

// TestHostileWorkers sends what no worker would over NATS. Nothing that was not asked for is taken, and the work goes on.
func TestHostileWorkers(t *testing.T) {
	p := newProcess(t)
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect("nats://" + p.nats)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(subject string, data []byte) {
		if err := conn.Publish(subject, data); err != nil {
			t.Fatal(err)
		}
	}
	packet := func(fill func(*wire.BusPacket)) []byte {
		b := &wire.BusPacket{ProtocolVersion: 1}
		fill(b)
		raw, err := proto.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	beat := func(h *wire.Heartbeat) []byte {
		return packet(func(b *wire.BusPacket) { b.Payload = &wire.BusPacket_Heartbeat{Heartbeat: h} })
	}
	subjects := []string{"sys.heartbeat", "sys.job.result", "sys.job.progress", "sys.job.cancel", "cordum.part.00", "cordum.part.3F", "cordum.part.FF", "cordum.jobs.ask"}
	for _, subject := range subjects { // N1
		for _, data := range [][]byte{nil, []byte("garbage"), bytes.Repeat([]byte{0xff}, 1000), make([]byte, 8<<20), beat(&wire.Heartbeat{})} {
			send(subject, data)
		}
	}
	var run runner.Started
	if err := p.call("POST", "/api/v1/workflows/kill/runs", "application/json", []byte(`{}`), &run); err != nil {
		t.Fatal(err)
	}
	for _, job := range []string{"", "x", "../..", run.RunID + ".zzz~0", run.RunID + ".c~0", run.RunID + ".c~0@9", run.RunID + ".wait~0", "0000000000000000000000000000.a~0"} {
		for _, token := range [][]byte{nil, []byte("guess"), append(make([]byte, 16), "default"...)} { // N2, N3
			result := packet(func(b *wire.BusPacket) {
				b.Payload = &wire.BusPacket_JobResult{JobResult: &wire.JobResult{JobId: job, Token: token, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED}}
			})
			reply, err := conn.Request("cordum.part."+run.RunID[:2], result, 5*time.Second)
			if err != nil {
				t.Fatalf("a result for %q is not answered: %v", job, err)
			}
			var answer wire.BusPacket
			if err := proto.Unmarshal(reply.Data, &answer); err != nil || answer.GetAck().GetCode() == wire.AckCode_ACK_CODE_OK {
				t.Errorf("a result for %q was taken: %v %v", job, err, answer.GetAck())
			}
		}
	}
	send("sys.heartbeat", beat(&wire.Heartbeat{ // N11
		WorkerId: "greedy", ActiveJobs: -1, CpuLoad: float32(math.NaN()), GpuUtilization: float32(math.Inf(1)), MaxParallelJobs: 1e9, Topics: []string{"job.other.topic"},
	}))
	for _, id := range []string{"", ">", "*", "a b", strings.Repeat("x", 10_000)} {
		send("sys.heartbeat", beat(&wire.Heartbeat{WorkerId: id, MaxParallelJobs: 1}))
	}
	p.ends(run.RunID)
	checkHistory(t, p, run.RunID)
	checkWorkers(t, p)
	for _, e := range readLedger(t, ledger) {
		if e.Attempt != 1 {
			t.Errorf("%s was done again", e.Step)
		}
	}
}

// checkWorkers looks at what was made of the heartbeats.
func checkWorkers(t *testing.T, p *process) {
	t.Helper()
	var workers struct{ Items []runner.WorkerView }
	if err := p.call("GET", "/api/v1/workers", "", nil, &workers); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers.Items {
		if w.ID != "ledger" && w.ID != "greedy" && w.ID != "cordum-builtin" {
			t.Errorf("there is a worker %.40q", w.ID)
		}
		if w.Active < 0 || w.Max > 100_000 || math.IsNaN(w.CPU) || w.GPU > 100 {
			t.Errorf("worker %+v", w)
		}
	}
}

// TestServerWithKeys runs a server as one that others can reach: nothing but health and the API's description answers
// without the key, workers need theirs, and a second server on the same folder is refused.
func TestServerWithKeys(t *testing.T) {
	p := newProcess(t)
	path, err := binaries[p.tags]()
	if err != nil {
		t.Fatal(err)
	}
	key, secret := strings.Repeat("k", 40), strings.Repeat("s", 40)
	server := func(env ...string) *exec.Cmd {
		cmd := exec.Command(path, "serve", "--addr", p.addr, "--nats-addr", p.nats, "--data-dir", filepath.Join(p.dir, "data"))
		cmd.Env = append(os.Environ(), env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	cmd := server()
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitUsage || strings.Count(string(out), "error: ") != 2 {
		t.Errorf("C1: without keys the server ends with %d:\n%s", cmd.ProcessState.ExitCode(), out)
	}
	// Asking until it is ready takes from the bucket of an address, which is not what is looked at here.
	cmd = server("CORDUM_API_KEY="+key, "CORDUM_WORKER_USER=w", "CORDUM_WORKER_PASSWORD="+secret, "API_PUBLIC_RATE_LIMIT_BURST=10000")
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	status := func(path string, header ...string) int {
		req, err := http.NewRequest("GET", "http://"+p.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			req.Header.Set(name, value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	p.until("the server is ready", func() bool { return status("/readyz") == 200 })
	for _, list := range []string{"workflows", "runs", "jobs", "approvals", "workers", "status", "stream", "stream/sse?run=x"} {
		if got := status("/api/v1/" + list); got != 401 {
			t.Errorf("A1: %s answers %d without a key", list, got)
		}
	}
	if status("/api/v1/runs", "X-API-Key: "+key[1:]) != 401 || status("/api/v1/runs", "X-API-Key: "+key) != 200 || status("/api/v1/runs", "Authorization: Bearer "+key) != 200 {
		t.Error("the key does not do what it should")
	}
	protocol := "cordum-api-key." + base64.RawURLEncoding.EncodeToString([]byte(key))
	if conn, _, err := (&websocket.Dialer{Subprotocols: []string{"cordum.v1", protocol}}).Dial("ws://"+p.addr+"/api/v1/stream", nil); err != nil {
		t.Errorf("the key as a sub-protocol: %v", err)
	} else {
		_ = conn.Close()
	}
	for name, options := range map[string][]nats.Option{"nobody": nil, "wrong": {nats.UserInfo("w", "guess")}} {
		if conn, err := nats.Connect("nats://"+p.nats, options...); err == nil {
			conn.Close()
			t.Errorf("%s connects to NATS", name)
		}
	}
	if conn, err := nats.Connect("nats://"+p.nats, nats.UserInfo("w", secret)); err != nil {
		t.Errorf("a worker cannot connect: %v", err)
	} else {
		conn.Close()
	}
	second := exec.Command(path, "serve", "--dev", "--addr", "127.0.0.1:0", "--nats-addr", "127.0.0.1:0", "--data-dir", filepath.Join(p.dir, "data"))
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("C9: a second server on the same folder: %v\n%s", err, out)
	}
	if log := p.logged(); strings.Contains(log, key) || strings.Contains(log, secret) {
		t.Error("a secret is in the log")
	}
}

// TestSlowBodies sends bodies and headers that never end. Others are served meanwhile, and the slow are sent away.
func TestSlowBodies(t *testing.T) {
	p := newProcess(t)
	p.start("CORDUM_LOG_LEVEL=error")
	const many = 300
	for i := range many {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		head := "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
		if i%2 == 0 {
			head += "\r\n1\r\n{\r\n"
		}
		if _, err := fmt.Fprint(conn, head); err != nil {
			t.Fatal(err)
		}
	}
	var slowest time.Duration
	for range 100 {
		begun := time.Now()
		if err := p.call("GET", "/api/v1/runs", "", nil, nil); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(begun))
	}
	if slowest > hostileAnswer/4 {
		t.Errorf("beside %d slow clients an answer took %s", many, slowest)
	}
}
