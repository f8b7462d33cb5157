package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	sdk "cordum.dev/cordum/sdk/go"
)

// The request and the two files of the product's own description, as they are printed there.
const (
	printedJob = `{
"pack": "infra.kubectl",
"tool": "apply",
"input": { "manifest": "..." },
"context": {
"requires": ["kubectl", "aws-credentials"],
"preferred_worker_id": "worker-us-east-1",
"resource_lock": "cluster:production"
}
}`
	printedPools = `topics:
  job.sre-investigator.collect.k8s:
    - sre-investigator-pool
  job.incident-enricher.triage:
    - incident-pool
  job.default:
    - default-pool

pools:
  sre-investigator-pool:
    requires:
      - kubectl
      - network:egress
  incident-pool:
    requires:
      - network:egress
  default-pool:
    requires: []
`
	printedTimeouts = `# Topic-specific timeouts
topics:
  job.sre-investigator.collect.k8s:
    dispatch_timeout: 30s
    execution_timeout: 300s
  job.default:
    dispatch_timeout: 10s
    execution_timeout: 120s

# Workflow-specific timeouts
workflows:
  sre-investigator.full-investigation:
    step_timeout: 600s
    run_timeout: 3600s
`
)

// cluster is a server under the printed configuration, whose workers hold what they are given until they are told.
type cluster struct {
	*process
	mu      sync.Mutex
	release chan struct{}
	inputs  []string // of the jobs that were begun
	begun   []string // by which worker
}

// worker starts a worker of a pool.
func (c *cluster) worker(id, pool string, capabilities ...string) {
	c.t.Helper()
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + c.nats, ID: id, Pool: pool, Capabilities: capabilities, Capacity: 4, Heartbeat: time.Second})
	if err != nil {
		c.t.Fatal(err)
	}
	sdk.Register(w, "infra.kubectl", "apply", func(ctx context.Context, _ sdk.Job, in json.RawMessage) (map[string]any, error) {
		c.mu.Lock()
		c.inputs, c.begun = append(c.inputs, string(in)), append(c.begun, id)
		c.mu.Unlock()
		select {
		case <-c.release:
			return map[string]any{"applied": id}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	c.t.Cleanup(func() { stop(); <-done })
	c.until("worker "+id+" is known", func() bool {
		var page struct{ Items []runner.WorkerView }
		if c.call("GET", "/api/v1/workers", "", nil, &page) != nil {
			return false
		}
		for _, v := range page.Items {
			if v.ID == id {
				return true
			}
		}
		return false
	})
}

func (c *cluster) submit() string {
	c.t.Helper()
	var accepted gateway.JobAccepted
	if err := c.call("POST", "/api/v1/jobs", "application/json", []byte(printedJob), &accepted); err != nil {
		c.t.Fatal(err)
	}
	return accepted.JobID
}

func (c *cluster) job(id string) (v runner.JobView) {
	c.t.Helper()
	if err := c.call("GET", "/api/v1/jobs/"+id, "", nil, &v); err != nil {
		c.t.Fatal(err)
	}
	return v
}

func (c *cluster) reaches(id, state string) runner.JobView {
	c.t.Helper()
	c.until("job "+id+" is "+state, func() bool { return c.job(id).State == state })
	return c.job(id)
}

// TestPrintedJob: the printed scheduling request does what is said of it, under the printed pools and timeouts. It waits for a
// worker with its capabilities; it goes to the worker it prefers, directly, though others have less to do; its lock keeps
// the next one waiting; and the printed command submits one like it.
func TestPrintedJob(t *testing.T) {
	c := &cluster{process: newProcess(t), release: make(chan struct{})}
	c.start("POOL_CONFIG_PATH="+writeFile(t, "pools.yaml", printedPools), "TIMEOUT_CONFIG_PATH="+writeFile(t, "timeouts.yaml", printedTimeouts))
	c.worker("bare", "default-pool", "kubectl")
	c.worker("elsewhere", "incident-pool", "kubectl", "aws-credentials")

	first := c.submit()
	c.until("the job says what it waits for", func() bool {
		v := c.job(first)
		return v.State == "scheduled" && v.Placement != nil && v.Placement.Reason == "capability_mismatch"
	})
	direct := c.listenDirect("worker-us-east-1")
	c.worker("worker-us-east-1", "default-pool", "kubectl", "aws-credentials")
	v := c.reaches(first, "running")
	if v.Worker != "worker-us-east-1" || v.Placement == nil || v.Placement.Reason != "granted" {
		t.Errorf("worker %s: %+v", v.Worker, v.Placement)
	}
	c.until("it came on the worker's own subject", func() bool { return len(direct) == 1 })

	c.worker("idle", "default-pool", "kubectl", "aws-credentials")
	second := c.submit()
	c.until("the second waits for the lock", func() bool {
		var lock runner.LockView
		return c.call("GET", "/api/v1/locks/cluster:production", "", nil, &lock) == nil && lock.Waiting == 1 &&
			len(lock.Holders) == 1 && strings.HasPrefix(first, lock.Holders[0].Holder)
	})
	c.release <- struct{}{}
	c.reaches(first, "succeeded")
	if v = c.reaches(second, "running"); v.Worker != "worker-us-east-1" {
		t.Errorf("the second went to %s, though it prefers another", v.Worker)
	}
	c.release <- struct{}{}
	if v = c.reaches(second, "succeeded"); string(v.Output) != `{"applied":"worker-us-east-1"}` {
		t.Errorf("output %s", v.Output)
	}

	third := c.submitPrinted()
	c.reaches(third, "running")
	c.release <- struct{}{}
	c.reaches(third, "succeeded")

	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.inputs) != 3 || c.inputs[0] != `{"manifest":"..."}` || !strings.Contains(c.inputs[2], `"namespace":"prod"`) {
		t.Errorf("inputs %q at %q", c.inputs, c.begun)
	}
	for _, id := range c.begun {
		if id == "elsewhere" {
			t.Error("a worker of another pool got a job")
		}
	}
}

// listenDirect collects what is sent to one worker alone.
func (c *cluster) listenDirect(worker string) <-chan *nats.Msg {
	c.t.Helper()
	conn, err := nats.Connect("nats://" + c.nats)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(conn.Close)
	got := make(chan *nats.Msg, 16)
	if _, err := conn.ChanSubscribe("worker."+worker+".jobs", got); err != nil {
		c.t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		c.t.Fatal(err)
	}
	return got
}

// submitPrinted runs the printed command and answers the job it names.
func (c *cluster) submitPrinted() string {
	c.t.Helper()
	path, err := binaries[c.tags]()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(path, "job", "submit", "--pack", "infra.kubectl", "--tool", "apply", "--input", `{"manifest": "...", "namespace": "prod"}`)
	cmd.Env = append(cmd.Environ(), "CORDUM_GATEWAY=http://"+c.addr)
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s%s", cmd, err, out, diagnostics.String())
	}
	return strings.TrimSpace(string(out))
}
