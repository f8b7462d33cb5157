package steps_test

import (
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

func TestCompensationDefaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fields     string
		attempts   int
		idempotent bool
		hold       bool
	}{
		{"", 5, false, true},
		{", idempotent: true", 5, true, false},
		{", idempotent: true, when_unknown: hold", 5, true, true},
		{", when_unknown: run", 5, false, false},
		{", retry: {max_attempts: 10}", 10, false, true},
	}
	for _, tt := range tests {
		w := compile(t, one("topic: job.x\ncompensate: {topic: job.undo"+tt.fields+"}"))
		s := w.Steps[0]
		if !w.Undoes || s.Undo == nil {
			t.Fatal("nothing is undone")
		}
		if u := s.Undo; u.Def.Retry.MaxAttempts != tt.attempts || u.Idempotent != tt.idempotent || s.HoldUnknown != tt.hold || u.Effect != dag.EffectWrite || u.Def.ID != "a" {
			t.Errorf("%s: %+v, hold %v", tt.fields, u, s.HoldUnknown)
		}
		if tt.attempts == 5 && w.Def.Steps[0].Compensate.Do.Retry != nil {
			t.Error("the definition was changed")
		}
		ask, err := s.Undo.Spec.Start(env())
		if job, ok := ask.(steps.Job); err != nil || !ok || job.Topic != "job.undo" {
			t.Errorf("%s asks for %v, %v", tt.fields, ask, err)
		}
	}
	if compile(t, one("topic: job.x")).Undoes {
		t.Error("what declares nothing is undone")
	}
	if !compile(t, one("type: subworkflow\nworkflow: x")).Undoes {
		t.Error("a child may have to be undone")
	}
}

func TestMarksOfAWorkflow(t *testing.T) {
	t.Parallel()
	w := compile(t, "id: wf\ncontext: {a: '${input.n}', b: 1}\nlabels: {x: '${ctx.a}', y: z}\nconcurrency: {key: 'k-${labels.x}'}\nsteps:\n  - {id: b, topic: job.x, pivot: true, checkpoint: here}\n  - {id: a, topic: job.x, pivot: true}\n")
	if len(w.Pivots) != 2 || w.Pivots[0] != 0 || w.Checkpoint["here"] != w.ByID["b"] {
		t.Errorf("pivots %v, checkpoints %v", w.Pivots, w.Checkpoint)
	}
	e := env()
	if out, err := w.Context.RenderJSON(e); string(out) != `{"a":3,"b":1}` || err != nil {
		t.Errorf("the context is %s, %v", out, err)
	}
	e.Ctx, e.Labels = map[string]any{"a": int64(3)}, map[string]string{"x": "3"}
	if len(w.Labels) != 1 {
		t.Errorf("labels with templates: %v", w.Labels)
	}
	if out, err := w.Labels["x"].RenderString(e); out != "3" || err != nil {
		t.Errorf("the label is %s, %v", out, err)
	}
	if out, err := w.Key.RenderString(e); out != "k-3" || err != nil {
		t.Errorf("the key is %s, %v", out, err)
	}
	if plain := compile(t, "id: wf\ncontext: {b: 1}\nsteps: {a: {topic: job.x}}\n"); plain.Context != nil || plain.Labels != nil || plain.Key != nil {
		t.Error("there is something to render where there is no template")
	}
}

// A step sees its own schemas; one that is only named fits nothing until it is resolved.
func TestSchemasOfSteps(t *testing.T) {
	t.Parallel()
	w := compile(t, one("topic: job.x\ninput_schema: {type: object}\noutput_schema: receipt"))
	if err := w.Steps[0].CheckInput(map[string]any{}); err != nil {
		t.Error(err)
	}
	if err := w.Steps[0].CheckInput("x"); err == nil {
		t.Error("text fits an object")
	}
	if err := w.Steps[0].CheckOutput(int64(1)); err == nil {
		t.Error("a schema that nobody knows is fitted")
	}
	if ids := w.Schemas(); len(ids) != 1 || ids[0] != "receipt" {
		t.Fatalf("schemas %q", ids)
	}
	if _, err := w.WithSchemas(func(string) *yamlx.Node { return nil }); err == nil {
		t.Error("a schema that is not there is found")
	}
	integer := &yamlx.Node{Kind: yamlx.Map, Fields: []yamlx.Field{{Key: "type", Value: &yamlx.Node{Kind: yamlx.String, Str: "integer"}}}}
	resolved, err := w.WithSchemas(func(string) *yamlx.Node { return integer })
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Steps[0].CheckOutput(int64(1)); err != nil {
		t.Error(err)
	}
	if resolved.Steps[0].CheckOutput("x") == nil || w.Steps[0].CheckOutput(int64(1)) == nil {
		t.Error("text fits an integer, or the workflow was changed")
	}
}
