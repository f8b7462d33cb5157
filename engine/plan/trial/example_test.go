package trial_test

import (
	"fmt"

	"cordum.dev/cordum/engine/plan/trial"
)

func Example() {
	report := trial.Run([]trial.File{{Path: "hello.test.yaml", Text: []byte(`
id: it is tried again
workflow:
  id: hello
  steps:
    - {id: greet, topic: job.hello.greet, retry: {max_attempts: 3}}
stubs:
  greet: [{fail: {code: busy}}, {output: {text: hello}}]
expect:
  status: succeeded
  attempts: {greet: 2}
`)}}, nil)
	fmt.Println(report.Passed, "passed,", report.Failed, "failed,", report.Invalid, "invalid")
	// Output: 1 passed, 0 failed, 0 invalid
}
