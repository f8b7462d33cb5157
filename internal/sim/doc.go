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
// It never decides what a case means: that is trial's. It holds tests only.
//
// To look for what only a certain moment shows: go test ./internal/sim -every 7 -kill -once.
//
// Begin reading at driver_test.go, then worker_test.go and people_test.go; the law is law_test.go and records_test.go.
package sim
