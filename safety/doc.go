// Package safety answers whether a job may start, under what constraints, and why. It owns the rules of policies: their
// bundles, how they match, how their answers combine, and the snapshot that a decision cites; and the machine of an
// approval. It never lets anything through because it could not answer: the zero Verdict is Deny, a rule that cannot be
// evaluated denies, and a document with a slip in it is refused as a whole.
//
// Everything here is pure: a snapshot and a request in, a decision out, the same on every replica, whatever the order of
// rules. It enforces nothing: constraints and required approvals are for whoever releases the job.
//
// Begin reading at decision.go (the answer) and request.go (the question), then evaluate.go (how rules combine), rule.go,
// match.go and when.go (what a rule says of a request), index.go (how few of them are looked at), known.go (what is not
// made twice); set.go is the way from documents to a snapshot, reader.go and the *_read.go files what it accepts. For
// people: explain.go (why, and what would change it), lint.go (what is said in vain), diff.go, coverage.go, listing.go.
//
// The machine of an approval stands for itself: approval.go (states, moves, what each fact does), approval_decide.go (what an
// answer comes to), approval_people.go (who may give one, delegations), approval_due.go (what the clock does),
// approval_use.go (what it lets start), approval_ask.go (how a decision becomes a question), approval_facts.go (what is stored).
package safety
