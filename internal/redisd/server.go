package redisd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"cordum.dev/cordum/internal/freeport"
)

const (
	startTimeout = 20 * time.Second
	poll         = 5 * time.Millisecond
)

// Server is one redis-server.
type Server struct {
	// Addr is its HOST:PORT on the loopback interface.
	Addr string

	t    testing.TB
	dir  string
	args []string
	mode string // "--sentinel", or empty
	bus  string // the port for other nodes of its cluster; empty: it is of none
	tls  *tls.Config
	pass string

	cmd *exec.Cmd
	log *syncBuffer
}

// Durable are the settings of a server that fsyncs before it answers.
var Durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// Start starts a server with the given arguments of redis-server and waits until it answers. Snapshots are off, and so is
// the append-only file unless asked for.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := newServer(t, args...)
	s.Restart()
	return s
}

func newServer(t testing.TB, args ...string) *Server {
	t.Helper()
	install(t)
	s := &Server{t: t, Addr: "127.0.0.1:" + strconv.Itoa(freePort(t)), dir: t.TempDir(), args: args}
	if i := slices.Index(args, "--requirepass"); i >= 0 {
		s.pass = args[i+1]
	}
	t.Cleanup(s.Kill)
	return s
}

var install = func() func(t testing.TB) {
	found := sync.OnceValue(func() error {
		if _, err := exec.LookPath("redis-server"); err == nil {
			return nil
		}
		root, err := moduleRoot()
		if err != nil {
			return err
		}
		out, err := exec.Command(filepath.Join(root, "scripts", "system-package"), "redis-server", "redis-server").CombinedOutput()
		if err != nil {
			return fmt.Errorf("redis-server is needed: %w\n%s", err, out)
		}
		return nil
	})
	return func(t testing.TB) {
		t.Helper()
		if err := found(); err != nil {
			t.Fatal(err)
		}
	}
}()

// moduleRoot is the folder with go.mod above the test's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			err = errors.New("no go.mod above the test's folder")
		}
		dir = parent
	}
	return "", err
}

// freePort is one that nobody else is given while the test lasts: a server that is killed comes back to it.
func freePort(t testing.TB) int {
	t.Helper()
	_, text, err := net.SplitHostPort(freeport.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Port is the port of Addr.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// BusAddr is where other nodes of its cluster reach it.
func (s *Server) BusAddr() string { return net.JoinHostPort("127.0.0.1", s.bus) }

// Restart starts the server, again after Kill, on the same port and folder, and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Launch()
	client := s.Client()
	defer func() { _ = client.Close() }()
	Wait(s.t, "redis-server at "+s.Addr+" answers", func(ctx context.Context) error {
		if err := client.Ping(ctx).Err(); err != nil {
			return fmt.Errorf("%w\n%s", err, s.log.String())
		}
		return nil
	})
}

// Launch is Restart without waiting.
func (s *Server) Launch() {
	s.t.Helper()
	s.cmd, s.log = s.Command(), &syncBuffer{}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// Command is what Launch starts, for a test that runs the process of a killed server itself.
func (s *Server) Command() *exec.Cmd {
	port := "--port"
	if s.tls != nil {
		port = "--tls-port"
	}
	var args []string
	if s.mode == "" {
		args = []string{"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}
	} else {
		args = []string{filepath.Join(s.dir, "sentinel.conf"), s.mode}
	}
	args = append(args, port, s.Port(), "--bind", "127.0.0.1", "--dir", s.dir)
	return exec.Command("redis-server", append(args, s.args...)...)
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Dir is the folder in which the server keeps its data.
func (s *Server) Dir() string { return s.dir }

// Stop freezes the server; Continue lets it go on.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Continue lets a frozen server go on.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Error(err)
	}
}

// Client answers a client of the server alone; the caller closes it.
func (s *Server) Client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: s.Addr, Password: s.pass, TLSConfig: s.tls, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true,
		DialerRetries: 1, MaxRetries: -1, PipelinePoolSize: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// SetPassword is what Client says who it is with from now on.
func (s *Server) SetPassword(password string) { s.pass = password }

// Do sends one command and answers what the server said; an error ends the test.
func (s *Server) Do(words ...any) any {
	s.t.Helper()
	client := s.Client()
	defer func() { _ = client.Close() }()
	v, err := client.Do(context.Background(), words...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%v: %v", words, err)
	}
	return v
}

// Wait tries until do answers no error; one that lasts ends the test.
func Wait(t testing.TB, what string, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited for: %s: %v", what, err)
		case <-time.After(poll):
		}
	}
}

// syncBuffer is what a process prints, read while it does.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// The client library prints what it cannot reach to standard error; in tests that is expected.
func init() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
