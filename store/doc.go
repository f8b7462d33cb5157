// Package store is the contract between the engine's shell and whatever keeps its records: small enough that a second
// implementation is short, strict enough that nothing above it needs to know which one runs.
//
// It owns the words (partition, epoch, table, key, log, check), the errors and their meaning. It never decides what a
// record means: values are bytes.
//
// Within one partition a transaction is atomic. Across partitions nothing is promised; whoever needs two partitions
// sends a message that may be repeated.
//
// Begin reading at [Store], then [Tx]. Implementations: store/pebble, store/redis. One suite for all of them:
// store/storetest. A wrapper that fails on purpose: store/faults.
package store
