package trial

import "time"

// Limits of a test.
const (
	// MaxCases bounds the cases of one file.
	MaxCases = 10_000
	// MaxEvents bounds what may happen in one case: a simulation that needs more goes round in circles.
	MaxEvents = 5_000_000
	// MaxDepth is how deep sub-workflows nest (docs/workflows.md); the runs of one case are bounded by MaxRuns.
	MaxDepth = 16
	// MaxRuns bounds the runs of one case, sub-workflows included.
	MaxRuns = 200_000
	// oftenNodes: a run of no more nodes is compared with its log after every few facts, a larger one less often.
	oftenNodes = 64
	// maxTimeline is how many lines of a case's timeline a report shows; the rest is cut out of the middle.
	maxTimeline = 60
	// maxText bounds a rendered value in a report.
	maxText = 300
)

// Times of the simulated world.
const (
	// usualWork is how long a worker takes whose stub does not say: always under a second.
	usualWork = 100 * time.Millisecond
	// promptly is how long a worker takes to answer a cancel, and a person a question.
	promptly = 50 * time.Millisecond
	// leaseLoss is when a worker that fell silent at the begin of a job is taken for dead: one lease.
	leaseLoss = 15 * time.Second
)

// Epoch is when every case begins.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
