// Package safety answers whether a job may start, and why. It owns the decision, the snapshot it cites and the machine of
// an approval. It never lets anything through because it could not answer: the zero Verdict is Deny.
//
// Everything here is pure: a snapshot and a request in, a decision out, the same on every replica.
//
// Begin reading at decision.go, then approval.go.
package safety
