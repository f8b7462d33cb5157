package dag

import (
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Limits of a definition (docs/architecture.md, "Limits"); each breach is a diagnostic.
const (
	MaxSteps           = 10_000
	MaxEdges           = 100_000
	MaxDefinitionBytes = yamlx.MaxBytes // as written, and as canonical JSON
	MaxNesting         = yamlx.MaxDepth
	MaxDuration        = 366 * 24 * time.Hour
	MaxAttempts        = 1000
	MaxMultiplier      = 100
	MaxIDLength        = 63
	MaxTextLength      = 4096 // bytes of a name, a label, a code, a description's is bounded by the definition's
	MaxListLength      = 256  // entries of requires, on, not_on
	MaxLabels          = 64
	MaxConcurrency     = 10_000
	MaxItems           = 100_000 // of one fan-out
	MaxRounds          = 10_000  // of one loop
	MaxDepth           = 16      // sub-workflows within each other
	MaxRollbackRounds  = 100     // max of a rollback_to that retries
	MaxDiagnostics     = 100     // reported; the rest is counted in the last one
)
