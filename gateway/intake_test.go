package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestStopping stops a gateway while a request is under way: it says at once that it is not ready and takes nothing new, answers
// what it has, and ends.
func TestStopping(t *testing.T) {
	a := newAPI(t, func(c *Config) { c.Stop = time.Minute })
	a.call("POST", "/api/v1/workflows", `{"id":"w","steps":[{"id":"a","topic":"job.x"}]}`)
	addr, stop := a.serveOn()
	start := func() (*http.Response, error) {
		return http.Post("http://"+addr+"/api/v1/workflows/w/runs", "application/json", strings.NewReader(`{}`))
	}
	a.engine.mu.Lock()
	inFlight := make(chan *http.Response, 1)
	go func() {
		res, err := start()
		if err != nil {
			t.Error(err)
		}
		inFlight <- res
	}()
	until(t, func() bool { a.g.intake.mu.Lock(); defer a.g.intake.mu.Unlock(); return a.g.intake.inside == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	until(t, func() bool { a.g.intake.mu.Lock(); defer a.g.intake.mu.Unlock(); return a.g.intake.closed })
	ready, err := http.Get("http://" + addr + "/readyz") // not before: it would ask the engine, which hangs
	if err != nil {
		t.Fatal(err)
	}
	_ = ready.Body.Close()
	if ready.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("it says that it is ready: %d", ready.StatusCode)
	}
	res, err := start()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !res.Close || !strings.Contains(string(body), "nothing was done") {
		t.Errorf("a request while it stops: %d %v %s", res.StatusCode, res.Header, body)
	}
	a.engine.mu.Unlock()
	if res := <-inFlight; res != nil {
		_ = res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Errorf("the request that was under way: %d", res.StatusCode)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to pass in time")
		}
	}
}
