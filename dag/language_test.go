package dag_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// head is a workflow with fields of its own, from line 2 on, and two plain steps.
func head(fields string) string {
	return "id: wf\n" + fields + "\nsteps:\n  - {id: a, topic: job.x, checkpoint: loaded}\n  - {id: b, topic: job.x, depends_on: [a]}\n"
}

// loop is a loop with fields of its inner step, which begins in line 7.
func loop(fields string) string {
	return "id: wf\nsteps:\n  - {id: a, topic: job.x}\n  - id: poll\n    type: loop\n    steps:\n      - id: ask\n        topic: job.x\n" +
		"        " + strings.ReplaceAll(fields, "\n", "\n        ") + "\n"
}

func TestParseRefusesTheRestOfTheLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		rule      string
		line      int
		hint      string
	}{
		{"rollback to nothing", head("on_failure: {then: retry}"), "missing_field", 2, ""},
		{"rollback to an unknown checkpoint", head("on_failure: {rollback_to: laoded}"), "unknown_checkpoint", 2, "loaded"},
		{"rollback to a step", head("on_failure: {rollback_to: a}"), "unknown_checkpoint", 2, ""},
		{"unknown then", head("on_failure: {rollback_to: loaded, then: retri}"), "bad_value", 2, "retry"},
		{"no rounds", head("on_failure: {rollback_to: loaded, then: retry, max: 0}"), "out_of_range", 2, ""},
		{"too many rounds", head("on_failure: {rollback_to: loaded, then: retry, max: 101}"), "out_of_range", 2, ""},
		{"misspelt in on_failure", head("on_failure: {rollback_too: loaded}"), "unknown_field", 2, "rollback_to"},
		{"checkpoint as template", head("on_failure: {rollback_to: '${input.x}'}"), "template_not_allowed", 2, ""},
		{"unknown on_failure", head("on_failure: rolback"), "bad_value", 2, "rollback"},

		{"concurrency without key", head("concurrency: {limit: 1}"), "missing_field", 2, ""},
		{"concurrency as text", head("concurrency: one"), "wrong_type", 2, ""},
		{"concurrency of nobody", head("concurrency: {key: k, limit: 0}"), "out_of_range", 2, ""},
		{"concurrency of too many", head("concurrency: {key: k, limit: 10001}"), "out_of_range", 2, ""},
		{"busy", head("concurrency: {key: k, when_busy: wait}"), "bad_value", 2, ""},
		{"key as number", head("concurrency: {key: 1}"), "wrong_type", 2, ""},
		{"misspelt in concurrency", head("concurrency: {key: k, limits: 1}"), "unknown_field", 2, "limit"},

		{"for_each as list", step("for_each: [1, 2]"), "wrong_type", 5, ""},
		{"no iteration at once", step("for_each: input.xs\nmax_parallel: 0"), "out_of_range", 6, ""},
		{"too many at once", step("for_each: input.xs\nmax_parallel: 100001"), "out_of_range", 6, ""},
		{"max_parallel alone", step("max_parallel: 2"), "conflicting_fields", 5, ""},
		{"tolerate alone", step("tolerate: {count: 1}"), "conflicting_fields", 5, ""},
		{"tolerate alone, in lines", step("tolerate:\n  count: 1"), "conflicting_fields", 5, ""},
		{"tolerate twice", step("for_each: input.xs\ntolerate: {count: 1, percent: 10}"), "conflicting_fields", 6, ""},
		{"tolerate nothing said", step("for_each: input.xs\ntolerate: {}"), "missing_field", 6, ""},
		{"tolerate less than none", step("for_each: input.xs\ntolerate: {count: -1}"), "out_of_range", 6, ""},
		{"tolerate half an iteration", step("for_each: input.xs\ntolerate: {count: 0.5}"), "wrong_type", 6, ""},
		{"tolerate more than all", step("for_each: input.xs\ntolerate: {percent: 100.5}"), "out_of_range", 6, ""},
		{"tolerate as number", step("for_each: input.xs\ntolerate: 1"), "wrong_type", 6, ""},
		{"tolerate what", step("for_each: input.xs\ntolerate: {percentage: 1}"), "unknown_field", 6, ""},

		{"schema as list", step("output_schema: []"), "wrong_type", 5, ""},
		{"schema as number", step("input_schema: 1"), "wrong_type", 5, ""},
		{"schema without id", step("input_schema: ''"), "bad_value", 5, ""},
		{"schema as template", step("output_schema: '${input.s}'"), "template_not_allowed", 5, ""},

		{"undoing the irreversible", step("effect: irreversible\ncompensate: {topic: job.undo}"), "compensate_irreversible", 6, ""},
		{"undoing the irreversible, in lines", step("effect: irreversible\ncompensate:\n  topic: job.undo"), "compensate_irreversible", 6, ""},
		{"compensate as text", step("compensate: job.undo"), "wrong_type", 5, ""},
		{"compensate by people", step("compensate: {type: approval}"), "bad_value", 5, ""},
		{"unknown outcome", step("compensate: {topic: job.undo, when_unknown: holds}"), "bad_value", 5, "hold"},
		{"retry of a compensation", step("compensate:\n  topic: job.undo\n  retry: {max_attempts: 0}"), "out_of_range", 7, ""},
		{"timeout of a compensation", step("compensate:\n  topic: job.undo\n  timeout: 5\n"), "invalid_duration", 7, ""},
		{"both timeouts of a compensation", step("compensate:\n  timeout: 5s\n  timeout_sec: 5\n"), "conflicting_fields", 7, ""},

		{"pivot as text", step("pivot: 'yes'"), "wrong_type", 5, ""},
		{"checkpoint with a blank", step("checkpoint: all loaded"), "invalid_id", 5, ""},
		{"checkpoint without a name", step("checkpoint: ''"), "invalid_id", 5, ""},
		{"checkpoint as number", step("checkpoint: 1"), "wrong_type", 5, ""},
		{"checkpoint as template of a step", step("checkpoint: '${input.x}'"), "template_not_allowed", 5, ""},
		{"checkpoint twice", "id: wf\nsteps:\n  z: {topic: job.x, checkpoint: c}\n  a:\n    topic: job.x\n    checkpoint: c\n", "duplicate_checkpoint", 6, ""},
		{"lock without a name", step("resource_lock: {mode: shared}"), "missing_field", 5, ""},
		{"lock of a strange mode", step("resource_lock: {name: x, mode: share}"), "bad_value", 5, "shared"},
		{"lock as number", step("resource_lock: 1"), "wrong_type", 5, ""},
		{"lock and more", step("resource_lock: {name: x, timeout: 1s}"), "unknown_field", 5, ""},

		{"loop without steps", step("type: loop"), "missing_field", 3, ""},
		{"loop of nothing", step("type: loop\nsteps: []"), "no_steps", 6, ""},
		{"loop of text", step("type: loop\nsteps: a"), "wrong_type", 6, ""},
		{"id of the loop inside", "id: wf\nsteps:\n  poll:\n    type: loop\n    steps:\n      poll: {topic: job.x}\n", "duplicate_id", 6, ""},
		{"same id in two loops", "id: wf\nsteps:\n  p: {type: loop, steps: {x: {topic: job.x}}}\n  q:\n    type: loop\n    steps:\n      - id: x\n", "duplicate_id", 7, ""},
		{"same id outside, later", "id: wf\nsteps:\n  p: {type: loop, steps: {x: {topic: job.x}}}\n  x: {topic: job.x}\n", "duplicate_id", 4, ""},
		{"inner id", "id: wf\nsteps:\n  p:\n    type: loop\n    steps:\n      - id: X\n", "invalid_id", 6, ""},
		{"from inside to outside", loop("depends_on: [a]"), "unknown_dependency", 9, ""},
		{"from inside to the loop", loop("depends_on: [poll]"), "unknown_dependency", 9, ""},
		{"from outside to inside", loop("name: x") + "  - id: z\n    topic: job.x\n    depends_on: [ask]\n", "unknown_dependency", 12, ""},
		{"misspelt inside", loop("name: x") + "      - id: then\n        topic: job.x\n        depends_on: [aks]\n", "unknown_dependency", 12, "ask"},
		{"cycle inside", loop("depends_on: [ask]"), "cycle", 9, ""},
		{"join inside", loop("join: {at_least: 1}"), "at_least_out_of_range", 9, ""},
		{"pivot inside", loop("pivot: true"), "bad_value", 9, ""},
		{"checkpoint inside", loop("checkpoint: c"), "bad_value", 9, ""},
		{"unknown in retry inside", loop("retry: {max_attemps: 3}"), "unknown_field", 9, "max_attempts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			def, list := dag.Parse([]byte(tt.src), yamlx.Auto)
			if def != nil {
				t.Fatalf("accepted: %s", def.Canonical)
			}
			i := slices.IndexFunc(list, func(d dag.Diagnostic) bool { return d.Rule == tt.rule && d.Line == tt.line })
			if i < 0 {
				t.Fatalf("got %v, want %s in line %d", list, tt.rule, tt.line)
			}
			if tt.hint != "" && (list[i].Hint != tt.hint || !strings.Contains(list[i].Message, tt.hint)) {
				t.Errorf("got %v with hint %q, want %q", list[i], list[i].Hint, tt.hint)
			}
		})
	}
}

