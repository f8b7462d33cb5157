// Package pebble keeps a store in a folder of this machine, in Cockroach Labs' Pebble: nothing to install, one process.
//
// It owns the layout of keys (keys.go), what is atomic (commit.go: checks, epoch and write under one mutex per
// partition), what an acknowledgement means (the write-ahead log was fsynced), and what happens when the disk fails
// (failure.go: the store refuses everything from then on, and whoever runs the process should end it; a failed fsync is
// never tried again, because the kernel may have dropped the pages).
//
// It never interprets a value, never starts a transaction over two partitions, and never retries.
//
// Begin reading at [Open], then [Store.Commit].
package pebble
