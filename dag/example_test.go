package dag_test

import (
	"fmt"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

func ExampleFormat() {
	text, _ := dag.Format([]byte(`
steps:
    # books the stock
    - topic: job.reserve
      id: reserve
      timeout_sec: 90
id: orders
`), yamlx.YAML)
	fmt.Print(string(text))
	// Output:
	// id: orders
	// steps:
	//   # books the stock
	//   - id: reserve
	//     topic: job.reserve
	//     timeout: 1m30s
}

func ExampleDiff() {
	before, _ := dag.Parse([]byte("id: orders\nsteps:\n  charge: {topic: job.charge, compensate: {topic: job.refund}}\n"), yamlx.YAML)
	after, _ := dag.Parse([]byte("id: orders\nsteps:\n  charge: {topic: job.charge}\n  mail: {type: notify, message: paid, depends_on: [charge]}\n"), yamlx.YAML)
	fmt.Print(dag.Diff(before, after).Text())
	// Output:
	// steps
	//   + mail (notify, effect none)
	//   ~ charge
	//       - compensate: {"topic":"job.refund"}
	// dependencies
	//   + charge → mail
	// undo coverage 1/1 → 0/1  (nothing undoes charge)
}

func ExampleGraph_Text() {
	def, _ := dag.Parse([]byte("id: report\nsteps:\n  start: {topic: job.start}\n  poll:\n    type: loop\n    depends_on: [start]\n    until: steps.ask.output.done\n    steps: {ask: {topic: job.ask}}\n"), yamlx.YAML)
	g, _ := dag.NewGraph(def)
	fmt.Print(g.Text(def))
	// Output:
	// start
	//   poll (loop)  after start
	//   | ask
}
