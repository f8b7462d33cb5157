package runner_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

const canary = "AKIAIOSFODNN7EXAMPLE"

const outputRules = `--- {default: ALLOW, name: base,
  rules: [{id: hide, match: {topics: job.hide}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: Redact, value: [ssn, customer.card]}]}],
  output_rules: [
  {id: keys, match: {topics: [job.make, job.undo]}, scanners: [secret], decision: QUARANTINE, reason: a key is in it,
   approval: {approvers: ["role:sre"], expires: 1h, on_expiry: rollback}},
  {id: mail, match: {topics: [job.mail, job.fail]}, scanners: [pii], decision: REDACT},
  {id: gone, match: {topics: [job.deny]}, scanners: [secret], decision: DENY, reason: no keys here},
  {id: failures, match: {topics: [job.fail]}, scanners: [secret], has_error: true, decision: DENY}]}`

const makeAndUse = `
id: wf
steps:
  - {id: make, topic: job.make, compensate: {topic: job.undo, input: {got: "${steps.make.output.key}"}}}
  - {id: use, topic: job.use, depends_on: [make], input: {got: "${steps.make.output.key}"}}
`

// gives is a worker that succeeds with an output.
func gives(output string) func(*wire.JobRequest) *wire.JobResult {
	return func(*wire.JobRequest) *wire.JobResult {
		return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(output)}
	}
}

// serving connects a worker of a topic's own, that counts what it is sent.
func (w *world) serving(topic string, act func(*wire.JobRequest) *wire.JobResult) *counter {
	w.t.Helper()
	if act == nil {
		act = succeed
	}
	c := &counter{}
	w.newWorker("of-"+topic, func(j *wire.JobRequest) *wire.JobResult {
		c.n.Add(1)
		return act(j)
	}, topic)
	return c
}

// shown is all that people are shown of a run: the run, its steps, its timeline and its approvals.
func (w *world) shown(run string) string {
	w.t.Helper()
	events, _, err := w.r.Timeline(context.Background(), ann, run, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	all := []any{w.view(run), events}
	for _, s := range w.view(run).Steps {
		if s.JobID == "" {
			continue
		}
		if a, err := w.r.Approval(context.Background(), sre("bob"), s.JobID); err == nil {
			all = append(all, a)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(raw)
}

func (w *world) hidden(run, secret string) {
	w.t.Helper()
	if text := w.shown(run); strings.Contains(text, secret) {
		w.t.Errorf("people are shown it: %s", text)
	}
}

// TestQuarantine: an output that the policy holds is seen by nobody until somebody releases it, over a restart too; then the run
// goes on with it, and its job is not run again. A large one is held like a small one.
func TestQuarantine(t *testing.T) {
	for name, padding := range map[string]int{"small": 0, "large": 200_000} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, outputRules)
				pad := strings.Repeat("x", padding)
				made := w.serving("job.make", gives(`{"key":"`+canary+`","pad":"`+pad+`"}`))
				var got string
				w.serving("job.use", func(j *wire.JobRequest) *wire.JobResult {
					got = string(j.Input)
					return succeed(j)
				})
				w.put(makeAndUse)
				run := w.run("wf", `{}`)
				a := w.waiting(run, "make")
				if v := w.view(run); v.State != "waiting" || a.Source != "output" || a.State != "waiting" || w.step(run, "make").JobState != "succeeded" {
					t.Errorf("the run is %s, the job %s, the approval %+v", v.State, w.step(run, "make").JobState, a)
				}
				if !strings.Contains(string(a.Context), `"aws_access_key","path":"$.key"`) || len(a.Input) > 0 {
					t.Errorf("people are shown %s", a.Context)
				}
				w.hidden(run, canary)
				w.restart()
				w.hidden(run, canary)
				if err := w.approve(sre("bob"), w.approval(a.ID)); err != nil {
					t.Fatal(err)
				}
				v := w.ended(run)
				w.states(v, "make=succeeded use=succeeded")
				if got != `{"got":"`+canary+`"}` || made.count() != 1 {
					t.Errorf("the next step got %s after %d attempts", got, made.count())
				}
			})
		})
	}
}

// TestQuarantineRefused: what people do not release had its effect: its step is denied and undone, and its compensation sees
// what was held, and nobody else. So does what nobody released in time.
func TestQuarantineRefused(t *testing.T) {
	for name, end := range map[string]func(*world, runner.ApprovalView){
		"refused": func(w *world, a runner.ApprovalView) {
			_, err := w.r.Decide(context.Background(), sre("bob"), a.ID, runner.Decision{Comment: "no", ExpectHash: a.Hash})
			if err != nil {
				w.t.Fatal(err)
			}
		},
		"too late":  func(w *world, _ runner.ApprovalView) { time.Sleep(61 * time.Minute) },
		"cancelled": func(w *world, a runner.ApprovalView) { w.command(a.RunID, runner.VerbCancel) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, outputRules)
				w.serving("job.make", gives(`{"key":"`+canary+`"}`))
				used := w.serving("job.use", nil)
				var undone string
				undo := w.serving("job.undo", func(j *wire.JobRequest) *wire.JobResult {
					undone = string(j.Input)
					return gives(`"` + canary + `"`)(j) // what a compensation gives is dropped
				})
				w.put(makeAndUse)
				run := w.run("wf", `{}`)
				end(w, w.waiting(run, "make"))
				v := w.ended(run)
				if name == "cancelled" {
					w.states(v, "make=cancelled use=skipped")
					w.command(run, runner.VerbRollback)
				} else {
					w.states(v, "make=denied use=skipped undo:make=succeeded")
				}
				w.until("it is undone", func() bool { return w.view(run).Compensation == "done" })
				if undone != `{"got":"`+canary+`"}` || undo.count() != 1 || used.count() != 0 {
					t.Errorf("the compensation got %s, %d times; %d used it", undone, undo.count(), used.count())
				}
				w.hidden(run, canary)
				if a := w.approval(w.step(run, "make").JobID); a.State == "waiting" || a.State == "approved" {
					t.Errorf("the question is %s", a.State)
				}
			})
		})
	}
}

