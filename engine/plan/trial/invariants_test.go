package trial

import (
	"strings"
	"testing"

	"cordum.dev/cordum/engine"
)

// TestWitness gives the witness logs that no engine may write: each breaks one invariant.
func TestWitness(t *testing.T) {
	const src = `
id: x
workflow:
  id: w
  steps:
    - {id: a, topic: job.t.a, compensate: {topic: job.t.u}}
    - {id: b, depends_on: [a], topic: job.t.b, compensate: {topic: job.t.u}}
expect: {status: succeeded}
`
	const a, b = 0, 1
	started := &engine.RunStarted{Tenant: "default", Workflow: "w", Input: engine.Payload{Data: []byte("{}")}}
	job := func(step, attempt int32) engine.Fact {
		return &engine.JobAsked{Step: step, Attempt: attempt, Topic: "job.t.x"}
	}
	done := func(step int32) engine.Fact { return &engine.StepSucceededFact{Step: step} }
	for name, test := range map[string]struct {
		log  []engine.Fact
		want string
	}{
		"a step before its join": {[]engine.Fact{started, job(a, 1), &engine.StepSkippedFact{Step: b, Reason: engine.UpstreamFailed}}, "its join says"},
		"a wrong reason":         {[]engine.Fact{started, job(a, 1), done(a), &engine.StepSkippedFact{Step: b, Reason: engine.UpstreamFailed}}, "its join says run"},
		"one attempt too many":   {[]engine.Fact{started, job(a, 1), &engine.RetrySet{Step: a}, &engine.RetryDue{Step: a}, job(a, 2)}, "more attempts than it may"},
		"an early end":           {[]engine.Fact{started, job(a, 1), done(a), &engine.RunEnded{State: engine.RunSucceeded}}, "the run ends while it is"},
		"undone before its descendant": {[]engine.Fact{
			started, job(a, 1), done(a), job(b, 1), done(b), &engine.RunEnded{State: engine.RunSucceeded}, &engine.UndoingBegun{},
			&engine.UndoBegun{Target: b}, job(2, 1), &engine.UndoBegun{Target: a},
		}, "begins before that of b has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, src)
			for _, f := range test.log {
				w.root.witness.see(engine.Stamp{At: w.now}, f)
			}
			if why := strings.Join(w.wrong, "\n"); !strings.Contains(why, test.want) {
				t.Errorf("found %q, want %q", why, test.want)
			}
		})
	}
}

// TestWitnessSeesAnotherState checks that a run is compared with what its log folds to.
func TestWitnessSeesAnotherState(t *testing.T) {
	w := worldOf(t, "id: x\nworkflow: {id: w, steps: [{id: a, topic: job.t.a}]}\nexpect: {status: succeeded}\n")
	w.play()
	if len(w.wrong) > 0 {
		t.Fatal(w.wrong)
	}
	w.root.run.Labels = map[string]string{"made": "up"}
	w.root.witness.restart()
	if len(w.wrong) == 0 {
		t.Error("a run that its log does not tell was taken for the same")
	}
}
