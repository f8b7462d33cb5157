// Package runner is the shell around the pure engine: it brings inputs to runs, commits what they decide, and carries out
// what committed facts ask for.
//
// It owns the lanes (one goroutine per core, each serving a share of the partitions), the runs in memory, their timers,
// the partition leases, recovery, idempotency keys, the live feed, and the one [scheduler.Fleet] of the process. One
// commit separates deciding from doing: nobody is told, and nothing is sent, before what was decided is durable.
//
// It never decides what a run, a job or an approval does next: that is engine.Decide, scheduler.Decide and
// safety.Approval, all pure. It knows no HTTP, no status codes and no keys of callers: who calls has been let in.
//
// How the pieces meet:
//
//	api calls, start.go, command.go ─┐
//	workers' messages, ingest.go ────┼─▶ inbox.go ─▶ lane.go ─▶ turn.go ─▶ commit.go ─▶ effects: dispatch.go, hub.go
//	alarms, alarm.go ────────────────┘   (a batch)   (decide)   (one transaction per partition)
//
// A run that a step of another one started is a run like any other: the two talk in tasks of their common lane, child.go.
// What a run undoes after its end is served like what it did: node.go says what may still begin, undo.go and held.go raise the
// alarm. Who may run at a time under one concurrency key is kept in concurrency.go.
//
// Where several processes serve one store, each has some of the partitions (ownership_shared.go) and one of them is the place: its
// fleet gives attempts to workers for all (place.go), its book has the concurrency keys (keybook.go). peer.go is how they speak,
// peer_wire.go all that they say.
//
// Limits of a policy (how many at a time, how often, how much) live each in the partition of its name: reserve.go is a job's side,
// reserve_limit.go theirs. What else a decision's constraints mean is in constraints.go.
//
// What goes wrong with one run costs that run: fault.go. What a process that starts finds under way it takes up again:
// ownership.go, load.go. All numbers are in limits.go.
//
// Jobs that ended badly for good are dead letters: dead.go says which, dead_redrive.go has many of them done again.
//
// Begin reading at lane.go, then turn.go and commit.go.
package runner
