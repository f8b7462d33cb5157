package runner_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// TestDeadLettersKeepNoSecret: what a worker let slip is hidden everywhere.
func TestDeadLettersKeepNoSecret(t *testing.T) {
	const canary = "AKIAIOSFODNN7EXAMPLQ"
	bubble(t, func(t *testing.T, w *world) {
		ears := w.listenDead()
		w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "no\x1b[2Jentry", ErrorMessage: "key " + canary + " refused\r\nINJECTED"}
		}, "job.t.work")
		v := w.submitEnded(runner.JobRequest{Topic: "job.t.work", Labels: map[string]string{"key": canary}})
		d, err := w.r.DeadLetter(context.Background(), ann, v.ID)
		if err != nil {
			t.Fatal(err)
		}
		groups, _, _ := w.r.DeadGroups(context.Background(), ann, runner.DeadFilter{}, 0)
		w.until("it is told", func() bool { return ears.count() == 1 })
		for what, shown := range map[string]any{"entry": d, "list": w.deadOf(runner.DeadFilter{}), "groups": groups, "bus": ears.heard[0]} {
			raw, err := json.Marshal(shown)
			if err != nil || strings.Contains(string(raw), canary) {
				t.Errorf("the %s has the secret: %s %v", what, raw, err)
			}
		}
		if strings.ContainsAny(ears.heard[0].ErrorMessage+d.Code, "\r\n\x1b") {
			t.Errorf("%q %q", ears.heard[0].ErrorMessage, d.Code)
		}
		if d.Kind != "job" || d.Workflow != "" || d.Step != "" {
			t.Errorf("%+v", d)
		}
	})
}

// TestDeadLettersOfOthers: another tenant finds nothing, whatever it names; hostile ids and cursors are not found or refused.
func TestDeadLettersOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult { return fatal() }, "job.t.work")
		v := w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
		w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
		names := []string{v.ID, "", "/", "..", "a\x00b", "\xff", v.ID + "/", v.RunID, strings.Repeat("x", 4096), "FFzz.job~0", v.ID + "0"}
		for _, name := range names {
			_, err := w.r.DeadLetter(ctx, bea, name)
			is(t, err, runner.ErrNotFound)
			_, err = w.r.RetryDead(ctx, bea, name)
			is(t, err, runner.ErrNotFound)
			is(t, w.r.DeleteDead(ctx, bea, name), runner.ErrNotFound)
			_, err = w.r.Redrive(ctx, bea, name)
			is(t, err, runner.ErrNotFound)
			if name == v.ID {
				continue
			}
			_, err = w.r.DeadLetter(ctx, ann, name)
			is(t, err, runner.ErrNotFound)
		}
		if all, _, err := w.r.DeadLetters(ctx, bea, runner.DeadFilter{}, "", 0); err != nil || len(all) != 0 {
			t.Errorf("%v %v", all, err)
		}
		if p, err := w.r.PurgeDead(ctx, bea, runner.DeadFilter{State: "dead"}, false); err != nil || p.Matched != 0 {
			t.Errorf("%+v %v", p, err)
		}
		page, next, err := w.r.DeadLetters(ctx, ann, runner.DeadFilter{}, "", 1)
		if err != nil || len(page) != 1 || next == "" {
			t.Fatalf("%v %q %v", page, next, err)
		}
		if rest, end, err := w.r.DeadLetters(ctx, ann, runner.DeadFilter{}, next, 1); err != nil || len(rest) != 1 || end != "" || rest[0].ID == page[0].ID {
			t.Errorf("%v %q %v", rest, end, err)
		}
		for _, bad := range []string{"x", next + "x", "YzE6", "YzE6Li4vLi4", next[:len(next)-4]} {
			_, _, err := w.r.DeadLetters(ctx, ann, runner.DeadFilter{}, bad, 1)
			is(t, err, runner.ErrInvalidCursor)
		}
		_, _, err = w.r.DeadLetters(ctx, ann, runner.DeadFilter{State: "gone"}, "", 1)
		wantInvalid(t, err, "invalid_argument")
		_, err = w.r.PurgeDead(ctx, ann, runner.DeadFilter{}, false)
		wantInvalid(t, err, "invalid_argument")
		_, err = w.r.StartRedrive(ctx, ann, runner.RedriveRequest{})
		wantInvalid(t, err, "invalid_argument")
		_, err = w.r.StartRedrive(ctx, ann, runner.RedriveRequest{Filter: runner.DeadFilter{State: "dead"}, Rate: 1e9})
		wantInvalid(t, err, "invalid_argument")
	})
}

