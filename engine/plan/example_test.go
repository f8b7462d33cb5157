package plan_test

import (
	"fmt"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// Checking a definition as an editor would show it.
func ExampleLint() {
	src := []byte("id: order\nsteps:\n  - {id: pack, topic: job.pack}\n  - {id: ship, topic: job.ship, depends_on: [pak]}\n")
	fmt.Print(plan.Text(plan.Lint(src, yamlx.YAML, plan.Options{File: "order.yaml"})))
	// Output:
	// order.yaml:4:46 error CW036 there is no step "pak" to depend on (did you mean "pack"?)
	//   4 |   - {id: ship, topic: job.ship, depends_on: [pak]}
	//     |                                              ^
}

// What the failure of one step would undo.
func ExampleMake() {
	src := []byte(`
id: order
steps:
  - {id: reserve, topic: job.reserve, compensate: {topic: job.release}}
  - {id: charge, topic: job.charge, depends_on: [reserve], compensate: {topic: job.refund}}
  - {id: ship, topic: job.ship, depends_on: [charge], pivot: true}
`)
	w, _ := steps.Load(src, yamlx.YAML, false)
	p := plan.Make(w, plan.Input{FailAt: "ship"})
	fmt.Print(p.Failures[0].Rollback)
	// Output:
	// 1. charge
	// 2. reserve
	// stays: ship (no compensate)
}
