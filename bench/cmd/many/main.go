// Command many measures a server whose store has very many runs and very many timers, and prints the figures beside those of an
// empty store in the same run.
//
//	many -server bin/cordum -dir .build              a million of each: minutes, and 8 GB of disk
//	many -finished 20000 -timers 20000 -due 1000     a small one
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cordum.dev/cordum/bench/many"
	"cordum.dev/cordum/bench/report"
	"cordum.dev/cordum/internal/proof"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "many:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg := many.Config{Say: func(s string) { fmt.Fprintln(os.Stderr, time.Now().UTC().Format(time.TimeOnly), s) }}
	only := flag.String("only", "", "measure only runs, or only timers")
	record := flag.String("record", "", "the module's root, to keep a record of a measurement of full size; empty: none is kept")
	flag.StringVar(&cfg.Server, "server", "bin/cordum", "the cordum binary to measure")
	dir := flag.String("dir", ".", "a folder on the disk to measure; what is written there is removed")
	flag.IntVar(&cfg.Finished, "finished", 1_000_000, "runs that have ended")
	flag.IntVar(&cfg.Live, "live", 10_000, "runs that have not")
	flag.IntVar(&cfg.Timers, "timers", 1_000_000, "timers that are set")
	flag.IntVar(&cfg.Due, "due", 10_000, "of them, due in one second")
	flag.IntVar(&cfg.Lists, "lists", 200, "how often each list is asked for")
	flag.DurationVar(&cfg.Submits, "for", 20*time.Second, "how long submits are measured")
	flag.Parse()
	tmp, err := os.MkdirTemp(*dir, "many-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	cfg.Dir = tmp
	began := time.Now()
	var tables []report.Table
	show := func(title string, lines []report.Line) error {
		tables = append(tables, report.Table{Title: title, Lines: lines})
		return report.Print(os.Stdout, tables[len(tables)-1])
	}
	if *only != "timers" {
		r, err := many.MeasureRuns(ctx, cfg)
		if err == nil {
			err = show("very many runs", report.ManyLines(r))
		}
		if err != nil {
			return err
		}
	}
	if *only != "runs" {
		r, err := many.MeasureTimers(ctx, cfg)
		if err == nil {
			err = show("very many timers", report.TimerLines(r))
		}
		if err != nil {
			return err
		}
	}
	if *record == "" || *only != "" || cfg.Finished < fullSize || cfg.Timers < fullSize {
		return nil
	}
	return proof.Write(*record, proof.Record{Name: "many", Command: "make bench-many", Took: time.Since(began).Seconds(), Figures: figures(tables)})
}

// fullSize is of how many runs and timers at least a record is kept.
const fullSize = 1_000_000

// figures are the lines of tables as a record has them.
func figures(tables []report.Table) (all []proof.Figure) {
	for _, t := range tables {
		for _, l := range t.Lines {
			value := l.Value
			if l.Floor != "" {
				value += "; " + l.Floor
			}
			all = append(all, proof.Figure{Name: l.Name, Value: value, Goal: l.Goal, Met: l.Goal != "" && !l.Missed})
		}
	}
	return all
}
