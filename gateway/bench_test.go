package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// BenchmarkStart is the hot path: guard, checks, engine call and answer, without a network.
func BenchmarkStart(b *testing.B) {
	a := newAPI(b, func(c *Config) {
		withKeys(c)
		c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	a.call("POST", prefix+"/workflows", `{"id":"wf","steps":[{"id":"a","topic":"job.x"}]}`, "X-API-Key: "+testKey).want(201, "")
	a.g.engine = instant{a.g.engine}
	h := a.g.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, prefix+"/workflows/wf/runs", strings.NewReader(`{"name":"Ann","n":[1,2,3]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-API-Key", testKey)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatal(w.Body)
		}
	}
}

// instant starts runs without keeping them.
type instant struct{ Engine }

func (instant) Start(_ context.Context, _ runner.Caller, req runner.StartRequest) (runner.Started, error) {
	return runner.Started{RunID: "0701JDPV6V2K8Q00000000000000", Workflow: req.Workflow}, nil
}
