package many

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"cordum.dev/cordum/bench/process"
)

// startWithin bounds the start of a server with a full store.
const startWithin = 5 * time.Minute

// server is a started cordum and a client of it.
type server struct {
	process *process.Process
	base    string
	http    *http.Client
	took    time.Duration // from its start until it said that it is ready
}

func start(ctx context.Context, binary, dir string) (*server, error) {
	var addrs [2]string
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addrs[i] = l.Addr().String()
		_ = l.Close()
	}
	began := time.Now()
	p, err := process.Start(binary, "serve", "--dev", "--addr", addrs[0], "--nats-addr", addrs[1], "--data-dir", dir, "--rate-rps", "-1")
	if err != nil {
		return nil, err
	}
	s := &server{process: p, base: "http://" + addrs[0], http: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	}}
	for s.call(ctx, http.MethodGet, "/readyz", nil, nil) != nil {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.Ended():
			return nil, fmt.Errorf("the server ended: %s", p.Output())
		case <-ctx.Done():
			p.Stop()
			return nil, ctx.Err()
		}
		if time.Since(began) > startWithin {
			p.Stop()
			return nil, fmt.Errorf("the server was not ready within %s: %s", startWithin, p.Output())
		}
	}
	s.took = time.Since(began)
	return s, nil
}

func (s *server) stop() { s.process.Stop() }

// call makes one request and decodes the answer, if it is wanted.
func (s *server) call(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// run is what the measurements need of a run.
type run struct {
	ID    string    `json:"id"`
	State string    `json:"state"`
	Ended time.Time `json:"ended_at"`
}

// page is a page of a list of runs.
type page struct {
	Items []run  `json:"items"`
	Next  string `json:"next_cursor"`
}

func (s *server) start(ctx context.Context, workflow, input string) (string, error) {
	var started struct {
		RunID string `json:"run_id"`
	}
	err := s.call(ctx, http.MethodPost, "/api/v1/workflows/"+workflow+"/runs", []byte(input), &started)
	return started.RunID, err
}

// runToEnd starts a run and waits until it has ended.
func (s *server) runToEnd(ctx context.Context, workflow, input string) (string, error) {
	id, err := s.start(ctx, workflow, input)
	for err == nil {
		var r run
		if err = s.call(ctx, http.MethodGet, "/api/v1/runs/"+id, nil, &r); err == nil && !r.Ended.IsZero() {
			return id, nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return id, err
}
