package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorded answers with what a server once said, and keeps what it is told.
type recorded struct {
	*httptest.Server
	feed

	t       *testing.T
	run     object                   // the view of the run
	slow    map[string]chan struct{} // by the same: what waits until it is closed; set before the page asks
	answers map[string]any           // by "METHOD path" below the prefix; a func(url.Values) any makes one
	refuse  map[string]int           // statuses of what is refused, by the same key
	told    []told
	removed []string // paths that were deleted
}

// told is one POST.
type told struct {
	path string
	body object
	once string // its Idempotency-Key
}

func newRecorded(t *testing.T, run object) *recorded {
	f := &recorded{t: t, run: run, refuse: map[string]int{}, feed: feed{viewers: map[*viewer]bool{}}}
	f.current = func() object {
		header := object{}
		for _, name := range []string{"id", "kind", "workflow", "digest", "state", "compensation", "seq", "started_at", "ended_at", "started_by"} {
			if v, has := f.run[name]; has {
				header[name] = v
			}
		}
		return header
	}
	f.answers = map[string]any{
		"GET runs":                          func(url.Values) any { return object{"items": []any{f.current()}} },
		"GET runs/" + fakeRun:               func(url.Values) any { return f.run },
		"GET runs/" + fakeRun + "/timeline": func(url.Values) any { return object{"run_id": fakeRun, "items": append([]object{}, f.events...)} },
		"GET workflows/order/graph":         object{"nodes": []any{}, "edges": []any{}},
		"GET workflows/order":               orderDefinition(),
		"GET runs/" + fakeRun + "/logs":     object{"items": []any{}},
		"GET approvals":                     object{"items": []any{}},
		"GET holds":                         object{"items": []any{}},
	}
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	mux.Handle("GET /api/v1/stream", &f.feed)
	mux.HandleFunc("/api/v1/", f.serve)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.dropViewers()
		f.Close()
	})
	return f
}

func (f *recorded) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1/")
	key := r.Method + " " + path
	if wait := f.slow[key]; wait != nil {
		<-wait
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPost {
		body := object{}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			f.t.Error(err)
		}
		f.told = append(f.told, told{path: path, body: body, once: r.Header.Get("Idempotency-Key")})
	}
	if r.Method == http.MethodDelete && f.refuse[key] == 0 {
		f.removed = append(f.removed, path)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, known := f.answers[key]
	if made, is := answer.(func(url.Values) any); is {
		answer = made(r.URL.Query())
	}
	status := f.refuse[key]
	switch {
	case status != 0:
		answer = object{"detail": fmt.Sprintf("refused with %d", status)}
	case !known && r.Method == http.MethodPost:
		answer, status = f.run, http.StatusAccepted
	case !known:
		answer, status = object{"detail": "no such thing: " + key}, http.StatusNotFound
	default:
		status = http.StatusOK
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body, err := json.Marshal(answer)
	if err != nil {
		f.t.Error(err)
	}
	_, _ = w.Write(body) // the page may be gone
}

// change alters the run and says so by an event.
func (f *recorded) change(eventType, step string, data object, alter func(run object)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if alter != nil {
		alter(f.run)
	}
	f.run["seq"] = len(f.events) + 1
	f.publish(object{"run_id": fakeRun, "type": eventType, "ts": time.Now().UTC(), "v": 1, "step": step, "data": data})
}

// end closes the subscriptions to the run, as a server does when all of it was told.
func (f *recorded) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for v := range f.viewers {
		for _, id := range v.runs {
			v.send(object{"id": id, "type": "end", "seq": len(f.events)})
		}
		v.runs = nil
	}
}

// posts are the bodies that a path was told, without previews of forks.
func (f *recorded) posts(path string) []told {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.told), func(p told) bool { return p.path != path || p.body["preview"] == true })
}

const fakeChild = "0701M7Y8AD9A54148V2GVR54AB5C"

