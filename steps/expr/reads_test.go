package expr_test

import (
	"reflect"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

func TestReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src  string
		want []string
	}{
		{"1 + 2", nil},
		{"input.n > 1", []string{"input.n"}},
		{"input.a.b[0]['c d'] == ctx.x", []string{"input.a.b[0]['c d']", "ctx.x"}},
		{"steps.a.output.id", []string{"steps.a.output.id fails"}},
		{"steps.a.output", []string{"steps.a.output null"}},
		{"steps['a-b'].output.x", []string{"steps['a-b'].output.x fails"}},
		{"steps.a.status == 'succeeded'", []string{"steps.a.status"}},
		{"steps.a", []string{"steps.a"}},
		{"steps.a.output?.id", []string{"steps.a.output.id"}},
		{"steps.a.output?.id.x ?? 1", []string{"steps.a.output.id.x"}},
		{"steps.a.output.id ?? 1", []string{"steps.a.output.id fails"}},
		{"steps.a.output ?? {}", []string{"steps.a.output"}},
		{"steps.a.output != nil && steps.a.output.n > 1", []string{"steps.a.output", "steps.a.output.n"}},
		{"steps.a.status == 'succeeded' ? steps.a.output.n : steps.b.output.n", []string{"steps.a.status", "steps.a.output.n", "steps.b.output.n fails"}},
		{"input.list[steps.a.output.i]", []string{"steps.a.output.i fails", "input.list"}},
		{"filter(input.xs, .n > steps.a.output.n)", []string{"input.xs", "steps.a.output.n fails"}},
		{"let o = steps.a.output ?? {}; o.x + input.y", []string{"steps.a.output", "input.y"}},
		{"[{k: steps.a.output.x}, input.y]", []string{"steps.a.output.x fails", "input.y"}},
		{"len(input.name) > 3 and not labels.x", []string{"input.name", "labels.x"}},
		{"steps.a.error.code", []string{"steps.a.error.code"}},
		{"sum(steps.a.output.xs)", []string{"steps.a.output.xs fails"}},
	}
	for _, tt := range tests {
		p, err := expr.Compile(tt.src, expr.Scope{})
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		if got := words(p.Reads()); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.src, got, tt.want)
		}
	}
}

func words(reads []expr.Read) (out []string) {
	for _, r := range reads {
		word := r.String()
		switch r.Absent {
		case expr.AbsentNull:
			word += " null"
		case expr.AbsentFails:
			word += " fails"
		}
		out = append(out, word)
	}
	return out
}

func TestReadsOfATemplate(t *testing.T) {
	t.Parallel()
	n, err := yamlx.Parse([]byte("a: [1, '${input.x} and ${steps.s.output.y}']\nb: {c: '$${input.no} ${ctx.z}'}\nd: 'input.text'\n"), yamlx.Auto)
	if err != nil {
		t.Fatal(err)
	}
	reads := expr.ReadsOf(n, false)
	if got, want := words(reads), []string{"input.x", "steps.s.output.y fails", "ctx.z"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if reads[2].Pos.Line != 2 {
		t.Errorf("%+v", reads[2])
	}
	if got, want := words(expr.ReadsOf(n.Get("d"), true)), []string{"input.text"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
