// Package audit keeps the record of security-relevant acts: who did or decided what, when, and which fact of which run says so.
//
// It owns the record and its hash, the chain that the records of one partition and tenant form, how they lie in the store,
// heads over all chains signed with Ed25519, the check that finds what was changed, retention by segment, export, and the
// file of evidence about one run. It decides nothing about runs and writes nothing by itself: the owner of a partition puts
// the rows of a [Page] into the transaction of the act, so that there is no act without its record and no record without
// its act. A record holds names and hashes, never a payload.
//
// A record's hash covers the hash before it and the digest of its own content, partition and tenant included:
//
//	digest(n) = SHA-256("cordum.audit.record.v1" NUL, content of record n)
//	hash(n)   = SHA-256("cordum.audit.link.v1" NUL, hash(n-1), digest(n))
//
// So a chain can be followed with the digests alone, which is how evidence about one run tells nothing of the others.
//
// What the chains cannot show by themselves is that all of them were written anew, or cut off at the end. A [Head] kept
// elsewhere can: it names where every chain stood. [Verify] takes one and says what it proves, and what not.
//
// Begin reading at record.go, then page.go (writing), head.go (signing) and verify.go (checking).
package audit
