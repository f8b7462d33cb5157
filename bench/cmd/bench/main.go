// Command bench measures the built server and, in the same run on the same disk, the floor of the machine, and prints
// both in one table. It starts the server and the workers as processes of their own.
//
//	bench -server bin/cordum          everything
//	bench -only floor                 the floor alone
//	bench -only fleet                 heartbeats, lost workers, queues, CAP workers, logs
//	bench -only placement             the scheduler alone
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
	"strings"
	"syscall"
	"time"

	"cordum.dev/cordum/bench/floor"
	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/bench/placement"
	"cordum.dev/cordum/bench/policy"
	"cordum.dev/cordum/bench/process"
	"cordum.dev/cordum/bench/report"
)

// roleFloorWorker is the role of the floor's child process: the program starts itself with a role and the NATS server's URL.
// The other roles are load.Roles.
const roleFloorWorker = "floor-worker"

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
	say := func(line string) { _, _ = fmt.Fprintln(out, line) }
	switch {
	case len(args) == 2 && args[0] == roleFloorWorker:
		return floor.RunWorker(ctx, args[1], func() { say(process.Ready) })
	case len(args) > 0 && slices.Contains(load.Roles, args[0]):
		return load.RunWorker(ctx, args[0], args[1:], say)
	}
	return measure(ctx, args, out)
}

// parts are what can be measured alone, in order.
var parts = []string{"floor", "load", "fleet", "placement", "policy"}

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
	flags.StringVar(&o.only, "only", "", "measure only one of "+strings.Join(parts, ", "))
	flags.DurationVar(&o.length, "for", 8*time.Second, "how long one throughput is measured")
	flags.BoolVar(&o.strict, "strict", false, "fail when a goal is missed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || (o.only != "" && !slices.Contains(parts, o.only)) {
		return o, fmt.Errorf("unexpected arguments %q; see -help", args)
	}
	return o, nil
}

// wants tells whether a part is to be measured.
func (o options) wants(part string) bool { return o.only == "" || o.only == part }

// measure runs what was asked for and prints the tables.
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
	tables, err := measureAll(ctx, o, dir)
	if err != nil {
		return err
	}
	missed := 0
	for _, t := range tables {
		if err := report.Print(out, t); err != nil {
			return err
		}
		missed += report.Missed(t.Lines)
	}
	if o.strict && missed > 0 {
		return fmt.Errorf("%d goals missed", missed)
	}
	return nil
}

// measureAll measures the parts that are wanted, one after another, and makes a table of each.
func measureAll(ctx context.Context, o options, dir string) ([]report.Table, error) {
	var tables []report.Table
	add := func(part, title string, lines []report.Line) {
		tables = append(tables, report.Table{Title: title + ": .build/bench -only " + part, Lines: lines})
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cfg := o.loadConfig(dir, self)
	var fl report.Floor
	if o.wants("floor") {
		if fl, err = measureFloor(ctx, self, dir, o.length/2); err != nil {
			return nil, err
		}
		if o.only == "floor" {
			add("floor", "the floor", report.FloorLines(fl, inFlight))
		}
	}
	if o.wants("load") {
		r, err := load.Measure(ctx, cfg)
		if err != nil {
			return nil, err
		}
		add("load", "steps", report.Lines(fl, r))
	}
	if o.wants("fleet") {
		r, err := load.MeasureFleet(ctx, cfg)
		if err != nil {
			return nil, err
		}
		add("fleet", "fleet", report.FleetLines(r))
	}
	if o.wants("placement") {
		r, err := placement.Measure()
		if err != nil {
			return nil, err
		}
		add("placement", "placement, in this process", report.PlacementLines(r))
	}
	if o.wants("policy") {
		figures, err := policy.Measure()
		if err != nil {
			return nil, err
		}
		add("policy", "policy, in this process", report.PolicyLines(figures))
	}
	return tables, nil
}

// measureFloor measures every number of chains in flight, and a lone one.
func measureFloor(ctx context.Context, self, dir string, length time.Duration) (report.Floor, error) {
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

// loadConfig says what to measure a server with.
func (o options) loadConfig(dir, self string) load.Config {
	return load.Config{
		Server: o.server, Dir: dir, For: o.length, InFlight: inFlight,
		Child: func(role string, args ...string) (string, []string) { return self, append([]string{role}, args...) },
	}
}
