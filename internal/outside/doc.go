// Package outside judges the real binaries from outside: clients and workers use them as strangers do, while processes are killed,
// stopped and cut off from each other, and nobody but those clients and workers says what was right.
//
// It holds tests only. A round starts one of the set-ups (setup_test.go): the server alone; the server alone on Redis; two
// engines and two gateways on Redis and a NATS server of its own; these with each process on a host of its own (netns_test.go); two
// engines and two gateways on a Redis Cluster and a NATS cluster (cluster_test.go). Clients (client_test.go) start, approve, signal,
// cancel and look at runs and note what they asked and what they were answered; workers (worker_test.go) write each effect into a
// ledger, synced before it and after it. From one seed comes a plan of faults (fault_test.go): kill -9, SIGSTOP for leases, links that
// are cut, slow or half open, NATS that comes back without its data. Then the faults stop, and every run must end.
//
// What the clients were told is checked with porcupine against the model of a run (history_test.go); the ledger is checked
// against the timelines (judge_test.go). Forged histories and ledgers (forged_test.go) show that each kind of violation is found.
//
// It never looks into a process or a store: it knows the API, the worker SDK and signals. The rig of processes is its own: that
// of cmd/cordum's tests cannot be imported.
//
// Begin reading at outside_test.go. `make outside KILLS=500` plays for long and keeps a record.
package outside
