package web

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	send(t, url+"/api/v1/workflows", "application/json", string(definition), http.StatusAccepted)
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

// send posts a body and answers what came back.
func send(t *testing.T, url, contentType, body string, want int) object {
	t.Helper()
	res, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer := object{}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != want {
		t.Fatalf("%s is answered %s, want %d: %v (%v)", url, res.Status, want, answer, err)
	}
	return answer
}

const askWorkflow = `
id: ask
steps:
  - { id: say, type: notify, channel: log, message: "may it go on?" }
  - { id: hold, type: wait, signal: go, depends_on: [say] }
`

// noteWorkflow has a compensation that cannot be rendered.
const noteWorkflow = `
id: NAME
steps:
  - id: note
    type: notify
    channel: log
    message: noted
    checkpoint: noted
    compensate: { topic: job.nobody.erase, input: { what: "${steps.note.output.no.such.field}" } }`

// sagaWorkflow fails behind a fan-out and a sub-workflow; a person is asked about its compensation.
const sagaWorkflow = noteWorkflow + `
  - { id: each, type: notify, for_each: input.items, max_parallel: 20, channel: log, message: "item ${item}", depends_on: [note] }
  - { id: child, type: subworkflow, workflow: ask, depends_on: [each] }
  - { id: break, type: transform, input: { x: "${input.items[99]}" }, depends_on: [child] }
`

// A run of everything that nests, on the real server: the page opens its fan-out, goes to its child and back, gives the child
// its signal, and answers what its rollback holds.
func TestPageResolvesARollbackOnTheRealServer(t *testing.T) {
	url := server(t)
	for _, definition := range []string{askWorkflow, strings.ReplaceAll(sagaWorkflow, "NAME", "saga")} {
		send(t, url+"/api/v1/workflows", "application/yaml", definition, http.StatusCreated)
	}
	items := "[" + strings.Repeat("0,", 79) + "0]"
	run := send(t, url+"/api/v1/runs", "application/json", `{"workflow": "saga", "input": {"items": `+items+`}}`, http.StatusCreated)["run_id"].(string)
	b := openBrowser(t, url+"/#/runs/"+run)
	b.until(`tr[data-step="each"]`, "80 items: ✓ 80 succeeded")
	b.click(`tr[data-step="each"] .toggle`)
	b.until(`tr[data-pager="each"]`, "each[0] to each[49]")
	b.click(`tr[data-pager="each"] [data-turn="1"]`)
	b.until(`tr[data-pager="each"]`, "each[50] to each[79]")
	b.click(`tr[data-step="each[79]"] td a`)
	b.until("#why", "its result was accepted")

	b.click(`[data-verb="cancel"]`)
	b.click("#and-roll-back")
	b.until("dialog .plan ol", "note")
	b.click("dialog [data-close]")
	b.click(`[data-verb="fork"]`)
	b.until("dialog .plan", "Runs again")
	b.click("dialog [data-close]")

	b.until(`tr[data-step="child"] .state`, "running")
	b.click(`tr[data-step="child"] td:last-child a`)
	b.until("#parent a", "child of "+run)
	b.until(`tr[data-step="hold"] .state`, "waiting")
	b.click(`[data-verb="signal"]`)
	b.when(`document.querySelector("#signals option")?.value === "go"`)
	b.put("#signal-name", "go")
	b.click("dialog button[type=submit]")
	b.until("#state", "succeeded")
	b.click("#parent a")

	b.until("#state", "failed")
	b.until("#compensation", "held")
	b.until(`tr[data-step="undo:note"]`, "expr_runtime")
	b.until(`li[data-type="undo_held"]`, "undo:note is held")
	b.click("#held a")
	b.until("#why", "it is held")
	b.click(`tr[data-step="undo:note"] [data-held="retry"]`) // it cannot be rendered this time either
	b.click("dialog button[type=submit]")
	b.until(`li[data-type="undo_retried"]`, "is tried again")
	b.gone("dialog")
	b.when(`document.querySelectorAll('li[data-type="undo_held"]').length === 2`)
	b.until("#compensation", "held")
	b.click(`tr[data-step="undo:note"] [data-held="done"]`)
	b.put("#reason", "erased by hand")
	b.click("dialog button[type=submit]")
	b.until("#compensation", "done")
	b.until("#state", "failed") // the one never takes the other's place
	b.until(".events", "undo:note marked as done by handreason erased by hand")
	b.gone("[data-held]")
	b.expect(map[string]string{reachability: ""})

	send(t, url+"/api/v1/workflows", "application/yaml", strings.ReplaceAll(noteWorkflow, "NAME", "note"), http.StatusCreated)
	over := send(t, url+"/api/v1/workflows/note/runs", "application/json", "{}", http.StatusCreated)["run_id"].(string)
	b.eval(`location.hash = "#/runs/` + over + `"`)
	b.until("#state", "succeeded")
	b.click(`[data-verb="rollback"]`) // of a run that is over, and the page follows
	b.until("dialog .plan ol", "note")
	b.click("dialog button[type=submit]")
	b.until("#compensation", "held")
	b.until(`li[data-type="undo_held"]`, "undo:note is held")
	b.until("#state", "succeeded")
	b.noErrors()
}
