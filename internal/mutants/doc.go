// Command mutants plants the faults of testdata/mutants, one at a time, and runs the tests beside what each changed. A fault that
// no test notices is a hole in the tests: the command names it and fails.
//
// A fault is a unified diff against this tree. The lines before the diff say in words what is wrong; the line "In CI." marks the
// few that each change is checked with, and "Found by FOLDER TEST." names the test that found it before, which is asked first. A
// patch that does not apply any more, or does not compile, is an error, never a catch; and what finds a fault must pass without.
//
// It never changes the tree that it is run in: it copies it once, and lays each fault over the copy. Begin reading at main.go,
// then search.go.
package main
