package dag_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

const diffBefore = `
id: wf
timeout: 1h
labels: {team: a}
steps:
  reserve: {topic: job.reserve, compensate: {topic: job.release}}
  charge: {topic: job.charge, depends_on: [reserve], compensate: {topic: job.refund}, retry: {max_attempts: 3}}
  look: {topic: job.look, effect: read}
  ship: {topic: job.ship, depends_on: [charge, look], pivot: true}
  mail: {type: notify, message: done, depends_on: [ship]}
  book: {topic: job.book, depends_on: [ship]}
`

const diffAfter = `
id: wf
timeout_sec: 7200
on_failure: rollback
steps:
  reserve: {topic: job.reserve, compensate: {topic: job.release}}
  charge: {topic: job.charge, depends_on: [reserve], retry: {max_retries: 4}}
  look: {topic: job.look}
  ok: {type: approval, depends_on: [charge]}
  ship: {topic: job.ship, depends_on: [ok], pivot: true}
  poll: {type: loop, until: "true", depends_on: [ship], steps: {book: {topic: job.book}}}
`

func parsed(t fataler, src string) *dag.Definition {
	def, list := dag.Parse([]byte(src), yamlx.Auto)
	if def == nil {
		t.Fatalf("%v in\n%s", list, src)
	}
	return def
}

func TestDiff(t *testing.T) {
	t.Parallel()
	d := dag.Diff(parsed(t, diffBefore), parsed(t, diffAfter))
	const want = `workflow
  - labels: {"team":"a"}
  + on_failure: "rollback"
  ~ timeout: "1h" → "2h"
steps
  + ok (approval, effect none)
  + poll (loop, effect none)
  - mail (notify, effect none)
  ~ book
      + loop: "poll"
  ~ charge
      - compensate: {"topic":"job.refund"}
      ~ retry: {"max_attempts":3} → {"max_attempts":5}
  ~ look
      - effect: "read"
dependencies
  + charge → ok
  + ok → ship
  + ship → poll
  - charge → ship
  - look → ship
  - ship → book
  - ship → mail
effects
  ~ look: read → write
undo coverage 4/4 → 3/5  (nothing undoes charge, look)
`
	if got := d.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	text, err := json.Marshal(d.Changed[1])
	if string(text) != `{"id":"charge","fields":[{"field":"compensate","before":{"topic":"job.refund"}},{"field":"retry","before":{"max_attempts":3},"after":{"max_attempts":5}}]}` || err != nil {
		t.Errorf("%s %v", text, err)
	}
	same := dag.Diff(parsed(t, diffBefore), parsed(t, strings.Replace(diffBefore, "1h", "PT60M", 1)))
	if text, _ := json.Marshal(same); !same.Empty() || same.Text() != "both mean the same\n" || strings.Contains(string(text), "null") {
		t.Errorf("%s\n%s", same.Text(), text)
	}
}

// Two definitions differ when their digests do, and never otherwise.
func TestDiffSeesWhatTheDigestSees(t *testing.T) {
	t.Parallel()
	draw := func(t *rapid.T) (a, b *dag.Definition) {
		one, two := drawTwins(t)
		var first, second strings.Builder
		writeJSON(&first, one)
		writeJSON(&second, two)
		return parsed(t, first.String()), parsed(t, second.String())
	}
	rapid.Check(t, func(t *rapid.T) {
		a, twin := draw(t)
		b, _ := draw(t)
		if d := dag.Diff(a, twin); !d.Empty() {
			t.Fatalf("twins differ: %s", d.Text())
		}
		there, back := dag.Diff(a, b), dag.Diff(b, a)
		if there.Empty() != (a.Digest == b.Digest) {
			t.Fatalf("%s\n%s\n%s", there.Text(), a.Canonical, b.Canonical)
		}
		if !slices.Equal(there.Added, back.Removed) || !slices.Equal(there.Edges.Removed, back.Edges.Added) || len(there.Changed) != len(back.Changed) ||
			len(there.Effects) != len(back.Effects) || there.Undo.Before.Covered != back.Undo.After.Covered {
			t.Fatalf("%s\nback is\n%s", there.Text(), back.Text())
		}
	})
}

func TestUndoCoverage(t *testing.T) {
	t.Parallel()
	for steps, want := range map[string]string{
		"a: {topic: job.x}": "0/1 [a]",
		"a: {topic: job.x, effect: none}\n  b: {type: approval}":                                                             "0/0 []",
		"a: {topic: job.x, compensate: {topic: job.u}}\n  b: {topic: job.x, effect: irreversible}":                           "1/1 []",
		"a: {topic: job.x, pivot: true}\n  b: {topic: job.x, depends_on: [a]}\n  c: {type: http, url: u, depends_on: [b]}":   "3/3 []",
		"a: {topic: job.x, pivot: true}\n  b: {topic: job.x, depends_on: [a], join: any_failed}\n  c: {type: http, url: u}":  "1/3 [b c]",
		"a: {topic: job.x, pivot: true}\n  b: {topic: job.x}\n  c: {topic: job.x, depends_on: [a, b], join: any_success}":    "1/3 [b c]",
		"a: {type: approval, pivot: true}\n  p: {type: loop, until: true, depends_on: [a], steps: {x: {topic: job.x}}}":      "1/1 []",
		"p: {type: loop, until: true, steps: {x: {topic: job.x}, y: {topic: job.x, compensate: {topic: job.u}}}}":            "1/2 [x]",
		"a: {topic: job.x, for_each: input.xs, compensate: {topic: job.u}}\n  b: {topic: job.x, effect: read, pivot: false}": "1/1 []",
	} {
		def := parsed(t, "id: wf\nsteps:\n  "+steps+"\n")
		g, _ := dag.NewGraph(def)
		c := dag.UndoCoverage(def, g)
		if got := fmt.Sprintf("%d/%d %v", c.Covered, c.Total, c.Missing); got != want {
			t.Errorf("%s\ngot %s, want %s", steps, got, want)
		}
	}
}

// What this package takes for the effect of a step that says none is what package steps gives it.
func TestDefaultEffects(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{
		"": "topic: job.x", "worker": "topic: job.x", "approval": "", "notify": "message: m", "condition": "condition: true",
		"switch": "", "delay": "for: 1s", "wait": "signal: go", "loop": "until: true\nsteps: {z: {topic: job.x}}",
		"subworkflow": "workflow: other", "transform": "input: 1", "http": "url: 'https://example.org'",
	}
	for kind, fields := range kinds {
		src := "id: wf\nsteps:\n  - id: a\n"
		if kind != "" {
			src += "    type: " + kind + "\n"
		}
		if kind == "switch" {
			fields = "cases: [{when: true, steps: [b]}]"
			src += indent(fields) + "  - {id: b, topic: job.x, depends_on: [a]}\n"
		} else {
			src += indent(fields)
		}
		w, list := steps.Load([]byte(src), yamlx.YAML, false)
		if w == nil {
			t.Errorf("%s: %v", kind, list)
			continue
		}
		if got := w.Steps[0].Effect; got != dag.DefaultEffect(kind) {
			t.Errorf("%s: steps says %v, here it is %v", kind, got, dag.DefaultEffect(kind))
		}
	}
}
