package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/scheduler"
)

// TestPlacementIsSaid: what a job waits for, and why it got its worker, in the views of its run and its job and in the timeline.
func TestPlacementIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put("id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: none, requires: [gpu]}\n")
		run := w.run("plain", `{}`)
		said := func(want string) {
			t.Helper()
			step := w.step(run, "a")
			j, err := w.r.Job(ctx, ann, step.JobID)
			if err != nil {
				t.Fatal(err)
			}
			if step.Placement == nil || step.Placement.Reason != want || step.Placement.Why == "" || *j.Placement != *step.Placement {
				t.Errorf("step: %+v, job: %+v, want %s", step.Placement, j.Placement, want)
			}
		}
		time.Sleep(time.Second)
		said(scheduler.WhyNoWorkers)
		w.newWorker("w1", nil, "job.t.work").beat()
		time.Sleep(time.Second)
		said(scheduler.WhyCapability)
		if _, err := w.r.PutConfigDocument(ctx, ann, runner.PoolsDoc, "pools: {vouched: {requires: [gpu]}}\ntopics: {job.t.other: vouched}", nil); err != nil {
			t.Fatal(err)
		}
		said(scheduler.WhyNoPool)
		if _, err := w.r.PutConfigDocument(ctx, ann, runner.PoolsDoc, "pools: {vouched: {requires: [gpu]}}\ntopics: {job.t.work: vouched}", nil); err != nil {
			t.Fatal(err)
		}
		k := w.newWorker("w2", nil, "job.t.work")
		k.set(func(k *worker) { k.pool = "vouched" })
		k.beat()
		job := k.next()
		k.accept(job)
		time.Sleep(time.Second)
		said(scheduler.WhyGranted)
		if why := w.step(run, "a").Placement.Why; why != "least loaded of 1 (score 0.00)" {
			t.Errorf("why: %s", why)
		}
		k.done(job)
		w.ended(run)
		events, _, err := w.r.Timeline(ctx, ann, run, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Type == "job_dispatched" && e.Data["why"] != "least loaded of 1 (score 0.00)" {
				t.Errorf("the timeline says %v", e.Data)
			}
		}
	})
}

// TestFleetMetrics: the queues, the workers and what is stale, as dashboards read them.
func TestFleetMetrics(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		reg := prometheus.NewRegistry()
		w.halt()
		w.cfg.Registry = reg
		w.start()
		w.put("id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: none, requires: [gpu]}\n")
		w.newWorker("w1", nil, "job.t.other").beat()
		run := w.run("plain", `{}`)
		time.Sleep(90 * time.Second)
		got := make(map[string]float64)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				var labels []string
				for _, l := range m.Label {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
				got[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue()
			}
		}
		for name, want := range map[string]float64{
			"cordum_scheduler_queue_depth{queue=job.t.work}":       1,
			"cordum_scheduler_queue_age_seconds{queue=job.t.work}": 90,
			"cordum_scheduler_workers{state=alive}":                1,
			"cordum_scheduler_stale_jobs{state=scheduled}":         1,
		} {
			if d := got[name] - want; d > 1 || d < -1 {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		newest, own := got["cordum_last_heartbeat_timestamp{worker_id=}"], got["cordum_last_heartbeat_timestamp{worker_id=w1}"]
		if now := float64(time.Now().Unix()); newest != own || now-newest > 6 {
			t.Errorf("last heartbeat %v of anybody, %v of w1, now %v", newest, own, now)
		}
		w.command(run, runner.VerbCancel)
		w.ended(run)
	})
}

// TestManyWaitingJobsAreListed: a list of many jobs that wait asks the fleet about the first few only: who lists them keeps nobody
// from being given work.
func TestManyWaitingJobsAreListed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for range 40 {
			if _, err := w.submitTo("job.t.work", `{}`); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		all, _, err := w.r.Jobs(t.Context(), ann, runner.Filter{Limit: 100})
		if err != nil || len(all) != 40 {
			t.Fatalf("%d jobs, %v", len(all), err)
		}
		said := 0
		for _, v := range all {
			if v.Placement != nil {
				if said++; v.Placement.Reason == "" {
					t.Errorf("%s waits for nothing", v.ID)
				}
			}
		}
		if said != 16 {
			t.Errorf("%d of them say what they wait for", said)
		}
	})
}
