// Package steps knows the kinds of step: which fields each has, and what starting one asks for.
//
// It owns the way from a parsed definition to a workflow that can run: every expression compiled where it stands,
// every field of every kind decoded, the input's schema compiled. It never runs anything: a Spec answers what it wants
// (a job, an approval, a timer, nothing more), and package engine decides what becomes of it.
//
// A kind is one file (worker.go is the plainest) and one line in the table of kinds.go. Begin with workflow.go, then
// compile.go.
package steps
