package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.which, "which", "all", `the faults to plant: all, ci, or names with commas between them`)
	flag.IntVar(&o.seeds, "seeds", 300, "how many whole systems are played with each fault that no test is known to find; 0: none")
	flag.BoolVar(&o.only, "only-seeds", false, "play whole systems with each fault, and run no tests")
	flag.BoolVar(&o.exact, "exact", false, "play whole systems by the runtime with which a seed is the same each time (building it takes minutes, once)")
	flag.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "how many faults are looked for at a time")
	flag.StringVar(&o.record, "record", "", "keep a record under this command; by default none is kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := check(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// options say what is planted and how it is looked for.
type options struct {
	which, record   string
	seeds, parallel int
	only, exact     bool
}

// check plants the faults and reports on w. Its error says that one survived, or could not be planted.
func check(ctx context.Context, w io.Writer, o options) error {
	begun := time.Now()
	faults, err := read("testdata/mutants", o.which)
	if err != nil {
		return err
	}
	root, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	t, err := newTree(ctx, root)
	if err != nil {
		return err
	}
	if o.exact && o.seeds > 0 {
		if err := t.order(ctx); err != nil {
			fmt.Fprintf(w, "seeds may find other faults each time: the runtime stays as it is (%v)\n", err)
			t.bare = layers{}
		}
	}
	s := newSearch(t, &o)
	if err := s.sound(ctx, faults); err != nil {
		return err
	}
	found := lookForAll(ctx, w, s, faults, o.parallel)
	fmt.Fprintln(w, found.String())
	if o.record != "" {
		if err := found.keep(o.record, time.Since(begun)); err != nil {
			return err
		}
	}
	if found.found < found.planted {
		return errors.New("not every fault was found")
	}
	return nil
}

// lookForAll looks for some faults at a time and tells of each when it is known what became of it.
func lookForAll(ctx context.Context, w io.Writer, s *search, faults []fault, parallel int) *tally {
	var found tally
	var mu sync.Mutex // guards found and w
	next := make(chan fault)
	var lookers sync.WaitGroup
	for range max(parallel, 1) {
		lookers.Go(func() {
			for f := range next {
				begun := time.Now()
				f, err := s.look(ctx, f)
				mu.Lock()
				found.add(f, err)
				tell(w, &f, err, time.Since(begun))
				mu.Unlock()
			}
		})
	}
	for _, f := range faults {
		next <- f
	}
	close(next)
	lookers.Wait()
	return &found
}

func tell(w io.Writer, f *fault, err error, took time.Duration) {
	took = took.Round(time.Second)
	switch {
	case err != nil:
		fmt.Fprintf(w, "%-36s %4s ERROR %v\n", f.name, took, err)
	case f.by == "":
		fmt.Fprintf(w, "%-36s %4s SURVIVED %s\n", f.name, took, f.says)
	default:
		fmt.Fprintf(w, "%-36s %4s found by %s\n", f.name, took, f.by)
	}
}
