// Package saga says what is undone when a run is rolled back, and in which order: what a passed pivot keeps, what lies
// behind a checkpoint, what becomes of one step at its undo turn, and the groups that undo in parallel.
//
// The order is the join mirrored: a step's undo turn comes when the undo of all its dependents has ended. Steps with
// nothing to undo pass their turn on at once, so the order also holds through skipped and failed steps.
//
// It knows the graph and nothing of runs: it never starts a compensation, never looks at a state, and never waits. The
// engine asks it step by step while it undoes; the plan asks it for whole rollbacks before they happen. Both get their
// answers from the same functions, and so agree.
//
// Begin reading at fate.go, which is the table of what is undone, then groups.go.
package saga
