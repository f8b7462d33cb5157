package runner_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
)

const forkable = `
id: forkable
context: {who: "${input.who}"}
steps:
  - {id: a, topic: job.t.work, effect: write, compensate: {topic: job.t.undo}, output_schema: {type: object, properties: {n: {type: integer}}}}
  - {id: b, topic: job.t.work, effect: write, depends_on: [a], input: {n: "${steps.a.output.n}", who: "${ctx.who}"}, compensate: {topic: job.t.undo}}
  - {id: skipped, topic: job.t.work, effect: none, when: "false"}
  - {id: c, topic: job.t.work, effect: none, depends_on: [b]}
`

func TestFork(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(forkable)
		k := w.newWorker("w1", nil, "job.t.work", "job.t.undo")
		run := w.run("forkable", `{"who":"ann"}`)
		k.answer(k.takeStep("a"), &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"n":1}`)})
		k.done(k.takeStep("b"))
		k.done(k.takeStep("c"))
		w.ended(run)

		ask := runner.ForkRequest{From: "b", Outputs: map[string]json.RawMessage{"a": json.RawMessage(`{"n":42}`)}, Preview: true}
		f, err := w.r.Fork(ctx, ann, run, ask)
		if err != nil || f.RunID != "" || strings.Join(f.Reused, " ") != "a skipped" || strings.Join(f.Rerun, " ") != "b c" || strings.Join(f.Edited, " ") != "a" {
			t.Fatalf("preview %+v, %v", f, err)
		}
		if rows, _, _ := w.r.Runs(ctx, ann, runner.Filter{}); len(rows) != 1 {
			t.Errorf("a preview started a run: %+v", rows)
		}
		for name, bad := range map[string]runner.ForkRequest{
			"unknown step":              {From: "z"},
			"unknown output":            {From: "b", Outputs: map[string]json.RawMessage{"z": json.RawMessage(`1`)}},
			"output of a rerun":         {From: "b", Outputs: map[string]json.RawMessage{"c": json.RawMessage(`1`)}},
			"output that is no JSON":    {From: "b", Outputs: map[string]json.RawMessage{"a": json.RawMessage(`{`)}},
			"output against its schema": {From: "b", Outputs: map[string]json.RawMessage{"a": json.RawMessage(`{"n":"x"}`)}},
		} {
			_, err := w.r.Fork(ctx, ann, run, bad)
			t.Log(name)
			wantInvalid(t, err, "invalid_argument")
		}
		_, err = w.r.Fork(ctx, eve, run, ask)
		is(t, err, runner.ErrNotFound)
		_, err = w.r.Fork(ctx, ann, run, runner.ForkRequest{From: "b", Digest: strings.Repeat("0", 64)})
		is(t, err, runner.ErrNotFound)

		ask.Preview, ask.IdempotencyKey = false, "k"
		f, err = w.r.Fork(ctx, ann, run, ask)
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.r.Fork(ctx, ann, run, ask)
		if err != nil || again.RunID != f.RunID {
			t.Errorf("the same key again: %+v, %v", again, err)
		}
		ask.Outputs = nil
		_, err = w.r.Fork(ctx, ann, run, ask)
		is(t, err, runner.ErrIdempotency)
		b := k.takeStep("b")
		if string(b.Input) != `{"n":42,"who":"ann"}` {
			t.Errorf("b got %s", b.Input)
		}
		w.restart()
		k.done(b)
		k.answer(k.takeStep("c"), fatal())
		k.done(k.takeStep("b")) // undone; a is another run's
		v := w.ended(f.RunID)
		w.states(v, "a=succeeded b=succeeded c=failed skipped=skipped undo:b=succeeded")
		if v.ForkOf != run || w.view(run).Compensation != "none" {
			t.Errorf("fork of %q; the other run's compensation is %s", v.ForkOf, w.view(run).Compensation)
		}
		w.whole(run, f.RunID)
	})
}

// TestForkOfANewerVersion: another version of the definition may go on with what an older one did.
func TestForkOfANewerVersion(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(forkable)
		k := w.newWorker("w1", nil, "job.t.work", "job.t.undo")
		run := w.run("forkable", `{"who":"ann"}`)
		k.answer(k.takeStep("a"), fatal())
		w.ended(run)
		newer := w.put(forkable + "  - {id: d, topic: job.t.work, effect: none, depends_on: [c]}\n")
		f, err := w.r.Fork(ctx, ann, run, runner.ForkRequest{From: "c", Digest: newer.Digest})
		if err != nil || strings.Join(f.Rerun, " ") != "a b c d" || f.Digest != newer.Digest {
			t.Fatalf("%+v, %v", f, err)
		}
		for _, step := range []string{"a", "b", "c", "d"} {
			k.done(k.takeStep(step))
		}
		if v := w.ended(f.RunID); v.State != "succeeded" || v.Digest != newer.Digest {
			t.Errorf("%s of %s", v.State, v.Digest)
		}
		other := w.put("id: other\nsteps:\n  - {id: a, type: delay, for: 1s}\n")
		_, err = w.r.Fork(ctx, ann, run, runner.ForkRequest{From: "a", Digest: other.Digest})
		wantInvalid(t, err, "invalid_argument")
	})
}

func TestInspect(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(undoable, ""))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("chain", `{}`)
		k.done(k.takeStep("a"))
		k.takeStep("b")
		var kinds []engine.FactKind
		err := w.r.Inspect(context.Background(), ann, run, func(r *engine.Run, facts []runner.EngineFact) error {
			if r.Status() != "running" || r.Steps[0].State != engine.StepSucceeded || r.Steps[1].State != engine.StepRunning {
				t.Errorf("the run is %s, %s", r.Status(), r.Steps[0].State)
			}
			for i, f := range facts {
				if i > 0 && f.Seq <= facts[i-1].Seq || f.At.At.IsZero() {
					t.Errorf("fact %d: %+v", i, f)
				}
				kinds = append(kinds, f.Fact.Kind())
			}
			return nil
		})
		want := []engine.FactKind{engine.KindRunStarted, engine.KindJobAsked, engine.KindStepSucceeded, engine.KindJobAsked}
		if err != nil || !slices.Equal(kinds, want) {
			t.Errorf("facts of kinds %v, %v", kinds, err)
		}
		is(t, w.r.Inspect(context.Background(), eve, run, nil), runner.ErrNotFound)
	})
}