// canonicalOf is the canonical form of what must be accepted, without id and language.
func canonicalOf(t *testing.T, src string) string {
	t.Helper()
	def, list := dag.Parse([]byte(src), yamlx.YAML)
	if def == nil {
		t.Fatalf("%v in\n%s", list, src)
	}
	return strings.NewReplacer(`"id":"wf",`, "", `"language":1,`, "").Replace(string(def.Canonical))
}

// What the rest of the language is written as, whatever it was spelt like.
func TestCanonicalSpelling(t *testing.T) {
	t.Parallel()
	// One step each; the fields are those of its canonical form beside the topic.
	for fields, want := range map[string]string{
		"for_each: input.xs\nmax_parallel: 3\ntolerate: {count: 0}":       `"for_each":"input.xs","max_parallel":3,"tolerate":{"count":0},"topic":"job.x"`,
		"for_each: input.xs\ntolerate: {percent: 12.50}":                  `"for_each":"input.xs","tolerate":{"percent":12.5},"topic":"job.x"`,
		"for_each: input.xs\ntolerate: {percent: 0}":                      `"for_each":"input.xs","tolerate":{"percent":0},"topic":"job.x"`,
		"output_schema: {minimum: 1.0}\ninput_schema: orders.v1":          `"input_schema":"orders.v1","output_schema":{"minimum":1},"topic":"job.x"`,
		"output_schema: true":                                             `"output_schema":true,"topic":"job.x"`,
		"pivot: true\ncheckpoint: loaded":                                 `"checkpoint":"loaded","pivot":true,"topic":"job.x"`,
		"pivot: false":                                                    `"topic":"job.x"`,
		"resource_lock: {name: 'db:${input.x}', mode: exclusive}":         `"resource_lock":"db:${input.x}","topic":"job.x"`,
		"resource_lock: {name: db, mode: shared}":                         `"resource_lock":{"mode":"shared","name":"db"},"topic":"job.x"`,
		"on_failure: rollback":                                            `"on_failure":"rollback","topic":"job.x"`,
		"compensate: {type: worker, topic: job.u, timeout_sec: 90}":       `"compensate":{"timeout":"1m30s","topic":"job.u"},"topic":"job.x"`,
		"compensate: {type: http, url: u, method: POST, success: true}":   `"compensate":{"method":"POST","success":"true","type":"http","url":"u"},"topic":"job.x"`,
		"compensate: {type: notify, message: m, when_unknown: hold}":      `"compensate":{"message":"m","type":"notify","when_unknown":"hold"},"topic":"job.x"`,
		"compensate: {topic: job.u, input: null, idempotent: false}":      `"compensate":{"idempotent":false,"input":null,"topic":"job.u"},"topic":"job.x"`,
		"compensate: {topic: job.u, retry: {max_retries: 2, on: [busy]}}": `"compensate":{"retry":{"max_attempts":3,"on":["busy"]},"topic":"job.u"},"topic":"job.x"`,
		"compensate: {topic: job.u, resource_lock: {name: l}, requires: [r], priority: batch, queue_timeout: 60m, total_timeout: 24h, heartbeat_timeout: 1000ms, preferred_pool: p, preferred_worker_id: w, when_unknown: run}": `"compensate":{"heartbeat_timeout":"1s","preferred_pool":"p","preferred_worker_id":"w","priority":"batch","queue_timeout":"1h","requires":["r"],"resource_lock":"l","topic":"job.u","total_timeout":"1d","when_unknown":"run"},"topic":"job.x"`,
	} {
		if got := canonicalOf(t, step(fields)); got != `{"steps":{"a":{`+want+`}}}` {
			t.Errorf("%s\ngot  %s\nwant %s", fields, got, want)
		}
	}
	for kind, want := range map[string]string{
		"type: loop\nuntil: true\nsteps: [{id: z, topic: job.x, timeout_sec: 5}, {id: y, topic: job.y, depends_on: [z]}]": `"steps":{"y":{"depends_on":["z"],"topic":"job.y"},"z":{"timeout":"5s","topic":"job.x"}},"type":"loop","until":"true"`,
		"type: loop\nwhile: loop.index < 3\nsteps: {p: {type: loop, until: 'true', steps: {q: {topic: job.x}}}}":          `"steps":{"p":{"steps":{"q":{"topic":"job.x"}},"type":"loop","until":"true"}},"type":"loop","while":"loop.index < 3"`,
		"type: switch\ncases: [{when: true, steps: [b]}]\non: false":                                                      `"cases":[{"steps":["b"],"when":"true"}],"on":"false","type":"switch"`,
		"type: wait\nsignal: go\nmatch: true\ntimeout_sec: 60":                                                            `"match":"true","signal":"go","timeout":"1m","type":"wait"`,
		"type: approval\nexpires: 60m\nescalate: [{after: 90s, to: 'role:x'}]":                                            `"escalate":[{"after":"1m30s","to":"role:x"}],"expires":"1h","type":"approval"`,
		"type: delay\ndelay_sec: 60": `"for":"1m","type":"delay"`,
	} {
		src := "id: wf\nsteps:\n  a:\n    " + strings.ReplaceAll(kind, "\n", "\n    ") + "\n"
		if got := canonicalOf(t, src); got != `{"steps":{"a":{`+want+`}}}` {
			t.Errorf("%s\ngot  %s\nwant %s", kind, got, want)
		}
	}
	// Fields of the workflow.
	for fields, want := range map[string]string{
		"on_failure: {rollback_to: loaded}":                            `"on_failure":{"rollback_to":"loaded"}`,
		"on_failure: {rollback_to: loaded, then: retry, max: 2}":       `"on_failure":{"max":2,"rollback_to":"loaded","then":"retry"}`,
		"on_failure: {rollback_to: loaded, then: fail, max: 2}":        `"on_failure":{"max":2,"rollback_to":"loaded","then":"fail"}`,
		"concurrency: {key: '${input.k}'}":                             `"concurrency":{"key":"${input.k}"}`,
		"concurrency: {key: k, limit: 10000, when_busy: reject}":       `"concurrency":{"key":"k","limit":10000,"when_busy":"reject"}`,
		"context: {a: ['${input.x}', 1.0]}\nlabels: {l: '${input.x}'}": `"context":{"a":["${input.x}",1]},"labels":{"l":"${input.x}"}`,
	} {
		got := canonicalOf(t, head(fields))
		if !strings.HasPrefix(got, "{"+want+`,"steps":`) {
			t.Errorf("%s\ngot  %s\nwant %s", fields, got, want)
		}
	}
}

