// Command replicas measures engines that share a Redis: one against two, and what the runs of the one feel when the other is
// killed. It prints the figures and keeps them as the record "replicas".
//
//	replicas -server bin/cordum -nats .tools/nats-server-… -dir .build
//	replicas -only kill
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/bench/report"
	"cordum.dev/cordum/internal/proof"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "replicas:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && slices.Contains(load.Roles, args[0]) {
		return load.RunWorker(ctx, args[0], args[1:], func(line string) { fmt.Println(line) })
	}
	return measure(ctx, args)
}

// measure measures, prints and, when everything was measured, keeps the record.
func measure(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("replicas", flag.ContinueOnError)
	var cfg load.ReplicasConfig
	flags.StringVar(&cfg.Server, "server", "bin/cordum", "the cordum binary to measure")
	flags.StringVar(&cfg.NATS, "nats", "nats-server", "the NATS server")
	flags.StringVar(&cfg.Redis, "redis", "redis-server", "the Redis server")
	flags.DurationVar(&cfg.For, "for", 10*time.Second, "how long one throughput is measured")
	flags.Float64Var(&cfg.Share, "share", 0.2, "the part of a core that each engine has where cores shall not be what is scarce")
	dir := flags.String("dir", ".", "a folder on the disk to measure; what is written there is removed")
	root := flags.String("root", "", "the module's root, to keep the record there")
	only := flags.String("only", "", "measure only steps, or only kill; no record is kept then")
	if err := flags.Parse(args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if cfg.Dir, err = os.MkdirTemp(*dir, "replicas-*"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(cfg.Dir) }()
	cfg.Child = func(role string, args ...string) (string, []string) { return self, append([]string{role}, args...) }
	cfg.Say = func(s string) { fmt.Fprintln(os.Stderr, time.Now().UTC().Format(time.TimeOnly), s) }
	began := time.Now()
	r, err := load.MeasureReplicas(ctx, cfg, *only)
	if err != nil {
		return err
	}
	record := proof.Record{Name: "replicas", Command: "make bench-replicas", Took: time.Since(began).Seconds(), Figures: report.ReplicaFigures(r)}
	for _, f := range record.Figures {
		fmt.Printf("%s: %s%s\n", f.Name, f.Value, report.Verdict(f))
	}
	if *root == "" || *only != "" {
		return nil
	}
	return proof.Write(*root, record)
}
