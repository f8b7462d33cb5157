package main

import (
	"context"
	"errors"
	"fmt"
)

// part is something that lives: run blocks, and when it returns nothing of it is left.
type part struct {
	name string
	run  func(context.Context) error
}

// runAll starts the parts in order and waits for ctx, or for one to end by itself, which is an error. Then it stops them
// one after another, the last started first: what takes work stops before what does it, and the store's watcher last.
func runAll(ctx context.Context, parts []part) error {
	type end struct {
		at  int
		err error
	}
	ended := make(chan end, len(parts))
	stops := make([]context.CancelFunc, len(parts))
	done := make([]chan struct{}, len(parts))
	detached := context.WithoutCancel(ctx)
	for i, p := range parts {
		var own context.Context
		own, stops[i] = context.WithCancel(detached)
		done[i] = make(chan struct{})
		go func() {
			defer close(done[i])
			ended <- end{i, p.run(own)}
		}()
	}
	var errs []error
	early := -1
	select {
	case <-ctx.Done():
	case e := <-ended:
		early = e.at
		if e.err == nil {
			e.err = errors.New("it ended by itself")
		}
		errs = append(errs, fmt.Errorf("%s: %w", parts[e.at].name, e.err))
	}
	for i := len(parts) - 1; i >= 0; i-- {
		stops[i]()
		<-done[i]
	}
	close(ended)
	for e := range ended {
		if e.err != nil && e.at != early {
			errs = append(errs, fmt.Errorf("stopping the %s: %w", parts[e.at].name, e.err))
		}
	}
	return errors.Join(errs...)
}
