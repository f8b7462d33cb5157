package kernel

import (
	"time"

	"cordum.dev/cordum/safety"
)

// Limits of the policy store.
const (
	// DefaultMaxBytes is the size of one bundle, of the file, or of what an address answers (SAFETY_POLICY_MAX_BYTES).
	DefaultMaxBytes = 2 << 20
	// MaxSetBytes is how many bytes the sources of one snapshot may have together: their record has to fit a document.
	MaxSetBytes = 4 << 20
	// MaxCanonicalBytes bounds the canonical form of a snapshot, which is a document of its own.
	MaxCanonicalBytes = 8 << 20
	// MaxDrafts is how many bundles may be drafted: as many as a set may have.
	MaxDrafts = safety.MaxBundles
	// MaxReason is how many bytes the reason of a change may have.
	MaxReason = 4 << 10
	// maxUntold is how many alerts wait for the audit log while it cannot be written; older ones are in the log only.
	maxUntold = 100
	// MaxSignature is how many bytes a signature may have as it is written.
	MaxSignature = 1 << 10
	// MaxKeys is how many public keys may be configured: two while one replaces the other, and some room.
	MaxKeys = 16

	// MaxReplayed is how many recorded decisions one replay looks at.
	MaxReplayed = 100_000
	// MaxGroups is how many pairs of workflow and step a report names; the rest is counted in its totals.
	MaxGroups = 1_000
	// MaxRuns is how many runs that would have gone another way a report names.
	MaxRuns = 200
	// MaxTracked is how many runs of one replay are followed from their beginning to where they would have stopped.
	MaxTracked = 20_000
)

const (
	// DefaultReload is how often the file or address is looked at (SAFETY_POLICY_RELOAD_INTERVAL).
	DefaultReload = 30 * time.Second
	// syncEvery is how often the store is asked whether somebody else has published.
	syncEvery = time.Second
	// lease is how long a snapshot stays in force while the store cannot say that it still is: a partition's lease.
	lease = 6 * time.Second
	// settle is how long new content of a file must stay as it is before it is read as a policy: half of a file that is
	// being written may well be a policy, with fewer rules.
	settle = 250 * time.Millisecond
	// steadyLooks is how many looks may differ before a base is left for the next time.
	steadyLooks = 4
	// maxBefore is how many superseded bases are remembered: as many changes of the file as a slow roll-out may meet.
	maxBefore = 64
	// followLook is how often a process that follows looks whether its own publish has come to the same meanwhile.
	followLook = 10 * time.Millisecond
	// fetchTimeout bounds one fetch from an address.
	fetchTimeout = 10 * time.Second
	// docsPage is how many documents are read at a time.
	docsPage = 100
)
