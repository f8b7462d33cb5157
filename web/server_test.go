package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The example's workflow on the real server: the page sees the run come, shows what the approver is asked, approves by its
// own button, and sees the end.
func TestPageOnTheRealServer(t *testing.T) {
	t.Parallel()
	url, _ := server(t)
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
	t.Parallel()
	url, _ := server(t)
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

// execWorker is a worker with two commands: one that writes to its log, and one that fails.
const execWorker = `
pool: tools
capacity: 3
pass_env: [PATH]
tools:
  - topic: job.tools.count
    command: seq
    args: ["--format=counted %g", "{to}"]
    input: { to: { pattern: "[0-9]+" } }
    output: log
    effect: none
  - topic: job.tools.fail
    command: cat
    args: ["--", "{file}"]
    input: { file: {} }
    effect: read
`

const toolsWorkflow = `
id: tools
steps:
  - { id: count, topic: job.tools.count, effect: none, input: { to: "300" } }
  - { id: fail, topic: job.tools.fail, effect: read, input: { file: "/there/is/none" }, depends_on: [count] }
`

// A fleet on the real server: its worker is shown, drained and let go again; what its jobs write is on the run's page, and the
// one that failed is a dead letter, which is retried, redriven and deleted.
func TestPageOfARealFleet(t *testing.T) {
	t.Parallel()
	url, start := server(t)
	config := filepath.Join(t.TempDir(), "exec.yaml")
	if err := os.WriteFile(config, []byte(execWorker), 0o600); err != nil {
		t.Fatal(err)
	}
	start("cordum", "worker", "exec", "--config", config)
	b := openBrowser(t, url+"/#/fleet")
	b.until(`tr[data-pool="tools"] .state`, "open")
	b.until(`tr[data-pool="demo"] .state`, "open")
	worker := b.eval(`[...document.querySelectorAll("tr[data-worker]")].find((e) => e.textContent.includes("job.tools.count")).dataset.worker`)
	of := fmt.Sprintf(`tr[data-worker=%q] `, worker)
	b.until(of, "0 of 3")
	b.click(of + `[data-drain="drain"]`)
	b.put("#reason", "new kernel")
	b.click("dialog button[type=submit]")
	b.until(of, ": new kernel")
	b.until(of+".state", "draining")
	send(t, url+"/api/v1/workflows", "application/yaml", toolsWorkflow, http.StatusCreated)
	run := send(t, url+"/api/v1/workflows/tools/runs", "application/json", "{}", http.StatusCreated)["run_id"].(string)
	b.eval(`location.hash = "#/runs/` + run + `?step=count"`)
	b.until(".details .facts", "Why it waitsdraining")
	b.until("#logs .row", "it has written nothing so far")
	b.eval(`location.hash = "#/fleet"`)
	b.until(of+".state", "draining")
	b.click(of + `[data-drain="undrain"]`)
	b.click("dialog button[type=submit]")
	b.until(of+".state", "alive")
	b.eval(`history.back()`)
	b.until("#log li:last-child .text", "counted 300")
	b.until("#logs .row", "300 lines")
	b.until("#state", "failed")
	b.until(`li[data-type="job_dispatched"] .more`, "of") // least loaded of how many
	b.until(`li[data-type="job_logged"]`, "count wrote 300 lines")
	b.click(`tr[data-step="fail"] a`)
	b.until(`#log [data-stream="stderr"]`, "/there/is/none")

	b.click(`#views a[href="#/dead-letters"]`)
	b.until(`tr[data-group]`, "fail of tools1")
	b.click(`tr[data-dead] a`)
	b.until(".details .facts", "Topicjob.tools.fail")
	b.click(`[data-dead="retry"]`)
	b.click("dialog button[type=submit]")
	b.until("#news", "is being done again")
	b.until(`tr[data-dead]`, "died 2 times")
	b.click(`tr[data-group] [data-bulk="redrive"]`)
	b.until("dialog .plan", "1 entry would be retried.")
	b.click("dialog button[type=submit]")
	b.until("#redrive .state", "done")
	b.until("#redrive", "1 of 1 retried")
	b.until(`tr[data-dead]`, "died 3 times")
	b.click(`[data-redrive="close"]`)
	b.click(`[data-dead="delete"]`)
	b.click("dialog button[type=submit]")
	b.until(".empty:not([hidden])", "No dead letters")
	b.noErrors()
}
