package safety

import "time"

// Limits of policies. They bound what one set of bundles may cost to compile and, with the limits of expressions, to
// evaluate.
const (
	// MaxRules is how many rules the bundles of a set may have together.
	MaxRules = 20_000
	// MaxBundles is how many bundles a set may have, overlays included.
	MaxBundles = 1_000
	// MaxPatterns is how many values and globs the match fields of a set may list together.
	MaxPatterns = 200_000
	// MaxPattern is how many bytes a value or glob of a match field may have.
	MaxPattern = 1 << 10
	// MaxName is how many bytes the name of a bundle and the id of a rule may have each.
	MaxName = 128
	// MaxReason is how many bytes a rule's reason may have.
	MaxReason = 4 << 10
	// MaxEntries is how many entries a list of a constraint or of an approval may have.
	MaxEntries = 1_000
	// MaxQuorum is how many people one rule may ask for.
	MaxQuorum = 100
	// MaxDelegations is how many delegations one approval may have.
	MaxDelegations = 100
	// MaxVoidVotes is how many votes of earlier rounds an approval keeps to be seen: the newest.
	MaxVoidVotes = 200
	// MaxOutputRules is how many rules about results a bundle may have; MaxOutputPatterns how many patterns one of them, and
	// MaxSetPatterns how many all of a set.
	MaxOutputRules    = 1_000
	MaxOutputPatterns = 16
	MaxSetPatterns    = 200
	// MaxProblems is how many problems of a set are reported; the rest is counted.
	MaxProblems = 100
	// maxCompared is how many known names are compared with unknown ones, all problems of a set together.
	maxCompared = 100_000
)

// throttleDelay is the window of a THROTTLE that names no rate: the longest time between two tries of a deferred job.
const throttleDelay = 5 * time.Second
