package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Pack and tool of the step that does nothing.
const (
	noopPack = "bench"
	noopTool = "noop"
)

// workerID is the name of the worker's process, by which the server shows that it knows it.
const workerID = "bench-worker"

// client speaks the HTTP API.
type client struct {
	base string
	http *http.Client
}

func newClient(base string) *client {
	return &client{base: base, http: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024, DisableCompression: true},
	}}
}

// register stores a chain of no-op steps under an id.
func (c *client) register(ctx context.Context, id string, steps int) error {
	return c.call(ctx, http.MethodPost, "/api/v1/workflows", chainDefinition(id, steps), nil)
}

// chainDefinition is a workflow of steps that do nothing, one after another.
func chainDefinition(id string, steps int) []byte {
	type step struct {
		ID        string   `json:"id"`
		Pack      string   `json:"pack"`
		Tool      string   `json:"tool"`
		Effect    string   `json:"effect"`
		DependsOn []string `json:"depends_on,omitempty"`
	}
	all := make([]step, steps)
	for i := range all {
		all[i] = step{ID: "s" + strconv.Itoa(i), Pack: noopPack, Tool: noopTool, Effect: "none"}
		if i > 0 {
			all[i].DependsOn = []string{all[i-1].ID}
		}
	}
	definition, err := json.Marshal(map[string]any{"id": id, "steps": all})
	if err != nil {
		panic(err) // strings and slices of them always encode
	}
	return definition
}

// start starts a run and returns its id.
func (c *client) start(ctx context.Context, workflow string) (string, error) {
	var started struct {
		RunID string `json:"run_id"`
	}
	err := c.call(ctx, http.MethodPost, "/api/v1/workflows/"+workflow+"/runs", []byte("{}"), &started)
	return started.RunID, err
}

// run is what the measurements need of a run.
type run struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Seq   uint64 `json:"seq"`
}

// ended tells whether a run's state is final.
func (r run) ended() bool {
	switch r.State {
	case "succeeded", "failed", "cancelled", "timed_out":
		return true
	}
	return false
}

// run reads a run.
func (c *client) run(ctx context.Context, id string) (r run, err error) {
	return r, c.get(ctx, "/api/v1/runs/"+id, &r)
}

// event is a line of a timeline.
type event struct {
	Seq  uint64    `json:"seq"`
	Type string    `json:"type"`
	At   time.Time `json:"ts"`
	Step string    `json:"step"`
}

// timeline reads the first events of a run.
func (c *client) timeline(ctx context.Context, id string) ([]event, error) {
	var page struct {
		Items []event `json:"items"`
	}
	err := c.get(ctx, "/api/v1/runs/"+id+"/timeline?limit=1000", &page)
	return page.Items, err
}

// workers counts the workers that the server knows.
func (c *client) workers(ctx context.Context) (int, error) {
	var page struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := c.get(ctx, "/api/v1/workers", &page); err != nil {
		return 0, err
	}
	own := 0
	for _, w := range page.Items {
		if w.ID == workerID {
			own++
		}
	}
	return own, nil
}

func (c *client) get(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodGet, path, nil, into)
}

// call makes one request; a status of 300 or more is an error that carries the answer.
func (c *client) call(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(answer[:min(len(answer), 500)])))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
