package dag_test

import (
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// FuzzFormatWorkflow: no text makes reading, formatting, comparing or drawing panic; what is accepted keeps its meaning
// in its canonical form and in its normal spelling.
func FuzzFormatWorkflow(f *testing.F) {
	for _, src := range []string{
		"# a\nname: W\nsteps:\n  # b\n  - topic: job.x # c\n    id: a\n\n    retry: {max_retries: 2, initial_backoff_sec: 1}\n  # d\n",
		"id: wf\ntimeout_sec: 60\nsteps:\n  p: {type: loop, until: true, steps: {q: {topic: job.x, condition: 'x'}}}\n  b: {topic: job.x, depends_on: [p]} # e\n",
		"steps:\n  a: &a {topic: job.x, timeout: PT1M}\n  b: {<<: *a, depends_on: [a]}\nid: wf\n",
		`{"id":"wf","on_failure":{"rollback_to":"c","then":"retry"},"steps":[{"topic":"job.x","id":"a","checkpoint":"c","compensate":{"topic":"job.u","timeout_sec":5}}]}`,
		"id: wf\nconcurrency: {key: '${input.k}'}\nsteps:\n  a:\n    for_each: input.xs\n    tolerate: {percent: 12.5}\n    topic: job.x\n    resource_lock: {mode: shared, name: n}\n    input: |\n      # x\n\n      y\n",
		"\xef\xbb\xbfid: wf\r\n\r\n# a\r\nsteps:\r\n  - {id: a, topic: job.x}\r\n",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		checkFormat(t, string(src))
		def, list := dag.ParseOneShot(src, yamlx.Auto)
		if def == nil {
			if !dag.HasErrors(list) {
				t.Fatalf("refused without an error: %v", list)
			}
			return
		}
		again, list := dag.ParseOneShot(def.Canonical, yamlx.JSON)
		if again == nil || again.Digest != def.Digest {
			t.Fatalf("%s is read as something else: %v", def.Canonical, list)
		}
		if d := dag.Diff(def, again); !d.Empty() {
			t.Fatalf("%s\nof\n%s", d.Text(), def.Canonical)
		}
		g, cyclic := dag.NewGraph(def)
		if g == nil {
			t.Fatal(cyclic)
		}
		if g.Text(def) == "" || g.Dot(def) == "" || g.Mermaid(def) == "" {
			t.Fatal("nothing is drawn")
		}
	})
}
