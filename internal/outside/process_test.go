package outside

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// comeback is how long a process that ended by itself stays away, as a supervisor would have it.
const comeback = 300 * time.Millisecond

// part is what a fault can hit: a process, whoever runs it. Its methods may be called in any state.
type part interface {
	kill()   // kill -9; returns when it is gone
	launch() // starts it, unless it runs
	freeze() // SIGSTOP
	thaw()   // SIGCONT
}

// process is a program that is killed, stopped and started again, and that comes back when it ends by itself.
type process struct {
	name    string
	command func() *exec.Cmd
	log     *os.File

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil: it does not run
	gone   chan struct{} // closed when cmd has ended
	closed bool          // the test is over
	ends   int           // how often it ended by itself
	failed error         // it could not be started
}

// newProcess makes a process that is not started yet. It ends with the test; of one that failed the end of the log is shown.
func newProcess(t *testing.T, name, dir string, command func() *exec.Cmd) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{name: name, command: command, log: log}
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.kill()
		if p.failed != nil {
			t.Errorf("%s could not be started: %v", name, p.failed)
		}
		if t.Failed() {
			out, _ := os.ReadFile(log.Name())
			t.Logf("log of %s, which ended %d times by itself (its end):\n%s", name, p.ends, out[max(0, len(out)-3000):])
		}
		_ = log.Close()
	})
	return p
}

func (p *process) launch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil || p.closed {
		return
	}
	cmd, gone := p.command(), make(chan struct{})
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.failed = cmd.Start(); p.failed != nil {
		return
	}
	p.cmd, p.gone = cmd, gone
	go p.attend(cmd, gone)
}

// attend waits for the end of a process, and brings it back if nobody asked for that end.
func (p *process) attend(cmd *exec.Cmd, gone chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	own := p.cmd == cmd
	if own {
		p.cmd = nil
		p.ends++
		_, _ = fmt.Fprintf(p.log, "outside: %s ended by itself: %v\n", p.name, err)
	}
	p.mu.Unlock()
	close(gone)
	if own {
		time.AfterFunc(comeback, p.launch)
	}
}

func (p *process) kill() {
	p.mu.Lock()
	cmd, gone := p.cmd, p.gone
	p.cmd = nil
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
		<-gone
	}
}

func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }

// signal says something to a process that runs; one that has just ended hears nothing.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// binary is the server as it is built for users; it is built once, unless there is one already.
var binary = sync.OnceValues(func() (string, error) {
	if *binaryFlag != "" {
		return filepath.Abs(*binaryFlag)
	}
	path := filepath.Join(buildDir, "cordum")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "../../cmd/cordum")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// buildDir holds what the tests build; TestMain removes it.
var buildDir string
