package plan_test

import (
	"regexp"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// lineBreaks are those of YAML 1.1: a file of an old Mac, or with a line separator of Unicode, has lines too.
var lineBreaks = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// FuzzPlan: whatever a file holds, lint answers with places inside it and codes that have a page, and what it accepts can be
// planned, twice to the same digest.
func FuzzPlan(f *testing.F) {
	for _, r := range plan.Rules() {
		f.Add(strings.TrimSpace(r.Bad), `{"x": 1}`)
		f.Add(strings.TrimSpace(r.Good), `{"x": [1, 2]}`)
	}
	f.Add("id: wf\nsteps:\n- {id: l, type: loop, until: 'true', steps: {i: {topic: job.x, compensate: {topic: job.u}}}}\n- {id: p, topic: job.x, pivot: true, depends_on: [l], for_each: input.x}\n", `{"x": [1]}`)
	f.Fuzz(func(t *testing.T, src, input string) {
		w, list := plan.Check([]byte(src), yamlx.Auto, plan.Options{})
		lines := len(lineBreaks.Split(src, -1))
		for _, found := range plan.Findings([]byte(src), list, "f") {
			if found.Code == "" || found.Line > lines {
				t.Fatalf("%+v", found)
			}
		}
		if w == nil {
			return
		}
		n, err := yamlx.Parse([]byte(input), yamlx.JSON)
		if err != nil {
			n = nil
		}
		in := plan.Input{Input: n.Value(), Policy: safety.NewSnapshot(safety.Allow)}
		p := plan.Make(w, in)
		if again := plan.Make(w, in); again.Digest != p.Digest {
			t.Fatalf("%s, then %s", p.Digest, again.Digest)
		}
		if p.String() == "" {
			t.Fatal("no text")
		}
	})
}
