package dag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/internal/yamlx"
)

// step is a workflow of one step with more fields; they begin in line 5.
func step(fields string) string {
	return "id: wf\nsteps:\n  - id: a\n    topic: job.x\n" + indent(fields)
}

func indent(fields string) string {
	if fields == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(fields, "\n", "\n    ") + "\n"
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		rule      string
		line      int
		hint      string
	}{
		{"empty", "", "empty_body", 0, ""},
		{"no object", "- a\n", "wrong_type", 1, ""},
		{"no steps", "id: wf\n", "missing_field", 1, ""},
		{"empty list of steps", "id: wf\nsteps: []\n", "no_steps", 2, ""},
		{"empty map of steps", "id: wf\nsteps: {}\n", "no_steps", 2, ""},
		{"steps as text", "id: wf\nsteps: a\n", "wrong_type", 2, ""},
		{"step as text", "id: wf\nsteps: [a]\n", "wrong_type", 2, ""},
		{"step without id", "id: wf\nsteps:\n  - topic: job.x\n", "missing_field", 3, ""},
		{"neither id nor name", "steps: {a: {topic: job.x}}\n", "missing_field", 1, ""},
		{"name nothing can be derived from", "name: '…'\nsteps: {a: {topic: job.x}}\n", "missing_field", 1, ""},
		{"duplicate key", "id: wf\nid: wf\nsteps: {a: {topic: job.x}}\n", "duplicate_key", 2, ""},
		{"misspelt field", "id: wf\nstep: []\n", "unknown_field", 2, "steps"},
		{"field in another case", "id: wf\nSteps: []\n", "unknown_field", 2, "steps"},
		{"field in camel case", "id: wf\nonFailure: halt\nsteps: {a: {topic: job.x}}\n", "unknown_field", 2, "on_failure"},
		{"field and alias", "id: wf\ninput: {}\ninput_schema: {}\nsteps: {a: {topic: job.x}}\n", "conflicting_fields", 3, ""},
		{"timeout and alias", step("timeout: 5m\ntimeout_sec: 3"), "conflicting_fields", 6, ""},
		{"when and alias", step("when: 'true'\ncondition: 'true'"), "conflicting_fields", 6, ""},
		{"version as number", "id: wf\nversion: 2.0\nsteps: {a: {topic: job.x}}\n", "wrong_type", 2, ""},
		{"another language", "id: wf\nlanguage: 2\nsteps: {a: {topic: job.x}}\n", "bad_value", 2, ""},
		{"schema as text", "id: wf\ninput: text\nsteps: {a: {topic: job.x}}\n", "wrong_type", 2, ""},
		{"context as list", "id: wf\ncontext: []\nsteps: {a: {topic: job.x}}\n", "wrong_type", 2, ""},
		{"label as number", "id: wf\nlabels: {a: 1}\nsteps: {a: {topic: job.x}}\n", "wrong_type", 2, ""},
		{"name with a template", "id: wf\nname: '${input.x}'\nsteps: {a: {topic: job.x}}\n", "template_not_allowed", 2, ""},

		{"number as id", "id: wf\nsteps:\n  - id: 10\n    topic: job.x\n", "wrong_type", 3, ""},
		{"float as id", "id: wf\nsteps:\n  - id: 1e3\n    topic: job.x\n", "wrong_type", 3, ""},
		{"duplicate id", "id: wf\nsteps:\n  - {id: a, topic: job.x}\n  - {id: a, topic: job.x}\n", "duplicate_id", 4, ""},
		{"other id inside", "id: wf\nsteps:\n  a: {id: b, topic: job.x}\n", "conflicting_fields", 3, ""},
		{"unknown dependency", step("depends_on: [bb]\n") + "  - {id: b, topic: job.x}\n", "unknown_dependency", 5, ""},
		{"misspelt dependency", "id: wf\nsteps:\n  - id: backup-db\n    topic: job.x\n  - id: m\n    topic: job.x\n    depends_on:\n      - bakcup-db\n", "unknown_dependency", 8, "backup-db"},
		{"dependency twice", "id: wf\nsteps:\n  - {id: a, topic: job.x}\n  - id: b\n    topic: job.x\n    depends_on: [a, a]\n", "duplicate_dependency", 6, ""},
		{"dependency as text", step("depends_on: a"), "wrong_type", 5, ""},
		{"dependency as number", step("depends_on: [1]"), "wrong_type", 5, ""},
		{"dependency as template", step("depends_on: ['${input.x}']"), "template_not_allowed", 5, ""},
		{"on itself", step("depends_on: [a]"), "cycle", 5, ""},

		{"join of another engine", step("join: one_success"), "bad_join", 5, "any_success"},
		{"empty join", step("join: {}"), "bad_join", 5, ""},
		{"at least none", step("join: {at_least: 0}"), "at_least_out_of_range", 5, ""},
		{"at least more than there are", step("join: {at_least: 1}"), "at_least_out_of_range", 5, ""},
		{"at least a half", step("join: {at_least: 0.5}"), "wrong_type", 5, ""},
		{"join as list", step("join: [all_done]"), "wrong_type", 5, ""},

		{"attempts", step("retry: {max_attempts: 1000000000}"), "out_of_range", 5, ""},
		{"no attempts", step("retry: {max_attempts: 0}"), "out_of_range", 5, ""},
		{"attempts not said", step("retry: {initial: 1s}"), "missing_field", 5, ""},
		{"half an attempt", step("retry: {max_attempts: 1.5}"), "wrong_type", 5, ""},
		{"attempts and alias", step("retry: {max_attempts: 3, max_retries: 2}"), "conflicting_fields", 5, ""},
		{"no backoff", step("retry: {max_attempts: 3, initial: 0s}"), "out_of_range", 5, ""},
		{"no backoff in seconds", step("retry: {max_attempts: 3, initial_backoff_sec: 0}"), "out_of_range", 5, ""},
		{"multiplier", step("retry: {max_attempts: 3, multiplier: 1e308}"), "out_of_range", 5, ""},
		{"shrinking", step("retry: {max_attempts: 3, multiplier: 0.5}"), "out_of_range", 5, ""},
		{"jitter as number", step("retry: {max_attempts: 3, jitter: -1}"), "out_of_range", 5, ""},
		{"unknown jitter", step("retry: {max_attempts: 3, jitter: some}"), "bad_value", 5, ""},
		{"initial over max", step("retry: {max_attempts: 3, initial: 10s, max: 5s}"), "out_of_range", 5, ""},
		{"misspelt in retry", step("retry: {max_attemps: 3}"), "unknown_field", 5, "max_attempts"},
		{"retry as number", step("retry: 3"), "wrong_type", 5, ""},
		{"code as number", step("retry: {max_attempts: 3, on: [5]}"), "wrong_type", 5, ""},

		{"priority", step("priority: high"), "bad_value", 5, ""},
		{"effect", step("effect: reads"), "bad_value", 5, "read"},
		{"idempotent as text", step("idempotent: 'yes'"), "wrong_type", 5, ""},
		{"on_failure", step("on_failure: stop"), "bad_value", 5, ""},
		{"on_failure of a step as object", step("on_failure: {rollback_to: x}"), "wrong_type", 5, ""},
		{"requires as text", step("requires: kubectl"), "wrong_type", 5, ""},
		{"requires nothing", step("requires: ['']"), "bad_value", 5, ""},
		{"pool with a template", step("preferred_pool: '${input.pool}'"), "template_not_allowed", 5, ""},
		{"timeout with a template", step("timeout: '${input.t}'"), "template_not_allowed", 5, ""},
		{"when as number", step("when: 1"), "wrong_type", 5, ""},
		{"null where there is none", step("timeout:"), "wrong_type", 5, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			def, list := dag.Parse([]byte(tt.src), yamlx.Auto)
			if def != nil {
				t.Fatalf("accepted: %s", def.Canonical)
			}
			i := slices.IndexFunc(list, func(d dag.Diagnostic) bool { return d.Rule == tt.rule && (tt.line == 0 || d.Line == tt.line) })
			if i < 0 {
				t.Fatalf("got %v, want %s in line %d", list, tt.rule, tt.line)
			}
			if tt.hint != "" && (list[i].Hint != tt.hint || !strings.Contains(list[i].Message, tt.hint)) {
				t.Errorf("got %v with hint %q, want %q", list[i], list[i].Hint, tt.hint)
			}
		})
	}
}

