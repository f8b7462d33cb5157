package expr_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

func sentTemplate(t testing.TB, src string) (*expr.Template, error) {
	t.Helper()
	n, err := yamlx.Parse([]byte(src), yamlx.JSON)
	if err != nil {
		t.Fatal(err)
	}
	sent := scope
	sent.Secrets = true
	return expr.CompileTemplate(n, sent)
}

func TestSecretsAreReferences(t *testing.T) {
	t.Parallel()
	values := map[string]string{"TOKEN": "hunter2", "other-one": "$x ${y} \"z\""}
	tests := []struct{ src, rendered, resolved string }{
		{`"${secrets.TOKEN}"`, `{"$secret":"TOKEN"}`, `"hunter2"`},
		{`"${ secrets['other-one'] }"`, `{"$secret":"other-one"}`, `"$x ${y} \"z\""`},
		{`"Bearer ${secrets.TOKEN}"`, `{"$secret":["Bearer ",{"$secret":"TOKEN"}]}`, `"Bearer hunter2"`},
		{`"${input.n}:${secrets.TOKEN}${secrets['other-one']} $${x}"`, `{"$secret":["3:",{"$secret":"TOKEN"},{"$secret":"other-one"}," ${x}"]}`, `"3:hunter2$x ${y} \"z\" ${x}"`},
		{`{"a": ["${secrets.TOKEN}", "${input.n}"]}`, `{"a":[{"$secret":"TOKEN"},3]}`, `{"a":["hunter2",3]}`},
		{`{"a": "${input.s}"}`, `{"a":"text"}`, `{"a":"text"}`},
	}
	for _, tt := range tests {
		tpl, err := sentTemplate(t, tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		rendered, err := tpl.RenderJSON(env())
		if err != nil || string(rendered) != tt.rendered {
			t.Errorf("%s renders %s, %v; want %s", tt.src, rendered, err, tt.rendered)
		}
		if refs := expr.SecretRefs(rendered); fmt.Sprint(refs) != fmt.Sprint(tpl.Secrets()) {
			t.Errorf("%s refers to %q, its rendering to %q", tt.src, tpl.Secrets(), refs)
		}
		resolved, err := expr.ResolveSecrets(rendered, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		if err != nil || string(resolved) != tt.resolved {
			t.Errorf("%s resolves to %s, %v; want %s", tt.src, resolved, err, tt.resolved)
		}
	}
}

func TestSecretsRefused(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`"${'a' + secrets.TOKEN}"`, `"${secrets}"`, `"${secrets.TOKEN.x}"`, `"${secrets['../x']}"`, `"${secrets[input.s]}"`, `"${toJSON(secrets)}"`,
		`{"$secret": "TOKEN"}`, `[{"a": {"$secret": ["x"]}}]`, `"${secrets['` + strings.Repeat("a", 64) + `']}"`, `"${secrets.TOKEN ?? 'x'}"`,
	} {
		if _, err := sentTemplate(t, src); code(err) != "secret_in_expression" {
			t.Errorf("%s: %v", src, err)
		}
	}
	if _, err := template(t, `"x ${secrets.TOKEN}"`); code(err) != "secret_in_expression" {
		t.Errorf("where no secret may stand: %v", err)
	}
}

// What a run was given never becomes a reference, wherever it stands.
func TestReferencesAreNotForged(t *testing.T) {
	t.Parallel()
	e := env()
	e.Input = map[string]any{"o": map[string]any{"$secret": "TOKEN"}, "deep": []any{map[string]any{"a": map[string]any{"$secret": []any{"x"}}}}, "text": `{"$secret":"TOKEN"} ${secrets.TOKEN}`}
	for _, src := range []string{`"${input.o}"`, `{"a": "${input.deep}"}`, `"${ {'$secret': 'TOKEN'} }"`, `"${fromJSON('{\"$secret\": \"TOKEN\"}')}"`} {
		tpl, err := sentTemplate(t, src)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := tpl.RenderJSON(e); code(err) != "secret_in_expression" {
			t.Errorf("%s renders %s, %v", src, out, err)
		}
	}
	for _, src := range []string{`"${input.text}"`, `"<${input.text}>"`, `"<${input.o}>"`, `"${toJSON(input.o)}"`, `"${input.o} ${secrets.TOKEN}"`} {
		tpl, err := sentTemplate(t, src)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tpl.RenderJSON(e)
		if err != nil {
			t.Fatal(src, err)
		}
		if refs := expr.SecretRefs(out); len(refs) != len(tpl.Secrets()) {
			t.Errorf("%s renders %s, which refers to %q", src, out, refs)
		}
	}
}

func TestResolveRefusesWhatIsMalformed(t *testing.T) {
	t.Parallel()
	all := func(string) (string, bool) { return "v", true }
	for data, want := range map[string]string{
		`{"$secret":1}`: "secret_in_expression", `{"$secret":"X","a":1}`: "secret_in_expression", `{"$secret":[1]}`: "secret_in_expression",
		`{"$secret":[{"$secret":["a"]}]}`: "secret_in_expression", `{"$secret":"../x"}`: "secret_in_expression", `{"$secret":""}`: "secret_in_expression",
		`{"a":"$secret"`: "expr_runtime",
	} {
		if out, err := expr.ResolveSecrets(json.RawMessage(data), all); code(err) != want || out != nil {
			t.Errorf("%s resolves to %s, %v", data, out, err)
		}
		if refs := expr.SecretRefs(json.RawMessage(data)); refs != nil {
			t.Errorf("%s refers to %q", data, refs)
		}
	}
	_, err := expr.ResolveSecrets(json.RawMessage(`{"$secret":"NOPE"}`), func(string) (string, bool) { return "", false })
	if code(err) != "secret_missing" || !strings.Contains(err.Error(), "NOPE") {
		t.Errorf("a missing secret: %v", err)
	}
	if out, err := expr.ResolveSecrets(json.RawMessage(`{"a": 1.0}`), all); err != nil || string(out) != `{"a": 1.0}` {
		t.Errorf("without references it became %s, %v", out, err)
	}
}

// Rendering twice gives the same, and whatever values hold, the rendering holds them as they are: nothing of them is
// evaluated, no reference is made of them.
func TestRenderedValuesAreNeverEvaluated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune(`${}ab .'"[]secrets$x1+`))).Draw(rt, "text")
		e := &expr.Env{Input: map[string]any{"s": text}, Item: text, Payload: text, Loop: map[string]any{"index": int64(0), "previous": map[string]any{"a": text}}}
		all := expr.Scope{Item: true, Payload: true, Loop: true, Secrets: true}
		for _, src := range []string{"${input.s}", "${item}", "${payload}", "${loop.previous.a}"} {
			tpl, err := expr.CompileTemplate(&yamlx.Node{Kind: yamlx.List, Items: []*yamlx.Node{
				{Kind: yamlx.String, Str: src}, {Kind: yamlx.String, Str: "<" + src + ">"}, {Kind: yamlx.String, Str: src + "${secrets.X}"},
			}}, all)
			if err != nil {
				rt.Fatal(err)
			}
			want := []any{text, "<" + text + ">", map[string]any{"$secret": []any{text, map[string]any{"$secret": "X"}}}}
			if text == "" {
				want[2] = map[string]any{"$secret": []any{map[string]any{"$secret": "X"}}}
			}
			for range 2 {
				got, err := tpl.Render(e)
				if err != nil || !reflect.DeepEqual(got, want) {
					rt.Fatalf("%s renders %#v, %v; want %#v", src, got, err, want)
				}
			}
		}
	})
}
