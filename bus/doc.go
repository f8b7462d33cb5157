// Package bus carries messages between the engine and workers: NATS, embedded or external, and an in-memory bus for
// simulation with the same contract.
//
// It owns connections, subjects and the embedded server. It never keeps anything: a message is a wake-up or a
// delivery, and the store is the only record. What the bytes mean is bus/wire.
//
// Begin reading at [Bus]; subjects.go names every subject there is, door.go says who may use which, limits.go has every
// limit.
package bus
