package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

type object = map[string]any

// fakeAPI is one run behind the API's shapes. It lives by step: each call of advance is a fact.
type fakeAPI struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	began    time.Time
	state    string
	steps    []object
	events   []object
	approval object
	decided  []object // bodies of decisions
	viewers  map[*viewer]bool
	opened   int // connections in all
}

const (
	fakeRun      = "0701M7Y8AD9A54148V2GVR54AB5B"
	fakeApproval = fakeRun + ".approval~0"
)

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{t: t, began: time.Now().UTC(), state: "running", viewers: map[*viewer]bool{}}
	for _, step := range []string{"backup-db", "backup-files", "approval", "migrate"} {
		kind := "worker"
		if step == "approval" {
			kind = "approval"
		}
		f.steps = append(f.steps, object{"id": step, "type": kind, "state": "pending"})
	}
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	mux.HandleFunc("GET /api/v1/runs", f.answer(func() any { return object{"items": []any{f.header()}} }))
	mux.HandleFunc("GET /api/v1/runs/"+fakeRun, f.answer(f.view))
	mux.HandleFunc("GET /api/v1/runs/"+fakeRun+"/timeline", f.answer(func() any { return object{"run_id": fakeRun, "items": f.events} }))
	mux.HandleFunc("GET /api/v1/workflows/db-migration/graph", f.answer(fakeGraph))
	mux.HandleFunc("GET /api/v1/approvals", f.answer(func() any {
		if f.approval == nil {
			return object{"items": []any{}}
		}
		row := maps.Clone(f.approval)
		delete(row, "context")
		return object{"items": []any{row}}
	}))
	mux.HandleFunc("GET /api/v1/approvals/"+fakeApproval, f.answer(func() any { return f.approval }))
	mux.HandleFunc("POST /api/v1/approvals/"+fakeApproval+"/decide", f.decide)
	mux.HandleFunc("GET /api/v1/stream", f.stream)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.dropViewers()
		f.Close()
	})
	return f
}

func fakeGraph() any {
	return object{
		"nodes": []object{
			{"id": "backup-db", "type": "worker", "layer": 0},
			{"id": "backup-files", "type": "worker", "layer": 0},
			{"id": "approval", "type": "approval", "layer": 1},
			{"id": "migrate", "type": "worker", "layer": 2},
		},
		"edges": []object{
			{"from": "backup-db", "to": "approval"}, {"from": "backup-files", "to": "approval"}, {"from": "approval", "to": "migrate"},
		},
	}
}

func (f *fakeAPI) answer(body func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		raw, err := json.Marshal(body())
		f.mu.Unlock()
		if err != nil {
			f.t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw) // the page is gone
	}
}

func (f *fakeAPI) header() object {
	h := object{"id": fakeRun, "kind": "workflow", "workflow": "db-migration", "digest": "ab", "state": f.state, "seq": len(f.events), "started_at": f.began, "started_by": "user:dev"}
	if f.state == "succeeded" {
		h["ended_at"] = time.Now().UTC()
	}
	return h
}

func (f *fakeAPI) view() any {
	v := f.header()
	v["compensation"] = "none"
	v["steps"] = f.steps
	return v
}

// advance makes a fact: a step's state, or the run's when step is empty.
func (f *fakeAPI) advance(eventType, step, state string, data object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now().UTC()
	if step == "" {
		f.state = state
	}
	for _, s := range f.steps {
		if s["id"] != step {
			continue
		}
		s["state"] = state
		if s["started_at"] == nil {
			s["started_at"] = now
		}
		if state == "succeeded" {
			s["ended_at"] = now
		}
		if step == "approval" && state == "waiting" {
			f.approval = object{
				"id": fakeApproval, "run_id": fakeRun, "workflow": "db-migration", "step": "approval", "title": "Approve <b>migration</b>?",
				"context": object{"migration": "v2.0"}, "state": "waiting", "hash": "h1", "requested_at": now, "requested_by": "user:dev",
			}
		}
	}
	event := object{"seq": len(f.events) + 1, "prev": len(f.events), "run_id": fakeRun, "type": eventType, "ts": now, "v": 1, "step": step, "data": data}
	f.events = append(f.events, event)
	for v := range f.viewers {
		v.event(event)
		v.header(f.header())
	}
}

func (f *fakeAPI) decide(w http.ResponseWriter, r *http.Request) {
	var body object
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	f.decided = append(f.decided, body)
	f.approval = nil
	f.mu.Unlock()
	f.advance("step_succeeded", "approval", "succeeded", nil)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{}")) // the page is gone
}

// viewer is one connection of the stream with its subscriptions.
type viewer struct {
	conn *websocket.Conn
	mu   sync.Mutex
	runs []string // ids of subscriptions to the run
	flow []string // to the workflow's runs
}

func (f *fakeAPI) stream(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"cordum.v1"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	v := &viewer{conn: conn}
	f.mu.Lock()
	f.opened++
	f.viewers[v] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.viewers, v)
		f.mu.Unlock()
		_ = conn.Close()
	}()
	for {
		var ask struct {
			ID        string `json:"id"`
			Subscribe *struct {
				Run      string  `json:"run"`
				Workflow string  `json:"workflow"`
				AfterSeq *uint64 `json:"after_seq"`
			} `json:"subscribe"`
			Unsubscribe string `json:"unsubscribe"`
		}
		if conn.ReadJSON(&ask) != nil {
			return
		}
		f.mu.Lock()
		switch {
		case ask.Unsubscribe != "":
			v.runs = slices.DeleteFunc(v.runs, func(id string) bool { return id == ask.Unsubscribe })
			v.flow = slices.DeleteFunc(v.flow, func(id string) bool { return id == ask.Unsubscribe })
		case ask.Subscribe.Workflow != "":
			v.flow = append(v.flow, ask.ID)
			v.header(f.header())
		case ask.Subscribe.AfterSeq != nil:
			v.runs = append(v.runs, ask.ID)
			for _, event := range f.events[*ask.Subscribe.AfterSeq:] {
				v.send(object{"id": ask.ID, "type": "event", "event": event})
			}
		}
		f.mu.Unlock()
	}
}

func (v *viewer) event(event object) {
	for _, id := range v.runs {
		v.send(object{"id": id, "type": "event", "event": event})
	}
}

func (v *viewer) header(header object) {
	for _, id := range v.flow {
		v.send(object{"id": id, "type": "header", "header": header})
	}
}

func (v *viewer) send(m object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.conn.WriteJSON(m) // a viewer that left is taken out by its reader
}

// dropViewers cuts every connection, as a restart of the server does.
func (f *fakeAPI) dropViewers() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for v := range f.viewers {
		_ = v.conn.Close()
	}
}

func (f *fakeAPI) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

func (f *fakeAPI) decisions() []object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.decided)
}

func seqs(n int) string {
	text := ""
	for i := range n {
		text += strconv.Itoa(i+1) + " "
	}
	return text
}
