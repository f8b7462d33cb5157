// Package many measures a server whose store has very many runs: how long it takes to start, to list and to submit, and how late
// timers are when very many are set.
//
// A store is filled by copies: a server plays a few runs of each kind, is stopped, and their records are written again and again
// under other ids. So every copy is what the server writes, but for its records in the audit log, which are not copied.
//
// It never measures throughput of steps: that is package load. Begin reading at MeasureRuns.
package many
