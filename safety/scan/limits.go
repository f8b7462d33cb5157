package scan

// Limits of a scan.
const (
	// MaxText is the largest text, or document, that is meant to be scanned: a result's (docs/architecture.md, "Limits").
	MaxText = 16 << 20
	// MaxExpr is how many bytes the expression of a pattern of a rule may have.
	MaxExpr = 1 << 10
	// MaxProgram is how many instructions it may compile to: repeats multiply, and each costs time on every byte.
	MaxProgram = 2_000
	// MaxName is how many bytes the name of such a pattern may have.
	MaxName = 64
	// MaxFindings is how many places a scan tells apart; what is found elsewhere is counted under no path.
	MaxFindings = 100
	// maxReach is how many bytes behind its beginning a built-in pattern looks at: more than a private key of 16,384 bits.
	maxReach = 32 << 10
	// maxBack is how many bytes before its lead a match may begin: the local part of an address (RFC 5321).
	maxBack = 64
	// window is how many bytes a stream gathers before it looks at them.
	window = 128 << 10
	// maxRounds is how often a text is looked at again because a redaction made a new match, before all of it goes.
	maxRounds = 8
	// maxSegment is the longest field name that a path shows.
	maxSegment = 64
)
