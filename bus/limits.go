package bus

import "time"

// Limits of the bus.
const (
	// MaxPayload is the largest message of the embedded server: a result of 16 MiB (the limit of a result) and its
	// envelope.
	MaxPayload = 17 << 20
	// MinPayload is the least a server may be configured with: an inline payload and the fields around it always fit.
	MinPayload = 1 << 20
	// MaxPendingMessages is how many messages may wait for one subscription's handler. Half a minute of the results of
	// a busy machine; the newest beyond it are dropped and reported.
	MaxPendingMessages = 1 << 18
	// MaxPendingBytes is what they may weigh.
	MaxPendingBytes = 256 << 20
)

// Waits of the bus.
const (
	// ReconnectWaitMin is the wait before the first try to reconnect; it doubles up to ReconnectWaitMax, for ever.
	ReconnectWaitMin = 50 * time.Millisecond
	// ReconnectWaitMax is the longest wait between two tries.
	ReconnectWaitMax = time.Second
	// ConnectTimeout is the wait for one connection to be made.
	ConnectTimeout = 5 * time.Second
	// FlushTimeout is the wait for the server's answer to a flush.
	FlushTimeout = 5 * time.Second
	// streamTry is the wait for the streams to be made once, streamPause the one before the next try.
	streamTry   = 5 * time.Second
	streamPause = 250 * time.Millisecond
	// startTimeout is the wait for the embedded server to take connections; it takes some 10 ms.
	startTimeout = 10 * time.Second
)

// Limits of the streams; the defaults are those of public Cordum's NATS_ variables.
const (
	DefaultAckWait       = 10 * time.Minute
	DefaultMaxAge        = 7 * 24 * time.Hour
	DefaultMaxAckPending = 2048
	// resultWindow is in which a stream takes a second result under one message id for the same: the least that a server
	// allows, as a worker could name another's result. That results come twice does no harm.
	resultWindow = 100 * time.Millisecond
	// jobWindow is the same for jobs, whose ids only the engine gives.
	jobWindow = 2 * time.Minute
	// maxStreamBytes is what each stream keeps on disk; the oldest beyond it go.
	maxStreamBytes = 1 << 30
	// pullResults is how many results wait in this process.
	pullResults = 256
	// streamMemory is what JetStream may keep in memory. The streams are files.
	streamMemory = 64 << 20
)
