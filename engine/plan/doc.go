// Package plan says what can be said of a workflow before it runs, and of a run before it is stopped.
//
// Lint reports what is wrong with a definition and what is probably not meant, with codes, places and pages: the rules of
// the language are checked in dag, steps and steps/expr; this package adds the warnings, which look at the whole graph.
// Make answers what a run with a given input would do: which steps are reached under which condition, what policy says
// of each, and for every step that may fail what would be undone, in which groups, and what could not be.
//
// Nothing here writes, sends or waits: the package is pure, and knows neither a store nor a bus.
//
// Begin reading at lint.go and rules.go; then plan.go.
package plan
