// Package placement measures what the fleet's decisions cost in this process: which worker gets a job, with few workers and
// with many, with few jobs in line and with many, and whose turn it is when one tenant has nearly all of them. Beside each is a
// floor that keeps the same counts of the same things and decides nothing. Begin reading at Measure.
package placement
