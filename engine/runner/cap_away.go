package runner

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// pointersWatch knows whether the payloads of plain CAP workers can be reached. While they cannot, no job is begun for such a
// worker and no result is read: both wait, at no attempt's cost, and it is said once.
type pointersWatch struct {
	log  *slog.Logger
	away atomic.Bool
	lost chan func(context.Context) error // what failed; one at a time
}

func newPointersWatch(log *slog.Logger) *pointersWatch {
	return &pointersWatch{log: log, lost: make(chan func(context.Context) error, 1)}
}

// failed says that something could not be written or read. They are away until again, which tries the same, succeeds.
func (w *pointersWatch) failed(err error, again func(context.Context) error) {
	if !w.away.CompareAndSwap(false, true) {
		return
	}
	w.log.Warn("payloads of plain CAP workers cannot be reached: their jobs and results wait", "error", err)
	w.lost <- again
}

// Run tries again what failed, until ctx ends.
func (w *pointersWatch) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case again := <-w.lost:
			if w.tryUntil(ctx, again) {
				w.away.Store(false)
				w.log.Info("payloads of plain CAP workers can be reached again")
			}
		}
	}
}

// tryUntil answers true when something succeeded, false when ctx ended.
func (w *pointersWatch) tryUntil(ctx context.Context, again func(context.Context) error) bool {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	for pause := retryPause; ; pause = min(2*pause, pointerPause) {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
		call, cancel := context.WithTimeout(ctx, pointerWait)
		err := again(call)
		cancel()
		if err == nil {
			return true
		}
		timer.Reset(pause)
	}
}

// putInput puts the input of an attempt where its pointer says.
func (r *Runner) putInput(attempt string, input []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), pointerWait)
	defer cancel()
	err := r.cfg.Pointers.Put(ctx, inputKey+attempt, input, 0)
	if err != nil {
		trial := inputKey + attempt + "/trial" // not the input's own key: who has the attempt may look there
		r.pointers.failed(err, func(ctx context.Context) error {
			defer r.cfg.Pointers.Done(trial)
			return r.cfg.Pointers.Put(ctx, trial, input[:min(len(input), trialSize)], trialTime)
		})
	}
	return err
}

// readResult reads what a result's pointer names.
func (r *Runner) readResult(key, attempt string) (data []byte, found bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), pointerWait)
	defer cancel()
	data, found, err = r.cfg.Pointers.Get(ctx, key, maxResult)
	if err != nil {
		r.pointers.failed(err, func(ctx context.Context) error { // of a key of its own: what a worker names may be anything
			_, _, err := r.cfg.Pointers.Get(ctx, inputKey+attempt, 0)
			return err
		})
	}
	return data, found, err
}
