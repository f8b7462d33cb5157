package remote

import "time"

// Limits of the kernel's wire.
const (
	// MaxMessage is how many bytes a question or an answer may have: the largest job that the bus carries (17 MiB) fits.
	MaxMessage = 18 << 20
	// MaxConnections is how many connections a server holds at once; further ones are closed as they come.
	MaxConnections = 256
	// maxStreams is how many calls one connection may have open.
	maxStreams = 256
	// maxHeader is how many bytes the headers of a call may have.
	maxHeader = 8 << 10
	// maxCall bounds every call from its first byte, whatever deadline the caller names: a slow sender holds no place.
	maxCall = 10 * time.Second
	// handshakeTime is how long a new connection may take to become one.
	handshakeTime = 5 * time.Second
	// A connection is renewed after connectionAge, so that clients spread over replicas and nothing is held for ever; calls
	// under way then have maxCall to end.
	connectionAge = 30 * time.Minute
	// A silent connection is asked for a sign of life after pingAfter and closed when none comes within pingTimeout.
	pingAfter   = 10 * time.Second
	pingTimeout = 3 * time.Second
	// healthPoll is how often those who watch the health are told of a change.
	healthPoll = 500 * time.Millisecond
	// drainTime is how long a server that stops waits for calls under way.
	drainTime = 5 * time.Second

	// DefaultTimeout bounds one evaluation as the client sees it.
	DefaultTimeout = time.Second
	// pollInterval is how often the client asks which snapshot is in force.
	pollInterval = 500 * time.Millisecond
	// MaxStale is how old the client's knowledge of it may be; when it is older, the client knows none.
	MaxStale = 2 * time.Second
	// A lost connection is tried again after reconnectFirst, and ever later up to reconnectMost.
	reconnectFirst = 50 * time.Millisecond
	reconnectMost  = time.Second

	// CertificatePoll is how often the files of a certificate are looked at for a newer one.
	CertificatePoll = 30 * time.Second
	// MaxToken and MinToken are how many characters a token may have.
	MinToken = 32
	MaxToken = 4 << 10
)
