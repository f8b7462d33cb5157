package engine

import (
	"slices"

	"cordum.dev/cordum/dag"
)

// This file reads the semantics' join table a second time, naively: over the states of all dependencies, each time anew.

// class is what an ended step is to the joins behind it.
type class string

const (
	isOpen    class = "open"
	didWell   class = "succeeded"
	isBad     class = "bad"
	isSkipped class = "clean skip"
)

// classOf reads a state as states writes it.
func classOf(state string) class {
	switch state {
	case "succeeded":
		return didWell
	case "skipped:when_false", "skipped:upstream_skipped", "skipped:nothing_failed", "skipped:branch_not_taken", "skipped:timeout":
		return isSkipped
	case "failed", "timed_out", "denied", "rejected", "cancelled", "skipped:upstream_failed", "skipped:halted":
		return isBad
	}
	return isOpen
}

// joinSays is the join table in its own words: "run", a skip's reason, or "" for not yet.
func joinSays(j dag.Join, deps []class) string {
	if len(deps) == 0 {
		return "run"
	}
	is := func(c class) func(class) bool { return func(d class) bool { return d == c } }
	any := func(c class) bool { return slices.ContainsFunc(deps, is(c)) }
	final := !any(isOpen)
	onlySkips := !any(isOpen) && !any(didWell) && !any(isBad)
	count := func(c class) (n int) {
		for _, d := range deps {
			if d == c {
				n++
			}
		}
		return n
	}
	switch j.Mode {
	case dag.AllSuccess:
		switch {
		case any(isBad):
			return "upstream_failed"
		case onlySkips:
			return "upstream_skipped"
		case final:
			return "run"
		}
	case dag.NoneFailed:
		switch {
		case any(isBad):
			return "upstream_failed"
		case final:
			return "run"
		}
	case dag.AllDone:
		if final {
			return "run"
		}
	case dag.AnySuccess:
		switch {
		case any(didWell):
			return "run"
		case onlySkips:
			return "upstream_skipped"
		case final:
			return "upstream_failed"
		}
	case dag.AnyFailed:
		switch {
		case any(isBad):
			return "run"
		case final:
			return "nothing_failed"
		}
	case dag.AtLeast:
		switch {
		case count(didWell) >= j.K:
			return "run"
		case count(didWell)+count(isOpen) < j.K && any(isBad):
			return "upstream_failed"
		case final:
			return "upstream_skipped"
		}
	}
	return ""
}

// isHandler tells whether a stop lets a step run.
func isHandler(s *dag.Step) bool {
	return len(s.DependsOn) > 0 && (s.Join.Mode == dag.AllDone || s.Join.Mode == dag.AnyFailed)
}
