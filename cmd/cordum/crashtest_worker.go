package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// Points at which the worker of a crash test dies.
const (
	crashAtBegin = "worker-begin" // it may begin, and has done nothing
	crashAtEnd   = "worker-end"   // it has done its work, and nobody knows
)

// Limits of a crash test's worker.
const (
	crashWorkerID       = "crashtest"
	crashWorkerCapacity = 64
	crashHeartbeat      = 500 * time.Millisecond
	crashReconnect      = 50 * time.Millisecond
	// crashStubTime is how long a stub takes at most: time is real here.
	crashStubTime = 20 * time.Millisecond
	crashNamePoll = 20 * time.Millisecond
)

// execution is one time that a worker did the job of a step, or a part of it.
type execution struct {
	Step       string // as people call it, that of a sub-workflow's step below its parent
	Attempt    string // its id
	Key        string // of the effect
	Idempotent bool
	Done       bool // it had its effect
}

// crashWorker does what stubs say, and dies where it is told: then it comes back under its name, as a process would.
type crashWorker struct {
	trial  *trial.Case
	client *client
	empty  map[string]json.RawMessage // outputs of steps that the case says nothing of, by id

	mu     sync.Mutex
	plan   crashPlan // of crashAtBegin and crashAtEnd
	hits   map[string]int
	did    []*execution
	turns  map[string]int // of each step: jobs so far
	turnOf map[string]int // of each attempt
	conn   *nats.Conn
}

// order gives the worker a plan, and forgets what was done.
func (w *crashWorker) order(p crashPlan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan, w.hits, w.did, w.turns, w.turnOf = p, map[string]int{}, nil, map[string]int{}, map[string]int{}
}

// done answers what was done since the last order.
func (w *crashWorker) done() (did []execution, hits map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.did {
		did = append(did, *e)
	}
	return did, w.hits
}

// run serves topics until ctx ends, through its deaths.
func (w *crashWorker) run(ctx context.Context, url string, topics []string) error {
	for ctx.Err() == nil {
		if err := w.live(ctx, url, topics); err != nil && ctx.Err() == nil && !errors.Is(err, nats.ErrConnectionClosed) {
			return err
		}
	}
	return nil
}

// live is one life of the worker.
func (w *crashWorker) live(ctx context.Context, url string, topics []string) error {
	died := make(chan struct{})
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectWait(crashReconnect),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), nats.ClosedHandler(func(*nats.Conn) { close(died) }))
	if err != nil {
		return fmt.Errorf("connect the worker: %w", err)
	}
	defer conn.Close()
	w.mu.Lock()
	w.conn = conn
	w.mu.Unlock()
	worker, err := sdk.NewWorker(sdk.WorkerConfig{
		Conn: conn, ID: crashWorkerID, Capacity: crashWorkerCapacity, Heartbeat: crashHeartbeat, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	for _, topic := range topics {
		sdk.RegisterTopic(worker, topic, w.do)
	}
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-died: // whoever ran in it is left to end by itself: nothing of it is heard
		return nil
	}
}

// die ends this life of the worker, at once.
func (w *crashWorker) die() {
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	conn.Close()
}

var errWorkerDied = errors.New("the worker died")

// do is one job.
func (w *crashWorker) do(ctx context.Context, job sdk.Job, _ json.RawMessage) (json.RawMessage, error) {
	name, err := w.name(ctx, job)
	if err != nil {
		return nil, err
	}
	e, stub := w.begin(name, job)
	if w.meets(crashAtBegin) {
		w.die()
		return nil, errWorkerDied
	}
	switch {
	case stub.Lost:
		w.die()
		return nil, errWorkerDied
	case stub.Timeout:
		<-ctx.Done()
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(min(stub.Takes, crashStubTime)):
	}
	if f := stub.Fail; f != nil {
		failure := errors.New(f.Message)
		if f.Retryable {
			return nil, sdk.Retryable(f.Code, failure)
		}
		return nil, sdk.Fatal(f.Code, failure)
	}
	w.mu.Lock()
	e.Done = true
	w.mu.Unlock()
	if w.meets(crashAtEnd) {
		w.die()
		return nil, errWorkerDied
	}
	return w.output(name, stub), nil
}

// begin writes down that a job is begun, and answers what it is to do. An attempt that comes again does the same.
func (w *crashWorker) begin(name string, job sdk.Job) (*execution, trial.Stub) {
	w.mu.Lock()
	defer w.mu.Unlock()
	turn := w.turnOf[job.AttemptID]
	if turn == 0 {
		w.turns[name]++
		turn = w.turns[name]
		w.turnOf[job.AttemptID] = turn
	}
	e := &execution{Step: name, Attempt: job.AttemptID, Key: job.Key, Idempotent: job.MayRepeat}
	w.did = append(w.did, e)
	return e, w.trial.StubOf(name, turn)
}

// meets counts a point, and tells whether it is the one to die at.
func (w *crashWorker) meets(point string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hits[point]++
	return w.plan.Point == point && w.plan.Hit == w.hits[point]
}

// output is what a success answers: the stub's, else what the step's schema asks for at least.
func (w *crashWorker) output(name string, stub trial.Stub) json.RawMessage {
	if stub.Output != nil {
		return stub.Output
	}
	last := name[strings.LastIndexByte(name, '/')+1:]
	if id, _, _ := strings.Cut(last, "["); w.empty[id] != nil && !strings.HasPrefix(name, "undo:") {
		return w.empty[id]
	}
	return json.RawMessage("{}")
}

// name is what people call a job's step. The server is asked, and waited for when it is away.
func (w *crashWorker) name(ctx context.Context, job sdk.Job) (string, error) {
	for {
		path, err := w.pathOf(ctx, job.RunID, func(s *runner.StepView) bool { return s.JobID == job.ID })
		if err == nil {
			return path, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(crashNamePoll):
		}
	}
}

// pathOf is the path of a step of a run, below those of the steps that started the run.
func (w *crashWorker) pathOf(ctx context.Context, run string, is func(*runner.StepView) bool) (string, error) {
	var v runner.RunView
	if err := w.client.get(ctx, pathTo("runs", run), nil, &v); err != nil {
		return "", err
	}
	path := ""
	for i := range v.Steps {
		if is(&v.Steps[i]) {
			path = v.Steps[i].Path
		}
	}
	if path == "" {
		return "", fmt.Errorf("run %s has no such step", run)
	}
	return w.below(ctx, &v, path)
}

// below is a path within the run that was started from outside.
func (w *crashWorker) below(ctx context.Context, v *runner.RunView, path string) (string, error) {
	if v.Parent == nil {
		return path, nil
	}
	var parent runner.RunView
	if err := w.client.get(ctx, pathTo("runs", v.Parent.RunID), nil, &parent); err != nil {
		return "", err
	}
	plain, undo := strings.CutPrefix(path, "undo:")
	path = v.Parent.Step + "/" + plain
	if undo {
		path = "undo:" + path
	}
	return w.below(ctx, &parent, path)
}