// TestDeleteAndPurge: what is deleted stays away, also over a retry of its run; a later death is an entry again.
func TestDeleteAndPurge(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		k := w.newWorker("w1", nil, "job.t.work")
		w.put("id: one\nsteps:\n  - {id: a, effect: none, topic: job.t.work}\n")
		run := w.run("one", `{}`)
		k.answer(k.next(), fatal())
		w.ended(run)
		v := w.dead()
		if err := w.r.DeleteDead(ctx, ann, v.ID); err != nil {
			t.Fatal(err)
		}
		is(t, w.r.DeleteDead(ctx, ann, v.ID), runner.ErrNotFound)
		w.command(run, runner.VerbRetry)
		j := k.next()
		if all := w.deadOf(runner.DeadFilter{}); len(all) != 0 {
			t.Errorf("a retry brings it back: %+v", all)
		}
		k.answer(j, fatal())
		w.ended(run)
		if v := w.dead(); v.Times != 2 {
			t.Errorf("%+v", v)
		}
		if p, err := w.r.PurgeDead(ctx, ann, runner.DeadFilter{Workflow: "one"}, true); err != nil || p != (runner.Purged{Matched: 1}) {
			t.Errorf("%+v %v", p, err)
		}
		if p, err := w.r.PurgeDead(ctx, ann, runner.DeadFilter{Workflow: "one"}, false); err != nil || p != (runner.Purged{Matched: 1, Deleted: 1}) {
			t.Errorf("%+v %v", p, err)
		}
		records, _, err := w.r.AuditRecords(ctx, ann, runner.AuditQuery{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, act := range []string{"dlq.delete", "dlq.purge", "override"} {
			if !slices.ContainsFunc(records, func(r runner.AuditRecord) bool { return string(r.Act) == act && r.Actor == ann.Actor }) {
				t.Errorf("%s is not in the audit log", act)
			}
		}
	})
}

// TestOldAndTooManyDeadLettersGo: by age, and the oldest over the cap; the gauges follow, over a restart too.
func TestOldAndTooManyDeadLettersGo(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		reg := prometheus.NewRegistry()
		w.cfg.Registry, w.cfg.DeadLetters = reg, runner.DeadLetterConfig{TTL: time.Hour, Cap: 3}
		w.start()
		w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult { return fatal() }, "job.t.work")
		var last runner.JobView
		for range 5 {
			last = w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
			time.Sleep(time.Second)
		}
		w.until("the oldest are gone", func() bool { return len(w.deadOf(runner.DeadFilter{})) == 3 })
		if all := w.deadOf(runner.DeadFilter{}); all[0].ID != last.ID {
			t.Errorf("the newest is %s", all[0].ID)
		}
		if n := gauge(t, reg, "cordum_dlq_entries"); n != 3 {
			t.Errorf("gauge %v", n)
		}
		if n := gauge(t, reg, "cordum_dlq_dropped_total"); n != 2 {
			t.Errorf("dropped %v", n)
		}
		w.halt()
		reg = prometheus.NewRegistry()
		w.cfg.Registry = reg
		w.start()
		if n := gauge(t, reg, "cordum_dlq_depth"); n != 3 {
			t.Errorf("gauge after a restart: %v", n)
		}
		time.Sleep(2 * time.Hour)
		if all := w.deadOf(runner.DeadFilter{}); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		if n := gauge(t, reg, "cordum_dlq_entries"); n != 0 {
			t.Errorf("gauge %v", n)
		}
	})
}

// gauge is the sum of a metric over its labels.
func gauge(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return sum
}
