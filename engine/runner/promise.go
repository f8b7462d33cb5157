package runner

import (
	"context"
	"errors"
	"fmt"
)

// promise is one answer that a lane gives to one caller. The first answer counts, and giving one never waits: neither for
// a caller who has gone, nor when a failed turn answers again.
type promise[T any] chan answerOf[T]

type answerOf[T any] struct {
	value T
	err   error
}

func newPromise[T any]() promise[T] { return make(promise[T], 1) }

func (p promise[T]) give(v T) { p.put(answerOf[T]{value: v}) }

func (p promise[T]) fail(err error) { p.put(answerOf[T]{err: err}) }

func (p promise[T]) put(a answerOf[T]) {
	select {
	case p <- a:
	default:
	}
}

// wait answers what was given, or that the outcome is not known when ctx ends first.
func (p promise[T]) wait(ctx context.Context) (T, error) {
	select {
	case a := <-p:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, unsure{fmt.Errorf("the outcome is not known yet: %w", errors.Join(ErrUnavailable, ctx.Err()))}
	}
}
