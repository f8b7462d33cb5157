// Package dag reads a workflow's definition and knows its graph.
//
// It owns the structure of definitions and the fields that every step has: their names and aliases, what is refused
// and with which diagnostic, the one canonical form and its digest, the normal spelling, what differs between two
// definitions, and what follows from depends_on: order, cycles, who is upstream of whom. Steps inside loops are scopes
// of their own in the one list of steps. The fields of one kind of step stay positioned nodes, which package steps
// decodes with the Object of this package; expressions stay text. It never fills in a default, and never looks at time,
// files or the network.
//
// Begin with definition.go (what is read), then parse.go, scope.go and step.go (how), fanout.go, compensate.go and
// failure.go (what a step may say beyond that), canonical.go (what is left), graph.go (what follows). format.go and
// diff.go are for people.
package dag
