// Command mutants plants the faults of testdata/mutants, one at a time, into a copy of the tree and runs the tests beside
// what it changed. A fault that no test notices is a hole in the tests: the command names it and fails.
//
// A fault is a unified diff against this tree. The lines before the diff say in words what is wrong; the line "In CI."
// marks the few that each change is checked with. A patch that does not apply any more, or does not compile, is an error,
// never a catch.
//
// It never changes the tree that it is run in. Begin reading at main.go.
package main
