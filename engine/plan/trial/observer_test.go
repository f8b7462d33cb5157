package trial

import (
	"strings"
	"testing"

	"cordum.dev/cordum/engine"
)

// TestObserver shows an observer a log that somebody else wrote: it says what the world has to do, and what is not as expected.
func TestObserver(t *testing.T) {
	const src = `
id: x
workflow: {id: w, steps: [{id: a, topic: job.t.a, timeout: 1m}, {id: g, depends_on: [a], type: approval}]}
stubs: {a: [{fail: {code: busy}}, {output: {n: 1}}]}
approvals: {g: {decision: approve, by: "user:bob"}}
signals: [{after: $start, name: hello}]
do: [{after: a, verb: pause}, {after: $end, verb: resume}]
expect: {status: succeeded, attempts: {a: 1}}
`
	cases, problems := Parse(File{Path: "x.yaml", Text: []byte(src)}, nil)
	if len(cases) != 1 {
		t.Fatal(problems)
	}
	o, err := cases[0].Observe("run")
	if err != nil {
		t.Fatal(err)
	}
	cues := func(facts ...engine.Fact) (out []string) {
		for _, f := range facts {
			o.See("run", engine.Stamp{At: Epoch}, f)
		}
		return told(o.Cues())
	}
	check := func(got []string, want string) {
		t.Helper()
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("told %q, want %q", g, want)
		}
	}
	check(cues(&engine.RunStarted{Workflow: "w", Input: engine.Payload{Data: []byte("{}")}}), "signal hello")
	check(cues(&engine.JobAsked{Step: 0, Attempt: 1, Topic: "job.t.a"}), "job a")
	check(cues(&engine.StepSucceededFact{Step: 0}), "order pause")
	check(cues(&engine.ApprovalAsked{Step: 1}), "reply g")
	check(told(o.Rest()), "order resume")
	check(told(o.Rest()), "")
	if why := strings.Join(o.Check(), "\n"); !strings.Contains(why, "status: expected succeeded, it is waiting") || strings.Contains(why, "attempts") {
		t.Errorf("it says %q", why)
	}
	o.See("stranger", engine.Stamp{At: Epoch}, &engine.RunPaused{})
	if len(o.Broken()) != 1 {
		t.Errorf("a run of no step was taken: %q", o.Broken())
	}
}

func told(cues []Cue) (out []string) {
	for _, c := range cues {
		switch {
		case c.Job != nil:
			out = append(out, "job "+c.Name)
		case c.Reply != nil:
			out = append(out, "reply "+c.Name)
		case c.Signal != nil:
			out = append(out, "signal "+c.Signal.Name)
		case c.Order != nil:
			out = append(out, "order "+c.Order.Verb)
		}
	}
	return out
}
