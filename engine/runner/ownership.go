package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// keepers are what keeps the partitions while the process lives.
func (r *Runner) keepers() []func(context.Context) error {
	if s := r.shared; s != nil {
		return []func(context.Context) error{s.announce, s.keep, s.renew, r.peers.Run}
	}
	return []func(context.Context) error{r.renew}
}

// shareHealth answers nil when the process has the partitions that it should have.
func (r *Runner) shareHealth() error {
	if s := r.shared; s != nil {
		return s.health()
	}
	for p := range r.epochs {
		if r.epoch(store.Partition(p)) == 0 {
			return fmt.Errorf("partition %d is not owned: %w", p, ErrUnavailable)
		}
	}
	return nil
}

// acquireAll takes every partition with a new epoch, unless others share them.
func (r *Runner) acquireAll(ctx context.Context) error {
	if !r.alone() {
		return nil
	}
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

// losePartition stops serving a partition, whose epoch was this. A process that is alone cannot do without one: it ends.
func (r *Runner) losePartition(p store.Partition, epoch store.Epoch, why string) {
	if s := r.shared; s != nil {
		if why == rolledBack {
			s.stop(p, epoch, why)
		} else {
			s.lose(p, epoch, leftFenced, why)
		}
		return
	}
	r.mu.Lock()
	r.epochs[p].Epoch = 0
	r.mu.Unlock()
	r.metrics.replicas.leftBy(map[bool]string{true: leftRolledBack, false: leftFenced}[why == rolledBack])
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
		r.renewAll(ctx)
		if err := r.fatal(); err != nil {
			return err
		}
	}
}

// renewAll renews every lease once, a few at a time: a store that is away must not cost the time of one answer for each.
func (r *Runner) renewAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, DefaultLeaseTTL)
	defer cancel()
	var all sync.WaitGroup
	room := make(chan struct{}, renewAtOnce)
	for p := range r.epochs {
		r.mu.Lock()
		lease := r.epochs[p]
		r.mu.Unlock()
		if lease.Epoch == 0 {
			continue
		}
		room <- struct{}{}
		all.Go(func() {
			r.renewOne(ctx, store.Partition(p), lease)
			<-room
		})
	}
	all.Wait()
}

func (r *Runner) renewOne(ctx context.Context, p store.Partition, lease store.Lease) {
	next, err := r.store.Renew(ctx, lease, DefaultLeaseTTL)
	switch {
	case err == nil:
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.epochs[p].Epoch == lease.Epoch { // else it was lost meanwhile
			r.epochs[p] = next
		}
	case errors.Is(err, store.ErrFenced):
		r.losePartition(p, lease.Epoch, "fenced: another process owns it now")
	case ctx.Err() == nil:
		r.cfg.Logger.Warn("lease not renewed", "partition", p, "error", err)
	}
}

// releaseAll gives back what the process still has when its lanes have ended.
func (r *Runner) releaseAll(ctx context.Context) {
	if s := r.shared; s != nil {
		defer s.sayGoodbye()
		s.hangUpAll()
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.cfg.Lease) // what is not given back by then runs out by itself
		defer cancel()
	}
	var missed missedLeases
	defer missed.tell(r.cfg.Logger, "leases not given back: they run out by themselves")
	for p := range r.epochs {
		r.mu.Lock()
		lease := r.epochs[p]
		r.epochs[p].Epoch = 0
		r.mu.Unlock()
		if lease.Epoch == 0 {
			continue
		}
		if err := r.store.Release(ctx, lease); err != nil && !errors.Is(err, store.ErrFenced) {
			missed.add(store.Partition(p), err)
		}
	}
}

// recoverAll finds every run that has not ended: those with something under way are taken up at once, the others sleep until
// their timer. Start-up never depends on any one record.
func (r *Runner) recoverAll(ctx context.Context) error {
	if !r.alone() {
		return nil // each partition is recovered when it is taken
	}
	taken, asleep := 0, 0
	for p := range r.epochs {
		t, a, err := r.recoverRuns(ctx, store.Partition(p))
		if err != nil {
			return err
		}
		taken, asleep = taken+t, asleep+a
	}
	for p := range r.epochs {
		if err := r.recoverLimits(ctx, store.Partition(p)); err != nil {
			return err
		}
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

// recoverRuns hands every run of a partition that has not ended to its lane, and counts those with something under way and
// those that sleep.
func (r *Runner) recoverRuns(ctx context.Context, p store.Partition) (taken, asleep int, err error) {
	var after *store.Key
	for {
		page, err := r.store.Scan(ctx, p, store.Range{Table: store.TableLive, After: after, Limit: store.MaxScan})
		if err != nil {
			return taken, asleep, fmt.Errorf("find live runs of partition %d: %w", p, err)
		}
		var asleepHere []sleeper // one task for all of a page: a million of them must not fill the inbox
		for _, rec := range page.Records {
			under, due := r.takeUp(rec)
			switch {
			case under:
				taken++
			default:
				asleep++
				if s, ok := r.sleeper(rec.Key.Tenant, rec.Key.ID, due); ok && !due.IsZero() {
					asleepHere = append(asleepHere, s)
				}
			}
		}
		if len(asleepHere) > 0 {
			r.laneOfPart(p).inbox.push(task{part: on(p), do: func(t *turn) {
				for _, s := range asleepHere {
					t.lane.sleepers.push(s)
				}
			}})
		}
		if after = page.Next; after == nil {
			return taken, asleep, nil
		}
	}
}

// takeUp hands one live run that has something under way to its lane, and tells of any other when it is to be woken; zero is
// never. A row that is not as this version writes it is taken for one that has something under way.
func (r *Runner) takeUp(rec store.Record) (underWay bool, due time.Time) {
	tenant, run := rec.Key.Tenant, rec.Key.ID
	l := r.laneOf(run)
	if l == nil {
		r.cfg.Logger.Error("live row of no run of this store", "row", clip(run))
		return false, time.Time{}
	}
	var row liveRow
	read := codec.Decode(rec.Value, &row) == nil
	sure := read && bytes.Equal(encode(&row), rec.Value)
	if read {
		r.noteRow(tenant, run, &row)
	}
	if sure && !row.Outstanding {
		return false, row.Due
	}
	l.inbox.push(l.recoverTask(tenant, run))
	return true, time.Time{}
}

// noteRow takes over what is counted over all runs.
func (r *Runner) noteRow(tenant, run string, row *liveRow) {
	if row.Key != "" {
		r.keys.note(keyName(tenant, row.Workflow, row.Key), run, int(row.Limit), row.Waits)
	}
	r.countUndosHeld(r.partOf(run), int(row.Held))
}

// recoverTask takes up a run. It is tried again while the store cannot be read.
func (l *lane) recoverTask(tenant, run string) task {
	t := task{run: run, tenant: tenant, do: (*turn).recover}
	t.fail = func(err error) {
		if transient(err) {
			l.later(retryPause, l.recoverTask(tenant, run))
			return
		}
		delete(l.mending, run)
	}
	return t
}
