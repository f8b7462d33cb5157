// Package builtin is the built-in worker: the jobs that a workflow can ask for with no worker of its own. It serves calls
// over HTTP (http.go) and notifications (notify.go); it is an ordinary worker on sdk/go, inside the server's process.
//
// It owns what these jobs do, where they may reach and which secrets they see:
//
//   - No connection leaves but through [Egress]'s guard (egress.go), which decides on the address that is dialled, for
//     each hop: names, spellings, redirects and name servers that change their mind make no difference. Channels that an
//     operator configured are trusted and may be at private addresses.
//   - References to secrets are resolved right before a job runs (secrets.go), and their values are taken out of
//     whatever leaves it again (redact.go).
//
// It never decides whether a job runs: policy, audit and retries are the engine's as for all jobs. Begin reading at
// [NewWorker].
package builtin
