// Command statesdoc writes docs/states.md: a diagram of each machine, drawn from the tables of legal moves that the code
// itself uses, and a sentence for each state.
//
// It owns the sentences and nothing of the machines. A state without a sentence is an error, so that a new state cannot be
// left undocumented. Begin reading at main.go.
package main

//go:generate go run cordum.dev/cordum/internal/statesdoc -out ../../docs/states.md
