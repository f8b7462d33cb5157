package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// Logs answers three lines of every run, one at a time if that is asked for.
func (f *fakeEngine) Logs(_ context.Context, c runner.Caller, q runner.LogQuery) (runner.LogPage, error) {
	defer f.lock(c)()
	if q.Run != "" {
		if _, err := f.find(c, q.Run); err != nil {
			return runner.LogPage{}, err
		}
	} else if _, ok := f.jobs[c.Tenant+"/"+q.Job]; !ok {
		return runner.LogPage{}, runner.ErrNotFound
	}
	var page runner.LogPage
	for n := int64(1); n <= 3; n++ {
		if q.After != "" && fmt.Sprint(n) <= q.After {
			continue
		}
		if len(page.Lines) == q.Limit {
			page.Next = fmt.Sprint(n - 1)
			break
		}
		page.Lines = append(page.Lines, runner.LogLine{JobID: "j", Step: "a", Attempt: 1, N: n, At: time.Unix(0, 0).UTC(), Stream: "stdout", Text: "line"})
	}
	return page, nil
}

// TestLogs: pages lead from one to the next; what does not exist is not found.
func TestLogs(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	after, lines := "", 0
	for range 3 {
		w := a.call("GET", prefix+"/runs/"+run+"/logs?limit=2&after="+after, "").want(200, "")
		var got LogLines
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		lines += len(got.Items)
		if after = got.NextAfter; after == "" {
			break
		}
	}
	if lines != 3 || after != "" {
		t.Errorf("%d lines, and more behind %q", lines, after)
	}
	a.call("GET", prefix+"/runs/x/logs", "").want(404, "not_found")
	a.call("GET", prefix+"/jobs/x/logs", "").want(404, "not_found")
	a.call("GET", prefix+"/runs/"+run+"/logs?limit=5001", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/runs/"+run+"/logs?attempt=-1", "").want(400, "invalid_argument")
}

// TestStreamOfLogs: lines come to who asked for them, over both streams.
func TestStreamOfLogs(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	part := &runner.LogPart{RunID: run, JobID: "j", Step: "a", Attempt: 1, Lines: []runner.LogText{{N: 1, Stream: "stdout", Text: "hello"}}}
	say := func() {
		a.engine.mu.Lock()
		defer a.engine.mu.Unlock()
		for w := range a.engine.watches {
			if w.logs {
				w.put(runner.Message{Kind: "log", Log: part})
			}
		}
	}
	loud, still := connect(t, addr), connect(t, addr)
	loud.say(`{"id":"a","subscribe":{"run":%q,"logs":true}}`, run)
	loud.types(2)
	still.say(`{"id":"a","subscribe":{"run":%q}}`, run)
	still.types(2)
	events := startSSE(t, addr, "logs=1&run="+run, "")
	for range 2 {
		events.event(t)
	}
	say()
	if m := loud.next(); m.Type != "log" || m.Log == nil || m.Log.Lines[0].Text != "hello" {
		t.Errorf("got %+v", m)
	}
	if name, m := events.event(t); name != "log" || m.Log == nil {
		t.Errorf("got %s %+v", name, m)
	}
	a.engine.advance(run, 1)
	if got := still.types(1); got != "event 2" {
		t.Errorf("who did not ask got %s", got)
	}
	events.resp.Body.Close()
	still.say(`{"id":"b","subscribe":{"workflow":"wf","logs":true}}`)
	if got := still.types(1); got != "error invalid_argument" {
		t.Errorf("logs of a workflow: %s", got)
	}
	a.call("GET", prefix+"/stream/sse?run="+run+"&logs=yes", "").want(400, "invalid_argument")
}