// TestOutputDenied: what the policy refuses had its effect, and is not tried again.
func TestOutputDenied(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, outputRules)
		read := w.measured()
		made := w.serving("job.deny", gives(`{"key":"`+canary+`"}`))
		undo := w.serving("job.u", nil)
		w.put("id: wf\nsteps:\n  - {id: a, topic: job.deny, retry: {max_attempts: 3}, compensate: {topic: job.u}}\n")
		run := w.run("wf", `{}`)
		v := w.ended(run)
		w.states(v, "a=denied undo:a=succeeded")
		w.until("it is undone", func() bool { return w.view(run).Compensation == "done" })
		if e := w.step(run, "a").Error; e == nil || e.Code != "output_denied" || !strings.Contains(e.Message, "base/gone: no keys here") {
			t.Errorf("%+v", e)
		}
		if made.count() != 1 || undo.count() != 1 || read("cordum_output_denials_total") != 1 || read("cordum_output_eval_duration_seconds") != 1 {
			t.Errorf("%d attempts, %d undone, %v counted", made.count(), undo.count(), read("cordum_output_denials_total"))
		}
		w.hidden(run, canary)
		if w.count(run, "output_judged") != 1 {
			t.Errorf("%v", w.types(run))
		}
	})
}

// TestOutputRedacted: the next step, and people, see an output without what a rule hides, or the constraints of its job.
func TestOutputRedacted(t *testing.T) {
	for topic, c := range map[string]struct{ gives, want string }{
		"mail": {`{"m": "to ann@example.com", "n": 1}`, `{"m": "to [redacted:email]", "n": 1}`},
		"hide": {`{"ssn":7,"customer":[{"card":"x","n":2}],"card":3}`, `{"ssn":"[redacted]","customer":[{"card":"[redacted]","n":2}],"card":3}`},
		"none": {`{"m": "to ann@example.com"}`, `{"m": "to ann@example.com"}`},
	} {
		t.Run(topic, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, outputRules)
				w.serving("job."+topic, gives(c.gives))
				w.put("id: wf\nsteps:\n  - {id: a, topic: job." + topic + "}\n  - {id: b, type: transform, depends_on: [a], input: \"${steps.a.output}\"}\n")
				run := w.run("wf", `{}`)
				w.states(w.ended(run), "a=succeeded b=succeeded")
				if got := string(w.step(run, "a").Output); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

// TestFailureScreened: what a failure says is looked at, too: hidden in, or withheld as a whole. It stays the failure it was.
func TestFailureScreened(t *testing.T) {
	for message, want := range map[string]string{
		"user ann@example.com is unknown": "user [redacted:email] is unknown",
		"bad key " + canary:               "what it says is withheld by the output policy: rule base/failures",
	} {
		bubble(t, func(t *testing.T, w *world) {
			governed(t, w, outputRules)
			tries := w.serving("job.fail", func(*wire.JobRequest) *wire.JobResult {
				return &wire.JobResult{
					Status: wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE, ErrorCode: "refused", ErrorMessage: message,
					ErrorDetails: []byte(`{"who":"bob@example.com"}`),
				}
			})
			w.put("id: wf\nsteps:\n  - {id: a, topic: job.fail, retry: {max_attempts: 2}}\n")
			run := w.run("wf", `{}`)
			w.states(w.ended(run), "a=failed")
			e := w.step(run, "a").Error
			if e == nil || e.Code != "refused" || e.Message != want || tries.count() != 2 {
				t.Errorf("%+v after %d attempts, want %s", e, tries.count(), want)
			}
			w.hidden(run, canary)
			w.hidden(run, "@example.com")
		})
	}
}

// TestOutputWithoutPolicy: while nobody knows the policy no result is accepted, and none is lost.
func TestOutputWithoutPolicy(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := governed(t, w, outputRules)
		policy := k.now.Load()
		w.serving("job.mail", func(j *wire.JobRequest) *wire.JobResult {
			k.now.Store(nil)
			return gives(`{"m":"ann@example.com"}`)(j)
		})
		w.put("id: wf\nsteps:\n  - {id: a, topic: job.mail}\n")
		run := w.run("wf", `{}`)
		time.Sleep(time.Minute)
		w.states(w.view(run), "a=running")
		w.publish(k, policy)
		w.states(w.ended(run), "a=succeeded")
		w.hidden(run, "@example.com")
	})
}
