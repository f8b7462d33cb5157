package web

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/internal/freeport"
)

// built is where the programs of these tests are, once they are needed.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// programs builds the real server and the example's worker, once for all tests.
func programs(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "cordum-web-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", built.dir+"/", "./cmd/cordum", "./examples/migration/worker")
		build.Dir = ".."
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

// server starts the real server and the example's worker on ports of their own. start starts another program beside them,
// "cordum" with its arguments; NATS_URL says where the bus is.
func server(t *testing.T) (url string, start func(name string, args ...string)) {
	t.Helper()
	bin, dir := programs(t), t.TempDir()
	addr, nats := freeport.Addr(t), freeport.Addr(t)
	run := func(env []string, name string, args ...string) (ended chan struct{}) {
		log := &bytes.Buffer{}
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Env = append(os.Environ(), env...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended = make(chan struct{})
		go func() {
			_ = cmd.Wait() // what it wrote says how it ended
			close(ended)
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			<-ended
			if t.Failed() {
				t.Logf("%s: %s", name, log)
			}
		})
		return ended
	}
	ended := run(nil, "cordum", "serve", "--dev", "--addr", addr, "--nats-addr", nats, "--data-dir", filepath.Join(dir, "data"))
	run(nil, "worker", "-nats", "nats://"+nats, "-data", filepath.Join(dir, "migration"))
	start = func(name string, args ...string) { run([]string{"NATS_URL=nats://" + nats}, name, args...) }
	url = "http://" + addr
	for deadline := time.Now().Add(patience); ; {
		res, err := http.Get(url + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return url, start
			}
		}
		select {
		case <-ended:
			t.Fatal("the server ended before it was ready")
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not come up")
		}
	}
}
