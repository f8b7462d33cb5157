package expr_test

import (
	"reflect"
	"testing"
	"time"

	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/steps/expr"
)

func TestNamesOfScopes(t *testing.T) {
	t.Parallel()
	fan, wait, loop := scope, scope, scope
	fan.Item, wait.Payload, loop.Loop = true, true, true
	start := expr.Scope{Hidden: []string{"steps", "ctx"}}
	undo := scope
	undo.Own = "a"
	undo.IsDownstream = func(id string) bool { return id == "c" }
	own := expr.Scope{Names: map[string]*expr.Schema{"status": {Types: []string{"integer"}}, "body": nil}}
	e := env()
	e.Item, e.Index, e.Payload, e.Loop = map[string]any{"x": int64(7)}, 2, "p", map[string]any{"index": int64(1), "previous": nil}
	e.Names = map[string]any{"status": int64(201), "body": map[string]any{"id": "b"}}
	e.Step = func(string) expr.StepInfo { return expr.StepInfo{Status: "failed", Input: "in", Attempt: 3} }
	tests := []struct {
		src   string
		scope expr.Scope
		want  any
		code  string
	}{
		{"item.x + index", fan, int64(9), ""},
		{"payload + 'q'", wait, "pq", ""},
		{"loop.index + 1", loop, int64(2), ""},
		{"loop.previous?.ask ?? 'first'", loop, "first", ""},
		{"loop.round", loop, nil, "unknown_name"},
		{"item", loop, nil, "unknown_name"},
		{"payload", fan, nil, "unknown_name"},
		{"ctx.a", start, nil, "unknown_name"},
		{"steps.a.output", start, nil, "unknown_name"},
		{"input.n", start, int64(3), ""},
		{"steps.a.input + steps.a.status", undo, "infailed", ""},
		{"steps['a-b'].input", undo, nil, "unknown_name"},
		{"steps.a.input", scope, nil, "unknown_name"},
		{"steps.c.output", undo, nil, "compensation_cycle"},
		{"status < 400 && body.id == 'b'", own, true, ""},
		{"let x = status; x + 1", own, int64(202), ""},
		{"map([1], # + status)", own, []any{int64(202)}, ""},
		{"body", own, map[string]any{"id": "b"}, ""},
		{"status + 'x'", own, nil, "expr_type"},
		{"input.x", own, nil, "unknown_name"},
		{"steps.a.output", own, nil, "unknown_name"},
		{"let status = 1; status", own, nil, "expr_type"},
		{"__names", own, nil, "unknown_name"},
		{"__names", scope, nil, "unknown_name"},
	}
	for _, tt := range tests {
		p, err := expr.Compile(tt.src, tt.scope)
		if tt.code != "" {
			if code(err) != tt.code {
				t.Errorf("%s: %v, want %s", tt.src, err, tt.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := p.Eval(e)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s gives %#v, %v; want %#v", tt.src, got, err, tt.want)
		}
	}
}

// A step whose output is too large to read fails who reads it, and nobody else.
func TestUnreadableStep(t *testing.T) {
	t.Parallel()
	e := env()
	e.Step = func(id string) expr.StepInfo {
		if id == "a" {
			return expr.StepInfo{Unreadable: &expr.Error{Code: "output_too_large", Message: "the output has 20 MiB"}}
		}
		return expr.StepInfo{Status: "succeeded"}
	}
	for src, want := range map[string]string{"steps.a.output": "output_too_large", "steps.a.status": "output_too_large", "steps['a-b'].status": ""} {
		p, err := expr.Compile(src, scope)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Eval(e); code(err) != want {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestEvalList(t *testing.T) {
	t.Parallel()
	large := make([]any, expr.MaxItems)
	for i := range large {
		large[i] = map[string]any{"i": int64(i)}
	}
	heavy := make([]any, 300)
	for i := range heavy {
		heavy[i] = string(make([]byte, 60<<10))
	}
	e := env()
	e.Input.(map[string]any)["large"], e.Input.(map[string]any)["heavy"] = large, heavy
	e.Input.(map[string]any)["more"] = append(append([]any{}, large...), nil)
	lists := scope
	lists.List = true
	tests := []struct {
		src  string
		n    int
		code string
	}{
		{"input.list", 2, ""},
		{"[]", 0, ""},
		{"1..100000", 100_000, ""},
		{"input.large", 100_000, ""},
		{"filter(input.large, .i >= 0)", 100_000, ""},
		{"map(filter(input.large, .i % 2 == 0), [.i])", 50_000, ""},
		{"input.more", 0, "fan_out_limit"},
		{"1..(input.n * 1000000000)", 0, "fan_out_limit"},
		{"input.heavy", 0, "fan_out_limit"},
		{"filter(input.large, len(filter(input.large, .i > 1)) > 1)", 0, "fan_out_limit"},
		{"input.s", 0, "expr_type"},
		{"input.null", 0, "expr_type"},
		{"input.o", 0, "expr_type"},
		{"input.missing.x", 0, "expr_runtime"},
	}
	for _, tt := range tests {
		p, err := expr.Compile(tt.src, lists)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		var list []any
		if took := cputime.Of(func() { list, err = p.EvalList(e) }); took > 5*time.Second {
			t.Errorf("%s took %v", tt.src, took)
		}
		if code(err) != tt.code || len(list) != tt.n {
			t.Errorf("%s gives %d entries, %v", tt.src, len(list), err)
		}
	}
	for src, want := range map[string]string{"'text'": "expr_type", "{a: 1}": "expr_type", "nil": "expr_type", "1..1000000000": "fan_out_limit", "map(1..200000, #)": "fan_out_limit", "len(input.list)": "expr_type"} {
		if _, err := expr.Compile(src, lists); code(err) != want {
			t.Errorf("%s is compiled: %v, want %s", src, err, want)
		}
	}
	// An ordinary evaluation keeps its own limits after one of a list.
	p, err := expr.Compile("input.large", scope)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Eval(e); code(err) != "expr_memory" {
		t.Errorf("a value of 100,000 entries: %v", err)
	}
}
