package runner_test

import (
	"context"
	"slices"
	"testing"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

const chain = `
id: chain
steps:
  - {id: a, topic: job.t.work, effect: none}
  - {id: b, topic: job.t.work, depends_on: [a]}
  - {id: gate, type: approval, depends_on: [b]}
  - {id: c, topic: job.t.work, depends_on: [gate], effect: none, input: {from: "${steps.b.output.n}"}}
`

func TestRunFromStartToEnd(t *testing.T) {
	w := newWorld(t)
	w.put(chain)
	w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
		out := `{"n":7}`
		if j.StepId == "c" {
			out = string(j.Input)
		}
		return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(out)}
	}, "job.t.work")
	run := w.run("chain", `{}`)
	var waiting []runner.ApprovalView
	w.until("the approval waits", func() bool {
		waiting, _, _ = w.r.Approvals(context.Background(), ann, runner.Filter{State: "waiting"})
		return len(waiting) == 1
	})
	if got := w.view(run).State; got != "waiting" {
		t.Errorf("state %q, want waiting", got)
	}
	if _, err := w.r.Decide(context.Background(), ann, waiting[0].ID, runner.Decision{Approve: true, Comment: "go"}); err != nil {
		t.Fatal(err)
	}
	v := w.ended(run)
	if v.State != "succeeded" || string(v.Steps[2].Output) != `{"from":7}` {
		t.Errorf("state %s, steps %+v", v.State, v.Steps)
	}
	types := w.types(run)
	for _, want := range []string{"run_started", "job_decided a", "job_released a", "step_succeeded b", "job_running b", "approval_approved gate", "run_succeeded"} {
		if !slices.Contains(types, want) {
			t.Errorf("timeline lacks %q: %v", want, types)
		}
	}
}
