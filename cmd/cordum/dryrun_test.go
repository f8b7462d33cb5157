package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// countingStore counts what is written.
type countingStore struct {
	store.Store
	writes atomic.Int64
}

func (s *countingStore) Commit(ctx context.Context, txs ...store.Tx) []error {
	s.writes.Add(int64(len(txs)))
	return s.Store.Commit(ctx, txs...)
}

func (s *countingStore) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	s.writes.Add(1)
	return s.Store.PutBlob(ctx, p, tenant, data)
}

// countingBus counts what is sent.
type countingBus struct {
	bus.Bus
	sent atomic.Int64
}

func (b *countingBus) Publish(subject string, data []byte) error {
	b.sent.Add(1)
	return b.Bus.Publish(subject, data)
}

func (b *countingBus) PublishRequest(subject, reply string, data []byte) error {
	b.sent.Add(1)
	return b.Bus.PublishRequest(subject, reply, data)
}

func (b *countingBus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	b.sent.Add(1)
	return b.Bus.Request(ctx, subject, data)
}

const plannedWorkflow = `{"id": "planned", "on_failure": "rollback", "steps": [
	{"id": "reserve", "topic": "job.stock.reserve", "compensate": {"topic": "job.stock.release"}},
	{"id": "each", "topic": "job.mail", "depends_on": ["reserve"], "for_each": "input.to"},
	{"id": "sub", "type": "subworkflow", "workflow": "child", "depends_on": ["reserve"]},
	{"id": "ask", "type": "approval", "title": "Ship?", "depends_on": ["each", "sub"]}]}`

// A plan, whatever it is asked for, writes nothing and sends nothing; a start shows that the counting works.
func TestPlansWriteAndSendNothing(t *testing.T) {
	opened, err := pebble.Open(pebble.Config{Dir: t.TempDir(), Partitions: 4, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	written, sent := &countingStore{Store: opened}, &countingBus{Bus: bus.NewMemory()}
	defer sent.Close()
	engine, err := runner.New(runner.Config{Policy: safety.NewSnapshot(safety.Allow), Logger: slog.New(slog.DiscardHandler)}, written, sent)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for until := time.Now().Add(deadline); engine.Health(ctx) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the engine does not come up")
		}
	}
	g, err := gateway.New(gateway.Config{
		Dev: true, Logger: slog.New(slog.DiscardHandler), Policy: func() *safety.Snapshot { return safety.NewSnapshot(safety.Allow) },
	}, gateway.Adapt(engine))
	if err != nil {
		t.Fatal(err)
	}
	defer g.CloseStreams()
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	post := func(path, body string, status int) []byte {
		t.Helper()
		answer, err := http.Post(server.URL+"/api/v1/"+path, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(answer.Body); err != nil || answer.StatusCode != status {
			t.Fatalf("POST %s: %d, %v: %s", path, answer.StatusCode, err, &text)
		}
		return text.Bytes()
	}
	post("workflows", `{"id":"child","steps":[{"id":"c","topic":"job.child","compensate":{"topic":"job.unchild"}}]}`, http.StatusCreated)
	post("workflows", plannedWorkflow, http.StatusCreated)
	post("workflows", `{"id":"idle","steps":[{"id":"ask","type":"approval"},{"id":"go","topic":"job.go","depends_on":["ask"]}]}`, http.StatusCreated)
	started := post("workflows/idle/runs", `{}`, http.StatusCreated)
	var run runner.Started
	if err := json.Unmarshal(started, &run); err != nil {
		t.Fatal(err)
	}
	if written.writes.Load() == 0 {
		t.Fatal("a start was not counted")
	}
	quiet(t, written, sent)

	writes, messages := written.writes.Load(), sent.sent.Load()
	var made plan.Plan
	for range 20 {
		if err := json.Unmarshal(post("workflows/planned/dry-run", `{"input":{"to":["a","b"]}}`, http.StatusOK), &made); err != nil || len(made.Steps) != 4 {
			t.Fatalf("%v: %+v", err, made)
		}
		post("workflows/planned/dry-run", `{}`, http.StatusOK)
		post("workflows/dry-run", `{"definition":`+plannedWorkflow+`,"input":{"to":[]}}`, http.StatusOK)
		post("workflows/lint", plannedWorkflow, http.StatusOK)
	}
	post("runs/"+run.RunID+"/rollback-plan", "", http.StatusOK)
	post("runs/"+run.RunID+"/fork", `{"from":"go","preview":true}`, http.StatusOK)
	post("batches", `{"filter":{"workflow":"idle"},"action":"cancel","dry_run":true}`, http.StatusOK)
	if w, m := written.writes.Load()-writes, sent.sent.Load()-messages; w != 0 || m != 0 {
		t.Errorf("plans wrote %d times and sent %d messages", w, m)
	}
}

// quiet waits until the engine has nothing to write or send by itself.
func quiet(t *testing.T, s *countingStore, b *countingBus) {
	t.Helper()
	until := time.Now().Add(deadline)
	for since, last := time.Now(), [2]int64{}; time.Since(since) < time.Second; time.Sleep(5 * time.Millisecond) {
		if now := [2]int64{s.writes.Load(), b.sent.Load()}; now != last {
			since, last = time.Now(), now
		}
		if time.Now().After(until) {
			t.Fatal("the engine does not come to rest")
		}
	}
}
