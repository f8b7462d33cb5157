// Package cordum is the worker library: register tools, run, and each job arrives as a call of a Go function with typed
// input and output.
//
//	w, err := cordum.NewWorker(cordum.WorkerConfig{URL: "nats://127.0.0.1:4222", ID: "w1", Pool: "demo"})
//	cordum.Register(w, "db.postgres", "backup", backup)
//	err = w.Run(ctx)
//
// It owns the worker's side of the wire: it beats, takes attempts up to its capacity, asks for leave where a second
// execution would hurt, drops what comes twice, and sends each result until it is acknowledged, across lost connections
// and restarts of the engine. It keeps nothing on disk: what a killed worker had is resolved by the engine.
//
// It never decides whether a job runs again. A tool says how it failed with [Retryable] and [Fatal]; the rest is the
// step's retry rule.
//
// Begin reading at [Worker.Run], then attempt.go, the life of one attempt; outbox.go is how an answer is waited for.
package cordum
