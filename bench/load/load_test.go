package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// fakeServer is a small server with the API's shapes: every run ends as soon as it is started, at the viewer by way of
// what tell says about it.
type fakeServer struct {
	state string
	tell  func(viewer *websocket.Conn, runID, state string) error

	mu      sync.Mutex
	runs    int
	viewers []*websocket.Conn
}

func (f *fakeServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/workflows", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	mux.HandleFunc("POST /api/v1/workflows/{id}/runs", f.start)
	mux.HandleFunc("GET /api/v1/runs/{id}", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(run{ID: r.PathValue("id"), State: f.state})
	})
	mux.HandleFunc("GET /api/v1/runs/{id}/timeline", func(w http.ResponseWriter, _ *http.Request) {
		at := time.Unix(1_700_000_000, 0)
		_ = json.NewEncoder(w).Encode(map[string]any{"items": []event{
			{Seq: 1, Type: "run_started", At: at},
			{Seq: 2, Type: "step_started", Step: "s0", At: at.Add(time.Millisecond)},
			{Seq: 3, Type: "step_succeeded", Step: "s0", At: at.Add(3 * time.Millisecond)},
			{Seq: 4, Type: "run_succeeded", At: at.Add(9 * time.Millisecond)},
		}})
	})
	mux.HandleFunc("GET /api/v1/stream", f.stream)
	return mux
}

// start tells the viewers of the end before it answers: the client must cope with an end that comes first.
func (f *fakeServer) start(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs++
	id := fmt.Sprintf("RUN%d", f.runs)
	for _, viewer := range f.viewers {
		if err := f.tell(viewer, id, f.state); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{"run_id": id})
}

func (f *fakeServer) stream(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	var subscribe map[string]any
	if err := conn.ReadJSON(&subscribe); err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = conn.WriteJSON(map[string]any{"type": "live"})
	f.viewers = append(f.viewers, conn)
}

func byHeader(viewer *websocket.Conn, id, state string) error {
	return viewer.WriteJSON(map[string]any{"type": "header", "header": run{ID: id, State: state}})
}

func serve(t *testing.T, f *fakeServer) *client {
	t.Helper()
	server := httptest.NewServer(f.handler())
	t.Cleanup(server.Close)
	return newClient(server.URL)
}

func TestThroughputCountsEndedRuns(t *testing.T) {
	f := &fakeServer{state: "succeeded", tell: byHeader}
	got, err := measureThroughput(t.Context(), serve(t, f), toolNoop, 4, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got.Runs == 0 || got.Runs > f.runs || got.StepsPerSecond != float64(got.Runs*stepsPerRun)/0.2 {
		t.Errorf("got %+v of %d runs", got, f.runs)
	}
}

func TestThroughputSurvivesAGap(t *testing.T) {
	f := &fakeServer{state: "succeeded"}
	f.tell = func(viewer *websocket.Conn, id, state string) error {
		if strings.HasSuffix(id, "3") { // this end is not told; who waits must look again
			time.AfterFunc(20*time.Millisecond, func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				_ = viewer.WriteJSON(map[string]any{"type": "gap"})
			})
			return nil
		}
		return byHeader(viewer, id, state)
	}
	got, err := measureThroughput(t.Context(), serve(t, f), toolNoop, 2, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got.Resubscribed == 0 || got.Runs == 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAFailedRunFailsTheMeasurement(t *testing.T) {
	c := serve(t, &fakeServer{state: "failed", tell: byHeader})
	if _, err := measureThroughput(t.Context(), c, toolNoop, 2, time.Second); err == nil || !strings.Contains(err.Error(), "ended as failed") {
		t.Errorf("got %v", err)
	}
}

func TestStepTimeIsTheStepsOwn(t *testing.T) {
	got, err := stepTime(t.Context(), serve(t, &fakeServer{}), "RUN1")
	if err != nil || got != 2*time.Millisecond {
		t.Errorf("got %s, %v; want 2 ms", got, err)
	}
}

func TestChainDefinition(t *testing.T) {
	var got struct {
		ID    string
		Steps []struct {
			ID        string   `json:"id"`
			DependsOn []string `json:"depends_on"`
		}
	}
	if err := json.Unmarshal(chainDefinition("c", toolNoop, 3), &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != "c" || len(got.Steps) != 3 || got.Steps[0].DependsOn != nil || got.Steps[2].DependsOn[0] != got.Steps[1].ID {
		t.Errorf("got %+v", got)
	}
}

func TestFanDefinition(t *testing.T) {
	var got struct {
		Steps []struct {
			Tool        string `json:"tool"`
			ForEach     string `json:"for_each"`
			MaxParallel int    `json:"max_parallel"`
		}
	}
	if err := json.Unmarshal(fanDefinition("f", toolQueued, 7), &got); err != nil {
		t.Fatal(err)
	}
	if s := got.Steps[0]; s.Tool != toolQueued || s.MaxParallel != 7 || s.ForEach == "" || fanInput(3) != `{"n":3}` {
		t.Errorf("got %+v, %s", got, fanInput(3))
	}
}

func TestMetricsAreReadByName(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Tenant-ID") != otherTenant {
			http.Error(w, "whose?", http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprintln(w, "# HELP a b\ndepth{queue=\"job.x\"} 12\ndepth{queue=\"job.xy\"} 1e+05")
	}))
	t.Cleanup(server.Close)
	c := newClient(server.URL).of(otherTenant)
	for name, want := range map[string]float64{`depth{queue="job.x"}`: 12, `depth{queue="job.xy"}`: 100_000, "depth": 0} {
		if got, err := c.metric(t.Context(), name); err != nil || got != want {
			t.Errorf("%s is %g, %v; want %g", name, got, err, want)
		}
	}
	if err := c.untilMetric(t.Context(), 0, `depth{queue="job.x"}`, 13); err == nil || !strings.Contains(err.Error(), "12 of 13") {
		t.Errorf("got %v", err)
	}
	if _, err := newClient(server.URL).metric(t.Context(), "depth"); err == nil {
		t.Error("a refusal is taken for a figure")
	}
}

func TestWorkersAreFoundByID(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"items": []workerView{{ID: "a", State: alive}, {ID: "b", State: "silent"}}})
	}))
	t.Cleanup(server.Close)
	for id, want := range map[string]string{"a": alive, "b": "silent", "c": ""} {
		if got, err := newClient(server.URL).worker(t.Context(), id); err != nil || got.State != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}

func TestRolesRefuseWrongArguments(t *testing.T) {
	for _, role := range append(Roles, "nobody") {
		if err := RunWorker(t.Context(), role, []string{"nats://127.0.0.1:1", "1", "2", "3"}, func(string) {}); err == nil {
			t.Errorf("%s ran", role)
		}
		if err := RunWorker(t.Context(), role, nil, func(string) {}); err == nil {
			t.Errorf("%s ran without a server", role)
		}
	}
}
