package expr_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/steps/expr"
)

// scope knows the steps a, a-b and c; c is not upstream.
var scope = expr.Scope{
	Steps:    map[string]bool{"a": true, "a-b": true, "c": true},
	Upstream: map[string]bool{"a": true, "a-b": true},
}

func env() *expr.Env {
	numbers := make([]any, 1000)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return &expr.Env{
		Input: map[string]any{
			"n": int64(3), "f": 2.5, "s": "text", "null": nil, "list": []any{int64(1), "x"}, "o": map[string]any{"b": int64(1), "a": 2.5},
			"numbers": numbers, "max": int64(math.MaxInt64), "min": int64(math.MinInt64), "injected": "${1 + 1} {{ 2 }} $${x}",
			"64k": strings.Repeat("s", 64<<10), "1m": strings.Repeat("a", 1<<20), "secret": "hunter2",
		},
		Ctx:    map[string]any{"environment": "production"},
		Labels: map[string]string{"team": "platform"},
		Run:    expr.RunInfo{ID: "0701", StartedAt: "2026-01-01T00:00:00Z", Attempt: 1},
		Step: func(id string) expr.StepInfo {
			return expr.StepInfo{Status: "succeeded", Output: map[string]any{"score": 0.7, "id": id}, Attempt: 2}
		},
	}
}

