package cordum

import "time"

// Limits of a worker.
const (
	// MaxOutput is the largest output of a tool, as JSON, in bytes: the engine's limit of a result. What is larger
	// fails the attempt with CodeOutputTooLarge. A server that takes smaller messages lowers it.
	MaxOutput = 16 << 20
	// MaxState is the largest progress state, as JSON, in bytes: the engine's limit of an inline payload.
	MaxState = 64 << 10
	// maxText is where messages of errors and progress are cut, in bytes.
	maxText = 4 << 10
	// maxDetails is the largest Details of an Error, as JSON; larger ones are left out.
	maxDetails = 64 << 10
	// maxProof is what the evidence of one job may weigh as JSON, in bytes; what is not the evidence itself weighs
	// proofOverhead. maxUnits is how many units one job may use.
	maxProof      = 64 << 10
	proofOverhead = 8
	maxUnits      = 64
	// maxUnacknowledged is how many results may wait for their acknowledgement before the worker takes nothing more.
	maxUnacknowledged = 8192
	// maxUnacknowledgedBytes is what they may weigh.
	maxUnacknowledgedBytes = 256 << 20
	// maxRemembered is how many ended attempts a worker knows again when they come once more.
	maxRemembered = 1 << 16
	// maxEarlyCancels is how many cancels of attempts that it does not have a worker keeps, for those that outran their
	// job.
	maxEarlyCancels = 4096
	// Lines of a job's log: where one is cut, how many and how much text leave together at most, how many may come at once,
	// and how many in each second after that.
	maxLine       = 8 << 10
	maxBatchLines = 64
	maxBatchBytes = 32 << 10
	lineBurst     = 1000
	lineRate      = 200
	// rounding is what the bucket may be short of a line: times are no whole fractions of one.
	rounding = 1e-6
	// maxBegun is how much is kept of a line that has not ended.
	maxBegun = 64 << 10
	// minHidden is the shortest text that is hidden, minHiddenLine the shortest line of one with several.
	minHidden     = 4
	minHiddenLine = 16
	// pendingMessages and pendingBytes are what may wait in one subscription of the connection.
	pendingMessages = 1 << 16
	pendingBytes    = 64 << 20
)

// hiddenText stands in logs for what is hidden.
const hiddenText = "[redacted]"

// Times of a worker.
const (
	// defaultHeartbeat is a third of the lease an engine gives a worker.
	defaultHeartbeat = 5 * time.Second
	defaultDrain     = 30 * time.Second
	// maxSeconds is the longest time limit that means something: a year.
	maxSeconds = 366 * 24 * 60 * 60
	// progressEvery is the least time between two progress messages of one attempt; the last one wins.
	progressEvery = 100 * time.Millisecond
	// batchEvery is how long a line of a log waits for others.
	batchEvery = 200 * time.Millisecond
	// A question that was refused ("not now") is asked again after refusedMin, one that met silence after silenceMin;
	// both double up to askAgainMax.
	refusedMin  = 100 * time.Millisecond
	silenceMin  = 500 * time.Millisecond
	askAgainMax = 5 * time.Second
	// stopGrace is what a tool gets to return after its context was cancelled because the drain timeout is over.
	stopGrace = time.Second
	// A lost connection is made again after reconnectMin, doubling up to reconnectMax, for ever.
	reconnectMin = 50 * time.Millisecond
	reconnectMax = time.Second
)
