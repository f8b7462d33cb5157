// Package order makes the runtime by which a seed of the simulation is played the same each time.
//
// The Go runtime leaves to chance, on purpose, what no program may rely on: which of two timers of one instant fires first, which of
// two channels that are ready together a select takes, what math/rand/v2 draws. And a goroutine that has had the processor for
// 10 ms of real time gives way to others. Inside testing/synctest bubbles this package makes all of that a function of what happened
// before in the bubble. Drawn it still is, from a stream of each bubble: the time of each timer goes into it, so that a game stirs it with its
// seed, and other seeds see other orders (see stir in package sim).
//
// Two things happen to a game that are not its own, and decide nothing: what a process does once, as libraries make maps of what they
// know of a type (maps look at the stream and take nothing out of it), and what wakes up outside of bubbles, as whoever runs
// finalizers does (it waits behind those inside that are ready).
//
// It owns the changes (changes.go), and lays them over the runtime of whatever Go there is with the go command's -overlay
// (order.go): nothing of the runtime is kept here. It never guesses: a text that is not there, or there twice, is an error, and who
// asked goes on with the runtime as it is and says so. Nothing outside of bubbles changes, and nothing that is shipped is built so.
//
// Begin reading at changes.go.
package order
