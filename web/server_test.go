package web

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// server builds and starts the real server and the example's worker on ports of their own.
func server(t *testing.T) (url string) {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/", "./cmd/cordum", "./examples/migration/worker")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	addr, nats := freePort(t), freePort(t)
	start := func(name string, args ...string) {
		log := &bytes.Buffer{}
		cmd := exec.Command(filepath.Join(dir, name), args...)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("%s: %s", name, log)
			}
		})
	}
	start("cordum", "serve", "--dev", "--addr", addr, "--nats-addr", nats, "--data-dir", filepath.Join(dir, "data"))
	start("worker", "-nats", "nats://"+nats, "-data", filepath.Join(dir, "migration"))
	url = "http://" + addr
	for deadline := time.Now().Add(patience); ; {
		res, err := http.Get(url + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return url
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not come up")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// The example's workflow on the real server: the page sees the run come, shows what the approver is asked, approves by its
// own button, and sees the end.
func TestPageOnTheRealServer(t *testing.T) {
	url := server(t)
	b := openBrowser(t, url+"/")
	b.until("#connection", "live")
	definition, err := os.ReadFile(filepath.Join("..", "examples", "migration", "workflow.json"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(url+"/api/v1/workflows", "application/json", bytes.NewReader(definition))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("the definition is answered %s", res.Status)
	}
	b.until(`tr[data-run]`, "oneshot-")
	b.click(`tr[data-run] a`)
	b.until("[data-approval] h2", "Approve migration?")
	b.until("[data-approval] pre", "v2.0")
	b.until(`tr[data-step="backup-db"] .state`, "succeeded")
	b.until(`tr[data-step="backup-files"] .state`, "succeeded")
	b.click(`[data-decision="approve"]`)
	b.until(`tr[data-step="migrate"] .state`, "succeeded")
	b.until("#state", "succeeded")
	b.noErrors()
}
