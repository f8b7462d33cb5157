package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"cordum.dev/cordum/sdk/go"
)

func main() {
	var (
		data = flag.String("data", "migration-data", "the folder with orders.db and files/; made with samples when absent")
		url  = flag.String("nats", "", "the server's address for workers (default NATS_URL, or nats://127.0.0.1:4222)")
		id   = flag.String("id", "migration", "the worker's name")
		pace = flag.Duration("pace", 50*time.Millisecond, "rest between two chunks, so that progress can be watched")
		fail = flag.String("fail", "", "the tool that breaks in the middle of its work: migrate")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *url == "" {
		*url = os.Getenv("NATS_URL") // no list of processes shows a password that is in it
	}
	if err := run(ctx, *url, *id, &tools{data: *data, pace: *pace, fail: *fail}); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, id string, t *tools) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := checkFail(t.fail); err != nil {
		return err
	}
	if err := makeSample(t.data); err != nil {
		return err
	}
	if err := t.checkBreakable(); err != nil {
		return err
	}
	w, err := cordum.NewWorker(cordum.WorkerConfig{
		URL: url, ID: id, Pool: "demo", Capacity: 4, Logger: log,
		User: os.Getenv("CORDUM_WORKER_USER"), Password: os.Getenv("CORDUM_WORKER_PASSWORD"),
	})
	if err != nil {
		return err
	}
	cordum.Register(w, "db.postgres", "backup", t.backup)
	cordum.Register(w, "db.postgres", "migrate", t.migrate)
	cordum.Register(w, "db.postgres", "restore", t.restore)
	cordum.Register(w, "storage.s3", "snapshot", t.snapshot)
	cordum.Register(w, "storage.s3", "restore", t.restoreFiles)
	log.Info("serving", "data", t.data, "worker", id) // an address may hold a password
	return w.Run(ctx)
}

// tools do their work in one folder.
type tools struct {
	data string
	pace time.Duration
	fail string // the tool that is to break: "" or failing

	mu    sync.RWMutex // written while orders.db is replaced; taken before files
	files sync.RWMutex // written while files/ changes
}

// rest pauses between two chunks and tells when to give up.
func (t *tools) rest(ctx context.Context) error {
	timer := time.NewTimer(t.pace)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
