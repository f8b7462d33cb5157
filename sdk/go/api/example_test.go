package api_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"cordum.dev/cordum/sdk/go/api"
)

// Starting a run and waiting for its end: GetRun answers when the run has changed since what was seen.
func Example() {
	server := httptest.NewServer(sampleServer()) // in place of http://127.0.0.1:8081
	defer server.Close()
	ctx := context.Background()

	client, err := api.New(api.Config{URL: server.URL, Key: "…"})
	if err != nil {
		log.Fatal(err)
	}
	started, err := client.StartRun(ctx, nil, api.RunStart{Workflow: "db-migration", Input: map[string]any{"version": "v2.0"}})
	if err != nil {
		log.Fatal(err)
	}
	var run api.RunView
	for run.EndedAt == nil {
		params := api.GetRunParams{Wait: new("30s")}
		if run.Seq > 0 {
			params.Since = &run.Seq
		}
		if run, err = client.GetRun(ctx, started.RunID, &params); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(run.ID, run.State)

	_, err = client.GetRun(ctx, "another", nil)
	fmt.Println(api.Code(err))
	// Output:
	// r1 succeeded
	// not_found
}

// sampleServer has one run, which ends when it is looked at again.
func sampleServer() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, status int, body func(*http.Request) string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body(r))
		})
	}
	answer("POST /api/v1/runs", 201, func(*http.Request) string { return `{"run_id": "r1"}` })
	answer("GET /api/v1/runs/r1", 200, func(r *http.Request) string {
		if r.URL.Query().Get("since") == "" {
			return `{"id": "r1", "seq": 3, "state": "running"}`
		}
		return `{"id": "r1", "seq": 9, "state": "succeeded", "ended_at": "2026-01-02T03:04:05Z"}`
	})
	answer("GET /api/v1/runs/{id}", 404, func(*http.Request) string {
		return `{"code": "not_found", "title": "There is no such thing", "status": 404}`
	})
	return mux
}
