package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Ready is the line that a child prints once it does its work.
const Ready = "ready"

// stopWithin is how long a child may take after SIGTERM before it is killed.
const stopWithin = 15 * time.Second

// Process is a running child.
type Process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	mu     sync.Mutex
	stderr bytes.Buffer // the last output, for an error message
}

// Start runs a program and returns at once. Its error output is kept and shown when it fails.
func Start(name string, args ...string) (*Process, error) {
	p, _, err := start(name, args...)
	return p, err
}

// StartReady runs a program and returns when it has printed Ready as a line.
func StartReady(ctx context.Context, name string, args ...string) (*Process, error) {
	p, ready, err := start(name, args...)
	if err != nil {
		return nil, err
	}
	select {
	case <-ready:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s ended before it was ready: %s", name, p.Output())
	case <-ctx.Done():
		p.Stop()
		return nil, fmt.Errorf("%s was not ready in time: %w: %s", name, ctx.Err(), p.Output())
	}
}

func start(name string, args ...string) (*Process, <-chan struct{}, error) {
	p := &Process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Stderr = (*tail)(p)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", name, err)
	}
	ready := make(chan struct{})
	go func() {
		defer close(p.ended)
		said := false
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if !said && lines.Text() == Ready {
				said = true
				close(ready)
			}
		}
		_ = p.cmd.Wait()
	}()
	return p, ready, nil
}

// tail keeps the last part of what a child writes to its error output.
type tail Process

// tailBytes bounds what is kept.
const tailBytes = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stderr.Write(b)
	if over := t.stderr.Len() - tailBytes; over > 0 {
		t.stderr.Next(over)
	}
	return len(b), nil
}

// Output is the last part of the child's error output.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSpace(p.stderr.String())
}

// Ended is closed when the child is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stop ends the child and waits for it: politely first, after a while by force.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// ErrNoMemory says that the system does not tell a process's memory.
var ErrNoMemory = errors.New("process: resident memory is not known on this system")

// Resident reads the child's resident memory in bytes (Linux: VmRSS of /proc).
func (p *Process) Resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoMemory, err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%w: %w", ErrNoMemory, err)
			}
			return kib << 10, nil
		}
	}
	return 0, ErrNoMemory
}