// Steps of all scopes stand in one list, scope by scope, each sorted by id.
func TestScopes(t *testing.T) {
	t.Parallel()
	def, list := dag.Parse([]byte(`
id: wf
steps:
  z: {topic: job.x}
  outer:
    type: loop
    depends_on: [z]
    steps:
      c: {topic: job.x, depends_on: [inner]}
      inner:
        type: loop
        depends_on: [before]
        steps: [{id: y, topic: job.x, depends_on: [x]}, {id: x, topic: job.x}]
      before: {topic: job.x}
  m: {type: loop, steps: {n: {topic: job.x}}}
  after: {topic: job.x, depends_on: [outer]}
`), yamlx.YAML)
	if def == nil {
		t.Fatal(list)
	}
	var ids []string
	for _, s := range def.Steps {
		ids = append(ids, s.ID)
	}
	if got := strings.Join(ids, " "); got != "after m outer z n before c inner x y" {
		t.Fatal(got)
	}
	want := []dag.Scope{{Loop: -1, First: 0, Count: 4}, {Loop: 1, First: 4, Count: 1}, {Loop: 2, First: 5, Count: 3}, {Loop: 7, First: 8, Count: 2}}
	if !slices.Equal(def.Scopes, want) {
		t.Errorf("got %v, want %v", def.Scopes, want)
	}
	for i, s := range def.Steps {
		scope := def.Scopes[s.Scope]
		if i < scope.First || i >= scope.First+scope.Count {
			t.Errorf("%s stands outside its scope %d", s.ID, s.Scope)
		}
		if (s.Inner != 0) != (s.Type == "loop") || (s.Inner != 0 && def.Scopes[s.Inner].Loop != i) {
			t.Errorf("%s has the inner scope %d", s.ID, s.Inner)
		}
	}
	if p := def.Steps[9].Pointer; p != "/steps/outer/steps/inner/steps/0" {
		t.Error(p)
	}
	g, _ := dag.NewGraph(def)
	if !slices.Equal(g.Roots, []int32{1, 3}) || !slices.Equal(g.RootsOf(2), []int32{5}) || !slices.Equal(g.RootsOf(3), []int32{8}) || g.RootsOf(4) != nil {
		t.Errorf("roots are %v %v %v", g.Roots, g.RootsOf(2), g.RootsOf(3))
	}
	up := g.Upstream()
	for pair, want := range map[string]bool{
		"z y": true, "z before": true, "before y": true, "x y": true, "z outer": true, "before c": true, "z after": true,
		"outer y": false, "inner y": false, "outer before": false, "y x": false, "c y": false, "m n": false, "z n": false, "y after": false, "y c": false, "n z": false,
	} {
		a, b, _ := strings.Cut(pair, " ")
		if up.Is(slices.Index(ids, a), slices.Index(ids, b)) != want {
			t.Errorf("upstream %s is not %v", pair, want)
		}
	}
	if g.Loop(9) != 7 || g.Loop(4) != 1 || g.Loop(0) != -1 || g.Layer(9) != 1 || g.Layer(7) != 1 || g.Layer(0) != 2 {
		t.Errorf("loops %d %d %d, layers %d %d %d", g.Loop(9), g.Loop(4), g.Loop(0), g.Layer(9), g.Layer(7), g.Layer(0))
	}
	if got := g.CriticalPath(); !slices.Equal(got, []int32{3, 2, 0}) {
		t.Error(got)
	}
}