func TestParseRefusesIDs(t *testing.T) {
	t.Parallel()
	ids := []string{
		"../../etc", "a/b", "a%2fb", ".", "..", "con", "NUL", "com1", strings.Repeat("a", 64), strings.Repeat("a", 300), "__proto__", "*",
		">", "a.b", "A", "naïve", "nai\u0308ve", "a\u200bb", "\u0430", "-a", "_a", " a", "a ", "", "a\nb", "a\tb", "${input.x}",
	}
	for _, id := range ids {
		def, list := dag.Parse(fmt.Appendf(nil, "{\"id\": \"wf\", \"steps\": [{\"id\": %q, \"topic\": \"job.x\"}]}", id), yamlx.JSON)
		if def != nil || (!has(list, "invalid_id") && !has(list, "template_not_allowed")) {
			t.Errorf("step %q: %v", id, list)
		}
		if id == "a.b" || id == "${input.x}" {
			continue
		}
		def, list = dag.Parse(fmt.Appendf(nil, "{\"id\": %q, \"steps\": [{\"id\": \"a\", \"topic\": \"job.x\"}]}", id), yamlx.JSON)
		if def != nil || !has(list, "invalid_id") {
			t.Errorf("workflow %q: %v", id, list)
		}
		for _, d := range list {
			if strings.Contains(d.Message, strings.Repeat("a", 65)) {
				t.Errorf("the message repeats too much: %s", d.Message)
			}
		}
	}
	for _, id := range []string{"a..b", "a.", "a.b..c", "con.txt"} {
		if dag.ValidWorkflowID(id) {
			t.Errorf("workflow %q is accepted", id)
		}
	}
	for _, id := range []string{"a", "a.b", "db-migration_2", "0", "no", "console", strings.Repeat("a", 63)} {
		if !dag.ValidWorkflowID(id) {
			t.Errorf("workflow %q is refused", id)
		}
	}
}

