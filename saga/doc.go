// Package saga will own what to undo when a run is rolled back, in which order and in which groups: pivots,
// checkpoints and the plan of compensations. It will be pure: a plan is a value computed from a definition and what a
// run has done.
//
// Nothing is rolled back yet: a definition that asks for it is refused when it is saved.
package saga