func TestCompensationIsAStep(t *testing.T) {
	t.Parallel()
	def, list := dag.Parse([]byte(step("compensate:\n  pack: p\n  tool: t\n  input: {a: '${steps.a.output}'}\n  retry: {max_attempts: 9}\n  timeout: 5s\n  idempotent: true\n  when_unknown: run")), yamlx.YAML)
	if def == nil {
		t.Fatal(list)
	}
	c := def.Steps[0].Compensate
	do := c.Do
	if c.WhenUnknown != dag.UnknownRun || do.ID != "a" || do.Retry.MaxAttempts != 9 || do.Timeout.Seconds() != 5 || !*do.Idempotent ||
		do.Own.Get("tool").Str != "t" || do.Input.Get("a") == nil || do.Pointer != "/steps/0/compensate" || do.Pos.Line != 6 {
		t.Errorf("got %+v", do)
	}
}

// MaxSteps counts the steps inside loops.
func TestInnerStepsCount(t *testing.T) {
	t.Parallel()
	inner := strings.Builder{}
	for i := range dag.MaxSteps - 1 {
		inner.WriteString("      s" + strconv.Itoa(i) + ": {topic: job.x}\n")
	}
	atLimit := "id: wf\nsteps:\n  p:\n    type: loop\n    steps:\n" + inner.String()
	if def, list := dag.Parse([]byte(atLimit), yamlx.YAML); def == nil {
		t.Error(list)
	}
	if _, list := dag.Parse([]byte(atLimit+"  q: {topic: job.x}\n"), yamlx.YAML); !has(list, "too_many_steps") {
		t.Error(list)
	}
}
