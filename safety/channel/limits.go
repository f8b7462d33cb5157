package channel

import "time"

const (
	// MaxAttempts is how often one message is tried. With the pauses of backoff that is about a quarter of an hour.
	MaxAttempts = 6
	// MaxSending is how many messages are on their way at a time.
	MaxSending = 8
	// MaxPending is how many messages wait for their attempt; what comes beyond is found by the next look at everything.
	MaxPending = 10_000
	// LookAgain is the pause between two looks at everything that waits: for what did not fit, or could not be read.
	LookAgain = 10 * time.Minute
	// maxTitle is where a title is cut, in bytes; maxReason where an error is.
	maxTitle  = 300
	maxReason = 300
)

// backoff are the pauses behind the first, second, … failed attempt.
var backoff = [MaxAttempts - 1]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
