package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/saga"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// joinCells are the words for what a cell of the join table says.
var joinCells = map[string]string{
	"run": "**runs**", "F": "`upstream_failed`", "S": "`upstream_skipped`", "N": "`nothing_failed`", "-": "not yet", ".": "",
}

// joinTable is the join table as the engine's tests have it: letters for dependencies, a column for each join.
func joinTable(path string) (t table, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		cells := strings.Fields(line)
		if i == 0 {
			t.add("dependencies", "`all_success`", "`none_failed`", "`all_done`", "`any_success`", "`any_failed`", "`{at_least: 1}`", "`{at_least: 2}`")
			if len(cells) != len(t[0]) {
				return nil, fmt.Errorf("%s has %d columns, the page %d", path, len(cells), len(t[0]))
			}
			continue
		}
		row := []string{code(strings.Join(strings.Split(cells[0], ""), " "))}
		for _, cell := range cells[1:] {
			word, known := joinCells[cell]
			if !known {
				return nil, fmt.Errorf("%s: nobody knows the word %q", path, cell)
			}
			row = append(row, word)
		}
		t.add(row...)
	}
	return t, nil
}

// skipSays is what each reason of a skip means.
var skipSays = map[string]string{
	"when_false":       "its `when` was false",
	"branch_not_taken": "a `switch` before it chose another branch",
	"upstream_skipped": "what it depends on was skipped cleanly",
	"nothing_failed":   "its join is `any_failed`, and nothing failed",
	"timeout":          "it is a `wait` with `on_timeout: skip`, and its signal did not come",
	"upstream_failed":  "something that its join needs is bad",
	"halted":           "the run was stopping",
}

func skipTable() (t table, err error) {
	t.add("reason", "means", "for the steps behind it")
	for reason := engine.NotSkipped + 1; reason.String() != "unknown"; reason++ {
		says, known := skipSays[reason.String()]
		if !known {
			return nil, fmt.Errorf("the reason %q has no sentence", reason)
		}
		counts := "bad"
		if reason.Clean() {
			counts = "a clean skip"
		}
		t.add(code(reason.String()), says, counts)
	}
	if len(t) != len(skipSays)+1 {
		return nil, errors.New("a sentence is left over")
	}
	return t, nil
}

// undoTable is the table by which saga decides what is undone.
func undoTable() (t table, err error) {
	fates := map[saga.Fate]string{saga.Pass: "passes its turn on", saga.Run: "**is undone**", saga.Hold: "is **held** for a person"}
	t.add("of a step, the first that holds", "it", "because")
	for _, rule := range saga.Rules() {
		t.add(rule.When, fates[rule.Fate], rule.Why)
	}
	return t, nil
}

func limitTable() (t table, err error) {
	t.add("limit", "", "beyond it")
	for _, row := range []struct {
		what  string
		value any
		then  string
	}{
		{"a definition", size(dag.MaxDefinitionBytes), "refused"},
		{"steps", dag.MaxSteps, "refused"},
		{"dependencies, all together", dag.MaxEdges, "refused"},
		{"a duration", days(dag.MaxDuration), "refused"},
		{"`max_attempts`", dag.MaxAttempts, "refused"},
		{"`max_iterations` of a loop; " + fmt.Sprint(steps.DefaultRounds) + " when it does not say", dag.MaxRounds, "refused; rounds used up: `loop_limit`"},
		{"`max` of a `rollback_to` that retries", dag.MaxRollbackRounds, "refused"},
		{"sub-workflows within each other", dag.MaxDepth, "the step fails, `" + engine.CodeDepth + "`"},
		{"items of a fan-out", dag.MaxItems, "the step fails, `" + engine.CodeFanOut + "`"},
		{"the list of a fan-out, as JSON", size(expr.MaxItemsBytes), "the step fails, `" + engine.CodeFanOut + "`"},
		{"iterations together when `max_parallel` does not say", engine.DefaultParallel, "they take turns"},
		{"what an expression reads of a fan-out's output", size(engine.MaxReadBytes), "the reader fails, `" + engine.CodeOutputTooLarge + "`"},
		{"source of one expression", size(expr.MaxSource), "refused"},
		{"brackets within brackets in it", expr.MaxNesting, "refused"},
		{"result of one expression", size(expr.MaxResult), "the step fails"},
		{"entries of a list in a result", expr.MaxResultList, "the step fails"},
		{"a text in a result", size(expr.MaxResultString), "the step fails"},
		{"signals that a run keeps", engine.MaxSignals, "the signal is refused, `too_many_signals`"},
		{"attempts of a compensation that does not say", steps.UndoAttempts, "it is held"},
		{"attempts when workers are lost, idempotent and without `retry`", engine.LostAllowance, "the step fails, `" + engine.CodeWorkerLost + "`"},
		{"`cancel_grace` when it is not given", dag.DefaultCancelGrace, "the outcome is unknown"},
	} {
		t.add(row.what, fmt.Sprint(row.value), row.then)
	}
	return t, nil
}

func size(bytes int) string {
	if bytes >= 1<<20 {
		return fmt.Sprint(bytes>>20, " MiB")
	}
	return fmt.Sprint(bytes>>10, " KiB")
}

func days(d time.Duration) string { return fmt.Sprint(int(d/(24*time.Hour)), " days") }
