package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"cordum.dev/cordum/bus/wire"
)

// TestOversizedAttempts: what the bus does not carry ends with a code that says so, instead of being sent again for ever, whoever it
// is for; what it carries goes on, and the worker's slot is free for it.
func TestOversizedAttempts(t *testing.T) {
	for name, step := range map[string]string{
		"asks first":              "{id: a, topic: job.t.work, input: {text: \"${input.text}\"}}",
		"idempotent, and undone":  "{id: a, topic: job.t.work, idempotent: true, input: {text: \"${input.text}\"}, compensate: {topic: job.t.work}}",
		"tried again if possible": "{id: a, topic: job.t.work, retry: {max_attempts: 5}, input: {text: \"${input.text}\"}}",
		"plain CAP":               "{id: a, topic: job.cap.work, input: {text: \"${input.text}\"}}",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put("id: one\nsteps:\n  - " + step + "\n")
				w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult {
					return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED}
				}, "job.t.work")
				plain := w.newPlainWorker("p1", &wire.Heartbeat{MaxParallelJobs: 1, Pool: "cap", Capabilities: []string{"job.cap.work"}}, "job.cap.work")
				w.bus.SetMaxPayload(16 << 10)
				run := func(size int) string {
					return w.run("one", fmt.Sprintf(`{"text": %q}`, strings.Repeat("x", size)))
				}
				v := w.ended(run(20 << 10))
				if v.Error == nil || v.State != "failed" || v.Steps[0].Error == nil || v.Steps[0].Error.Code != "input_too_large" || v.Steps[0].Attempt != 1 {
					t.Fatalf("the run is %s with %+v, its step %+v", v.State, v.Error, v.Steps[0])
				}
				next := run(1 << 10)
				if strings.Contains(step, "job.cap") {
					job := plain.next()
					plain.say(job.JobId, &wire.JobResult{JobId: job.JobId, WorkerId: "p1", Status: wire.JobStatus_JOB_STATUS_SUCCEEDED})
				}
				if v := w.ended(next); v.State != "succeeded" {
					t.Errorf("what fits is %s: %+v", v.State, v.Error)
				}
			})
		})
	}
}
