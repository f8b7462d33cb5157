package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"cordum.dev/cordum/internal/proof"
)

// game is what a process committed when it played a seed.
type game struct {
	Seed    int
	History string   // the hash of it all, in its order
	Trace   []string // what that is the hash of, in words
}

// again plays each game of a part a second time, in a process of its own, and counts those that are the same. The processor time that
// took counts, too.
func (s *soak) again(ctx context.Context, result string, r *Result) (cpu time.Duration, err error) {
	for _, g := range r.Games {
		other, took, err := s.playPart(ctx, result, g.Seed, 1)
		cpu += took
		if err != nil {
			return cpu, err
		}
		r.Replayed++
		if other.Games[0].History == g.History {
			r.Alike++
		} else {
			fmt.Fprintf(os.Stderr, "\nseed %d went another way %s\n", g.Seed, parts(g.Trace, other.Games[0].Trace))
		}
	}
	return cpu, nil
}

// parts is where one game and another part.
func parts(one, two []string) string {
	for i := range min(len(one), len(two)) {
		if one[i] != two[i] {
			return fmt.Sprintf("at fact %d: %s; then %s", i, one[i], two[i])
		}
	}
	return fmt.Sprintf("after %d facts, then %d", len(one), len(two))
}

// replays is how many games were the same when they were played again: all of them, where the runtime is that of package order.
func (s *soak) replays() proof.Figure {
	f := proof.Figure{Name: "replays identical", Value: fmt.Sprintf("%d/%d", s.total.Alike, s.total.Replayed)}
	if !s.asIs {
		f.Goal, f.Met = "all", s.total.Alike == s.total.Replayed
	}
	return f
}
