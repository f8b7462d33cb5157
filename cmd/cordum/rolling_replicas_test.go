package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
)

// clients start runs through a gateway until they are stopped. Each start is tried again under its key until it is acknowledged.
type clients struct {
	t    *testing.T
	addr string
	stop chan struct{}
	all  sync.WaitGroup

	mu   sync.Mutex
	runs map[string]string // by the start's key
}

const (
	rollingClients = 3
	rollingPace    = 120 * time.Millisecond // of one client
)

func startClients(p *process) *clients {
	c := &clients{t: p.t, addr: p.addr, stop: make(chan struct{}), runs: map[string]string{}}
	for i := range rollingClients {
		c.all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-c.stop:
					return
				case <-time.After(rollingPace):
					c.start(fmt.Sprintf("%d-%d", i, n))
				}
			}
		})
	}
	return c
}

// start starts a run, however often that takes.
func (c *clients) start(key string) {
	for over := time.Now().Add(time.Minute); time.Now().Before(over); time.Sleep(20 * time.Millisecond) {
		run, again := c.try(key)
		if again {
			continue
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.runs[key] = run
		return
	}
	c.t.Errorf("start %s was not acknowledged for a minute", key)
}

func (c *clients) try(key string) (run string, again bool) {
	req, err := http.NewRequest("POST", "http://"+c.addr+"/api/v1/workflows/kill/runs", strings.NewReader(`{}`))
	if err != nil {
		c.t.Error(err)
		return "", false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := asker.Do(req)
	if err != nil {
		return "", true // the gateway is being replaced
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil, res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusGatewayTimeout:
		return "", true
	case res.StatusCode != http.StatusCreated:
		c.t.Errorf("start %s was answered %d: %s", key, res.StatusCode, body)
		return "", false
	}
	var s runner.Started
	if err := json.Unmarshal(body, &s); err != nil {
		c.t.Errorf("start %s: %v: %s", key, err, body)
	}
	return s.RunID, false
}

// count is how many starts were acknowledged.
func (c *clients) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.runs)
}

// end stops the clients and answers their runs: one for each key.
func (c *clients) end() (runs []string) {
	close(c.stop)
	c.all.Wait()
	seen := map[string]string{}
	for key, run := range c.runs {
		if other := seen[run]; other != "" || run == "" {
			c.t.Errorf("starts %s and %s made run %q", key, other, run)
		}
		seen[run] = key
		runs = append(runs, run)
	}
	return runs
}

// TestRollingReplicas replaces two engines and a gateway one after another by those of the next version, goes back with one of them
// and on again, and upgrades the store, while clients start runs and workers work all the time: every start is acknowledged under its
// key, every run ends well, no step is executed twice, and the older version refuses the store afterwards.
func TestRollingReplicas(t *testing.T) {
	t.Parallel()
	nats, at := startNATS(t), storeURL("redis", redisd.Start(t, redisd.Durable...))
	first, second, door := replica(t, "engine", nats, at), replica(t, "engine", nats, at), replica(t, "gateway", nats, at)
	for _, p := range []*process{first, second, door} {
		p.mode = append(p.mode, "--drain-timeout", drainMost.String())
		p.tags = "level1"
		p.start()
	}
	ledger := door.startWorker()
	if err := door.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	load := startClients(door)
	for _, next := range []struct {
		p    *process
		tags string
	}{
		{first, ""}, {second, ""}, {first, "level1"}, {door, ""}, {first, ""},
	} {
		under := load.count()
		door.until("runs are started", func() bool { return load.count() > under+rollingClients })
		if code, took := next.p.sigterm(); code != exitOK || took > drainMost+10*time.Second { // the process itself takes some time to end
			t.Errorf("a server ended with %d after %s", code, took)
		}
		next.p.tags = next.tags
		next.p.start()
	}
	if out, code := cli(t, 2*time.Minute, "store", "upgrade", "--store", at, "--timeout", "100s"); code != exitOK {
		t.Errorf("%d, %s", code, out)
	}
	upgraded := load.count()
	door.until("runs are started at the new level", func() bool { return load.count() > upgraded+rollingClients })
	runs := load.end()
	checkExecutedOnce(t, door, ledger, runs)
	for _, p := range []*process{first, second, door} {
		if !p.alive() {
			t.Error("a server of the new version ended")
		}
	}
	door.sigterm()
	first.sigterm()
	first.tags = "level1"
	first.refuses(t, "level 2", "newer one")
	t.Logf("%d runs, all ended well", len(runs))
}
