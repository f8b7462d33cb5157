package bus

import (
	"context"
	"errors"
)

// Errors of a bus.
var (
	// ErrNoResponders says that nobody listens on the subject of a request.
	ErrNoResponders = errors.New("bus: no responders")
	// ErrClosed says the connection was closed for good.
	ErrClosed = errors.New("bus: closed")
	// ErrBadSubject says a subject is empty, has an empty token or white space, or has a wildcard where none may be.
	ErrBadSubject = errors.New("bus: bad subject")
	// ErrTooLarge says a message is larger than the bus takes ([MaxPayload], or less on an external server).
	ErrTooLarge = errors.New("bus: message too large")
)

// Msg is one message. Data belongs to the handler only until it returns; who keeps it copies it.
type Msg struct {
	Subject string
	Reply   string // where an answer goes; empty when none is expected
	Data    []byte
	// Kept says that a stream kept the message: Reply is where it is settled (see [Settle]), and it comes again until
	// it is.
	Kept bool
	// NoResponders is set on the one message that comes to the reply subject of a PublishRequest when nobody listened
	// on its subject. Data is empty then.
	NoResponders bool
}

// Handler is called for one message at a time per subscription, in order of arrival. It must not block: it hands over
// to a queue with a limit. What waits for a handler is limited by MaxPendingMessages and MaxPendingBytes; a
// subscription that falls further behind loses the newest.
type Handler func(Msg)

// Subscription is a standing interest in a subject.
type Subscription interface {
	// Unsubscribe ends it; the handler is neither running nor called after it returns, and what waited for it is
	// dropped. It must not be called by its own handler. A second call does nothing.
	Unsubscribe() error
}

// Bus carries wake-ups and deliveries, never the truth: everything on it may be lost, doubled or late. It is safe for
// concurrent use.
type Bus interface {
	// Publish sends without waiting; it is buffered and flushed soon after (within a millisecond, or at Flush). The
	// bus keeps no reference to data.
	Publish(subject string, data []byte) error
	// PublishRequest sends with a reply subject, without waiting for the answer.
	PublishRequest(subject, reply string, data []byte) error
	// Request sends and waits for one answer; ErrNoResponders when nobody listens, the error of ctx when it ends
	// first. The answer belongs to the caller.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Subscribe adds interest in a subject (NATS wildcards allowed); queue "" is a plain subscription, of the members
	// of one queue each message reaches one.
	Subscribe(subject, queue string, h Handler) (Subscription, error)
	// Unheard tells that nobody listens on a subject now. It is false where that cannot be told without asking: on an
	// external server. Streams that keep what is published do not listen.
	Unheard(subject string) bool
	// Flush hands what was published to the network, and the server has seen it, and every subscription made before,
	// when it returns nil.
	Flush() error
	// Connected tells whether the bus can carry messages now.
	Connected() bool
	// Close ends the connection and every subscription: no handler runs after it returns. A second call does nothing.
	Close() error
}
