package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"cordum.dev/cordum/engine/runner"
)

// root is the repository's folder, seen from this package's tests.
const root = "../.."

func readmeText(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// readmeBlocks are the shell blocks of the README, in order.
func readmeBlocks(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readmeText(t), -1) {
		out = append(out, m[1])
	}
	return out
}

// block is the one block that contains a text.
func block(t *testing.T, blocks []string, text string) string {
	t.Helper()
	for _, b := range blocks {
		if strings.Contains(b, text) {
			return b
		}
	}
	t.Fatalf("the README has no block with %q", text)
	return ""
}

// shell runs a block as the README's reader would, from a folder with bin/ in it.
func (p *process) shell(script string) string {
	p.t.Helper()
	script = strings.ReplaceAll(script, "localhost:8081", p.addr)
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "CORDUM_GATEWAY=http://"+p.addr)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("%s\n%v\n%s%s", script, err, out, stderr.String())
	}
	return string(out)
}

// checkout puts bin/ and examples/ where the README's reader has them.
func (p *process) checkout() {
	p.t.Helper()
	server, err := binaries[""]()
	if err != nil {
		p.t.Fatal(err)
	}
	bin := filepath.Join(p.dir, "bin")
	build := exec.Command("go", "build", "-o", bin+"/", "./examples/migration/worker")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		p.t.Fatal(err)
	}
	if out, err := build.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	examples, err := filepath.Abs(filepath.Join(root, "examples"))
	if err == nil {
		err = os.Symlink(examples, filepath.Join(p.dir, "examples"))
	}
	if err == nil {
		err = os.Symlink(server, filepath.Join(bin, "cordum"))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// startMigrationWorker starts the example's worker in the folder that its reader is in; checkout comes first.
func (p *process) startMigrationWorker(flags ...string) {
	p.t.Helper()
	flags = append(flags, "-nats", "nats://"+p.nats)
	cmd := exec.Command(filepath.Join(p.dir, "bin", "worker"), flags...)
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// TestReadme does what the README says, with its own commands, and looks at what it promises: both backups overlap, the
// approval comes after both, the migration after the approval, and a viewer that comes back sees each event once.
func TestReadme(t *testing.T) {
	blocks := readmeBlocks(t)
	p := newProcess(t)
	p.start()
	p.checkout()
	p.startMigrationWorker()

	var created struct {
		RunID string `json:"run_id"`
	}
	if err := json.Unmarshal([]byte(p.shell(block(t, blocks, "/api/v1/workflows "))), &created); err != nil || created.RunID == "" {
		t.Fatalf("the answer names no run: %v %+v", err, created)
	}
	p.until("the approval waits", func() bool { return strings.Contains(p.shell("bin/cordum approval list"), created.RunID) })
	follow := block(t, blocks, "bin/cordum approval approve")
	follow = strings.NewReplacer("APPROVAL_ID", created.RunID+".approval~0", "RUN_ID", created.RunID).Replace(follow)
	if out := p.shell(follow); !strings.Contains(out, "run_succeeded") {
		t.Errorf("the timeline does not end well:\n%s", out)
	}
	checkMigration(t, p.timeline(created.RunID))
	checkResume(t, p, created.RunID)
	sse := strings.ReplaceAll(block(t, blocks, "Last-Event-ID"), "RUN_ID", created.RunID)
	if out := p.shell("timeout 3 " + strings.TrimSpace(sse) + " || true"); !strings.Contains(out, "id: 13\n") || strings.Contains(out, "id: 12\n") {
		t.Errorf("the stream does not go on behind event 12:\n%s", out)
	}
}

func (p *process) timeline(run string) []runner.Event {
	p.t.Helper()
	var page struct {
		Items []runner.Event `json:"items"`
	}
	if err := p.call("GET", "/api/v1/runs/"+run+"/timeline?limit=1000", "", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	return page.Items
}

// orderOf answers what checks that one event, as "type step", came before another.
func orderOf(t *testing.T, events []runner.Event) func(a, b string) {
	at := map[string]uint64{}
	for _, e := range events {
		if key := e.Type + " " + e.Step; at[key] == 0 {
			at[key] = e.Seq
		}
	}
	return func(a, b string) {
		t.Helper()
		if at[a] == 0 || at[b] == 0 || at[a] >= at[b] {
			t.Errorf("%q (%d) should come before %q (%d)", a, at[a], b, at[b])
		}
	}
}

// checkMigration looks at the order of things.
func checkMigration(t *testing.T, events []runner.Event) {
	t.Helper()
	before := orderOf(t, events)
	for _, one := range []string{"backup-db", "backup-files"} {
		for _, other := range []string{"backup-db", "backup-files"} {
			before("job_running "+one, "job_ended "+other)
		}
		before("job_decided "+one, "job_dispatched "+one)
		before("step_succeeded "+one, "approval_requested approval")
	}
	before("approval_approved approval", "step_started migrate")
	before("step_succeeded migrate", "step_started notify")
}

// checkResume watches the run over a WebSocket, leaves after a few events and comes back for the rest.
func checkResume(t *testing.T, p *process, run string) {
	t.Helper()
	var seen []uint64
	watch := func(after uint64, stop func(seq uint64) bool) {
		conn, _, err := websocket.DefaultDialer.Dial("ws://"+p.addr+"/api/v1/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request := map[string]any{"id": "a", "subscribe": map[string]any{"run": run, "after_seq": after}}
		if err := conn.WriteJSON(request); err != nil {
			t.Fatal(err)
		}
		for {
			var m struct {
				Type  string        `json:"type"`
				Event *runner.Event `json:"event"`
			}
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if err := conn.ReadJSON(&m); err != nil {
				t.Fatalf("after %d events: %v", len(seen), err)
			}
			if m.Event == nil {
				continue
			}
			if m.Event.Prev != after {
				t.Fatalf("event %d follows %d, not %d", m.Event.Seq, m.Event.Prev, after)
			}
			after = m.Event.Seq
			seen = append(seen, after)
			if stop(after) {
				return
			}
		}
	}
	all := p.timeline(run)
	last := all[len(all)-1].Seq
	watch(0, func(seq uint64) bool { return seq == 5 })
	watch(5, func(seq uint64) bool { return seq == last })
	if len(seen) != len(all) {
		t.Errorf("saw %d events of %d", len(seen), len(all))
	}
}
