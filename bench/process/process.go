package process

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
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
	lines  chan string // what it printed after Ready
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
	p := &Process{cmd: exec.Command(name, args...), ended: make(chan struct{}), lines: make(chan string, keptLines)}
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
			switch {
			case !said && lines.Text() == Ready:
				said = true
				close(ready)
			case said:
				p.say(lines.Text())
			}
		}
		_ = p.cmd.Wait()
	}()
	return p, ready, nil
}

// keptLines is how many lines of a child wait to be read; more are lost.
const keptLines = 1024

func (p *Process) say(line string) {
	select {
	case p.lines <- line:
	default:
	}
}

// Lines are what the child prints after Ready. One reader reads each line once.
func (p *Process) Lines() <-chan string { return p.lines }

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

// Signal sends the child a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the child at once, as kill -9 does, and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}
