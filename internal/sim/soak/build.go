package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"cordum.dev/cordum/internal/sim/order"
)

// build builds the tests of the simulation: with the runtime of package order, or as it is where that cannot be had.
func (s *soak) build(ctx context.Context, dir string) error {
	if !s.asIs {
		fmt.Fprintln(os.Stderr, "building the simulation (the first time with all of Go's libraries, which takes minutes)")
		err := s.buildOrdered(ctx, dir)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		s.asIs = true
		fmt.Fprintf(os.Stderr, "replay is not exact: games are played by the runtime as it is (%v)\n", err)
	}
	return s.compile(ctx)
}

func (s *soak) buildOrdered(ctx context.Context, dir string) error {
	overlay, err := order.Overlay(ctx, dir, nil)
	if err != nil {
		return err
	}
	return s.compile(ctx, "-overlay="+overlay)
}

func (s *soak) compile(ctx context.Context, more ...string) error {
	c := exec.CommandContext(ctx, "go", append([]string{"test", "-c", "-o", s.binary}, append(more, "./internal/sim")...)...)
	c.Dir, c.Stdout, c.Stderr = s.root, os.Stdout, os.Stderr
	return c.Run()
}
