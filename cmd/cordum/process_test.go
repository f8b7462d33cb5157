package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/internal/freeport"
	sdk "cordum.dev/cordum/sdk/go"
)

// These tests run the real binary as a process of its own, with a worker process beside it.

// TestMain is also the worker process: the test binary started again with workerEnv set.
func TestMain(m *testing.M) {
	if url := os.Getenv(workerEnv); url != "" {
		if err := ledgerWorker(url, os.Getenv(ledgerEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	var err error
	if buildDir, err = os.MkdirTemp("", "cordum-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(buildDir)
	os.Exit(code)
}

const (
	workerEnv = "CORDUM_TEST_WORKER_URL"
	ledgerEnv = "CORDUM_TEST_LEDGER"
	// workerIDEnv is its id, holdEnv how long it takes for a job of job.dead.work.
	workerIDEnv = "CORDUM_TEST_WORKER_ID"
	holdEnv     = "CORDUM_TEST_HOLD"
)

// ledgerEntry is one line of the worker's ledger: synced before the work and after it.
type ledgerEntry struct {
	Phase   string `json:"phase"` // begin, end
	Run     string `json:"run"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	Worker  string `json:"worker"`
}

// ledgerCapacity is how many jobs the worker takes at a time.
const ledgerCapacity = 32

// ledgerWorker serves job.kill.work and job.kill.fast, and writes down what it does.
func ledgerWorker(url, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	self := cmp.Or(os.Getenv(workerIDEnv), "ledger")
	var mu sync.Mutex
	note := func(phase string, job sdk.Job) error {
		line, err := json.Marshal(ledgerEntry{phase, job.RunID, job.StepID, job.Attempt, self})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := f.Write(append(line, '\n')); err != nil {
			return err
		}
		return f.Sync()
	}
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: url, ID: self, Capacity: ledgerCapacity, Heartbeat: time.Second})
	if err != nil {
		return err
	}
	work := func(ctx context.Context, job sdk.Job, in map[string]any) (map[string]any, error) {
		if err := note("begin", job); err != nil {
			return nil, err
		}
		select { // long enough to be caught by a kill
		case <-time.After(15 * time.Millisecond):
		case <-ctx.Done():
		}
		return map[string]any{"step": job.StepID}, note("end", job)
	}
	fast := func(_ context.Context, job sdk.Job, in map[string]any) (map[string]any, error) {
		return in, note("begin", job)
	}
	hold, _ := time.ParseDuration(os.Getenv(holdEnv))
	dead := func(ctx context.Context, job sdk.Job, in map[string]any) (map[string]any, error) {
		if err := note("begin", job); err != nil {
			return nil, err
		}
		select {
		case <-time.After(hold):
		case <-ctx.Done():
		}
		return in, nil
	}
	sdk.RegisterTopic(w, "job.kill.work", work)
	sdk.RegisterTopic(w, "job.dead.work", dead)
	sdk.RegisterTopic(w, "job.kill.fast", fast)
	return w.Run(context.Background())
}

// binaries are the server as it is built for users, and one that can be told where to die; each is built once.
var binaries = map[string]func() (string, error){
	"":          sync.OnceValues(func() (string, error) { return buildServer("") }),
	"crashtest": sync.OnceValues(func() (string, error) { return buildServer("crashtest") }),
	"level1":    sync.OnceValues(func() (string, error) { return buildServer("level1") }), // the version before this one
}

// buildDir holds what the tests build; TestMain removes it.
var buildDir string

func buildServer(tags string) (string, error) {
	path := filepath.Join(buildDir, "cordum"+tags)
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-tags", tags, "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}

// process is a started server on fixed ports, so that it can come back where it was.
type process struct {
	t    *testing.T
	addr string
	nats string
	dir  string
	tags string   // of the binary's build
	mode []string // arguments besides addresses and folder; nil: --dev
	cmd  *exec.Cmd
	gone chan struct{} // closed when the server's process has ended
	log  *os.File
}

func newProcess(t *testing.T) *process {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, addr: freeport.Addr(t), nats: freeport.Addr(t), dir: dir, log: log}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			out, _ := os.ReadFile(log.Name())
			t.Logf("server log (its end):\n%s", out[max(0, len(out)-20_000):])
		}
		_ = log.Close()
	})
	return p
}

// launch starts the server.
func (p *process) launch(env ...string) {
	p.t.Helper()
	path, err := binaries[p.tags]()
	if err != nil {
		p.t.Fatal(err)
	}
	mode := p.mode
	if mode == nil {
		mode = []string{"--dev"}
	}
	p.cmd = exec.Command(path, append([]string{"serve", "--addr", p.addr, "--nats-addr", p.nats, "--data-dir", filepath.Join(p.dir, "data")}, mode...)...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, gone := p.cmd, make(chan struct{})
	p.gone = gone
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
}

// start starts the server and waits until it takes work.
func (p *process) start(env ...string) {
	p.t.Helper()
	p.launch(env...)
	p.until("the server is ready", func() bool {
		if !p.alive() {
			p.t.Fatalf("the server ended before it was ready: %v", p.cmd.ProcessState)
		}
		res, err := http.Get("http://" + p.addr + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.gone
	p.cmd = nil
}

// alive tells whether the server's process still runs.
func (p *process) alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

func (p *process) until(what string, ok func() bool) {
	p.t.Helper()
	p.within(30*time.Second, what, ok)
}

// within waits at most so long until something is so.
func (p *process) within(most time.Duration, what string, ok func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(most)
	for !ok() {
		if time.Now().After(deadline) {
			p.tellStalled()
			p.t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// call sends a request and decodes the answer; a status of 300 or more is an error.
func (p *process) call(method, path, contentType string, body []byte, into any) error {
	req, err := http.NewRequest(method, "http://"+p.addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// startWorker starts the ledger worker as a process of its own.
func (p *process) startWorker() (ledger string) {
	p.t.Helper()
	ledger = filepath.Join(p.dir, "ledger.jsonl")
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), workerEnv+"=nats://"+p.nats, ledgerEnv+"="+ledger)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return ledger
}

func readLedger(t *testing.T, path string) []ledgerEntry {
	t.Helper()
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := entriesOf[ledgerEntry](raw)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
