package steps_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// branches is a switch with two steps behind it; its fields begin in line 5.
func branches(fields string) string {
	return "id: wf\nsteps:\n  - id: s\n    type: switch\n    " + strings.ReplaceAll(fields, "\n", "\n    ") +
		"\n  - {id: a, topic: job.x, depends_on: [s]}\n  - {id: b, topic: job.x, depends_on: [s]}\n  - {id: c, topic: job.x, depends_on: [a]}\n"
}

// within is a loop with two steps inside; the fields of the second begin in line 11.
func within(fields string) string {
	return "id: wf\nsteps:\n  - {id: first, topic: job.x}\n  - {id: aside, topic: job.x}\n  - id: poll\n    type: loop\n    until: loop.previous.ask == 1\n    depends_on: [first]\n" +
		"    steps:\n      ask: {topic: job.x}\n      then: {topic: job.x, depends_on: [ask], " + fields + "}\n  - {id: last, topic: job.x, depends_on: [poll]}\n"
}

// undone is a step in a chain of three, and one beside; its compensation's input stands in line 7.
func undone(input string) string {
	return "id: wf\nsteps:\n  - {id: before, topic: job.x}\n  - id: a\n    topic: job.x\n    depends_on: [before]\n    compensate: {topic: job.undo, input: " + input + "}\n" +
		"  - {id: after, topic: job.x, depends_on: [a]}\n  - {id: aside, topic: job.x}\n"
}

func TestKindsRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		rule      string
		line      int
	}{
		{"switch without cases", branches("default: [a]"), "missing_field", 3},
		{"cases that are no list", branches("cases: {}"), "wrong_type", 5},
		{"case without steps", branches("cases:\n  - {when: 'true'}"), "missing_field", 6},
		{"case without a condition", branches("cases:\n  - {steps: [a]}"), "missing_field", 6},
		{"case with a misspelt field", branches("cases:\n  - {when: 'true', step: [a]}"), "unknown_field", 6},
		{"value without on", branches("cases:\n  - {value: 1, steps: [a]}"), "conflicting_fields", 6},
		{"when beside on", branches("on: input.x\ncases:\n  - {when: 'true', steps: [a]}"), "conflicting_fields", 7},
		{"on without a value", branches("on: input.x\ncases:\n  - {steps: [a]}"), "missing_field", 7},
		{"value that is a template", branches("on: input.x\ncases:\n  - {value: ['${input.y}'], steps: [a]}"), "template_not_allowed", 7},
		{"case that gives text", branches("cases:\n  - {when: \"'a'\", steps: [a]}"), "expr_type", 6},
		{"branch that does not wait", branches("cases: []\ndefault: [c]"), "switch_target_not_dependent", 6},
		{"branch that does not exist", branches("cases: []\ndefault: [nope]"), "unknown_step", 6},
		{"branch of itself", branches("cases: []\ndefault: [s]"), "switch_target_not_dependent", 6},
		{"switch in a fan-out", branches("for_each: '[1]'\ncases: []"), "unknown_field", 5},

		{"wait without signal", one("type: wait"), "missing_field", 3},
		{"wait for nothing", one("type: wait\nsignal: ''"), "bad_value", 5},
		{"signal as template", one("type: wait\nsignal: '${input.x}'"), "template_not_allowed", 5},
		{"match that gives a number", one("type: wait\nsignal: go\nmatch: payload.n + 1"), "expr_type", 6},
		{"unknown end of a wait", one("type: wait\nsignal: go\non_timeout: retry"), "bad_value", 6},
		{"payload outside match", one("type: wait\nsignal: go\nwhen: payload.ok"), "unknown_name", 6},

		{"loop without steps", one("type: loop\nuntil: 'true'"), "missing_field", 3},
		{"loop without an end", one("type: loop\nsteps: {b: {topic: job.x}}"), "missing_field", 3},
		{"loop with two ends", one("type: loop\nuntil: 'true'\nwhile: 'true'\nsteps: {b: {topic: job.x}}"), "conflicting_fields", 5},
		{"loop with too many rounds", one("type: loop\nuntil: 'true'\nmax_iterations: 10001\nsteps: {b: {topic: job.x}}"), "out_of_range", 6},
		{"loop that retries", one("type: loop\nuntil: 'true'\nretry: {max_attempts: 2}\nsteps: {b: {topic: job.x}}"), "unknown_field", 6},
		{"unknown field of loop", one("type: loop\nuntil: loop.idx == 1\nsteps: {b: {topic: job.x}}"), "unknown_name", 5},
		{"end that reads a step inside", one("type: loop\nuntil: steps.b.output\nsteps: {b: {topic: job.x}}"), "not_upstream", 5},
		{"step inside that reads aside", within("input: '${steps.aside.output}'"), "not_upstream", 11},
		{"step inside that reads its loop", within("input: '${steps.poll.output}'"), "not_upstream", 11},
		{"step inside that reads what comes after", within("input: '${steps.last.output}'"), "not_upstream", 11},
		{"wrong step inside", within("depend_on: []"), "unknown_field", 11},
		{"inner step read outside", strings.Replace(within(""), "depends_on: [poll]", "depends_on: [poll], input: '${steps.ask.output}'", 1), "not_upstream", 12},
		{"inner step read by the output", "id: wf\noutput: '${steps.b.output}'\nsteps:\n  a: {type: loop, until: 'true', steps: {b: {topic: job.x}}}\n", "not_upstream", 2},

		{"child without a name", one("type: subworkflow"), "missing_field", 3},
		{"child as template", one("type: subworkflow\nworkflow: '${input.x}'"), "template_not_allowed", 5},
		{"child that is a path", one("type: subworkflow\nworkflow: ../x"), "invalid_id", 5},
		{"child with an empty version", one("type: subworkflow\nworkflow: x\nversion: ''"), "bad_value", 6},
		{"transform without input", one("type: transform"), "missing_field", 3},

		{"call without a URL", one("type: http"), "missing_field", 3},
		{"call of a file", one("type: http\nurl: file:///etc/passwd"), "bad_value", 5},
		{"call with an unknown method", one("type: http\nurl: http://x\nmethod: BREW"), "bad_value", 6},
		{"call with a method as template", one("type: http\nurl: http://x\nmethod: '${input.m}'"), "template_not_allowed", 6},
		{"header with a line break", one("type: http\nurl: http://x\nheaders: {\"X-A\\r\\nX-B\": c}"), "bad_value", 6},
		{"value with a line break", one("type: http\nurl: http://x\nheaders: {X-A: \"b\\r\\nX-B: c\"}"), "bad_value", 6},
		{"header twice", one("type: http\nurl: http://x\nheaders: {X-A: b, x-a: c}"), "conflicting_fields", 6},
		{"header as a number", one("type: http\nurl: http://x\nheaders: {X-A: 1}"), "wrong_type", 6},
		{"success that gives a number", one("type: http\nurl: http://x\nsuccess: status + 1"), "expr_type", 6},
		{"success that knows the run", one("type: http\nurl: http://x\nsuccess: input.x"), "unknown_name", 6},
		{"success half", one("type: http\nurl: http://x\nsuccess: 'status <'"), "expr_syntax", 6},

		{"nobody approves", one("type: approval\napprovers: []"), "bad_value", 5},
		{"approver without a kind", one("type: approval\napprovers: ['role:']"), "bad_value", 5},
		{"approver as template", one("type: approval\napprovers: ['${input.x}']"), "template_not_allowed", 5},
		{"approver of no kind", one("type: approval\napprovers: bob"), "bad_value", 5},
		{"approver by address", one("type: approval\napprovers: [bob@example.com]"), "bad_value", 5},
		{"approver that is no expression", one("type: approval\napprovers: owners.first"), "unknown_name", 5},
		{"quorum of none", one("type: approval\nquorum: 0"), "out_of_range", 5},
		{"denials of none", one("type: approval\ndeny_quorum: 0"), "out_of_range", 5},
		{"four eyes as text", one("type: approval\nfour_eyes: 'sometimes'"), "wrong_type", 5},
		{"author as number", one("type: approval\nexclude_author: 1"), "wrong_type", 5},
		{"form that is none", one("type: approval\nform: {type: strange}"), "bad_value", 5},
		{"escalation to nobody", one("type: approval\nescalate:\n  - {after: 1h}"), "missing_field", 6},
		{"escalation at no time", one("type: approval\nescalate:\n  - {to: 'role:x'}"), "missing_field", 6},

		{"fan-out over a text", one("topic: job.x\nfor_each: \"'text'\""), "expr_type", 5},
		{"fan-out over nothing", one("topic: job.x\nfor_each: nil"), "expr_type", 5},
		{"fan-out over a boolean", one("topic: job.x\nfor_each: true"), "expr_type", 5},
		{"fan-out over a billion", one("topic: job.x\nfor_each: 1..1000000000"), "fan_out_limit", 5},
		{"fan-out over too much", one("topic: job.x\nfor_each: 'map(1..100001, # * 2)'"), "fan_out_limit", 5},
		{"fan-out over a secret", one("topic: job.x\nfor_each: secrets.LIST"), "secret_in_expression", 5},
		{"item before the fan-out", one("topic: job.x\nfor_each: input.xs\nwhen: item > 1"), "unknown_name", 6},
		{"item of itself", one("topic: job.x\nfor_each: item.xs"), "unknown_name", 5},
		{"item without a fan-out", one("topic: job.x\ninput: '${item}'"), "unknown_name", 5},

		{"undo that reads beside", undone("'${steps.aside.output}'"), "not_upstream", 7},
		{"undo that reads what comes later", undone("'${steps.after.output}'"), "compensation_cycle", 7},
		{"undo that reads another's input", undone("'${steps.before.input}'"), "unknown_name", 7},
		{"undo with an effect", one("topic: job.x\ncompensate: {topic: job.undo, effect: read}"), "unknown_field", 5},
		{"undo without a topic", one("topic: job.x\ncompensate: {pack: p}"), "missing_field", 5},
		{"undo by a person", one("topic: job.x\ncompensate: {type: approval}"), "bad_value", 5},
		{"own input", one("topic: job.x\ninput: '${steps.a.input}'"), "unknown_name", 5},

		{"secret in when", one("topic: job.x\nwhen: secrets.X == 'a'"), "secret_in_expression", 5},
		{"secret in a label", one("topic: job.x\nlabels: {x: '${secrets.X}'}"), "secret_in_expression", 5},
		{"secret in a lock", one("topic: job.x\nresource_lock: '${secrets.X}'"), "secret_in_expression", 5},
		{"secret shown to people", one("type: approval\ncontext: '${secrets.X}'"), "secret_in_expression", 5},
		{"secret that would be stored", one("type: transform\ninput: '${secrets.X}'"), "secret_in_expression", 5},
		{"secret for another workflow", one("type: subworkflow\nworkflow: x\ninput: '${secrets.X}'"), "secret_in_expression", 6},
		{"secret inside an expression", one("topic: job.x\ninput: \"${'Bearer ' + secrets.X}\""), "secret_in_expression", 5},
		{"secret with a wrong name", one("topic: job.x\ninput: \"${secrets['../x']}\""), "secret_in_expression", 5},
		{"secret by hand", one("topic: job.x\ninput: {a: {$secret: X}}"), "secret_in_expression", 5},
		{"secret in the output", "id: wf\noutput: '${secrets.X}'\nsteps: {a: {topic: job.x}}\n", "secret_in_expression", 2},

		{"context of itself", "id: wf\ncontext: {a: '${ctx.b}'}\nsteps: {a: {topic: job.x}}\n", "unknown_name", 2},
		{"context of a step", "id: wf\ncontext: {a: '${steps.a.output}'}\nsteps: {a: {topic: job.x}}\n", "unknown_name", 2},
		{"label of a label", "id: wf\nlabels: {a: '${labels.b}'}\nsteps: {a: {topic: job.x}}\n", "unknown_name", 2},
		{"key of a step", "id: wf\nconcurrency: {key: '${steps.a.output}'}\nsteps: {a: {topic: job.x}}\n", "unknown_name", 2},
		{"schema that is none", one("topic: job.x\noutput_schema: {type: strange}"), "bad_value", 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, list := load(tt.src)
			if w != nil {
				t.Fatal("accepted")
			}
			if !slices.ContainsFunc(list, func(d dag.Diagnostic) bool { return d.Rule == tt.rule && d.Line == tt.line }) {
				t.Errorf("got %v, want %s in line %d", list, tt.rule, tt.line)
			}
		})
	}
}

