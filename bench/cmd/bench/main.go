// Command bench measures the built server and, in the same run on the same disk, the floor of the machine, and prints
// both in one table. It starts the server and the workers as processes of their own.
//
//	bench -server bin/cordum          everything
//	bench -only floor                 the floor alone
//	bench -only policy                decisions alone
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"cordum.dev/cordum/bench/floor"
	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/bench/policy"
	"cordum.dev/cordum/bench/process"
	"cordum.dev/cordum/bench/report"
)

// Roles of a child process: the program starts itself with one of them and the NATS server's URL.
const (
	roleFloorWorker = "floor-worker"
	roleLoadWorker  = "load-worker"
)

// inFlight are the numbers of runs in flight that are measured; 1 is a lone one.
var inFlight = []int{64, 256}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	ready := func() { _, _ = fmt.Fprintln(out, process.Ready) }
	if len(args) == 2 {
		switch args[0] {
		case roleFloorWorker:
			return floor.RunWorker(ctx, args[1], ready)
		case roleLoadWorker:
			return load.RunWorker(ctx, args[1], ready)
		}
	}
	return measure(ctx, args, out)
}

// options are the command's flags.
type options struct {
	server, dir, only string
	length            time.Duration
	strict            bool
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.server, "server", "bin/cordum", "the cordum binary to measure")
	flags.StringVar(&o.dir, "dir", ".", "a folder on the disk to measure; what is written there is removed")
	flags.StringVar(&o.only, "only", "", `"floor", "load" or "policy": measure only that`)
	flags.DurationVar(&o.length, "for", 8*time.Second, "how long one throughput is measured")
	flags.BoolVar(&o.strict, "strict", false, "fail when a goal is missed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || !slices.Contains([]string{"", "floor", "load", "policy"}, o.only) {
		return o, fmt.Errorf("unexpected arguments %q; see -help", args)
	}
	return o, nil
}

// measure runs what was asked for and prints the table.
func measure(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	var fl report.Floor
	if o.only == "" || o.only == "floor" {
		if fl, err = measureFloor(ctx, dir, o.length/2); err != nil {
			return err
		}
	}
	var server *load.Report
	if o.only == "" || o.only == "load" {
		r, err := measureLoad(ctx, o, dir)
		if err != nil {
			return err
		}
		server = &r
	}
	var lines []report.Line
	if o.only != "policy" {
		lines = report.Lines(fl, inFlight, server)
	}
	if o.only == "" || o.only == "policy" {
		figures, err := policy.Measure()
		if err != nil {
			return err
		}
		lines = append(lines, report.PolicyLines(figures)...)
	}
	if err := report.Print(out, lines); err != nil {
		return err
	}
	if missed := report.Missed(lines); o.strict && missed > 0 {
		return fmt.Errorf("%d goals missed", missed)
	}
	return nil
}

// measureFloor measures every number of chains in flight, and a lone one.
func measureFloor(ctx context.Context, dir string, length time.Duration) (report.Floor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	start := func(url string) (func(), error) {
		p, err := process.StartReady(ctx, self, roleFloorWorker, url)
		if err != nil {
			return nil, err
		}
		return p.Stop, nil
	}
	fl := report.Floor{}
	for _, n := range append([]int{1}, inFlight...) {
		at := filepath.Join(dir, fmt.Sprintf("floor-%d", n))
		result, err := floor.Measure(ctx, floor.Load{InFlight: n, For: length, Dir: at}, start)
		if err != nil {
			return nil, err
		}
		fl[n] = result
	}
	return fl, nil
}

// measureLoad measures the server.
func measureLoad(ctx context.Context, o options, dir string) (load.Report, error) {
	self, err := os.Executable()
	if err != nil {
		return load.Report{}, err
	}
	return load.Measure(ctx, load.Config{
		Server: o.server, Dir: dir, For: o.length, InFlight: inFlight,
		Worker: func(natsURL string) (string, []string) { return self, []string{roleLoadWorker, natsURL} },
	})
}
