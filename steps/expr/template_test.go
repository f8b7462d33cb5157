package expr_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

func template(t testing.TB, src string) (*expr.Template, error) {
	t.Helper()
	n, err := yamlx.Parse([]byte(src), yamlx.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return expr.CompileTemplate(n, scope)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	tests := []struct{ src, want string }{
		{`{"b": 1, "a": [true, null, "x", 1.5]}`, `{"a":[true,null,"x",1.5],"b":1}`},
		{`"${input.n}"`, `3`},
		{`"${input.o}"`, `{"a":2.5,"b":1}`},
		{`" ${input.n}"`, `" 3"`},
		{`"${input.n}${input.s}"`, `"3text"`},
		{`"run ${run.id} of ${input.s}"`, `"run 0701 of text"`},
		{`"${input.null}"`, `null`},
		{`"<${input.null}>"`, `"<>"`},
		{`"o: ${input.o}, f: ${input.f}, t: ${true}"`, `"o: {\"a\":2.5,\"b\":1}, f: 2.5, t: true"`},
		{`{"x": {"y": ["${steps['a-b'].output.score}"]}}`, `{"x":{"y":[0.7]}}`},
		{`"costs $5 and {more} $x $"`, `"costs $5 and {more} $x $"`},
		{`"$${input.n}"`, `"${input.n}"`},
		{`"a $${ b ${input.n}"`, `"a ${ b 3"`},
		{`"${ {'a': {'b': '}'}}['a'] }"`, `{"b":"}"}`},
		{`"${'${' + input.s + '}'}"`, `"${text}"`},
		{`""`, `""`},
		// E8: what a value holds is never looked at again.
		{`"${input.injected}"`, `"${1 + 1} {{ 2 }} $${x}"`},
		{`"<${input.injected}>"`, `"<${1 + 1} {{ 2 }} $${x}>"`},
		{`"${input.injected + '${input.n}'}"`, `"${1 + 1} {{ 2 }} $${x}${input.n}"`},
	}
	for _, tt := range tests {
		tpl, err := template(t, tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := tpl.RenderJSON(env())
		if err != nil || string(got) != tt.want {
			t.Errorf("%s renders %s, %v; want %s", tt.src, got, err, tt.want)
		}
	}
}

func TestTemplatesRefused(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`{"a":` + "\n" + `"${}"}`:                                  "expr_syntax",
		`{"a":` + "\n" + `"${ "}`:                                  "expr_syntax",
		`{"a":` + "\n" + `"${input.n"}`:                            "expr_syntax",
		`{"a":` + "\n" + `"${'}"}`:                                 "expr_syntax",
		`{"a":` + "\n" + `"x ${steps.nope.output}"}`:               "unknown_step",
		`{"a":` + "\n" + `["${steps.c.output}"]}`:                  "not_upstream",
		`{` + "\n" + `"${input.n}": 1}`:                            "template_not_allowed",
		`{"a":` + "\n" + `"${secrets.TOKEN}"}`:                     "secret_in_expression",
		`{"a":` + "\n" + `"${` + strings.Repeat("(", 200) + `1}"}`: "expr_too_deep",
	} {
		_, err := template(t, src)
		var e *expr.Error
		if !errors.As(err, &e) || e.Code != want || e.Line != 2 {
			t.Errorf("%.60s: %v, want %s in line 2", src, err, want)
		}
	}
}

func TestTemplateErrorsNameTheirPlace(t *testing.T) {
	t.Parallel()
	tpl, err := template(t, "{\"a\": 1,\n \"b\": \"x ${input.missing.y}\"}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Render(env())
	var e *expr.Error
	if !errors.As(err, &e) || e.Code != "expr_runtime" || e.Line != 2 {
		t.Errorf("got %#v", err)
	}
}

func TestTemplateIsBounded(t *testing.T) {
	t.Parallel()
	items := strings.TrimSuffix(strings.Repeat(`"${[input['64k'], input['64k'], input['64k']]}",`, 100), ",")
	tpl, err := template(t, "["+items+"]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpl.RenderJSON(env()); code(err) != "expr_memory" {
		t.Errorf("20 MB are rendered: %v", err)
	}
}

// Not parallel: allocations are counted for the whole process.
func TestStaticTemplates(t *testing.T) {
	tpl, err := template(t, `{"b": [1, {"c": "x"}], "a": "$${y}"}`)
	if err != nil || !tpl.Static() || len(tpl.Steps()) != 0 {
		t.Fatal(tpl, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = tpl.RenderJSON(nil) }); n > 0 {
		t.Errorf("rendering allocates %v times", n)
	}
	var none *expr.Template
	if out, err := none.RenderJSON(nil); string(out) != "null" || err != nil || !none.Static() {
		t.Errorf("no template renders %s, %v", out, err)
	}
	dynamic, err := template(t, `"${steps.a.output}"`)
	if err != nil || dynamic.Static() || len(dynamic.Steps()) != 1 {
		t.Error(dynamic, err)
	}
	if s, err := dynamic.RenderString(env()); s != `{"id":"a","score":0.7}` || err != nil {
		t.Errorf("reads as %s, %v", s, err)
	}
}

// everywhere has all names of the language in scope.
func everywhere() (expr.Scope, *expr.Env) {
	all := scope
	all.Item, all.Payload, all.Loop, all.Secrets = true, true, true, true
	all.Own = "a"
	e := env()
	e.Item, e.Index, e.Payload = map[string]any{"x": int64(7), "list": []any{"a", 1.5}}, 3, "payload"
	e.Loop = map[string]any{"index": int64(1), "previous": map[string]any{"ask": map[string]any{"n": int64(2)}}}
	return all, e
}

// FuzzExprCompileEval: no text makes compiling or running panic, hang or answer what is no JSON; nor does it make a list of
// it, or check it against schemas.
func FuzzExprCompileEval(f *testing.F) {
	for _, src := range []string{
		"steps.a.output.score > 0.5", "sum(map(input.numbers, # * 2))", "let x = input?.o ?? {}; keys(x)", "1..9 | filter(# > 3)", "input.s matches 'x+'",
		"item.list[index - 2] ?? loop.previous.ask.n", "payload matches '^p' && loop?.index == 1", "steps.a.input", "secrets.X", "map(1..item.x, {({a: #})})",
		"'${' + input.s", "reduce(1..99, [#acc], [])", "groupBy(input.numbers, # % 7)", "sortBy(input.list, string(#))", "::len(input.s)", "not (1 in [1])",
	} {
		f.Add(src)
	}
	all, e := everywhere()
	declared := all
	declared.Input = &expr.Schema{Types: []string{"object"}, Closed: true, Fields: map[string]*expr.Schema{"n": {Types: []string{"integer"}}, "list": {Types: []string{"array"}}}}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := expr.Compile(src, all)
		known, knownErr := expr.Compile(src, declared)
		if knownErr != nil && code(knownErr) == "" {
			t.Fatalf("%q: %v has no code", src, knownErr)
		}
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%q: %v has no code", src, err)
			}
			return
		}
		if _, err := p.EvalList(e); err != nil && code(err) == "" {
			t.Fatalf("%q as a list: %v has no code", src, err)
		}
		v, err := p.Eval(e)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%q: %v has no code", src, err)
			}
			return
		}
		if !expr.Foreseen(p.Gives(), v) || (knownErr == nil && !expr.Foreseen(known.Gives(), v)) {
			t.Fatalf("%q gives %#v, foreseen was %s", src, v, expr.Explain(p.Gives()))
		}
		text, err := yamlx.AppendCanonical(nil, v)
		if err != nil {
			t.Fatalf("%q gives %#v: %v", src, v, err)
		}
		again, err := p.Eval(e)
		if err != nil {
			t.Fatalf("%q fails the second time: %v", src, err)
		}
		if twice, _ := yamlx.AppendCanonical(nil, again); string(twice) != string(text) {
			t.Fatalf("%q gives %s, then %s", src, text, twice)
		}
	})
}

