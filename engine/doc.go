// Package engine decides what a run does next. A run is a value:
//
//	facts, err := Decide(run, input)   // what became true; already applied to run
//	Apply(run, stamp, fact)            // the same change, from the log
//
// It owns the machines of a run, of its steps and of their compensations (machine.go: the legal moves as data), the inputs,
// the facts and their stored encoding. It never reads a clock, makes an id or draws a random number: time and randomness
// arrive in inputs, so the same inputs give the same facts for ever. It never waits and never does anything: facts ask, the
// runner carries out what committed facts ask for.
//
// A run is a flat list of nodes (node.go): the workflow's own steps, and behind them the iterations of fan-outs, the steps of
// loops' rounds and the compensations, appended by facts as they come to be. A node's number never changes its meaning, so
// every fact, job, timer and approval names one number. parts.go keeps what a fan-out or a loop knows of the nodes below it;
// undo.go is compensation, the join mirrored; setback.go arms steps again.
//
// A Decide is bounded: at most [MaxMoves] nodes start or stop in it; when more is left, [Run.More] says so and a
// [Continue] input goes on. Half-done fan-outs, stops and rollbacks are legal states. Cost per input is the out-degree of what
// ended, never the number of steps: joins count down.
//
// Begin reading at decide.go, the table of contents; then the file named after the input. testdata/stories tells runs from
// beginning to end; testdata/golden keeps logs as they were stored.
package engine
