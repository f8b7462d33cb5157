// Package cputime measures what work costs in a way that holds on a machine that is busy with something else: the time that this
// goroutine's thread was running, not the time that passed. A test that bounds what pure code takes uses it, as a clock on the wall
// tells of the neighbours as well.
//
// It counts no other goroutine: what the work leaves to others, the garbage collector's workers among them, is free. It is for tests
// alone. Begin reading at thread_linux.go.
package cputime
