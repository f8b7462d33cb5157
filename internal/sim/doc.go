// Package sim plays whole stories through the real runner, bus and embedded store, on a clock of its own.
//
// It owns the second driver of the workflow test cases (conformance and engine/plan/trial's own): where trial simulates what a
// server does around the engine, sim runs that server. Workers speak the real wire, the store is Pebble on a file system in
// memory, and each case lives in a testing/synctest bubble in which hours pass at once. In two thirds of the cases the server
// is away again and again: stopped in good order, or dead with a commit before it could do anything about it. What must come
// of a case, and the invariants, are checked by trial's own checker, which reads the committed facts.
//
// Beside it the law looks at every commit as the store took it, and at every job as its worker got it: nothing is sent without an
// earlier durable decision about these bytes, what people let start is used up once, each act has its one audit record in its
// own commit, and the chains of the audit log hold through every outage. It reads all that without the code that wrote it.
//
// Fleets are played beside the cases, each from its seed: workers of every kind that come, die and are stopped, locks, drains,
// dead letters, and outages of the server, the store and the bus, under laws of their own (fleet_test.go, fleetlaw_test.go). A seed
// is nearly one game: what is drawn comes from it, and goroutines take turns.
//
// A share of the cases is played over a real Redis in place of Pebble too (redis_test.go); -all-on-redis plays all of them.
//
// Whole systems are played from seeds, too: a workflow of one of twelve shapes, people who use it through the gateway's handlers,
// workers of every kind, and faults of every kind: kills with a commit in doubt, two servers that own the same, power cuts of the
// embedded store, clocks that are set, messages lost, doubled and late, policies published under way. Most are over a store in
// memory and cost some 13 ms. What was acknowledged must be durable at that moment, and in the end everything ends
// (whole_test.go, shapes_test.go, book_test.go). `make sim` plays 2,000, `make soak` as many as wanted.
//
// One of five is played by a team: two to four engines over one store and one bus, with gateways beside them and one that has no
// engine. They are killed in the middle of a commit, stopped for one to ten leases, cut off from the bus or the store one way or
// both, and replaced. Whoever sends a job or writes must own the partition at that moment (team_test.go, teammove_test.go,
// teamline_test.go). The store of any game in memory is put back from a copy under way, into an empty one, and its bus comes back
// with nothing in it (restore_test.go).
//
// In some games nothing goes wrong but that commits take long: each for a while, or one for seconds, in which jobs are granted that it
// keeps from being sent, and heartbeats go on. There no send may end as lost, or be followed by another (hang_test.go).
//
// What the runtime leaves to chance, timers of one instant and channels that are ready together, follows from the seed, too, where the tests are
// built with the runtime of package order: `make sim`, `make soak`, `make replay`, `make mutants`. A plain `go test` plays by the runtime
// as it is, and some games go another way when they are played again. Compared is the hash of all that was committed, in its order
// (book.history); `make replays` compares 500 seeds.
//
// It never decides what a case means: that is trial's. It holds tests only.
//
// To look for what only a certain moment shows: go test ./internal/sim -every 7 -kill -once. To play other fleets, and in any order
// that goroutines may run in: go test ./internal/sim -run TestFleets -fleet 1000 -fleets 300 -anyhow. To play a whole system again: make replay REPLAY=N. By the runtime as it is:
// go test ./internal/sim -run TestSeeds -seed N -seeds 1, with -heavy over the embedded store, with -teams played by a team.
//
// Begin reading at driver_test.go, then worker_test.go and people_test.go; the law is law_test.go and records_test.go.
package sim
