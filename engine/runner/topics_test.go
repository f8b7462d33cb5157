package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

const orderSchema = `{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"n":{"type":"integer"}}}`

// strict is a world in which schemas are enforced like this.
func strict(t testing.TB, how runner.Enforcement) (*world, *prometheus.Registry) {
	w := stillWorld(t)
	reg := prometheus.NewRegistry()
	w.cfg.Registry, w.cfg.Trust.Schemas = reg, how
	w.start()
	return w, reg
}

func (w *world) schema(id, src string) runner.SchemaView {
	w.t.Helper()
	v, _, err := w.r.PutSchema(context.Background(), ann, id, "", []byte(src))
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) topic(spec runner.TopicSpec) {
	w.t.Helper()
	if _, _, err := w.r.PutTopic(context.Background(), ann, spec); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) submitTo(topic, input string) (runner.JobView, error) {
	v, _, err := w.r.Submit(context.Background(), ann, runner.JobRequest{Topic: topic, Input: json.RawMessage(input)})
	return v, err
}

// counted is the sum of a counter, or of those with a label's value.
func counted(t testing.TB, reg *prometheus.Registry, name, label string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			if label == "" || hasLabel(m, label) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func hasLabel(m *dto.Metric, value string) bool {
	for _, l := range m.Label {
		if l.GetValue() == value {
			return true
		}
	}
	return false
}

func refusedAs(t testing.TB, err error, code, pointer string) {
	t.Helper()
	var invalid *runner.InvalidError
	switch {
	case !errors.As(err, &invalid) || invalid.Code != code:
		t.Errorf("error %v, want %s", err, code)
	case pointer != "" && (len(invalid.Places) == 0 || invalid.Places[0].Pointer != pointer):
		t.Errorf("places %+v, want %s", invalid.Places, pointer)
	}
}

// TestSchemasAreEnforcedAtSubmit: with enforce a job is refused before anything of it is stored, and told where; with warn it is
// counted; with off nobody looks.
func TestSchemasAreEnforcedAtSubmit(t *testing.T) {
	for _, how := range []runner.Enforcement{runner.EnforceOff, runner.EnforceWarn, runner.Enforce} {
		t.Run(string(how), func(t *testing.T) {
			w, reg := strict(t, how)
			w.schema("order", orderSchema)
			w.topic(runner.TopicSpec{Name: "job.ship", InputSchema: "order", MaxInputBytes: 40})
			for _, c := range []struct{ topic, input, code, pointer string }{
				{"job.ship", `{"id":"a"}`, "", ""},
				{"job.ship", `{"id":7}`, "invalid_input", "/input/id"},
				{"job.ship", `{}`, "invalid_input", "/input"},
				{"job.ship", `{"id":"` + strings.Repeat("x", 60) + `"}`, "invalid_input", "/input"},
				{"job.nobody", `{"id":"a"}`, "unknown_topic", ""},
				{"job.cordum.notify", `{"id":"a"}`, "", ""},
			} {
				_, err := w.submitTo(c.topic, c.input)
				if how != runner.Enforce || c.code == "" {
					is(t, err, nil)
					continue
				}
				refusedAs(t, err, c.code, c.pointer)
			}
			misfits, unknown := counted(t, reg, "cordum_schema_validation_failed_total", "submit"), counted(t, reg, "cordum_unknown_topic_total", "submit")
			if want := how != runner.EnforceOff; (misfits == 3) != want || (unknown == 1) != want {
				t.Errorf("counted %v misfits and %v unknown topics", misfits, unknown)
			}
		})
	}
}

// TestSchemasAreEnforcedBeforeDispatch: a step whose input does not fit its topic fails before the policy is asked and before any
// worker sees it; one of an unknown topic likewise. What a compensation does is never kept back.
func TestSchemasAreEnforcedBeforeDispatch(t *testing.T) {
	w, reg := strict(t, runner.Enforce)
	w.schema("order", orderSchema)
	w.topic(runner.TopicSpec{Name: "job.ship", InputSchema: "order"})
	w.topic(runner.TopicSpec{Name: "job.free"})
	w.newWorker("k", succeed, "job.ship", "job.free", "job.nobody", "job.undo")
	w.put("id: wf\nsteps:\n  - {id: a, topic: job.ship, input: '${input}'}\n")
	good := w.ended(w.run("wf", `{"id":"a"}`))
	w.states(good, "a=succeeded")
	bad := w.run("wf", `{"id":7}`)
	w.states(w.ended(bad), "a=failed")
	if e := w.step(bad, "a").Error; e == nil || e.Code != "input_invalid" || e.Retryable || !strings.Contains(string(e.Details), "/input/id") {
		t.Errorf("error %+v", e)
	}
	if w.count(bad, "job_decided") != 0 || w.count(bad, "job_released") != 0 {
		t.Errorf("it was decided: %v", w.types(bad))
	}
	w.put("id: stray\nsteps:\n  - {id: a, topic: job.nobody}\n")
	stray := w.run("stray", `{}`)
	w.states(w.ended(stray), "a=failed")
	if e := w.step(stray, "a").Error; e == nil || e.Code != "unknown_topic" {
		t.Errorf("error %+v", e)
	}
	w.put("id: saga\nsteps:\n  - {id: a, topic: job.free, compensate: {topic: job.undo}}\n  - {id: b, topic: job.nobody, depends_on: [a]}\n")
	saga := w.ended(w.run("saga", `{}`))
	if saga.State != "failed" || saga.Compensation != "done" {
		t.Errorf("%s, compensation %s", saga.State, saga.Compensation)
	}
	if counted(t, reg, "cordum_unknown_topic_total", "dispatch") < 3 || counted(t, reg, "cordum_schema_validation_failed_total", "dispatch") != 1 {
		t.Error("not counted")
	}
}

// TestSchemasAreEnforcedAtTheResult: an output that does not fit its topic is a failure that had its effect.
func TestSchemasAreEnforcedAtTheResult(t *testing.T) {
	for how, want := range map[runner.Enforcement]string{runner.Enforce: "a=failed", runner.EnforceWarn: "a=succeeded"} {
		t.Run(string(how), func(t *testing.T) {
			w, reg := strict(t, how)
			w.schema("order", orderSchema)
			w.topic(runner.TopicSpec{Name: "job.ship", OutputSchema: "order"})
			answer := `{"id":"a"}`
			w.newWorker("k", func(*wire.JobRequest) *wire.JobResult {
				return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(answer)}
			}, "job.ship")
			w.put("id: wf\nsteps:\n  - {id: a, topic: job.ship}\n")
			w.states(w.ended(w.run("wf", `{}`)), "a=succeeded")
			answer = `{"id":[]}`
			run := w.run("wf", `{}`)
			w.states(w.ended(run), want)
			if e := w.step(run, "a").Error; how == runner.Enforce && (e == nil || e.Code != "output_invalid" || !strings.Contains(string(e.Details), `"/id"`)) {
				t.Errorf("error %+v", e)
			}
			if counted(t, reg, "cordum_schema_validation_failed_total", "result") != 1 {
				t.Error("not counted")
			}
		})
	}
}