func TestEval(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	tests := []struct {
		src  string
		want any
	}{
		{"steps.a.output.score > 0.5 && input.n == 3", true},
		{"steps['a-b'].status", "succeeded"},
		{"steps['a-b'].output.id", "a-b"},
		{"steps.a.attempt + 1", int64(3)},
		{"steps.a", m{"status": "succeeded", "output": m{"score": 0.7, "id": "a"}, "error": nil, "attempt": int64(2)}},
		{"steps.a.error?.code ?? 'none'", "none"},
		{"run.id + ' ' + run.started_at", "0701 2026-01-01T00:00:00Z"},
		{"labels.team", "platform"},
		{"labels.missing", nil},
		{"ctx.environment", "production"},
		{"input.missing", nil},
		{"input.missing?.deeper ?? 'd'", "d"},
		{"input.n", int64(3)},
		{"input.n * 2 - 1", int64(5)},
		{"input.n / 2", 1.5},
		{"7 % input.n", int64(1)},
		{"input.min % -1", int64(0)},
		{"input.n ** 2", 9.0},
		{"-input.n", int64(-3)},
		{"input.n in [1, 2, 3]", true},
		{"'b' in input.o", true},
		{"input.list == [1, 'x']", true},
		{"input.o == {'a': 2.5, 'b': 1.0}", true},
		{"input.o != {'a': 2.5}", true},
		{"input.s startsWith 'te' and input.s contains 'ex' and input.s endsWith 't'", true},
		{"input.s matches '^[a-z]+$'", true},
		{"input.null == nil", true},
		{"input.n > 2 ? 'big' : 'small'", "big"},
		{"if input.n > 2 { 'big' } else { 'small' }", "big"},
		{"let x = input.n; x + x", int64(6)},
		{"sum(input.numbers)", int64(499500)},
		{"sum(input.numbers, # * 2)", int64(999000)},
		{"sum([])", int64(0)},
		{"count(input.numbers, # > 990)", int64(9)},
		{"count([true, false, true])", int64(2)},
		{"len(input.s)", int64(4)},
		{"filter(input.numbers, # > 997)", []any{int64(998), int64(999)}},
		{"input.numbers | filter(# > 997) | map(# * 2)", []any{int64(1996), int64(1998)}},
		{"all(input.numbers, # >= 0) && any(input.numbers, # > 998)", true},
		{"sortBy(input.numbers, -#)[0]", int64(999)},
		{"groupBy(1..4, # % 2)", m{"0": []any{int64(2), int64(4)}, "1": []any{int64(1), int64(3)}}},
		{"reduce([1, 2, 3], #acc + #, 10)", int64(16)},
		{"keys(input.o)", []any{"a", "b"}},
		{"values(input.o)", []any{2.5, int64(1)}},
		{"toPairs(input.o)", []any{[]any{"a", 2.5}, []any{"b", int64(1)}}},
		{"uniq([1, input.n, 3, 3.0, 'x', 'x'])", []any{int64(1), int64(3), "x"}},
		{"fromJSON('{\"a\": 9223372036854775807}').a", int64(math.MaxInt64)},
		{"toJSON(input.o)", `{"a":2.5,"b":1}`},
		{"string(input.o) + string(1) + string(nil)", `{"a":2.5,"b":1}1`},
		{"split('a,b', ',')", []any{"a", "b"}},
		{"join(['a', 'b'], '-')", "a-b"},
		{"replace('aaa', 'a', 'bb')", "bbbbbb"},
		{"[1, 2, 3][1:]", []any{int64(2), int64(3)}},
		{"last(input.list)", "x"},
		{"input['s']", "text"},
		{"int('42') + int(2.9)", int64(44)},
		{"max(input.numbers)", int64(999)},
		{"{a: [1, {b: nil}]}", m{"a": []any{int64(1), m{"b": nil}}}},
		{"input.injected", "${1 + 1} {{ 2 }} $${x}"},
		{"true", true},
	}
	for _, tt := range tests {
		p, err := expr.Compile(tt.src, scope)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := p.Eval(env())
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s gives %#v, %v; want %#v", tt.src, got, err, tt.want)
		}
		if !expr.Foreseen(p.Gives(), got) {
			t.Errorf("%s gives %#v, foreseen was %s", tt.src, got, expr.Explain(p.Gives()))
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, code, hint string }{
		{"nothing", "", "expr_syntax", ""},
		{"white space", " \n", "expr_syntax", ""},
		{"half", "input.n ==", "expr_syntax", ""},
		{"open", "(input.n == 1", "expr_syntax", ""},
		{"open text", "'abc", "expr_syntax", ""},
		{"wrong pattern", "input.s matches '('", "expr_syntax", ""},
		{"text and number", "'10' < 9", "expr_type", ""},
		{"text plus number", "'a' + 1", "expr_type", ""},
		{"bytes", "b'abc'", "expr_type", ""},
		{"not a list", "map('text', #)", "expr_type", ""},
		{"all steps", "len(steps)", "expr_type", ""},
		{"computed step", "steps[input.s].output", "expr_type", ""},
		{"computed field of a step", "steps.a[input.s]", "expr_type", ""},
		{"redeclared", "let input = 1; input", "expr_type", ""},
		{"unknown name", "inptu.n", "unknown_name", "input"},
		{"unknown function", "lenn(input.s)", "unknown_name", "len"},
		{"unknown field of a step", "steps.a.outputs", "unknown_name", "output"},
		{"unknown field of the run", "run.ident", "unknown_name", ""},
		{"null", "input.n == null", "unknown_name", "nil"},
		{"hyphen", "steps.a-b.output.x == 1", "unknown_name", "steps['a-b']"},
		{"clock", "now() > date('2020-01-01')", "unknown_name", ""},
		{"fan-out", "item.x", "unknown_name", ""},
		{"loop", "loop.index", "unknown_name", ""},
		{"payload", "payload.x", "unknown_name", ""},
		{"unknown step", "steps.nope.output", "unknown_step", ""},
		{"misspelt step", "steps['a_b'].output", "unknown_step", "a-b"},
		{"not upstream", "steps.c.status", "not_upstream", ""},
		{"secret", "secrets.TOKEN == 'x'", "secret_in_expression", ""},

		// E6: nothing of the machine can be reached.
		{"environment", "$env", "unknown_name", ""},
		{"environment by name", "$env['__meter']", "unknown_name", ""},
		{"own function", "__add(1, 2)", "unknown_name", ""},
		{"meter", "__meter", "unknown_name", ""},
		{"class", "__class__", "unknown_name", ""},
		{"constructor", "constructor", "unknown_name", ""},
		{"method", "input.String()", "unknown_name", ""},
		{"method of a text", "'a'.constructor('x')", "unknown_name", ""},
		{"method of the run", "run.Foo()", "unknown_name", ""},
		{"own variable", "let __x = 1; __x", "unknown_name", ""},
		{"call of a value", "input()", "unknown_name", ""},

		// E1: the parser never sees it.
		{"long", strings.Repeat(" ", 4096) + "1", "expr_too_long", ""},
		{"megabytes of parentheses", strings.Repeat("(", 1_200_000), "expr_too_long", ""},
		{"a million minus signs", strings.Repeat("-", 1_000_000) + "1", "expr_too_long", ""},
		{"101 parentheses", strings.Repeat("(", 101) + "1" + strings.Repeat(")", 101), "expr_too_deep", ""},
		{"101 lists", strings.Repeat("[", 101) + strings.Repeat("]", 101), "expr_too_deep", ""},
		{"101 minus signs", strings.Repeat("-", 101) + "1", "expr_too_deep", ""},
		{"101 times not", strings.Repeat("not ", 101) + "true", "expr_too_deep", ""},
		{"101 exclamation marks", strings.Repeat("! ", 101) + "true", "expr_too_deep", ""},
		{"too many parts", "[" + strings.Repeat("1,", 2030) + "1]", "expr_too_long", ""},
		{"long pattern", "input.s matches '" + strings.Repeat("a", 1025) + "'", "expr_too_long", ""},
		{"exploding pattern", "input.s matches '(x{1000}){1000}'", "expr_syntax", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var err error
			if took := cputime.Of(func() { _, err = expr.Compile(tt.src, scope) }); took > time.Second {
				t.Errorf("took %v", took)
			}
			var e *expr.Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Hint != tt.hint {
				t.Fatalf("got %#v, want %s with hint %q", err, tt.code, tt.hint)
			}
			if len(e.Message) > 400 {
				t.Errorf("message has %d bytes", len(e.Message))
			}
		})
	}
	for name, src := range map[string]string{
		"4,096 bytes":        strings.Repeat(" ", 4092) + "true",
		"100 parentheses":    strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100),
		"brackets in a text": "'" + strings.Repeat("(", 500) + "' == ''",
		"hyphens in a text":  "'" + strings.Repeat("-", 500) + "' == ''",
		"300 ternaries":      strings.Repeat("1>2?1:", 300) + "1",
		"a long sum":         strings.Repeat("1+", 900) + "1",
		"right associative":  strings.Repeat("1**", 900) + "1",
	} {
		if _, err := expr.Compile(src, scope); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever an expression asks for, it ends soon, with a coded error, and its process lives.
func TestEvalFails(t *testing.T) {
	t.Parallel()
	deep := any([]any{})
	for range 10_000 {
		deep = []any{deep}
	}
	tests := []struct{ name, src, code string }{
		// E2
		{"nested loops", "all(input.numbers, all(input.numbers, all(input.numbers, # >= 0)))", "expr_cost"},
		{"nested sums", "sum(map(input.numbers, sum(map(input.numbers, sum(input.numbers)))))", "expr_cost"},
		{"search in a search", "count(input.numbers, # in map(input.numbers, # + 1))", "expr_cost"},
		{"long comparisons", "count(input.numbers, input['1m'] + 'a' == input['1m'] + 'b')", "expr_memory"},
		{"long searches", "count(1..90000, input['1m'] contains 'b')", "expr_cost"},
		{"long lengths", "count(1..90000, len(input['1m']) == 0)", "expr_cost"},
		// E3
		{"copies of a text", "map(1..300, input['64k'] + input['64k'])", "expr_memory"},
		{"doubling", "reduce(1..64, #acc + #acc, 'x')", "expr_memory"},
		{"repeat", "repeat('a', 1000000)", "expr_memory"},
		{"huge repeat", "repeat('ab', 1000000000)", "expr_memory"},
		{"replace", "replace(input['64k'], 's', input['64k'])", "expr_memory"},
		{"join", "join(map(1..1000, input['64k']), '')", "expr_memory"},
		{"range", "1..1000000000", "expr_memory"},
		{"long list", "map(1..20000, #)", "expr_memory"},
		{"long text", "input['64k'] + 's'", "expr_memory"},
		{"large result", "map(1..9999, 'a hundred bytes or so: one two three four five six seven')", "expr_memory"},
		{"deep list", "reduce(1..5000, [#acc], [])", "expr_memory"},
		// E4
		{"flatten", "flatten(input.deep)", "expr_memory"},
		{"max", "max(input.deep)", "expr_memory"},
		{"mean", "mean(input.deep)", "expr_memory"},
		{"equal", "input.deep == flatten([[input.deep]])", "expr_memory"},
		{"deep result", "input.deep", "expr_memory"},
		// E5
		{"long subject", "input['1m'] matches '(a+)+$'", "expr_cost"},
		{"dear pattern", "count(1..100, input['64k'] matches '(s?){400}s{400}')", "expr_cost"},
		{"long dynamic pattern", "input.s matches input['64k']", "expr_too_long"},
		{"many patterns", "count(1..1000, input.s matches string(#))", "expr_cost"},
		{"wrong dynamic pattern", "input.s matches ('(' + input.s)", "expr_syntax"},
		// E7
		{"division by zero", "1 / 0", "expr_runtime"},
		{"division by a zero", "input.n / (input.n - 3)", "expr_runtime"},
		{"remainder of zero", "input.n % 0", "expr_runtime"},
		{"overflow of +", "input.max + 1", "expr_runtime"},
		{"overflow of -", "input.min - 1", "expr_runtime"},
		{"overflow of *", "input.max * 2", "expr_runtime"},
		{"overflow of a sign", "-input.min", "expr_runtime"},
		{"overflow of abs", "abs(input.min)", "expr_runtime"},
		{"overflow of sum", "sum([input.max, 1])", "expr_runtime"},
		{"overflow of int", "int(1e300)", "expr_runtime"},
		{"overflow of a float", "1e308 * 10", "expr_runtime"},
		{"power", "2 ** 10000", "expr_runtime"},
		{"not a number", "float('NaN') > 1", "expr_runtime"},
		{"infinity", "float('inf')", "expr_runtime"},
		{"field of null", "input.missing.x", "expr_runtime"},
		{"null plus", "input.null + 1", "expr_runtime"},
		{"null is greater", "input.null > 1", "expr_runtime"},
		{"text is smaller", "input.s < 9", "expr_runtime"},
		{"not of a number", "!input.n", "expr_runtime"},
		{"index -1", "input.list[-1]", "expr_runtime"},
		{"computed index -1", "input.list[input.n - 4]", "expr_runtime"},
		{"index beyond", "input.list[5]", "expr_runtime"},
		{"half an index", "input.list[0.5]", "expr_runtime"},
		{"index of a text", "input.s[0]", "expr_runtime"},
		{"index as text", "input.list['a']", "expr_runtime"},
		{"field of a number", "input.n.x", "expr_runtime"},
		{"loop over text", "map(input.s, #)", "expr_runtime"},
		{"loop over null", "all(input.null, true)", "expr_runtime"},
		{"reduce of nothing", "reduce([], #acc + #)", "expr_runtime"},
		{"map as key", "groupBy([{}], #)", "expr_runtime"},
		{"half a character", "'é'[0:1]", "expr_runtime"},
		{"wrong JSON", "fromJSON('{')", "expr_runtime"},
		{"wrong integer", "int(input.secret)", "expr_runtime"},
		{"wrong base64", "fromBase64('*')", "expr_runtime"},
		{"pattern on a number", "input.n matches 'x'", "expr_runtime"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := expr.Compile(tt.src, scope)
			if err != nil {
				t.Fatal(err)
			}
			e := env()
			e.Input.(map[string]any)["deep"] = deep
			var got any
			if took := cputime.Of(func() { got, err = p.Eval(e) }); took > time.Second {
				t.Errorf("took %v", took)
			}
			var coded *expr.Error
			if !errors.As(err, &coded) || coded.Code != tt.code {
				t.Fatalf("gives %.100v, %v; want %s", got, err, tt.code)
			}
			if strings.Contains(coded.Message, "hunter2") {
				t.Errorf("the message holds a value: %s", coded.Message)
			}
		})
	}
}