func has(list []dag.Diagnostic, rule string) bool {
	return slices.ContainsFunc(list, func(d dag.Diagnostic) bool { return d.Rule == rule })
}

func TestParseRefusesDurations(t *testing.T) {
	t.Parallel()
	for _, d := range []string{
		"-1", "0", "1e18", "9223372036854775808", "'5 lightyears'", "NaN", "90", "1.5", "'1.5s'", "'-5s'", "'0s'", "'0ms'", "PT", "P",
		"P1DT", "PT0S", "2w", "P2W", "P1M", "P1Y", "5M", "5S", "5m1h", "5 m", "' 5m'", "''", "5", "1us", "1ns", "367d", "P367D", "99999999999999999999d",
		"8785h", "366d1ms", "5m5m", "١٠s",
	} {
		_, list := dag.Parse([]byte(step("timeout: "+d)), yamlx.YAML)
		if !has(list, "invalid_duration") {
			t.Errorf("%s: %v", d, list)
		}
	}
	for _, d := range []string{"0", "-1", "1e18", "9223372036854775808", "1.5", "31622401"} {
		_, list := dag.Parse([]byte(step("timeout_sec: "+d)), yamlx.YAML)
		if !has(list, "invalid_duration") {
			t.Errorf("timeout_sec %s: %v", d, list)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute,
		"7d": 7 * 24 * time.Hour, "PT5M": 5 * time.Minute, "P1DT2H": 26 * time.Hour, "90s": 90 * time.Second, "366d": dag.MaxDuration,
		"1d2h3m4s5ms": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond,
	} {
		got, err := dag.ParseDuration(s)
		if err != nil || got != want {
			t.Errorf("%s is %v, %v; want %v", s, got, err, want)
		}
		again, err := dag.ParseDuration(dag.FormatDuration(got))
		if err != nil || again != got {
			t.Errorf("%s is written %s, which is %v, %v", s, dag.FormatDuration(got), again, err)
		}
	}
}

func TestParseReadsEverything(t *testing.T) {
	t.Parallel()
	src := `
$schema: https://example.org/workflow.json
name: Migrate the Database!
version: "2.0"
description: what ${this} is for
input_schema: {type: object}
context: {environment: production, n: 1.0}
labels: {team: platform}
timeout_sec: 3600
on_failure: continue
cancel_grace: 10s
output: {v: "${steps.b.output}"}
steps:
  b:
    name: second
    type: approval
    description: d
    labels: {x: "${input.x}"}
    depends_on: [c, a]
    join: {at_least: 2}
    condition: true
    input: [1]
    retry: {max_retries: 4, initial_backoff_sec: 2, max_backoff_sec: 8, multiplier: 1.5, jitter: none, on: [busy], not_on: [fatal]}
    timeout: PT90S
    queue_timeout: 1h
    total_timeout: 1d
    heartbeat_timeout: 500ms
    on_failure: halt
    effect: irreversible
    idempotent: false
    requires: [kubectl]
    preferred_worker_id: w-1
    preferred_pool: big
    priority: critical
    expires: 60m
  a: {topic: job.x}
  c: {topic: job.x}
`
	def, list := dag.Parse([]byte(src), yamlx.Auto)
	if def == nil || len(list) > 0 {
		t.Fatal(list)
	}
	const want = `{"context":{"environment":"production","n":1},"cancel_grace":"10s","description":"what ${this} is for","id":"migrate-the-database","input":{"type":"object"},"labels":{"team":"platform"},"language":1,"name":"Migrate the Database!","on_failure":"continue","output":{"v":"${steps.b.output}"},"steps":{"a":{"topic":"job.x"},"b":{"depends_on":["a","c"],"description":"d","effect":"irreversible","expires":"1h","heartbeat_timeout":"500ms","idempotent":false,"input":[1],"join":{"at_least":2},"labels":{"x":"${input.x}"},"name":"second","on_failure":"halt","preferred_pool":"big","preferred_worker_id":"w-1","priority":"critical","queue_timeout":"1h","requires":["kubectl"],"retry":{"initial":"2s","jitter":"none","max":"8s","max_attempts":5,"multiplier":1.5,"not_on":["fatal"],"on":["busy"]},"timeout":"1m30s","total_timeout":"1d","type":"approval","when":"true"},"c":{"topic":"job.x"}},"timeout":"1h","version":"2.0"}`
	wantSorted := strings.Replace(strings.Replace(want, `"cancel_grace":"10s",`, "", 1), `{"context"`, `{"cancel_grace":"10s","context"`, 1)
	if string(def.Canonical) != wantSorted {
		t.Errorf("got  %s\nwant %s", def.Canonical, wantSorted)
	}
	b := def.Steps[1]
	if b.ID != "b" || !slices.Equal(b.DependsOn, []int{0, 2}) || b.Retry.MaxAttempts != 5 || b.Pointer != "/steps/b" || b.Pos.Line != 14 {
		t.Errorf("got %+v", b)
	}
}

func TestOneShotHasNoID(t *testing.T) {
	t.Parallel()
	def, list := dag.ParseOneShot([]byte(`{"steps": {"a": {"topic": "job.x"}}}`), yamlx.JSON)
	if def == nil || def.ID != "" {
		t.Fatal(def, list)
	}
	named := def.WithID("x")
	stored, list := dag.Parse(named.Canonical, yamlx.JSON)
	if stored == nil || stored.Digest != named.Digest || stored.ID != "x" || def.ID != "" || def.Digest == named.Digest {
		t.Error(list, stored, named)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	flat := func(n int) string {
		var b strings.Builder
		b.WriteString("id: wf\nsteps:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - {id: s%d, topic: job.x}\n", i)
		}
		return b.String()
	}
	// 500 steps, each of the latter ones on the 200 before: more than 100,000 edges from 700 steps on.
	dense := func(n int) string {
		var b strings.Builder
		b.WriteString("id: wf\nsteps:\n")
		for i := range n {
			var on []string
			for d := max(0, i-200); d < i; d++ {
				on = append(on, fmt.Sprintf("s%d", d))
			}
			fmt.Fprintf(&b, "  - {id: s%d, topic: job.x, depends_on: [%s]}\n", i, strings.Join(on, ","))
		}
		return b.String()
	}
	tests := []struct {
		name, src string
		rule      string
	}{
		{"10,000 steps", flat(10_000), ""},
		{"10,001 steps", flat(10_001), "too_many_steps"},
		{"99,900 edges", dense(600), ""},
		{"119,900 edges", dense(700), "too_many_steps"},
		{"too long", flat(1) + strings.Repeat("#", dag.MaxDefinitionBytes), "document_too_large"},
		{"too long when written out", "id: wf\ncontext:\n  a: &a \"" + strings.Repeat("x", 1<<20) + "\"\n  b: [*a, *a, *a]\n" + strings.TrimPrefix(flat(1), "id: wf\n"), "document_too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var def *dag.Definition
			var list []dag.Diagnostic
			if took := cputime.Of(func() { def, list = dag.Parse([]byte(tt.src), yamlx.YAML) }); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
			if (tt.rule == "") != (def != nil) || (tt.rule != "" && !has(list, tt.rule)) {
				t.Errorf("got %v, want %q", list, tt.rule)
			}
		})
	}
}

// Whatever is wrong, the number of diagnostics stays bounded.
func TestDiagnosticsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("id: wf\nsteps:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  - {id: S%d}\n", i)
	}
	_, list := dag.Parse([]byte(b.String()), yamlx.YAML)
	if len(list) != dag.MaxDiagnostics || !strings.Contains(list[len(list)-1].Message, "4900 more") {
		t.Errorf("%d diagnostics, the last is %v", len(list), list[len(list)-1])
	}
}
