package safety_test

import (
	"fmt"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// A policy is compiled once and answers any number of requests.
func ExampleCompile() {
	root, err := yamlx.Parse([]byte(`
name: acme.production
rules:
  - id: ask-before-writing
    match: { tags: { env: production }, effect: write }
    decision: REQUIRE_APPROVAL
    approval: { approvers: ["role:sre"], quorum: 2, expires: 4h }
  - id: limits
    match: { packs: "compute.*" }
    decision: ALLOW_WITH_CONSTRAINTS
    constraints: [ { type: MaxTimeout, value: 3600 } ]
`), yamlx.YAML)
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshot, problems := safety.Compile(safety.Set{Default: safety.Allow, Base: []safety.Document{{File: "acme.yaml", Root: root}}})
	if snapshot == nil {
		fmt.Println(problems)
		return
	}
	d := safety.Evaluate(snapshot, safety.Request{
		Source: safety.SourceStep, Workflow: "resize", Step: "apply", Pack: "compute.gpu", Tool: "resize",
		Topic: "job.compute.gpu.resize", Effect: "write", Labels: map[string]string{"env": "production"},
	})
	fmt.Println(d.Verdict, d.Rules)
	fmt.Println(d.Approvals[0].Quorum, "of", d.Approvals[0].Approvers, "within", d.Expires)
	fmt.Println(d.Constraints[0].Type, d.Constraints[0].Max)
	// Output:
	// REQUIRE_APPROVAL [acme.production/ask-before-writing acme.production/limits]
	// 2 of [role:sre] within 4h0m0s
	// MaxTimeout 3600
}
