package runner

import (
	"context"
	"errors"
	"strings"
	"time"
)

// This file is how a redrive is carried out.

// drive carries a redrive out until nothing is left, somebody stops it, or the process ends: then the next one goes on.
func (r *Runner) drive(ctx context.Context, d *redriving) {
	defer r.dead.forget(d.kept.ID)
	over, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	d.stop = cancel
	stopped := d.kept.State != redriveRunning || d.left
	d.mu.Unlock()
	var err error
	if !stopped {
		err = r.driveAll(over, d)
	}
	d.mu.Lock()
	if d.left { // another process leads, and goes on with it
		d.mu.Unlock()
		return
	}
	if ctx.Err() == nil && d.kept.State == redriveRunning {
		if err == nil {
			d.kept.account()
		}
		d.kept.end(redriveDone, r.now())
	}
	v := d.kept.Redrive
	d.mu.Unlock()
	if err != nil && over.Err() == nil {
		r.cfg.Logger.Error("redrive of dead letters ended early: begin another one for what is left", "redrive", v.ID, "error", err)
	}
	if err := r.saveRedrive(context.WithoutCancel(ctx), d); err != nil && ctx.Err() == nil {
		r.cfg.Logger.Error("the end of a redrive is not recorded: it goes on after a restart", "redrive", v.ID, "error", err)
	}
	r.cfg.Logger.Info("redrive of dead letters", "redrive", v.ID, "state", v.State, "retried", v.Retried, "skipped", v.Skipped, "refused", v.Refused)
}

// driveAll retries one entry after another at the rate of the redrive.
func (r *Runner) driveAll(ctx context.Context, d *redriving) error {
	kept := d.snapshot()
	f := kept.Filter
	if behind := kept.StartedAt.Add(1); f.Until.IsZero() || f.Until.After(behind) {
		f.Until = behind
	}
	pace := time.NewTicker(time.Duration(float64(time.Second) / kept.Rate))
	defer pace.Stop()
	saved := r.now()
	w := r.walkDead(kept.Tenant, f, kept.Behind, true, deadPage)
	for {
		h, place, ok, err := w.next(ctx)
		if errors.Is(err, ErrUnavailable) && pause(ctx) {
			w = r.walkDead(kept.Tenant, f, d.snapshot().Behind, true, deadPage)
			continue
		}
		if err != nil || !ok {
			return err
		}
		if f.fits(&h) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-pace.C:
			}
			if err := r.driveOne(ctx, d, &h); err != nil {
				return err
			}
		}
		d.mu.Lock()
		d.kept.Behind = place
		d.mu.Unlock()
		if now := r.now(); now.Sub(saved) >= redriveSaveEvery {
			saved = now
			if err := r.saveRedrive(ctx, d); err != nil && ctx.Err() == nil {
				r.cfg.Logger.Warn("progress of a redrive not kept", "error", err)
			}
		}
	}
}

func (d *redriving) snapshot() keptRedrive {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept
}

// pause waits before what could not be done now is tried again; false when ctx ends first.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(retryPause):
		return true
	}
}

// driveOne retries one entry, again and again while nobody can say what becomes of it. An error is only that of ctx.
func (r *Runner) driveOne(ctx context.Context, d *redriving, h *deadHead) error {
	kept := d.snapshot()
	gone, err := r.retryOnce(ctx, &kept, h.Job)
	for errors.Is(err, ErrOverloaded) || errors.Is(err, ErrUnavailable) {
		if !pause(ctx) {
			return ctx.Err()
		}
		gone, err = r.retryOnce(ctx, &kept, h.Job)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case gone || errors.Is(err, ErrNotFound):
		d.kept.Skipped++
	case err == nil:
		d.kept.Retried++
	default:
		d.kept.Refused++
		if len(d.kept.Refusals) < maxRefusals {
			message := strings.TrimSuffix(err.Error(), ": "+ErrConflict.Error())
			d.kept.Refusals = append(d.kept.Refusals, DeadRefusal{ID: h.Job, Message: clean(message, maxMessage)})
		}
	}
	return nil
}

// retryOnce retries an entry, unless it is gone or came to be what it is after the redrive had begun.
func (r *Runner) retryOnce(ctx context.Context, kept *keptRedrive, job string) (gone bool, err error) {
	row, _, err := r.readDead(ctx, kept.Tenant, job)
	switch {
	case errors.Is(err, ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case row.Again || row.At.After(kept.StartedAt):
		return true, nil
	}
	// One retry is one act, whether or not somebody stops the redrive meanwhile.
	return false, r.retryAnywhere(context.WithoutCancel(ctx), kept.caller(), job)
}
