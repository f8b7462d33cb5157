package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// fate is what a failed call says about the request.
type fate uint8

const (
	answered fate = iota // it was carried out, and this is the answer
	unloaded             // the server does not know the script; nothing was written
	moved                // another node has the partition; nothing was written
	asked                // another node is about to have it, for this request only; nothing was written
	later                // the server cannot at the moment; nothing was written
	unsent               // no server was reached; nothing was written
	refused              // the server will not; nothing was written
	broken               // the server answered an error that says nothing about what was written
	silent               // no answer: it may have been carried out, or be carried out later
)

// sure tells whether certainly nothing was written.
func (f fate) sure() bool { return f != answered && f != broken && f != silent }

// codes are the first words of errors that a server answers before a script begins or at its first write. Every other
// one may come in the middle.
var codes = map[string]fate{
	"NOSCRIPT": unloaded,
	"MOVED":    moved,
	"ASK":      asked,

	"TRYAGAIN":    later, // a slot is moving, and some of its keys have
	"CLUSTERDOWN": later,
	"LOADING":     later,
	"MASTERDOWN":  later,
	"READONLY":    later, // a replica; Sentinels or the cluster may be about to name another primary
	"NOREPLICAS":  later, // fewer replicas than min-replicas-to-write
	"BUSY":        later, // a script has run for long

	"OOM":       refused,
	"MISCONF":   refused, // the server cannot write to its disk
	"NOAUTH":    refused,
	"WRONGPASS": refused,
	"CROSSSLOT": refused,
}

const tooManyClients = "ERR max number of clients"

// fateOf reads an error of the client.
func fateOf(err error) fate {
	var said redis.Error
	var op *net.OpError
	switch {
	case err == nil:
		return answered
	case errors.As(err, &said):
		if strings.HasPrefix(said.Error(), tooManyClients) {
			return later
		}
		code, _, _ := strings.Cut(said.Error(), " ")
		if f, ok := codes[code]; ok {
			return f
		}
		return broken
	case errors.Is(err, redis.ErrClosed), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return unsent
	case errors.As(err, &op) && op.Op == "dial":
		return unsent
	}
	return silent
}

// Errors of a call that says what a server could not do. Of a commit, both are "any other error" of the contract.
var (
	// ErrRefused says that nothing was written: the server said so, or was not reached. Trying again later is safe.
	ErrRefused = errors.New("store/redis: not written")
	// ErrUnknown says that the answer was lost, and the outcome is unknown until it is read back.
	ErrUnknown = errors.New("store/redis: the outcome is unknown")
)

// advice is what an operator can do about an error, by its first word.
var advice = map[string]string{
	"OOM":         "the server is full: raise maxmemory or let retention delete more",
	"MISCONF":     "the server cannot write to its disk: look at its log",
	"NOAUTH":      "the server wants a password",
	"WRONGPASS":   "the server knows another password",
	"READONLY":    "the server is a replica: give the address of the primary, or of Sentinels",
	"NOREPLICAS":  "too few replicas are connected (min-replicas-to-write)",
	"CLUSTERDOWN": "a part of the cluster is down: look at CLUSTER INFO",
	"TRYAGAIN":    "a slot of the cluster is being moved",
	"LOADING":     "the server is still reading its data",
	"BUSY":        "somebody's script keeps the server busy",
}

// explain adds what an error means for what was asked, and what to do.
func explain(err error) error {
	kind := ErrUnknown
	if fateOf(err).sure() {
		kind = ErrRefused
	}
	code, _, _ := strings.Cut(err.Error(), " ")
	if hint, ok := advice[code]; ok {
		return fmt.Errorf("%w: %s: %w", kind, hint, err)
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// pause waits before the next try and tells whether there may be one. It has to have time to be answered: one that is cut off leaves
// an outcome unknown of which everything was known before.
func pause(ctx context.Context, try int) bool {
	wait := min(firstPause<<min(try, 8), longPause)
	if deadline, has := ctx.Deadline(); has && time.Until(deadline) < wait+shortestTry {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// within is a context with time for one answer and so many bytes.
func within(ctx context.Context, base time.Duration, bytes int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, base+time.Duration(bytes)*time.Second/slowestWire)
}
