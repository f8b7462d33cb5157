package builtin

import "time"

// Limits of a call over HTTP.
const (
	// MaxResponse is the largest body of a response, in bytes, decompressed.
	MaxResponse = 1 << 20
	// MaxResponseHeaders is what the head of a response may weigh, in bytes.
	MaxResponseHeaders = 64 << 10
	// MaxRedirects is how often a call is sent elsewhere before it is given up.
	MaxRedirects = 5
	// maxURL bounds an address, in bytes: what servers commonly take.
	maxURL = 8 << 10
	// maxHeaders and maxHeaderBytes bound what a step adds to the head of its request.
	maxHeaders     = 100
	maxHeaderBytes = 16 << 10
)

// Times of a call over HTTP.
const (
	// defaultDeadline is for a call whose step has no timeout.
	defaultDeadline = 30 * time.Second
	// connectTimeout is for one connection, TLS included.
	connectTimeout = 10 * time.Second
	// A body that brings less than slowBytes in slowWindow is given up: whoever drips one byte a second would hold a
	// place of the worker for as long as the step's timeout lets it.
	slowWindow = 10 * time.Second
	slowBytes  = 1 << 10
	// A request that may have an effect is waited for a little longer when the call is ended, since a definite answer is
	// worth more than none: lateAnswer after a timeout and when the worker stops (within the time that a worker gives its
	// tools to return), cancelAnswer after a cancel (well within the default grace of one).
	lateAnswer   = 500 * time.Millisecond
	cancelAnswer = 10 * time.Second
)

// Limits of notifications.
const (
	// maxMessage is where a message is cut, in bytes.
	maxMessage = 16 << 10
	// maxSubject is where the subject of an e-mail is cut, in bytes.
	maxSubject = 120
	// deliveryTimeout is for one delivery whose step has no timeout.
	deliveryTimeout = 30 * time.Second
	// maxChannelAnswer is how much is read of what a channel answers.
	maxChannelAnswer = 4 << 10
)

// Limits of secrets.
const (
	// MaxSecret is the largest value of a secret, in bytes.
	MaxSecret = 64 << 10
	// maxTenantName bounds the name of a tenant's folder.
	maxTenantName = 200
	// minSecretLine is the shortest value, in bytes, that is hidden in other encodings too, and the shortest line of a
	// secret of several lines that is hidden by itself: what is shorter is found everywhere.
	minSecretLine = 8
)

// defaultCapacity is how many jobs of the built-in worker may be under way together.
const defaultCapacity = 64
