package main

import (
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// What happens when a run is undone is told in the words of people: of a compensation as "undo charge", of all of them as
// "rollback".

// rollbackVerbs are the events of a compensation as a whole.
var rollbackVerbs = map[string]string{
	"compensation_started": "started",
	"compensation_ended":   "ended",
}

// undoVerbs are the events of one compensation that need other words than their types.
var undoVerbs = map[string]string{
	"undo_started":     "has its turn",
	"undo_held":        "held: waits for a person",
	"undo_retried":     "is tried again",
	"undo_settled":     "is settled",
	"step_succeeded":   "undone",
	"child_undo_asked": "in the child's run",
	"child_undone":     "child has ended",
}

// undoWords are the subject and the verb of an event of a rollback; empty when it is none.
func undoWords(e runner.Event) (subject, verb string) {
	if verb, is := rollbackVerbs[e.Type]; is {
		return "rollback", verb
	}
	if e.Type == "run_set_back" {
		return "run", setBackVerb(e)
	}
	step, of := strings.CutPrefix(e.Step, "undo:")
	if !of {
		return "", ""
	}
	subject = "undo " + oneLine(step)
	if verb, is := undoVerbs[e.Type]; is {
		return subject, verb
	}
	noun, rest, _ := strings.Cut(e.Type, "_")
	verb = strings.ReplaceAll(rest, "_", " ")
	if noun != "step" && noun != "undo" {
		verb = noun + " " + verb
	}
	return subject, verb
}

// setBackVerb says why steps of a run are to run again: it came back to a checkpoint, was sent back to a step, or is tried
// again where it failed.
func setBackVerb(e runner.Event) string {
	switch {
	case e.Data["checkpoint"] != nil:
		return "back at a checkpoint"
	case e.Data["step"] != nil:
		return "sent back"
	}
	return "tried again"
}
