package engine_test

import (
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// A run is a value: inputs go in, facts come out, already applied.
func ExampleDecide() {
	plan, _ := steps.Load([]byte(`
id: greet
steps:
  - {id: ask, type: approval, title: "Greet ${input.name}?"}
  - {id: greet, topic: job.hello.greet, depends_on: [ask]}
`), yamlx.Auto, false)
	run := engine.New("0701ARZ3NDEKTSV4RRFFQ69G5FAV", plan)
	at := engine.Stamp{At: time.Unix(1_767_323_045, 0), Actor: "ann"}

	for _, in := range []engine.Input{
		engine.Submit{Stamp: at, Input: engine.Payload{Data: []byte(`{"name":"Bo"}`)}},
		engine.Answer{Stamp: at, Step: 0, Result: engine.ResultSucceeded},
		engine.Outcome{Stamp: at, Step: 1, Attempt: 1, Result: engine.ResultSucceeded},
		engine.Outcome{Stamp: at, Step: 1, Attempt: 1, Result: engine.ResultSucceeded}, // once more: nothing
	} {
		facts, err := engine.Decide(run, in)
		fmt.Printf("%T: %d facts, %v, run %s\n", in, len(facts), err, run.Status())
	}
	// Output:
	// engine.Submit: 2 facts, <nil>, run waiting
	// engine.Answer: 2 facts, <nil>, run running
	// engine.Outcome: 2 facts, <nil>, run succeeded
	// engine.Outcome: 0 facts, <nil>, run succeeded
}