// FuzzTemplate: rendering twice gives the same, the rendering is JSON, and what a value holds is never evaluated: a
// template that writes out a value writes it as it is, and refers to no secret but its own.
func FuzzTemplate(f *testing.F) {
	f.Add("a ${input.s} b", "${secrets.X}")
	f.Add("${item} ${secrets.X}", "${1 + 1}")
	f.Add("${toJSON(payload)}$${x}", `{"$secret": "X"}`)
	f.Add("${fromJSON(input.s)}", `{"a": {"$secret": "X"}}`)
	f.Add("${loop.previous}", "")
	all, _ := everywhere()
	f.Fuzz(func(t *testing.T, src, value string) {
		tpl, err := expr.CompileTemplate(&yamlx.Node{Kind: yamlx.String, Str: src, Pos: yamlx.Pos{Line: 1, Col: 1}}, all)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%q: %v has no code", src, err)
			}
			return
		}
		value = strings.ToValidUTF8(value, "")
		e := &expr.Env{Input: map[string]any{"s": value}, Item: value, Payload: value, Loop: map[string]any{"index": int64(0), "previous": value}}
		first, err := tpl.RenderJSON(e)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%q: %v has no code", src, err)
			}
			return
		}
		if second, err := tpl.RenderJSON(e); err != nil || string(second) != string(first) {
			t.Fatalf("%q renders %s, then %s, %v", src, first, second, err)
		}
		if _, err := expr.DecodeJSON(first); err != nil {
			t.Fatalf("%q renders %s: %v", src, first, err)
		}
		own := tpl.Secrets()
		for _, name := range expr.SecretRefs(first) {
			if !slices.Contains(own, name) {
				t.Fatalf("%q renders %s, which refers to %s", src, first, name)
			}
		}
	})
}
