// Command semanticsdoc writes docs/semantics.md: the page about what a workflow means, with its tables taken from the code.
//
// It owns the page's words (page.md) and nothing of the language. The join table is the data of the engine's own tests, the
// rules of undo are saga's table, limits are the constants, and what a command or a stop does in each state is asked of the
// engine itself: each cell is a small run that is brought into that state. What the page has no words for is an error, so
// that a new behaviour cannot be left undocumented.
//
// Begin reading at main.go, then play.go (a run as a table's cell sees it), control.go and stops.go (two of the tables).
package main

//go:generate go run cordum.dev/cordum/internal/semanticsdoc -out ../../docs/semantics.md -joins ../../engine/testdata/joins.txt