func TestUnknownTypeNamesTheKnown(t *testing.T) {
	t.Parallel()
	_, list := load(one("type: magic"))
	if len(list) != 1 || list[0].Rule != "unknown_type" {
		t.Fatal(list)
	}
	for _, kind := range []string{"worker", "approval", "notify", "condition", "switch", "delay", "wait", "loop", "subworkflow", "transform", "http"} {
		if !strings.Contains(list[0].Message, kind) {
			t.Errorf("%s does not name %s", list[0].Message, kind)
		}
	}
}

func TestKindsAccept(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		within("input: ['${steps.ask.output}', '${steps.first.output}', '${loop.index}', '${loop.previous?.ask}']"),
		within("compensate: {topic: job.undo, input: ['${steps.then.output}', '${steps.ask.output}', '${steps.first.output}', '${loop.index}']}"),
		strings.Replace(within("input: ['${item}', '${index}'], when: item > 1"), "type: loop\n", "type: loop\n    for_each: input.xs\n", 1),
		undone("['${steps.a.input}', '${steps.a.output}', '${steps.a.error?.code}', '${steps.a.attempt}', '${steps.before.output}', '${secrets.X}']"),
		one("topic: job.x\nfor_each: input.xs\ninput: ['${item}', '${index}']\nlabels: {i: '${index}'}\nresource_lock: {name: 'x:${item}', mode: shared}\ncompensate: {topic: job.undo, input: '${item}'}"),
		one("type: approval\nfor_each: input.xs\ntitle: '${item}?'\napprovers: ['user:bob', 'role:sre', 'input.owner']\nquorum: 2\nform: {type: object}\non_expiry: escalate\nescalate:\n  - {after: 1h, to: 'group:ops'}"),
		one("type: wait\nsignal: go\nmatch: payload.id == input.id\ntimeout: 5m\non_timeout: skip"),
		one("type: http\nurl: '${input.base}/x'\nheaders: {Authorization: 'Bearer ${secrets.TOKEN}'}\nbody: {a: '${input.a}'}\nsuccess: \"status == 201 && headers['x-ok'] == 'y' && body.id > 0\""),
		one("type: http\nurl: https://example.com\nmethod: post\nsuccess: true\ncompensate: {type: http, url: 'https://example.com/${steps.a.output.body.id}', method: DELETE}"),
		"id: wf\ncontext: {a: '${input.b}', c: 1}\nlabels: {x: '${ctx.a}', y: z}\nconcurrency: {key: '${labels.x}-${input.db}'}\nsteps: {a: {topic: job.x}}\n",
	} {
		if w, list := load(src); w == nil || len(list) > 0 {
			t.Errorf("%s: %v", src, list)
		}
	}
}

