package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cordum.dev/cordum/gateway"
)

// background starts the binary with arguments, and ends it with the test.
func (p *process) background(args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := binaries[p.tags]()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "CORDUM_GATEWAY=http://"+p.addr, "NATS_URL=nats://"+p.nats)
	cmd.Stderr = p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.t.Cleanup(func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

const tickerWorkflow = `id: ticker
steps:
  - {id: tick, topic: job.test.tick, effect: write, idempotent: false, input: {stop: "${input.stop}"}}
`

// TestLogsOfACommand runs a command as a step, follows what it writes over the kill of the server, and finds what it sent when
// its worker is killed.
func TestLogsOfACommand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	p := newProcess(t)
	p.start()
	dir := t.TempDir()
	config := filepath.Join(dir, "exec.yaml")
	ticker := filepath.Join(dir, "ticker")
	write(t, ticker, 0o755, "#!/bin/sh\nn=0\nwhile [ ! -e \"$1\" ]; do n=$((n+1)); echo \"line $n\" >&2; sleep 0.02; done\n")
	write(t, config, 0o600, "id: ticker\npass_env: [PATH]\ntools: [{topic: job.test.tick, command: "+ticker+
		", args: [\"{stop}\"], input: {stop: {under: "+dir+"}}, output: log}]\n")
	worker := p.background("worker", "exec", "--config", config)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(tickerWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	run := p.startTicker("stop")
	follow := p.background("run", "logs", run, "tick", "-f", "-o", "name")
	out, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	seen := followTicks(t, out)
	p.until("lines come", func() bool { return seen.last() >= 5 })
	p.kill()
	before := seen.last()
	p.start()
	p.until("lines come from the server that started again", func() bool { return seen.last() > before+5 })
	write(t, filepath.Join(dir, "stop"), 0o600, "")
	if err := follow.Wait(); err != nil {
		t.Errorf("following ended with %v", err)
	}
	if last := p.ticks(run); last == 0 || seen.last() != last {
		t.Errorf("the last line that was followed is %d, the log ends with %d", seen.last(), last)
	}
	run = p.startTicker("never")
	p.until("the second run writes", func() bool { return p.ticks(run) >= 5 })
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if p.ticks(run) < 5 {
		t.Error("what a killed worker had sent is gone")
	}
}

func (p *process) startTicker(stop string) string {
	p.t.Helper()
	var started struct {
		RunID string `json:"run_id"`
	}
	if err := p.call("POST", "/api/v1/workflows/ticker/runs", "application/json", fmt.Appendf(nil, `{"stop": %q}`, stop), &started); err != nil {
		p.t.Fatal(err)
	}
	return started.RunID
}

// ticks is the number in the last line of a run's log.
func (p *process) ticks(run string) (last int) {
	p.t.Helper()
	var page gateway.LogLines
	if err := p.call("GET", "/api/v1/runs/"+run+"/logs?limit=5000", "", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	for _, l := range page.Items {
		_, _ = fmt.Sscanf(l.Text, "line %d", &last) // what was left out is no line
	}
	return last
}

// ticked are lines as they are followed.
type ticked struct {
	mu sync.Mutex
	n  int
}

func (s *ticked) last() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// followTicks reads lines and sees that none comes twice or out of order.
func followTicks(t *testing.T, out interface{ Read([]byte) (int, error) }) *ticked {
	s := new(ticked)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var n int
			if _, err := fmt.Sscanf(lines.Text(), "line %d", &n); err != nil {
				t.Errorf("a line that is none of the program's: %q", lines.Text())
				continue
			}
			s.mu.Lock()
			if n <= s.n {
				t.Errorf("line %d came behind line %d", n, s.n)
			}
			s.n = n
			s.mu.Unlock()
		}
	}()
	return s
}

func write(t *testing.T, path string, mode os.FileMode, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// TestWorkerExecChecks: a configuration that is wrong is refused before anything connects.
func TestWorkerExecChecks(t *testing.T) {
	p := &process{t: t, log: os.Stderr}
	dir := t.TempDir()
	path := filepath.Join(dir, "exec.yaml")
	for text, want := range map[string]string{
		"tools: [{topic: job.a, command: ls}]":              "can be run: job.a",
		"tools: [{topic: job.a, command: no-such-program}]": "not in PATH",
		"tools: [{topic: job.a, command: ls, shell: true}]": "shell",
	} {
		write(t, path, 0o600, text)
		cmd := p.background("worker", "exec", "--config", path, "--check")
		cmd.Stderr = nil
		out, _ := cmd.CombinedOutput() // its text tells
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: %s", text, out)
		}
	}
	if err := os.Chmod(path, 0o602); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	cmd := p.background("worker", "exec", "--config", path, "--check")
	cmd.Stderr = nil
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "everybody") {
		t.Errorf("a configuration that everybody can change: %s", out)
	}
}

// TestLogLineText: how a line looks to people.
func TestLogLineText(t *testing.T) {
	var page gateway.LogLines
	raw := `{"items": [{"job_id": "j", "step": "a", "attempt": 1, "n": 1, "ts": "2026-01-02T03:04:05Z", "stream": "stderr", "text": "x\u001b[31my"},
		{"job_id": "j", "step": "a", "attempt": 1, "n": 9, "ts": "2026-01-02T03:04:05Z", "text": "", "dropped": 8}]}`
	if err := json.Unmarshal([]byte(raw), &page); err != nil {
		t.Fatal(err)
	}
	p := &printer{}
	if got := logText(p, page.Items[0], true); strings.ContainsRune(got, 0x1b) || !strings.Contains(got, "a") {
		t.Errorf("a line: %q", got)
	}
	if got := logText(p, page.Items[1], false); got != "… 8 lines of a were left out" {
		t.Errorf("lines that were left out: %q", got)
	}
}
