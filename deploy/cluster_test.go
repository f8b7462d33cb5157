package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/freeport"
)

// patience is how long a condition may take on a busy machine.
const patience = 90 * time.Second

// cluster is what scripts/local-cluster runs.
type cluster struct {
	t   *testing.T
	dir string
	env []string
	key string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	noteSources(t)
	bin := filepath.Join(t.TempDir(), "cordum")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", bin, "../cmd/cordum")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command("make", "-s", "-C", "..", "local-cluster-tools").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var ports []string
	for range 14 {
		_, port, _ := strings.Cut(freeport.Addr(t), ":")
		ports = append(ports, port)
	}
	c := &cluster{t: t, dir: filepath.Join(t.TempDir(), "cluster")}
	c.env = append(os.Environ(), "CORDUM_BIN="+bin, "LOCAL_CLUSTER_PORTS="+strings.Join(ports, " "))
	t.Cleanup(c.down)
	for line := range strings.Lines(c.run("up")) {
		if _, key, is := strings.Cut(line, "CORDUM_API_KEY="); is {
			c.key = strings.TrimSpace(key)
		}
	}
	return c
}

// noteSources looks at all sources, so that the go command does not take a result of before for one of the binary that they make now.
func noteSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "node_modules" || name != ".." && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run calls the script.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	cmd := exec.Command(localCluster, append(args, c.dir)...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// down stops everything, and looks that nothing is left: no process works in the folder.
func (c *cluster) down() {
	c.run("down")
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil || len(folders) == 0 {
		c.t.Fatalf("processes cannot be looked at: %v", err)
	}
	for _, at := range folders {
		if dir, err := os.Readlink(at); err == nil && strings.HasPrefix(dir, c.dir) {
			c.t.Errorf("a process still runs in %s", dir)
		}
	}
}

// state is what the script's status says of one: stopped, starting or ready.
func (c *cluster) state(name string) (state, at string) {
	cmd := exec.Command(localCluster, "status", c.dir)
	cmd.Env = c.env
	out, _ := cmd.Output() // exit code 1: not all is ready
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			return f[1], f[2]
		}
	}
	c.t.Fatalf("%s is not in the status: %s", name, out)
	return "", ""
}

func (c *cluster) until(what string, done func() error) {
	c.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = done(); err == nil {
			return
		}
	}
	c.t.Fatalf("%s: %v", what, err)
}

// call calls a gateway.
func (c *cluster) call(gateway, method, path, contentType, body string, out any) error {
	req, err := http.NewRequest(method, gateway+"/api/v1/"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", c.key)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256([]byte(path+body)))) // of one run each
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode > 299 {
		return fmt.Errorf("%s %s: %s %s (%w)", method, path, answer.Status, raw, err)
	}
	return json.Unmarshal(raw, out)
}

// Each run waits for its signal, then has the built-in worker do something, which goes over NATS.
const story = `
id: story
steps:
  - {id: go, type: wait, signal: go}
  - {id: say, type: notify, message: "the run goes on", depends_on: [go]}
`

// TestLocalCluster starts what compose.yaml describes, as processes, and kills one of each kind: what was begun goes on through
// those that are left. Nothing is left when it is down.
func TestLocalCluster(t *testing.T) {
	c := newCluster(t)
	_, one := c.state("gateway-1")
	_, two := c.state("gateway-2")
	var any map[string]any
	if err := c.call(one, "POST", "workflows", "application/yaml", story, &any); err != nil {
		t.Fatal(err)
	}
	var runs []string
	for i := range 8 {
		var started struct {
			RunID string `json:"run_id"`
		}
		body := fmt.Sprintf(`{"input":{"n":%d}}`, i)
		if err := c.call([]string{one, two}[i%2], "POST", "workflows/story/runs", "application/json", body, &started); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, started.RunID)
	}
	for _, name := range []string{"nats-1", "engine-1", "gateway-1"} {
		c.run("kill", name)
		if state, _ := c.state(name); state != "stopped" {
			t.Errorf("%s was killed and is %s", name, state)
		}
	}
	begun := time.Now()
	for _, run := range runs {
		c.until("the signal of "+run, func() error {
			return c.call(two, "POST", "runs/"+run+"/signal", "application/json", `{"name":"go","payload":{}}`, &any)
		})
	}
	for _, run := range runs {
		c.until("the end of "+run, func() error {
			var view struct{ State string }
			if err := c.call(two, "GET", "runs/"+run, "application/json", "", &view); err != nil || view.State != "succeeded" {
				return fmt.Errorf("it is %q (%w)", view.State, err)
			}
			return nil
		})
	}
	t.Logf("all runs ended %v after one of each kind was killed", time.Since(begun).Round(10*time.Millisecond))
	c.run("start", "engine-1")
	if state, _ := c.state("engine-1"); state != "ready" {
		t.Errorf("engine-1 was started again and is %s", state)
	}
}
