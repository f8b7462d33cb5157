// A worker of the Go SDK; see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	cordum "cordum.dev/cordum/sdk/go"
)

type input struct {
	Text string `json:"text"`
}

type output struct {
	Text string `json:"text"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Getenv("WORKER")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, id string) error {
	w, err := cordum.NewWorker(cordum.WorkerConfig{
		URL: os.Getenv("NATS_URL"), ID: id, Credential: os.Getenv("CREDENTIAL"), Capacity: 4,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	cordum.Register(w, "sdks."+id, "say", func(_ context.Context, job cordum.Job, in input) (output, error) {
		if err := job.Progress(50, "half", map[string]int{"done": 1}); err != nil {
			return output{}, err
		}
		job.Log(slog.LevelInfo, id+" says "+in.Text)
		return output{Text: in.Text + " " + id}, nil
	})
	cordum.Register(w, "sdks."+id, "hold", func(ctx context.Context, job cordum.Job, _ struct{}) (output, error) {
		if err := job.Progress(1, "begun", nil); err != nil {
			return output{}, err
		}
		<-ctx.Done()
		if c, ok := errors.AsType[*cordum.CancelledError](context.Cause(ctx)); ok {
			fmt.Println("cancelled: " + c.Reason)
		}
		return output{}, ctx.Err()
	})
	return w.Run(ctx)
}
