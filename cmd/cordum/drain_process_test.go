package main

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
)

const (
	drains = 3
	// drainMost is what the servers of these tests get; a busy machine takes some of it.
	drainMost = 30 * time.Second
)

// sigterm asks the server to end and answers its exit code and how long it took.
func (p *process) sigterm() (code int, took time.Duration) {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.gone:
	case <-time.After(2 * drainMost):
		p.t.Fatal("the server does not end")
	}
	code, took = p.cmd.ProcessState.ExitCode(), time.Since(begun)
	p.cmd = nil
	return code, took
}

// starter starts runs until stop is closed, and notes those that were acknowledged. What is answered otherwise is that the server
// stops, and when to ask again.
func starter(p *process, stop <-chan struct{}) (acked []string) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range runsPerGap {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond): // the pace of a client
				}
				if run := startOrRefused(p); run != "" {
					mu.Lock()
					acked = append(acked, run)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return acked
}

func startOrRefused(p *process) (run string) {
	res, err := http.Post("http://"+p.addr+"/api/v1/workflows/kill/runs", "application/json", strings.NewReader(`{}`))
	if err != nil {
		return "" // nobody is there any more
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	switch res.StatusCode {
	case http.StatusCreated:
		return res.Header.Get("Location")[len("/api/v1/runs/"):]
	case http.StatusServiceUnavailable:
		if res.Header.Get("Retry-After") == "" {
			p.t.Errorf("503 without Retry-After: %s", body)
		}
	default:
		p.t.Errorf("a start was answered %d: %s", res.StatusCode, body)
	}
	return ""
}

// TestDrain stops a server with SIGTERM again and again while runs are started and worked on, and one job's worker never answers:
// it ends well and in time, every acknowledged run ends well after it is back, and nothing was done twice.
func TestDrain(t *testing.T) {
	t.Setenv(holdEnv, "10h")
	p := newProcess(t)
	p.mode = []string{"--dev", "--drain-timeout", drainMost.String()}
	p.start()
	ledger := p.startWorker()
	for _, w := range []string{killWorkflow, "id: dead\nsteps:\n  - {id: d, topic: job.dead.work, timeout: 20h}\n"} {
		if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(w), nil); err != nil {
			t.Fatal(err)
		}
	}
	var dead runner.Started
	if err := p.call("POST", "/api/v1/workflows/dead/runs", "application/json", []byte(`{}`), &dead); err != nil {
		t.Fatal(err)
	}
	began := func(run string) (n int) {
		for _, e := range readLedger(t, ledger) {
			if e.Run == run && e.Phase == "begin" {
				n++
			}
		}
		return n
	}
	p.until("the job that never ends has begun", func() bool { return began(dead.RunID) == 1 })
	t.Setenv(workerIDEnv, "second") // a strained worker that has a job gets no more
	p.startWorker()
	var acked []string
	for range drains {
		stop, runs := make(chan struct{}), make(chan []string, 1)
		go func() { runs <- starter(p, stop) }()
		time.Sleep(300 * time.Millisecond) // of load
		code, took := p.sigterm()
		close(stop)
		acked = append(acked, <-runs...)
		if code != exitOK || took > drainMost {
			t.Errorf("the server ended with %d after %s", code, took)
		}
		p.start()
	}
	if len(acked) < drains {
		t.Fatalf("only %d starts were acknowledged", len(acked))
	}
	checkExecutedOnce(t, p, ledger, acked)
	if n := began(dead.RunID); n != 1 {
		t.Errorf("the job that never ends has begun %d times", n)
	}
}

// TestDrainOfAHungStore stops a server whose store does not answer: it ends in time and says what it cut off; what was acknowledged
// is there, and what was not is there once or not at all.
func TestDrainOfAHungStore(t *testing.T) {
	server := redisd.Start(t, redisd.Durable...)
	p := newProcess(t).on(storeURL("redis", server))
	p.mode = append(p.mode, "--drain-timeout", "2s")
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	acked := startDuring(p, 300*time.Millisecond)
	server.Stop()
	asked := make(chan []string, 1)
	go func() { asked <- startDuring(p, 100*time.Millisecond) }()
	code, took := p.sigterm()
	if code != exitError || took > drainMost || !strings.Contains(p.logged(), "--drain-timeout 2s") {
		t.Errorf("the server ended with %d after %s", code, took)
	}
	server.Continue()
	if more := <-asked; len(more) > 0 {
		t.Errorf("%d starts were acknowledged without a store", len(more))
	}
	p.start()
	checkExecutedOnce(t, p, ledger, acked)
}

// TestSecondSignal ends a server at once that drains.
func TestSecondSignal(t *testing.T) {
	server := redisd.Start(t, redisd.Durable...)
	p := newProcess(t).on(storeURL("redis", server))
	p.mode = append(p.mode, "--drain-timeout", "10h")
	p.start()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	defer server.Continue()
	asked := make(chan []string, 1)
	go func() { asked <- startDuring(p, time.Millisecond) }()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.until("the server stops", func() bool { return strings.Contains(p.logged(), "nothing new is taken") })
	p.until("it is not ready", func() bool {
		res, err := (&http.Client{Timeout: time.Second}).Get("http://" + p.addr + "/readyz")
		if err != nil {
			return true
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable
	})
	cmd := p.cmd
	if code, _ := p.sigterm(); code != -1 || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the server ended with %d, %s", code, cmd.ProcessState)
	}
	<-asked
}
