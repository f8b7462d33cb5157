package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// drain is how a server that is told to stop comes to its end: in order, or, when that takes too long, at once.
type drain struct {
	mu    sync.Mutex
	alive []string // the names of the parts that have not ended, in the order in which they began
}

// watch notes which of the parts have ended.
func (d *drain) watch(parts []part) []part {
	out := make([]part, len(parts))
	for i, p := range parts {
		out[i] = part{p.name, func(ctx context.Context) error {
			d.begun(p.name)
			defer d.ended(p.name)
			return p.run(ctx)
		}}
	}
	return out
}

func (d *drain) begun(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alive = append(d.alive, name)
}

func (d *drain) ended(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, n := range d.alive {
		if n == name {
			d.alive = append(d.alive[:i], d.alive[i+1:]...)
			return
		}
	}
}

// left are the parts that have not ended.
func (d *drain) left() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.alive) == 0 {
		return "closing"
	}
	return strings.Join(d.alive, ", ")
}

// within runs until ctx ends and run with it. When run takes longer than most after that, its error says what is still there: the
// caller ends the process. What is cut off like that was not acknowledged, or is found again in the store.
func (d *drain) within(ctx context.Context, most time.Duration, run func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- run() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	over := time.NewTimer(most)
	defer over.Stop()
	select {
	case err := <-ended:
		return err
	case <-over.C:
		return fmt.Errorf("not stopped within --drain-timeout %s, so it was cut off (left: %s): nothing that was acknowledged is lost", most, d.left())
	}
}