func TestEvalBool(t *testing.T) {
	t.Parallel()
	bools := scope
	bools.Bool = true
	if _, err := expr.Compile("1 + 1", bools); code(err) != "expr_type" {
		t.Errorf("a number as a condition: %v", err)
	}
	for src, want := range map[string]string{"input.n > 2": "", "input.n": "expr_type", "input.null": "expr_type", "input.s": "expr_type"} {
		p, err := expr.Compile(src, bools)
		if err != nil {
			t.Fatal(src, err)
		}
		if v, err := p.EvalBool(env()); code(err) != want || v != (want == "") {
			t.Errorf("%s gives %v, %v", src, v, err)
		}
	}
}

func code(err error) string {
	var e *expr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestStepsAreAskedOnce(t *testing.T) {
	t.Parallel()
	p, err := expr.Compile("steps.a.status == steps.a.status && steps['a-b'].attempt > 1", scope)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Steps(); !reflect.DeepEqual(got, []string{"a", "a-b"}) {
		t.Errorf("reads %v", got)
	}
	asked := map[string]int{}
	e := env()
	e.Step = func(id string) expr.StepInfo {
		asked[id]++
		return expr.StepInfo{Status: "succeeded", Attempt: 2}
	}
	if v, err := p.EvalBool(e); !v || err != nil || !reflect.DeepEqual(asked, map[string]int{"a": 1, "a-b": 1}) {
		t.Errorf("gives %v, %v; asked %v", v, err, asked)
	}
}

// A program runs in many goroutines, and one evaluation sees nothing of another.
func TestProgramsRunAtOnce(t *testing.T) {
	t.Parallel()
	p, err := expr.Compile("input.n * 2 + len(steps.a.output)", scope)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				n := int64(g*1000 + i)
				v, err := p.Eval(&expr.Env{
					Input: map[string]any{"n": n},
					Step:  func(string) expr.StepInfo { return expr.StepInfo{Output: make([]any, n%7)} },
				})
				if err != nil || v != n*2+n%7 {
					t.Errorf("n = %d gives %v, %v", n, v, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	got, err := expr.DecodeJSON([]byte(`{"i": 9223372036854775807, "f": 1.0, "big": 9223372036854775808, "l": [1, null, "x"]}`))
	want := map[string]any{"i": int64(math.MaxInt64), "f": 1.0, "big": 9223372036854775808.0, "l": []any{int64(1), nil, "x"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v", got, err)
	}
	if v, err := expr.DecodeJSON(nil); v != nil || err != nil {
		t.Errorf("nothing is %v, %v", v, err)
	}
	for _, bad := range []string{"{", "1 2", "nul", `"` + "\x01" + `"`, "1e999", strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[", 1_000_000)} {
		if v, err := expr.DecodeJSON([]byte(bad)); err == nil {
			t.Errorf("%.20s is %v", bad, v)
		}
	}
	if _, err := expr.DecodeJSON([]byte(`"` + strings.Repeat("[", 100) + `\"["`)); err != nil {
		t.Errorf("brackets in a text: %v", err)
	}
}

func BenchmarkEval(b *testing.B) {
	p, err := expr.Compile("steps.a.output.score > 0.5 && input.n == 3", scope)
	if err != nil {
		b.Fatal(err)
	}
	e := env()
	b.ReportAllocs()
	for b.Loop() {
		if v, err := p.EvalBool(e); !v || err != nil {
			b.Fatal(v, err)
		}
	}
}
