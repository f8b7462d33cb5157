package saga_test

import (
	"fmt"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/saga"
)

// A diamond is undone from its end to its beginning, its arms in parallel.
func ExampleGroups() {
	def := &dag.Definition{Scopes: []dag.Scope{{Loop: -1, Count: 4}}, Steps: []dag.Step{
		{ID: "begin"},
		{ID: "left", DependsOn: []int{0}},
		{ID: "right", DependsOn: []int{0}},
		{ID: "end", DependsOn: []int{1, 2}},
	}}
	g, _ := dag.NewGraph(def)
	for _, group := range saga.Groups(g, nil, func(int32) bool { return true }) {
		var ids []string
		for _, s := range group {
			ids = append(ids, def.Steps[s].ID)
		}
		fmt.Println(strings.Join(ids, ", "))
	}
	// Output:
	// end
	// left, right
	// begin
}
