package main

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// shopWorker does the work of an order. Shipping and refunding fail while their switch says so.
type shopWorker struct{ noShip, noRefund atomic.Bool }

// start connects the worker to a server until the test ends.
func (w *shopWorker) start(t *testing.T, s *running) {
	t.Helper()
	nats := regexp.MustCompile(`workers +(nats://\S+)`).FindStringSubmatch(s.out.String())[1]
	worker, err := sdk.NewWorker(sdk.WorkerConfig{URL: nats, ID: "shop", Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	tool := func(topic string, broken *atomic.Bool) {
		sdk.RegisterTopic(worker, topic, func(context.Context, sdk.Job, map[string]any) (map[string]any, error) {
			if broken != nil && broken.Load() {
				return nil, sdk.Fatal("broken", errors.New(topic+" is broken"))
			}
			return map[string]any{"id": 7}, nil
		})
	}
	tool("job.stock.reserve", nil)
	tool("job.stock.release", nil)
	tool("job.billing.charge", nil)
	tool("job.billing.refund", &w.noRefund)
	tool("job.parcel.ship", &w.noShip)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

const orderWorkflow = `
id: order
on_failure: rollback
steps:
  - {id: reserve, topic: job.stock.reserve, checkpoint: reserved, compensate: {topic: job.stock.release}}
  - {id: charge, depends_on: [reserve], topic: job.billing.charge, compensate: {topic: job.billing.refund, retry: {max_attempts: 1}}}
  - {id: ship, depends_on: [charge], topic: job.parcel.ship, effect: read}
`

func (r result) says(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(r.out + r.errOut) {
			t.Errorf("nothing says %q:\n%s%s", pattern, r.out, r.errOut)
		}
	}
}

// An order that fails is undone, and people settle what cannot be undone by itself.
func TestSagaCommands(t *testing.T) {
	s := serveDev(t, t.TempDir())
	var w shopWorker
	w.start(t, s)
	file := writeFile(t, "order.yaml", orderWorkflow)

	t.Run("a failure is undone", func(t *testing.T) {
		w.noShip.Store(true)
		r := s.want(exitCompensated, "workflow", "run", "-f", file, "--wait")
		r.says(t, `step ship +failed`, `rollback +started`, `undo charge +has its turn`, `undo charge +undone`, `undo reserve +undone`, `rollback +ended.*undone 2`, `compensation +done`, `undo:charge +`)
		if refund, release := strings.Index(r.errOut, "undo charge"), strings.Index(r.errOut, "undo reserve"); refund > release {
			t.Errorf("undone in the wrong order:\n%s", r.errOut)
		}
	})
	t.Run("a held compensation", func(t *testing.T) {
		w.noShip.Store(true)
		w.noRefund.Store(true)
		id := strings.TrimSpace(s.want(exitOK, "workflow", "run", "-f", file).out)
		s.want(exitWaiting, "run", "watch", id, "--no-wait-approval").says(t, `undoing charge is held`, `cordum run compensation retry\|skip\|done `+id+` charge`)
		s.want(exitOK, "run", "show", id).says(t, `compensation +held`, `held +charge: broken`, `undo:charge .*held`)
		s.want(exitOK, "run", "compensation", "list").says(t, id+` +order +charge`)
		s.want(exitOK, "run", "compensation", "list", id).says(t, `broken: `)
		s.want(exitOK, "run", "explain", id, "undo:charge").says(t, `undo:charge is held`, `→ cordum run compensation`)
		s.want(exitUsage, "run", "compensation", "skip", id, "charge")
		s.want(exitError, "run", "compensation", "retry", id, "reserve")
		s.want(exitOK, "run", "compensation", "done", id, "charge", "--reason", "paid back by hand")
		s.want(exitCompensated, "run", "watch", id)
		s.want(exitOK, "run", "timeline", id).says(t, `undo charge +held: waits for a person`, `undo charge +is settled.*paid back by hand.*how done`)
		if r := s.want(exitOK, "run", "compensation", "list", "-o", "json"); strings.Contains(r.out, id) {
			t.Errorf("it is still held: %s", r.out)
		}
		w.noRefund.Store(false)
	})
	t.Run("rollback by hand", func(t *testing.T) {
		w.noShip.Store(false)
		id := strings.TrimSpace(s.want(exitOK, "run", "start", "order").out)
		s.want(exitOK, "run", "watch", id)
		s.want(exitOK, "workflow", "plan", "--if-cancelled", id).says(t, `1\. charge`, `2\. reserve`)
		s.want(exitUsage, "run", "rollback", id, "--dry-run")
		s.want(exitOK, "run", "rollback", id, "--reason", "wrong customer")
		s.want(exitOK, "run", "watch", id).says(t, `state +succeeded`, `compensation +done`)
	})
	t.Run("back to a checkpoint", func(t *testing.T) {
		id := strings.TrimSpace(s.want(exitOK, "run", "start", "order").out)
		s.want(exitOK, "run", "watch", id)
		s.want(exitError, "run", "rollback", id, "--to", "nowhere")
		s.want(exitOK, "run", "rollback", id, "--to", "reserved", "--then", "retry")
		s.want(exitOK, "run", "watch", id)
		r := s.want(exitOK, "run", "timeline", id)
		r.says(t, `rollback +started.*checkpoint reserved`, `run +back at a checkpoint`)
		if strings.Contains(r.out, "undo reserve") {
			t.Errorf("what came before the checkpoint was undone:\n%s", r.out)
		}
	})
	t.Run("fork", func(t *testing.T) {
		id := strings.TrimSpace(s.want(exitOK, "run", "start", "order").out)
		s.want(exitOK, "run", "watch", id)
		s.want(exitOK, "run", "fork", id, "--from", "ship", "--set-output", `charge={"id":8}`, "--preview").says(t, `reused +.*reserve`, `edited +1: charge`, `runs again +1: ship`)
		s.want(exitUsage, "run", "fork", id)
		s.want(exitUsage, "run", "fork", id, "--from", "ship", "--set-output", "charge")
		r := s.want(exitOK, "run", "fork", id, "--from", "ship", "--set-output", `charge={"id":8}`, "--reason", "again", "--wait", "-o", "json")
		var forked runner.RunView
		if err := json.Unmarshal([]byte(r.out), &forked); err != nil || forked.ForkOf != id {
			t.Errorf("%v: fork of %q", err, forked.ForkOf)
		}
		for _, step := range forked.Steps {
			if step.ID == "charge" && !strings.Contains(string(step.Output), `8`) {
				t.Errorf("output %s", step.Output)
			}
		}
	})
	t.Run("plan on the server", func(t *testing.T) {
		s.want(exitOK, "workflow", "plan", "order").says(t, `job\.stock\.reserve.*served by`, `undone by job\.billing\.refund`, `digest [0-9a-f]{64}`)
		s.want(exitOK, "workflow", "plan", file, "--remote").says(t, `served by`)
		bad := writeFile(t, "bad.yaml", "id: bad\nsteps:\n  - {id: a, topic: job.x, depend_on: [b]}\n")
		s.want(exitDefinition, "workflow", "plan", bad, "--remote").says(t, regexp.QuoteMeta(bad)+`:3:\d+ error CW020`)
		s.want(exitUsage, "workflow", "plan", "order", "--policy", "p.yaml")
	})
}

// Runs are steered one by one, or all that fit a filter.
func TestBatchCommands(t *testing.T) {
	s := serveDev(t, t.TempDir())
	file := writeFile(t, "w.yaml", approvalWorkflow)
	var ids []string
	for _, who := range []string{"Ann", "Bo", "Cy"} {
		ids = append(ids, strings.TrimSpace(s.want(exitOK, "workflow", "run", "-f", file, "--input", `{"who":"`+who+`"}`, "--label", "team="+strings.ToLower(who)).out))
	}
	for _, id := range ids {
		s.want(exitWaiting, "run", "watch", id, "--no-wait-approval")
	}
	s.want(exitOK, "approval", "list", "--run", ids[1]).says(t, ids[1]+`\.approval`)
	r := s.want(exitOK, "run", "cancel", "--filter", "workflow=ask state=waiting", "--dry-run")
	r.says(t, `3 runs fit`)
	if names := strings.Fields(r.out); len(names) != 3 {
		t.Errorf("listed %v", names)
	}
	s.want(exitUsage, "run", "cancel", "--filter", "workflow=ask") // nobody to ask, and no --yes
	s.want(exitError, "run", "cancel", "--filter", "workflow=ask state=succeeded", "--yes").says(t, "impossible_filter")
	for _, filter := range []string{"workflow", "colour=red", "state=running state=waiting", " ", "workflow="} {
		s.want(exitUsage, "run", "pause", "--filter", filter, "--yes")
	}
	s.want(exitUsage, "run", "pause", ids[0], "--filter", "workflow=ask", "--yes")
	s.want(exitUsage, "run", "cancel", "--filter", "workflow=ask", "--force", "--yes")
	s.want(exitOK, "run", "pause", "--filter", "label.team=ann", "--yes").says(t, "1 of 1 done")
	r = s.want(exitOK, "run", "cancel", "--filter", "workflow=ask", "--yes", "--reason", "wrong day", "-o", "json")
	var done struct{ Matched, Done int }
	if err := json.Unmarshal([]byte(r.out), &done); err != nil || done.Done != 3 {
		t.Errorf("%v: %s", err, r.out)
	}
	for _, id := range ids {
		s.want(exitRunFailed, "run", "watch", id)
	}
	s.want(exitOK, "run", "timeline", ids[2]).says(t, "wrong day")
}

func TestSendBackCommand(t *testing.T) {
	s := serveDev(t, t.TempDir())
	file := writeFile(t, "w.yaml", approvalWorkflow)
	id := strings.TrimSpace(s.want(exitOK, "workflow", "run", "-f", file, "--input", `{"who":"Ann"}`).out)
	s.want(exitWaiting, "run", "watch", id, "--no-wait-approval")
	asked := strings.TrimSpace(s.want(exitOK, "approval", "list", "--run", id, "-o", "name").out)
	s.want(exitUsage, "approval", "send-back", asked)
	s.want(exitError, "approval", "send-back", asked, "--to", "check")
	s.want(exitOK, "approval", "send-back", asked, "--to", "pause", "--comment", "later, please")
	s.want(exitOK, "run", "watch", id, "--auto-approve").says(t, "run +sent back", "later, please")
}
