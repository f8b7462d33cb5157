package outside

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	sdk "cordum.dev/cordum/sdk/go"
)

// A worker is the test binary started again with these set.
const (
	workerEnv = "CORDUM_OUTSIDE_WORKER" // its id
	serverEnv = "CORDUM_OUTSIDE_SERVER" // the NATS URL
	ledgerEnv = "CORDUM_OUTSIDE_LEDGER"
)

const (
	topicDo   = "job.outside.do"
	topicUndo = "job.outside.undo"
)

// entry is one line of the ledger, synced before the effect and after it. Workers share the file; each line is one write.
type entry struct {
	Phase   string `json:"phase"` // begin, end, failed (no effect was had), refused (by its fencing token)
	Undo    bool   `json:"undo,omitempty"`
	Run     string `json:"run"`
	At      string `json:"at"`      // the step; of an undo, the step that it undoes
	Attempt string `json:"attempt"` // its id
	Number  int    `json:"number"`  // of the attempt
	Repeat  bool   `json:"repeat,omitempty"`
	Effect  string `json:"effect,omitempty"` // what was done, or is to be undone; empty: nobody knows
	Fence   int64  `json:"fence,omitempty"`  // of the lock under which it was done
	Life    string `json:"life"`             // of the worker process
}

// output is what a step answers, as the timeline shows it.
type output struct {
	Effect string `json:"effect"`
	Number int    `json:"number"`
}

type work struct {
	At     string `json:"at"`
	Effect string `json:"effect"` // of an undo: what is to be undone
	Fail   bool   `json:"fail"`
	Millis int    `json:"ms"` // how long it takes
}

// ledgerWorker has effects, and undoes them, until it is killed.
func ledgerWorker(id, url, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	l := &ledger{file: f, life: id + "." + rand.Text()[:6]}
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: url, ID: id, Capacity: 16, Heartbeat: time.Second})
	if err != nil {
		return err
	}
	sdk.RegisterTopic(w, topicDo, l.do)
	sdk.RegisterTopic(w, topicUndo, l.undo)
	return w.Run(context.Background())
}

// ledger is the file as one worker writes it.
type ledger struct {
	file *os.File
	life string
	mu   sync.Mutex // a lock on the file is the process's
}

func (l *ledger) do(ctx context.Context, job sdk.Job, in work) (output, error) {
	e := l.entry(job, in)
	e.Effect = job.AttemptID + "#" + rand.Text()[:8]
	if locks := job.Locks(); len(locks) > 0 {
		e.Fence = locks[0].Fence
	}
	if err := l.note(e, "begin"); err != nil {
		return output{}, err
	}
	takes(ctx, in)
	if in.Fail {
		return output{}, errors.Join(l.note(e, "failed"), sdk.Fatal("planned", errors.New("it is to fail")))
	}
	return output{e.Effect, e.Number}, l.note(e, "end")
}

func (l *ledger) undo(ctx context.Context, job sdk.Job, in work) (output, error) {
	e := l.entry(job, in)
	e.Undo, e.Effect = true, in.Effect
	if err := l.note(e, "begin"); err != nil {
		return output{}, err
	}
	takes(ctx, in)
	return output{e.Effect, e.Number}, l.note(e, "end")
}

func (l *ledger) entry(job sdk.Job, in work) entry {
	return entry{Run: job.RunID, At: in.At, Attempt: job.AttemptID, Number: job.Attempt, Repeat: job.MayRepeat, Life: l.life}
}

// takes is the work: long enough to be caught by a fault. One that is cancelled finishes all the same, but sooner.
func takes(ctx context.Context, in work) {
	select {
	case <-time.After(time.Duration(in.Millis) * time.Millisecond):
	case <-ctx.Done():
	}
}

// note writes a line and syncs it. The ledger is also the resource that a lock guards: it refuses a smaller fencing token than
// it has seen, looked up and written by one process at a time.
func (l *ledger) note(e entry, phase string) error {
	e.Phase = phase
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Fence > 0 {
		if err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX); err != nil {
			return err
		}
		defer func() { _ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN) }()
		if seen, err := newestFence(l.file.Name()); err != nil {
			return err
		} else if e.Fence < seen {
			e.Phase = "refused"
		}
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	if e.Phase == "refused" {
		return sdk.Retryable("overtaken", fmt.Errorf("token %d is old", e.Fence))
	}
	return nil
}

func newestFence(path string) (seen int64, err error) {
	all, err := readLedger(path)
	for _, e := range all {
		if e.Phase == "begin" {
			seen = max(seen, e.Fence)
		}
	}
	return seen, err
}

// readLedger reads what is written; a last line without its end is left out.
func readLedger(path string) (all []entry, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for line := range bytes.Lines(raw) {
		var e entry
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("ledger: %w: %s", err, line)
		}
		all = append(all, e)
	}
	return all, err
}
