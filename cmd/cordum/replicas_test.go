package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/freeport"
	"cordum.dev/cordum/internal/redisd"
)

// startNATS starts a NATS server that is no part of any of the processes.
func startNATS(t *testing.T) (addr string) {
	t.Helper()
	addr = freeport.Addr(t)
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	s, err := bus.NewServer(bus.ServerConfig{Host: host, Port: n, Open: true})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return addr
}

// replica makes a process with roles of its own on a store and a bus that all share.
func replica(t *testing.T, roles, nats, store string) *process {
	t.Helper()
	p := newProcess(t)
	p.nats = nats
	p.mode = []string{"--dev", "--roles", roles, "--nats-url", "nats://" + nats, "--store", store, "--init-store"}
	return p
}

// askAndWork waits for a person, then for a worker.
const askAndWork = `
id: kill
steps:
  - {id: may, type: approval, title: "May it?"}
  - {id: a, topic: job.kill.work, depends_on: [may]}
  - {id: wait, type: delay, for: 60ms, depends_on: [a]}
  - {id: b, topic: job.kill.work, depends_on: [a]}
  - {id: c, topic: job.kill.work, depends_on: [b, wait]}
`

// resumedWithin is how long it may take until all runs of an engine that was killed have ended elsewhere. What is promised is a lease
// and two seconds; the rest is for a busy machine.
const resumedWithin = 30 * time.Second

// TestReplicas runs two engines and two gateways, of which one is beside an engine: any gateway starts, shows and answers any run,
// and when an engine is killed its runs go on at the other one, in time. Who watches them at any gateway sees each event once.
func TestReplicas(t *testing.T) {
	t.Parallel()
	nats, store := startNATS(t), storeURL("redis", redisd.Start(t, redisd.Durable...))
	first, second := replica(t, "engine", nats, store), replica(t, "gateway,engine", nats, store)
	door := replica(t, "gateway", nats, store)
	first.start()
	second.start()
	door.start()
	ledger := door.startWorker()
	if err := door.call("POST", "/api/v1/workflows", "application/yaml", []byte(askAndWork), nil); err != nil {
		t.Fatal(err)
	}
	if err := first.call("GET", "/api/v1/runs", "", nil, nil); err == nil {
		t.Error("a process without the role of a gateway answers the API")
	}
	var runs []string
	for i := range 24 {
		var s runner.Started
		if err := []*process{door, second}[i%2].call("POST", "/api/v1/workflows/kill/runs", "application/json", []byte(`{}`), &s); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, s.RunID)
	}
	var seen []<-chan error
	for i, run := range runs { // half of them live through the kill
		seen = append(seen, followed(t, []*process{second, door}[i%2], run))
	}
	for _, run := range runs[:12] {
		approveAt(second, run)
	}
	for _, run := range runs[:12] {
		door.ends(run)
		checkHistory(t, second, run)
	}
	first.kill()
	begun := time.Now()
	for _, run := range runs[12:] {
		approveAt(door, run)
	}
	for _, run := range runs[12:] {
		second.ends(run)
		checkHistory(t, door, run)
	}
	took := time.Since(begun)
	t.Logf("all runs ended %v after the kill", took.Round(10*time.Millisecond))
	if took > resumedWithin {
		t.Errorf("all runs ended %v after the kill, want %v", took, resumedWithin)
	}
	checkWorkedOnce(t, ledger, runs)
	for i, run := range runs {
		select {
		case err := <-seen[i]:
			if err != nil {
				t.Errorf("the stream of run %d, %s: %v", i, run, err)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("the stream of run %d, %s, never showed its end", i, run)
		}
	}
	door.until("the gateway is ready", func() bool { return door.call("GET", "/readyz", "", nil, nil) == nil })
}

// checkWorkedOnce looks that each step was executed once.
func checkWorkedOnce(t *testing.T, ledger string, runs []string) {
	t.Helper()
	executed := map[string]int{}
	for _, e := range readLedger(t, ledger) {
		if e.Phase == "begin" {
			executed[e.Run+"."+e.Step]++
		}
	}
	for _, run := range runs {
		for _, step := range []string{"a", "b", "c"} {
			if n := executed[run+"."+step]; n != 1 {
				t.Errorf("step %s of run %s was executed %d times, want once", step, run, n)
			}
		}
	}
}

// approveAt answers a run's approval through a process, as soon as it can be.
func approveAt(p *process, run string) {
	p.t.Helper()
	var last error
	p.until("run "+run+" is approved", func() bool {
		last = p.call("POST", "/api/v1/approvals/"+run+".may~0/approve", "application/json", []byte(`{}`), nil)
		return last == nil || strings.Contains(last.Error(), `"conflict"`)
	})
}

// followed watches a run over WebSocket from its first event until its end, and tells what was wrong: an event that was left out, or
// came again, or a stream that broke.
func followed(t *testing.T, p *process, run string) <-chan error {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+p.addr+"/api/v1/stream", http.Header{})
	if err == nil {
		err = conn.WriteJSON(map[string]any{"id": "a", "subscribe": map[string]any{"run": run, "after_seq": 0}})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	told := make(chan error, 1)
	go func() { told <- eachOnce(conn) }()
	return told
}

// eachOnce reads a stream until the run has ended.
func eachOnce(conn *websocket.Conn) error {
	for next := uint64(1); ; {
		var m gateway.StreamMessage
		if err := conn.ReadJSON(&m); err != nil {
			return fmt.Errorf("before event %d: %w", next, err)
		}
		switch {
		case m.Error != nil:
			return fmt.Errorf("before event %d: %+v", next, *m.Error)
		case m.Event == nil:
			continue
		case m.Event.Seq != next:
			return fmt.Errorf("event %d came, want %d", m.Event.Seq, next)
		}
		if next++; m.Event.Type == "run_succeeded" || m.Event.Type == "run_ended" {
			return nil
		}
	}
}

// TestRolesRefused says what a process with a part of the roles needs.
func TestRolesRefused(t *testing.T) {
	for args, want := range map[string]string{
		"--roles gateway":                            "--nats-url",
		"--roles engine --nats-url nats://x:4222":    "--store",
		"--roles door":                               "is no role",
		"--roles gateway,engine --nats-url x":        "no list of addresses",
		"--roles engine --store redis://127.0.0.1:1": "--nats-url",
	} {
		r := cordum(t.Context(), "", nil, append([]string{"serve", "--dev"}, strings.Fields(args)...)...)
		if r.code != exitUsage || !strings.Contains(r.errOut, want) {
			t.Errorf("%s: exit code %d, %s", args, r.code, r.errOut)
		}
	}
}
