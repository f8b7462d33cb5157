// Package builtin is the built-in worker: the jobs that a workflow can ask for with no worker of its own. It serves
// notifications; it is an ordinary worker on sdk/go, inside the server's process.
//
// It owns what these jobs do, never whether they run: policy, audit and retries are the engine's as for all jobs. Begin
// reading at [NewWorker].
package builtin
