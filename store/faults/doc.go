// Package faults wraps a store so that it fails on purpose, at a call that a test names: the answer is an error and
// nothing was done; everything was done and the answer still is an error; the call hangs; the process stops right there.
//
// It owns the plan of what goes wrong and counts calls. It never changes what a store does when no fault is planned,
// and decides nothing at random: a plan is a list, and [Scatter] makes the same list of the same seed.
//
// Begin reading at [Fault].
package faults
