package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"cordum.dev/cordum/bench/process"
	cordum "cordum.dev/cordum/sdk/go"
)

// Roles of a worker's process. Its arguments are the server's NATS URL and then what the role says.
const (
	RoleWorker = "load-worker" // does every tool at once; arguments: id, capacity
	RoleCrowd  = "load-crowd"  // many workers that keep their jobs; argument: how many
	RoleHolder = "load-holder" // one worker that keeps its jobs
	RoleTurns  = "load-turns"  // one job at a time, each until a signal
	RoleCAP    = "load-cap"    // a worker of plain CAP; argument: the address of the payloads
)

// Roles are all of them.
var Roles = []string{RoleWorker, RoleCrowd, RoleHolder, RoleTurns, RoleCAP}

// Names of the workers, by which the server shows that it knows them.
const (
	workerID = "bench-worker"
	heldID   = "bench-held"
	turnsID  = "bench-turns"
	capID    = "bench-cap"
)

// Pools of the workers.
const (
	poolNative = "bench"
	poolCAP    = "bench-cap"
)

// workerCapacity is more than the most steps that a measurement has in flight.
const workerCapacity = 1024

// RunWorker is a worker's process: it plays a role until ctx ends. say prints a line: process.Ready first, then what the role says.
func RunWorker(ctx context.Context, role string, args []string, say func(line string)) error {
	if len(args) == 0 {
		return errors.New("a worker needs the server's URL")
	}
	url, args := args[0], args[1:]
	switch {
	case role == RoleWorker && len(args) == 2:
		capacity, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return runWorker(ctx, url, args[0], capacity, say)
	case role == RoleCrowd && len(args) == 1:
		workers, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		return runCrowd(ctx, url, workers, say)
	case role == RoleHolder && len(args) == 0:
		return runHolder(ctx, url, say)
	case role == RoleTurns && len(args) == 0:
		return runTurns(ctx, url, say)
	case role == RoleCAP && len(args) == 1:
		return runCAP(ctx, url, args[0], say)
	}
	return fmt.Errorf("role %s does not take %q", role, args)
}

type nothing = struct{}

func newWorker(url, id string, capacity int) (*cordum.Worker, error) {
	return cordum.NewWorker(cordum.WorkerConfig{URL: url, ID: id, Pool: poolNative, Capacity: capacity})
}

// runWorker does nothing, quickly.
func runWorker(ctx context.Context, url, id string, capacity int, say func(string)) error {
	w, err := newWorker(url, id, capacity)
	if err != nil {
		return err
	}
	for _, tool := range []string{toolNoop, toolQueued, toolHeld} {
		cordum.Register(w, pack, tool, func(context.Context, cordum.Job, nothing) (nothing, error) { return nothing{}, nil })
	}
	cordum.Register(w, pack, toolLines, writeLines)
	say(process.Ready)
	return w.Run(ctx)
}

// linesPerJob is less than a job may write at once.
const linesPerJob = 500

// writeLines writes lines as long as those of programs are.
func writeLines(_ context.Context, job cordum.Job, _ nothing) (nothing, error) {
	for i := range linesPerJob {
		job.Log(slog.LevelInfo, fmt.Sprintf("line %d: copied s3://backups/2026-11-21/part-%05d of %d bytes in 12 ms", i, i, i*4096))
	}
	return nothing{}, nil
}

// keep registers a tool that keeps its jobs until they are cancelled or the process ends.
func keep(ctx context.Context, w *cordum.Worker) {
	cordum.Register(w, pack, toolHeld, func(job context.Context, _ cordum.Job, _ nothing) (nothing, error) {
		select {
		case <-job.Done():
			return nothing{}, job.Err()
		case <-ctx.Done():
			return nothing{}, nil
		}
	})
}

// crowdCapacity is how many jobs one of a crowd takes.
const crowdCapacity = 8

// runCrowd is many workers, each with a connection and heartbeats of its own.
func runCrowd(ctx context.Context, url string, workers int, say func(string)) error {
	all := make([]*cordum.Worker, workers)
	for i := range all {
		w, err := newWorker(url, fmt.Sprintf("crowd-%04d", i), crowdCapacity)
		if err != nil {
			return err
		}
		keep(ctx, w)
		all[i] = w
	}
	say(process.Ready)
	var running sync.WaitGroup
	failures := make(chan error, workers)
	for _, w := range all {
		running.Go(func() { failures <- w.Run(ctx) })
	}
	running.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func runHolder(ctx context.Context, url string, say func(string)) error {
	w, err := newWorker(url, heldID, workerCapacity)
	if err != nil {
		return err
	}
	keep(ctx, w)
	say(process.Ready)
	return w.Run(ctx)
}

// turnSignal lets one job of a worker of turns go.
const turnSignal = syscall.SIGUSR1

// runTurns has one job at a time. It prints whose it is when it begins, and ends it at the next signal.
func runTurns(ctx context.Context, url string, say func(string)) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, turnSignal)
	defer signal.Stop(signals)
	w, err := newWorker(url, turnsID, 1)
	if err != nil {
		return err
	}
	cordum.Register(w, pack, toolQueued, func(_ context.Context, job cordum.Job, _ nothing) (nothing, error) {
		say(job.Tenant)
		select {
		case <-signals:
		case <-ctx.Done():
		}
		return nothing{}, nil
	})
	say(process.Ready)
	return w.Run(ctx)
}
