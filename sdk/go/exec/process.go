//go:build unix

package exec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	osexec "os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// run is one program being run.
type run struct {
	path   string
	args   []string
	env    []string
	dir    string
	stdin  []byte
	stdout io.Writer // log: where it goes instead of being kept
	stderr io.Writer
	most   int // bytes of stdout that are kept
	grace  time.Duration
	limits Limits
}

// ended is how a program ended.
type ended struct {
	stdout  []byte
	said    []byte // the end of stderr
	code    int    // -1: by a signal
	signal  string
	stopped error // why it was told to end: its context's cause, or errFlood
	err     error // it could not be run at all
}

// errFlood says that a program wrote more than is kept.
var errFlood = errors.New("it wrote more than is kept")

// do runs the program to its end. When it answers, nothing of its process group is left.
func (r *run) do(ctx context.Context) ended {
	runtime.LockOSThread() // the kernel ends the program with the thread that started it
	defer runtime.UnlockOSThread()
	flood := make(chan struct{})
	out := &capped{most: r.most, full: sync.OnceFunc(func() { close(flood) })}
	said := &lastBytes{to: r.stderr}
	cmd := osexec.Command(r.path, r.args...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr, cmd.WaitDelay = r.env, r.dir, attributes(), pipeDelay
	if len(r.stdin) > 0 {
		cmd.Stdin = bytes.NewReader(r.stdin)
	}
	cmd.Stdout, cmd.Stderr = out, said
	if r.stdout != nil {
		cmd.Stdout = r.stdout
	}
	if err := cmd.Start(); err != nil {
		return ended{err: err}
	}
	group := cmd.Process.Pid
	if err := restrict(group, r.limits); err != nil {
		_ = syscall.Kill(-group, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		return ended{err: err}
	}
	over, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- r.stopWhen(ctx, flood, over, group) }()
	err := cmd.Wait()
	close(over)
	e := ended{stopped: <-stopped}
	_ = syscall.Kill(-group, syscall.SIGKILL) // what it left behind; mostly there is nothing
	e.stdout, e.said = out.buf, said.last()
	e.read(err, cmd.ProcessState)
	return e
}

// stopWhen ends a program's group when its context ends or it writes too much, first gently, and answers why.
func (r *run) stopWhen(ctx context.Context, flood, over <-chan struct{}, group int) error {
	var why error
	grace := r.grace
	select {
	case <-over:
		return nil
	case <-flood:
		why, grace = errFlood, 0
	case <-ctx.Done():
		why = context.Cause(ctx)
		_ = syscall.Kill(-group, syscall.SIGTERM) // it may just have ended
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
		_ = syscall.Kill(-group, syscall.SIGKILL)
		<-over
	}
	return why
}

// read takes what the kernel said of the end.
func (e *ended) read(err error, state *os.ProcessState) {
	if state == nil {
		e.err = err
		return
	}
	e.code = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.signal = status.Signal().String()
	}
}

// capped keeps the beginning of what is written.
type capped struct {
	buf  []byte
	most int
	full func()
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if room := c.most - len(c.buf); len(p) > room {
		c.buf = append(c.buf, p[:room]...)
		c.full()
		return len(p), nil // a closed pipe would tell the program another story
	}
	c.buf = append(c.buf, p...)
	return len(p), nil
}

// lastBytes hands on what is written and keeps its end.
type lastBytes struct {
	to  io.Writer
	buf []byte
}

// Write implements io.Writer.
func (l *lastBytes) Write(p []byte) (int, error) {
	l.buf = append(l.buf, p[max(0, len(p)-maxSaid):]...)
	if len(l.buf) > 2*maxSaid {
		l.buf = append(l.buf[:0], l.buf[len(l.buf)-maxSaid:]...)
	}
	return l.to.Write(p)
}

func (l *lastBytes) last() []byte { return l.buf[max(0, len(l.buf)-maxSaid):] }
