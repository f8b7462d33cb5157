package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"cordum.dev/cordum/store"
)

// ErrPlanned is the error of a planned failure that names no other. It is none of the contract's errors, so as an answer
// of Commit it means that the outcome is unknown.
var ErrPlanned = errors.New("faults: planned failure")

// Method is a method of the store.
type Method uint8

// The methods. The zero value is none and never valid in a plan.
const (
	none Method = iota
	Commit
	Committed
	Get
	Scan
	ReadLog
	Acquire
	Renew
	Release
	PutBlob
	GetBlob
	Close
	methods = iota
)

var methodNames = [...]string{"none", "Commit", "Committed", "Get", "Scan", "ReadLog", "Acquire", "Renew", "Release", "PutBlob", "GetBlob", "Close"}

func (m Method) String() string {
	if int(m) >= len(methodNames) {
		return fmt.Sprintf("Method(%d)", m)
	}
	return methodNames[m]
}

// Moment says on which side of the call a fault strikes.
type Moment uint8

const (
	// Before the store does anything.
	Before Moment = iota
	// After the store did its work, before the caller hears of it.
	After
)

func (m Moment) String() string {
	if m == Before {
		return "before"
	}
	return "after"
}

// Call is what a fault may look at to decide whether it is meant.
type Call struct {
	Method    Method
	Partition store.Partition // not for Commit and Close
	Txs       []store.Tx      // for Commit; not to be changed
}

// Action is what happens when a fault strikes. An error is the call's answer (for Commit: of each transaction); nil lets
// the call go on.
type Action func(ctx context.Context) error

// Fault is one thing that goes wrong.
type Fault struct {
	// Point names the place for reports, as a crash point is named. Empty: the method and moment.
	Point string
	// Method is required.
	Method Method
	// Nth is the first call that is struck, counting calls that match from when the fault was planned; 0 means 1.
	Nth int
	// Times is how many calls in a row are struck; 0 means 1, below 0 all until Clear.
	Times int
	When  Moment
	// Match, when set, limits the fault to calls that it answers true for; only those are counted. It must not call the
	// store.
	Match func(Call) bool
	// Do is required.
	Do Action
}

// String says what the fault is, so that a failing test can print its plan.
func (f Fault) String() string {
	if f.Point != "" {
		return fmt.Sprintf("%s (%s %s %d)", f.Point, f.When, f.Method, max(f.Nth, 1))
	}
	return fmt.Sprintf("%s %s %d", f.When, f.Method, max(f.Nth, 1))
}

// Fail answers err. With Before nothing was done; with After everything was, and the caller cannot know.
func Fail(err error) Action {
	return func(context.Context) error { return err }
}

// Hang waits until release is closed and goes on, or until the call's context ends and answers its error.
func Hang(release <-chan struct{}) Action {
	return func(ctx context.Context) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("faults: hung: %w", context.Cause(ctx))
		}
	}
}

// Run calls f and goes on: f may end the process, stop the world of a simulation, or note that the point was passed.
func Run(f func()) Action {
	return func(context.Context) error {
		f()
		return nil
	}
}

// Scatter makes n faults that answer ErrPlanned, each before or after one of the first within calls of one of the
// methods. The same arguments give the same list.
func Scatter(seed uint64, n, within int, on ...Method) []Fault {
	if within < 1 || len(on) == 0 {
		panic("faults: Scatter needs calls and methods to choose from")
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]Fault, n)
	for i := range out {
		out[i] = Fault{
			Point: fmt.Sprintf("seed %d, fault %d", seed, i), Method: on[rng.IntN(len(on))],
			Nth: 1 + rng.IntN(within), When: Moment(rng.IntN(2)), Do: Fail(ErrPlanned),
		}
	}
	return out
}
