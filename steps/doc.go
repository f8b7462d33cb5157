// Package steps knows the kinds of step: which fields each has, and what starting one asks for.
//
// It owns the way from a parsed definition to a workflow that can run: every expression compiled where it stands,
// every field of every kind decoded, the input's schema compiled. It never runs anything: a Spec answers what it wants
// (a job, an approval, a signal, rounds, a child, nothing more), and package engine decides what becomes of it.
//
// It also owns the published JSON Schema of the language (workflow.schema.json), written from the table of kinds and the
// fields in language_fields.go: go test ./steps -run TestLanguageSchemaIsCurrent -update.
//
// A kind is one file (worker.go is the plainest) and one line in the table of kinds.go. Begin with workflow.go, then
// compile.go: compile.go goes through the steps, head.go is what belongs to no step, undo.go compensations, types.go what
// schemas say to expressions. language.go is the published schema.
package steps
