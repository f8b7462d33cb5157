// Package trial runs workflow test files: each case is a workflow, answers of its workers, decisions of people, and what
// must come of it.
//
//	cases, problems := Parse(file, read)
//	report := Run(files, read)
//
// It owns the format (docs/testing-workflows.md), a simulator that plays the world around a run (workers, people, policy, the
// clock) and the comparison with what a case expects. What a run does is not decided here: the simulator drives the
// same engine and the same job machine as a server, over a virtual clock that begins at [Epoch] and jumps to the next event
// when nothing else can happen. Whatever a case says, the invariants of a run are checked as it goes: no step before its
// join, final states final, attempts within their allowance, undo in reverse order, never stuck, and the log folds to the
// same state, also after restarts on the way.
//
// An [Observer] compares in the same way what somebody else makes of a case: internal/sim plays the cases on a real server.
//
// It never reads a file, a clock or a random number: the caller brings files in, and what varies is drawn from the case's
// id. So a case gives the same answer every time and everywhere.
//
// Begin reading at case.go (what a case is), then world.go (the clock and its events), member.go (one run in the world),
// job.go (its jobs) and check.go (what is compared).
package trial
