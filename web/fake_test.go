package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"
)

type object = map[string]any

// fakeAPI is one run behind the API's shapes. It lives by step: each call of advance is a fact.
type fakeAPI struct {
	*httptest.Server
	t *testing.T

	feed

	began    time.Time
	state    string
	steps    []object
	approval object
	decided  []object // bodies of decisions
	holds    []object
	unseen   int               // so many pages of the inbox are empty before that which is not
	late     func(path string) // called when an answer was made, before it is sent
}

const (
	fakeRun      = "0701M7Y8AD9A54148V2GVR54AB5B"
	fakeApproval = fakeRun + ".approval~0"
)

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{t: t, began: time.Now().UTC(), state: "running", feed: feed{viewers: map[*viewer]bool{}}, holds: []object{}}
	f.current = f.header
	for _, step := range []string{"backup-db", "backup-files", "approval", "migrate"} {
		kind := "worker"
		if step == "approval" {
			kind = "approval"
		}
		f.steps = append(f.steps, object{"id": step, "path": step, "type": kind, "state": "pending"})
	}
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	mux.HandleFunc("GET /api/v1/runs", f.answer(func() any { return object{"items": []any{f.header()}} }))
	mux.HandleFunc("GET /api/v1/holds", f.answer(func() any { return object{"items": f.holds} }))
	mux.HandleFunc("GET /api/v1/runs/"+fakeRun, f.answer(f.view))
	mux.HandleFunc("GET /api/v1/runs/"+fakeRun+"/timeline", f.answer(func() any { return object{"run_id": fakeRun, "items": f.events} }))
	mux.HandleFunc("GET /api/v1/runs/"+fakeRun+"/steps/migrate/explain", f.answer(func() any {
		return object{"run": fakeRun, "step": "migrate", "state": "pending", "why": []object{{"text": "it waits for approval"}}}
	}))
	mux.HandleFunc("GET /api/v1/runs/"+fakeRun+"/logs", f.answer(func() any { return object{"items": []any{}} }))
	mux.HandleFunc("GET /api/v1/workflows/db-migration/graph", f.answer(fakeGraph))
	mux.HandleFunc("GET /api/v1/approvals", func(w http.ResponseWriter, r *http.Request) {
		f.answer(func() any { return f.waiting(r.URL.Query().Get("cursor")) })(w, r)
	})
	mux.HandleFunc("GET /api/v1/approvals/"+fakeApproval, f.answer(func() any { return f.approval }))
	mux.HandleFunc("POST /api/v1/approvals/"+fakeApproval+"/decide", f.decide)
	mux.HandleFunc("GET /api/v1/workflows/db-migration", f.answer(fakeDefinition))
	mux.Handle("GET /api/v1/stream", &f.feed)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.dropViewers()
		f.Close()
	})
	return f
}

// waiting is the page of the inbox behind a cursor, which counts the pages before.
func (f *fakeAPI) waiting(cursor string) any {
	if page, _ := strconv.Atoi(cursor); page < f.unseen {
		return object{"items": []any{}, "next_cursor": strconv.Itoa(page + 1)}
	}
	if f.approval == nil {
		return object{"items": []any{}}
	}
	row := maps.Clone(f.approval)
	delete(row, "context")
	return object{"items": []any{row}}
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

func fakeDefinition() any {
	return object{"definition": object{"steps": object{
		"backup-db": object{}, "backup-files": object{},
		"approval": object{"type": "approval", "depends_on": []string{"backup-db", "backup-files"}},
		"migrate":  object{"depends_on": []string{"approval"}},
	}}}
}

func (f *fakeAPI) answer(body func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		raw, err := json.Marshal(body())
		late := f.late
		f.mu.Unlock()
		if late != nil {
			late(r.URL.Path)
		}
		if err != nil {
			f.t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw) // the page is gone
	}
}

func (f *fakeAPI) header() object {
	h := object{"id": fakeRun, "kind": "workflow", "workflow": "db-migration", "digest": "ab", "state": f.state, "compensation": "none", "seq": len(f.events), "started_at": f.began, "started_by": "user:dev"}
	if f.state == "succeeded" {
		h["ended_at"] = time.Now().UTC()
	}
	return h
}

func (f *fakeAPI) view() any {
	v := f.header()
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
				"round": 1, "needs": []object{{"rule": "acme/prod", "reason": "it is production", "approvers": []string{"role:sre"}, "quorum": 2, "four_eyes": true}},
				"votes": []object{},
				"id":    fakeApproval, "run_id": fakeRun, "workflow": "db-migration", "step": "approval", "title": "Approve <b>migration</b>?",
				"context": object{"migration": "v2.0"}, "state": "waiting", "hash": "h1", "requested_at": now, "requested_by": "user:dev",
			}
		}
	}
	f.publish(object{"run_id": fakeRun, "type": eventType, "ts": now, "v": 1, "step": step, "data": data})
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