func orderDefinition() object {
	return object{"id": "order", "definition": object{"steps": object{
		"reserve": object{"checkpoint": "reserved"},
		"each":    object{"depends_on": []string{"reserve"}},
		"poll":    object{"type": "loop", "depends_on": []string{"reserve"}, "steps": object{"ask": object{"type": "wait", "signal": "answer"}, "look": object{}}},
		"pay":     object{"type": "subworkflow", "depends_on": []string{"each"}},
		"ship":    object{"depends_on": []string{"pay", "poll"}},
		"go":      object{"type": "wait", "signal": "go", "depends_on": []string{"reserve"}},
	}}}
}

// orderRun is a saga whose last step failed: its fan-out has 10,000 iterations, of which the steps have none; one
// compensation is held, one runs, one is done.
func orderRun() object {
	began := time.Now().UTC().Add(-time.Minute)
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	step := func(path, kind, state string, more object) object {
		s := object{"id": path, "path": path, "type": kind, "state": state, "attempt": 1, "started_at": at(1), "ended_at": at(5)}
		for name, v := range more {
			s[name] = v
		}
		return s
	}
	unpaid := object{"code": "bank_away", "message": "the bank does not answer", "retryable": true}
	return object{
		"id": fakeRun, "kind": "workflow", "workflow": "order", "digest": "ab12", "state": "failed", "compensation": "held", "seq": 0,
		"started_at": began, "ended_at": at(20), "started_by": "user:ann", "parent": object{"run_id": fakeChild, "step": "orders[7]"},
		"error": object{"code": "no_truck", "message": "no truck", "retryable": false}, "kept": []string{"audit"},
		"held": []object{{"run_id": fakeRun, "workflow": "order", "step": "each[3]", "job_id": fakeRun + ".each~12", "held_at": at(30), "error": unpaid}},
		"steps": []object{
			step("reserve", "worker", "succeeded", nil),
			step("each", "worker", "succeeded", object{"iterations": object{"total": 10000, "succeeded": 9000, "bad": 3, "running": 50}}),
			step("poll", "loop", "succeeded", nil),
			step("poll[0]/ask", "wait", "succeeded", object{"parent": "poll", "round": 0}),
			step("poll[0]/look", "worker", "skipped", object{"parent": "poll", "round": 0, "reason": "when_false"}),
			step("poll[1]/ask", "wait", "succeeded", object{"parent": "poll", "round": 1, "output": object{"answer": 42}}),
			step("poll[1]/look", "worker", "succeeded", object{"parent": "poll", "round": 1}),
			step("pay", "subworkflow", "succeeded", object{"child_run": fakeChild}),
			step("ship", "worker", "failed", object{"error": object{"code": "no_truck", "message": "no truck", "retryable": false}}),
			step("undo:pay", "subworkflow", "succeeded", object{"undoes": "pay", "child_run": fakeChild, "started_at": at(21), "ended_at": at(24)}),
			step("undo:each[2]", "worker", "succeeded", object{"undoes": "each[2]", "started_at": at(25), "ended_at": at(28)}),
			step("undo:reserve", "worker", "pending", object{"undoes": "reserve", "started_at": nil, "ended_at": nil, "attempt": 0}),
		},
	}
}

// iterations answers pages of a fan-out's iterations, as the API does: the cursor says where the next page begins.
func iterations(fan string, total int) func(url.Values) any {
	return func(query url.Values) any {
		var first, limit int
		_, _ = fmt.Sscan(query.Get("cursor"), &first) // none is the beginning
		_, _ = fmt.Sscan(query.Get("limit"), &limit)
		page := object{"items": []object{}}
		var items []object
		for i := first; i < min(first+limit, total); i++ {
			path := fmt.Sprintf("%s[%d]", fan, i)
			items = append(items, object{"id": path, "path": path, "parent": fan, "item": i, "type": "worker", "state": "succeeded", "attempt": 1})
		}
		page["items"] = items
		if first+limit < total {
			page["next_cursor"] = fmt.Sprint(first + limit)
		}
		return page
	}
}
