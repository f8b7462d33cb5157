package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestUndoneThoughNobodyNotedTheSend kills the server right after an idempotent step was sent, before that is on record. Its
// worker finishes it and cannot say so until the run has been rolled back: what it did must be undone.
func TestUndoneThoughNobodyNotedTheSend(t *testing.T) {
	p := newProcess(t)
	p.start()
	w := p.startSagaWorker("saga")
	shape := &sagaShape{id: "unnoted", idempotent: true, after: map[string][]string{"x": nil}}
	shape.define("rollback", sagaStep("x", "", "x", true, "idempotent: true"), "{id: gate, type: approval}")
	p.save(shape)
	r := &sagaRun{shape: shape, root: "r"}
	if err := p.begin(r); err != nil {
		t.Fatal(err)
	}
	has := func(phase string) func() bool {
		return func() bool {
			raw, _ := os.ReadFile(p.sagaLedger())
			return strings.Contains(string(raw), `{"phase":"`+phase+`"`)
		}
	}
	p.until("the step has begun", has("begin"))
	p.kill()
	p.until("the step has ended", has("end"))
	_ = w.cmd.Process.Signal(syscall.SIGSTOP) // its result comes late; w.kill() instead: it never comes
	p.start()
	p.until("the gate is refused", func() bool {
		var page struct {
			Items []runner.ApprovalView `json:"items"`
		}
		return p.call("GET", "/api/v1/approvals", "", nil, &page) == nil && len(page.Items) == 1 &&
			p.call("POST", "/api/v1/approvals/"+page.Items[0].ID+"/decide", "application/json", []byte(`{"decision":"deny"}`), nil) == nil
	})
	_ = w.cmd.Process.Signal(syscall.SIGCONT)
	p.until("the step is undone", func() bool { return p.undosBegun() > 0 })
	auditAll(t, p, []*sagaRun{r}, true)
}
