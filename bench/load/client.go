package load

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// client speaks the HTTP API.
type client struct {
	base   string
	tenant string // empty: the server's own
	http   *http.Client
}

func newClient(base string) *client {
	return &client{base: base, http: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024, DisableCompression: true},
	}}
}

// of is the same client for another tenant.
func (c *client) of(tenant string) *client {
	return &client{base: c.base, tenant: tenant, http: c.http}
}

// register stores a definition.
func (c *client) register(ctx context.Context, definition []byte) error {
	return c.call(ctx, http.MethodPost, "/api/v1/workflows", definition, nil)
}

// start starts a run and returns its id. input is JSON; empty is none.
func (c *client) start(ctx context.Context, workflow, input string) (string, error) {
	var started struct {
		RunID string `json:"run_id"`
	}
	err := c.call(ctx, http.MethodPost, "/api/v1/workflows/"+workflow+"/runs", []byte(cmp.Or(input, "{}")), &started)
	return started.RunID, err
}

// cancel cancels a run.
func (c *client) cancel(ctx context.Context, run string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/runs/"+run+"/cancel", []byte("{}"), nil)
}

// submit asks for a single job of a tool.
func (c *client) submit(ctx context.Context, tool string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/jobs", fmt.Appendf(nil, `{"pack":%q,"tool":%q}`, pack, tool), nil)
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

// workerView is what the server says of a worker.
type workerView struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	LastSeen time.Time `json:"last_seen"`
}

// alive is the state of a worker that gets jobs.
const alive = "alive"

// worker reads what the server says of a worker; nothing when it knows none.
func (c *client) worker(ctx context.Context, id string) (workerView, error) {
	var page struct {
		Items []workerView `json:"items"`
	}
	if err := c.get(ctx, "/api/v1/workers", &page); err != nil {
		return workerView{}, err
	}
	for _, w := range page.Items {
		if w.ID == id {
			return w, nil
		}
	}
	return workerView{}, nil
}

// metric reads one of the server's metrics, spelled with its labels as the server does; 0 when it is not there.
func (c *client) metric(ctx context.Context, name string) (float64, error) {
	text, err := c.read(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, nil
}

// pollEvery is the pause between two looks at the server.
const pollEvery = 20 * time.Millisecond

// until looks again and again until something is true.
func until(ctx context.Context, within time.Duration, what string, ok func() (bool, error)) error {
	deadline := time.Now().Add(within)
	for {
		if done, err := ok(); err != nil || done {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %s", within, what)
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// untilMetric waits until a metric is at least so much.
func (c *client) untilMetric(ctx context.Context, within time.Duration, name string, least float64) error {
	var last float64
	err := until(ctx, within, name, func() (bool, error) {
		var err error
		last, err = c.metric(ctx, name)
		return last >= least, err
	})
	if err != nil {
		return fmt.Errorf("%w (%g of %g)", err, last, least)
	}
	return nil
}

// untilRun is untilMetric for what a run leads to: how far the run came is said when it does not.
func (c *client) untilRun(ctx context.Context, run, name string, least float64) error {
	err := c.untilMetric(ctx, runWithin, name, least)
	if err == nil {
		return nil
	}
	v, err2 := c.run(ctx, run)
	if err2 != nil {
		return errors.Join(err, err2)
	}
	return fmt.Errorf("%w; the run is %s", err, v.State)
}

// runWithin bounds what is waited for of a run.
const runWithin = time.Minute

func (c *client) get(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodGet, path, nil, into)
}

// call makes one request and reads the answer, if it is wanted.
func (c *client) call(ctx context.Context, method, path string, body []byte, into any) error {
	answer, err := c.read(ctx, method, path, body)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// read makes one request; a status of 300 or more is an error that carries the answer.
func (c *client) read(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.tenant != "" {
		req.Header.Set("X-Tenant-ID", c.tenant)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(answer[:min(len(answer), 500)])))
	}
	return answer, nil
}
