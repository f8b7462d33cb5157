package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// acquireAll takes every partition with a new epoch.
func (r *Runner) acquireAll(ctx context.Context) error {
	for p := range r.epochs {
		lease, err := r.acquire(ctx, store.Partition(p))
		if err != nil {
			r.releaseAll(context.WithoutCancel(ctx))
			return fmt.Errorf("take partition %d: %w", p, err)
		}
		r.mu.Lock()
		r.epochs[p] = lease
		r.mu.Unlock()
	}
	return nil
}

// acquire waits for a lease that a process before us has not given back: at most twice its length.
func (r *Runner) acquire(ctx context.Context, p store.Partition) (store.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*DefaultLeaseTTL)
	defer cancel()
	for {
		lease, err := r.store.Acquire(ctx, p, r.cfg.Owner, DefaultLeaseTTL)
		if !errors.Is(err, store.ErrLeaseHeld) {
			return lease, err
		}
		select {
		case <-ctx.Done():
			return lease, err
		case <-time.After(retryPause):
		}
	}
}

// epoch is the epoch of a partition that is ours, else 0.
func (r *Runner) epoch(p store.Partition) store.Epoch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epochs[p].Epoch
}

// losePartition stops serving a partition. A process that owns all of them cannot do without one: it ends.
func (r *Runner) losePartition(p store.Partition, why string) {
	r.mu.Lock()
	r.epochs[p].Epoch = 0
	r.mu.Unlock()
	err := fmt.Errorf("partition %d stopped: %s", p, why)
	r.cfg.Logger.Error("partition stopped", "partition", p, "reason", why)
	r.broken.CompareAndSwap(nil, &err)
}

// renew keeps the leases until ctx ends.
func (r *Runner) renew(ctx context.Context) error {
	tick := time.NewTicker(DefaultLeaseRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for p := range r.epochs {
			r.mu.Lock()
			lease := r.epochs[p]
			r.mu.Unlock()
			if lease.Epoch == 0 {
				continue
			}
			next, err := r.store.Renew(ctx, lease, DefaultLeaseTTL)
			switch {
			case err == nil:
				r.mu.Lock()
				r.epochs[p] = next
				r.mu.Unlock()
			case errors.Is(err, store.ErrFenced):
				r.losePartition(store.Partition(p), "fenced: another process owns it now")
				return r.fatal()
			case ctx.Err() == nil:
				r.cfg.Logger.Warn("lease not renewed", "partition", p, "error", err)
			}
		}
	}
}

func (r *Runner) releaseAll(ctx context.Context) {
	for p := range r.epochs {
		r.mu.Lock()
		lease := r.epochs[p]
		r.epochs[p].Epoch = 0
		r.mu.Unlock()
		if lease.Epoch == 0 {
			continue
		}
		if err := r.store.Release(ctx, lease); err != nil && !errors.Is(err, store.ErrFenced) {
			r.cfg.Logger.Warn("lease not given back", "partition", p, "error", err)
		}
	}
}

// recoverAll finds every run that has not ended: those with something under way are taken up at once, the others sleep until
// their timer. Start-up never depends on any one record.
func (r *Runner) recoverAll(ctx context.Context) error {
	taken, asleep := 0, 0
	for p := range r.epochs {
		var after *store.Key
		for {
			page, err := r.store.Scan(ctx, store.Partition(p), store.Range{Table: store.TableLive, After: after, Limit: store.MaxScan})
			if err != nil {
				return fmt.Errorf("find live runs of partition %d: %w", p, err)
			}
			for _, rec := range page.Records {
				if r.takeUp(rec) {
					taken++
				} else {
					asleep++
				}
			}
			if after = page.Next; after == nil {
				break
			}
		}
	}
	if err := r.recoverLimits(ctx); err != nil {
		return err
	}
	admitted, tenants := r.keys.overdue()
	for i, run := range admitted {
		r.admit(tenants[i], []string{run})
	}
	if taken+asleep > 0 {
		r.cfg.Logger.Info("recovering runs", "under_way", taken, "asleep", asleep)
	}
	return nil
}

// takeUp hands one live run to its lane and tells whether it has something under way. A row that is not as
// this version writes it is taken for one that has.
func (r *Runner) takeUp(rec store.Record) bool {
	tenant, run := rec.Key.Tenant, rec.Key.ID
	l := r.laneOf(run)
	if l == nil {
		r.cfg.Logger.Error("live row of no run of this store", "row", clip(run))
		return false
	}
	var row liveRow
	read := codec.Decode(rec.Value, &row) == nil
	sure := read && bytes.Equal(encode(&row), rec.Value)
	if read {
		r.noteRow(tenant, run, &row)
	}
	if sure && !row.Outstanding {
		if !row.Due.IsZero() {
			l.inbox.push(task{do: func(t *turn) { t.lane.sleep(tenant, run, row.Due) }})
		}
		return false
	}
	l.inbox.push(l.recoverTask(tenant, run))
	return true
}

// noteRow takes over what is counted over all runs.
func (r *Runner) noteRow(tenant, run string, row *liveRow) {
	if row.Key != "" {
		r.keys.note(keyName(tenant, row.Workflow, row.Key), run, int(row.Limit), row.Waits)
	}
	r.metrics.undosHeld.Add(float64(row.Held))
}

// recoverTask takes up a run. It is tried again while the store cannot be read.
func (l *lane) recoverTask(tenant, run string) task {
	t := task{run: run, tenant: tenant, do: (*turn).recover}
	t.fail = func(err error) {
		if transient(err) {
			l.later(retryPause, l.recoverTask(tenant, run))
		}
	}
	return t
}