// TestRunsKeepTheSchemasTheyBeganWith: also over a restart, and when the schema has another version or is gone.
func TestRunsKeepTheSchemasTheyBeganWith(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	_, err := w.r.PutWorkflow(ctx, ann, []byte("id: wf\nsteps:\n  - {id: a, topic: job.x, output_schema: order}\n"), runner.FormatYAML)
	var invalid *runner.InvalidError
	if !errors.As(err, &invalid) || invalid.Diagnostics[0].Rule != "unknown_schema" || invalid.Diagnostics[0].Pointer != "/steps/0/output_schema" {
		t.Fatalf("error %v", err)
	}
	first := w.schema("order", orderSchema)
	w.put("id: wf\nsteps:\n  - {id: a, topic: job.x, output_schema: order}\n")
	old := w.run("wf", `{}`)
	second := w.schema("order", `{"type":"object","required":["never"]}`)
	fresh := w.run("wf", `{}`)
	w.restart()
	w.newWorker("k", func(*wire.JobRequest) *wire.JobResult {
		return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"id":"a"}`)}
	}, "job.x")
	w.states(w.ended(old), "a=succeeded")
	w.states(w.ended(fresh), "a=failed")
	if first.Digest == second.Digest {
		t.Fatal("two schemas are one version")
	}
	v, err := w.r.Schema(ctx, ann, "order", first.Digest)
	if err != nil || len(v.Versions) != 2 || v.Digest != first.Digest {
		t.Errorf("%+v, %v", v, err)
	}
	is(t, w.r.DeleteSchema(ctx, ann, "order"), runner.ErrConflict)
	w.put("id: wf\nsteps:\n  - {id: a, topic: job.x}\n")
	is(t, w.r.DeleteSchema(ctx, ann, "order"), nil)
	is(t, w.r.DeleteSchema(ctx, ann, "order"), runner.ErrNotFound)
	w.restart()
	w.states(w.view(old), "a=succeeded")
}

func TestRegistryKeepsWhatIsNamed(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.schema("order", orderSchema)
	w.topic(runner.TopicSpec{Name: "job.ship", InputSchema: "order", Pool: "shippers", Description: "ships"})
	_, err := w.r.CreateTopic(ctx, ann, runner.TopicSpec{Name: "job.ship"})
	is(t, err, runner.ErrConflict)
	is(t, w.r.DeleteSchema(ctx, ann, "order"), runner.ErrConflict)
	for pointer, spec := range map[string]runner.TopicSpec{
		"/name":            {Name: "job.a.*"},
		"/pool":            {Name: "job.a", Pool: "a b"},
		"/max_input_bytes": {Name: "job.a", MaxInputBytes: -1},
	} {
		_, err := w.r.CreateTopic(ctx, ann, spec)
		refusedAs(t, err, "invalid_topic", pointer)
	}
	_, err = w.r.CreateTopic(ctx, ann, runner.TopicSpec{Name: "job.cordum.http"})
	refusedAs(t, err, "invalid_topic", "/name")
	_, err = w.r.CreateTopic(ctx, ann, runner.TopicSpec{Name: "job.a", OutputSchema: "none"})
	refusedAs(t, err, "unknown_schema", "/output_schema")
	for code, src := range map[string]string{
		"invalid_schema": `{"$ref":"file:///etc/passwd"}`, "payload_too_large": `{"description":"` + strings.Repeat("x", runner.MaxSchema) + `"}`,
	} {
		_, _, err := w.r.PutSchema(ctx, ann, "s", "", []byte(src))
		refusedAs(t, err, code, "")
	}
	_, _, err = w.r.PutSchema(ctx, ann, "a/b", "", []byte(`{}`))
	refusedAs(t, err, "invalid_name", "")
	w.restart()
	list, next, err := w.r.Topics(ctx, ann, "", 10)
	if err != nil || next != "" || len(list) != 1 || list[0].Pool != "shippers" || list[0].Description != "ships" {
		t.Errorf("%+v %q %v", list, next, err)
	}
	is(t, w.r.DeleteTopic(ctx, ann, "job.ship"), nil)
	is(t, w.r.DeleteTopic(ctx, ann, "job.ship"), runner.ErrNotFound)
	is(t, w.r.DeleteSchema(ctx, ann, "order"), nil)
}
