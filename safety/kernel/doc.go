// Package kernel is the policy store: which snapshot is in force, and how another one becomes it.
//
// It owns the drafts of bundles, the history of what was published, the base file or address and its reloading,
// signatures, the shadow snapshot, and what a change would have done to recorded decisions. What is in force is one
// immutable snapshot behind one pointer: an evaluation takes it once and cites its digest, so none ever sees half of a
// change. A snapshot is in force only after the commit that says so.
//
// It never decides about a job: package safety does, with the snapshot from here. It never loosens when something fails:
// what does not parse, does not verify or cannot be read keeps the snapshot that is in force and raises an alert, and a
// kernel that cannot learn what is in force for a lease has none, so nothing starts.
//
// Begin reading at kernel.go (what is in force), then record.go (what is stored), publish.go (the one way to change it),
// reload.go (the file's way there), signature.go and version.go (whose bundles are taken). replay.go and candidate.go are
// for looking before publishing.
package kernel