func env() *expr.Env {
	return &expr.Env{
		Input: map[string]any{
			"n": int64(3), "colour": "red", "owners": []any{"user:a", "role:b"}, "nobody": []any{}, "base": "http://x", "one": 1.0,
			"forged": map[string]any{"$secret": "TOKEN"},
		},
		Step: func(string) expr.StepInfo { return expr.StepInfo{Status: "succeeded"} },
	}
}

func TestStartOfMoreKinds(t *testing.T) {
	t.Parallel()
	builtin := func(tool, input string) steps.Job {
		return steps.Job{Topic: "job.cordum." + tool, Pack: "cordum", Tool: tool, Input: []byte(input)}
	}
	approvers := func(list ...string) steps.Approval { return steps.Approval{Title: "a", Approvers: list} }
	tests := []struct {
		src  string
		want steps.Ask
		code string
	}{
		{one("type: transform\ninput: {n: '${input.n}'}"), steps.Done{Output: []byte(`{"n":3}`)}, ""},
		{one("type: transform\ninput: '${input.x.y}'"), nil, "expr_runtime"},
		{one("type: subworkflow\nworkflow: pay\nversion: v2"), steps.Child{Workflow: "pay", Version: "v2"}, ""},
		{one("type: wait\nsignal: go\ntimeout: 5m\non_timeout: continue"), steps.Wait{Signal: "go", Timeout: 5 * time.Minute, OnTimeout: steps.TimeoutContinues}, ""},
		{one("type: http\nurl: '${input.base}/y'"), builtin("http", `{"method":"GET","success":"status < 400","url":"http://x/y"}`), ""},
		{
			one("type: http\nurl: http://x\nmethod: put\nheaders: {A: 'b ${secrets.T}', N: '${input.n}'}\nbody: [1, '${secrets.T}']\nsuccess: status == 200"),
			builtin("http", `{"body":[1,{"$secret":"T"}],"headers":{"A":{"$secret":["b ",{"$secret":"T"}]},"N":"3"},"method":"PUT","success":"status == 200","url":"http://x"}`), "",
		},
		{one("type: http\nurl: http://x\nbody: '${input.forged}'"), nil, "secret_in_expression"},
		{one("type: notify\nmessage: 'a ${secrets.T}'"), builtin("notify", `{"message":{"$secret":["a ",{"$secret":"T"}]}}`), ""},
		{one("type: approval\napprovers: [user:x, input.owners]"), approvers("user:x", "user:a", "role:b"), ""},
		{one("type: approval\napprovers: input.owners[0]"), approvers("user:a"), ""},
		{one("type: approval\napprovers: input.nobody"), nil, "expr_runtime"},
		{one("type: approval\napprovers: input.n"), nil, "expr_type"},
		{
			one("type: approval\ndeny_quorum: 3\nfour_eyes: true\nexclude_author: true"),
			steps.Approval{Title: "a", DenyQuorum: 3, FourEyes: true, ExcludeAuthor: true},
			"",
		},
		{
			one("type: approval\nquorum: 2\nform: {type: object}\non_expiry: rollback\nescalate:\n  - {after: 2h, to: [role:b]}\n  - {after: 1h, to: user:a}"),
			steps.Approval{Title: "a", Quorum: 2, Form: []byte(`{"type":"object"}`), OnExpiry: steps.ExpiryRollsBack, Escalate: []steps.Escalation{
				{After: time.Hour, To: []string{"user:a"}}, {After: 2 * time.Hour, To: []string{"role:b"}},
			}},
			"",
		},
	}
	for _, tt := range tests {
		got, err := compile(t, tt.src).Steps[0].Spec.Start(env())
		if tt.code != "" {
			var e *expr.Error
			if !errors.As(err, &e) || e.Code != tt.code {
				t.Errorf("%s: %v, want %s", tt.src, err, tt.code)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %s, %v; want %s", tt.src, got, err, tt.want)
		}
	}
}

func TestSwitchChooses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fields, output string
		chosen         []string
	}{
		{"cases: [{when: input.n > 5, steps: [a]}, {when: input.n > 2, steps: [b, a, b]}, {when: 'true', steps: []}]", `{"case":1,"steps":["b","a"]}`, []string{"b", "a"}},
		{"cases: [{when: input.n > 5, steps: [a]}]\ndefault: [b]", `{"case":"default","steps":["b"]}`, []string{"b"}},
		{"cases: [{when: input.n > 5, steps: [a]}]\ndefault: []", `{"case":"default","steps":[]}`, []string{}},
		{"cases: [{when: input.n > 5, steps: [a]}]", `{"case":null,"steps":[]}`, nil},
		{"on: input.colour\ncases: [{value: blue, steps: [a]}, {value: red, steps: [b]}]", `{"case":1,"steps":["b"]}`, []string{"b"}},
		{"on: input.one\ncases: [{value: '1', steps: [a]}, {value: 1, steps: [b]}]", `{"case":1,"steps":["b"]}`, []string{"b"}},
		{"on: input.n\ncases: [{value: 3.0, steps: [b]}]", `{"case":0,"steps":["b"]}`, []string{"b"}},
		{"on: input.missing\ncases: [{value: 0, steps: [a]}, {value: null, steps: [b]}]", `{"case":1,"steps":["b"]}`, []string{"b"}},
		{"on: '[input.n, {a: 1.0}]'\ncases: [{value: [3, {a: 2}], steps: [a]}, {value: [3.0, {a: 1}], steps: [b]}]", `{"case":1,"steps":["b"]}`, []string{"b"}},
	}
	for _, tt := range tests {
		w := compile(t, branches(tt.fields))
		s := w.Steps[w.ByID["s"]].Spec
		got, err := s.Start(env())
		want := steps.Done{Output: []byte(tt.output), Chosen: tt.chosen}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s, %v; want %s", tt.fields, got, err, want)
		}
		if _, ok := s.(steps.Chooser); !ok {
			t.Error("a switch chooses nothing")
		}
	}
	w := compile(t, branches("cases: [{when: input.n > 5, steps: [b]}, {when: 'true', steps: [b, a]}]\ndefault: [a]"))
	if got := w.Steps[w.ByID["s"]].Spec.(steps.Chooser).Branches(); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("names %q", got)
	}
}
