package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// This file is how dead letters go that nobody removes. A process removes those of its own partitions.

// keepDead removes what is too old or too much and carries out redrives, until ctx ends.
func (r *Runner) keepDead(ctx context.Context) error {
	var driving sync.WaitGroup
	defer driving.Wait()
	if r.leads() {
		ring(r.dead.lead)
	}
	tick := time.NewTicker(deadSweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.dead.lead:
			if err := r.resumeRedrives(ctx); err != nil && ctx.Err() == nil {
				r.cfg.Logger.Error("redrives of dead letters that were under way cannot be read: start them again", "error", err)
			}
			continue
		case <-r.dead.begun:
			for _, d := range r.dead.toBegin() {
				driving.Go(func() { r.drive(ctx, d) })
			}
			continue
		case <-r.dead.full:
			if !r.alone() && !pause(ctx) { // a look over all partitions serves for what comes meanwhile
				return nil
			}
		case <-tick.C:
			if r.leads() {
				r.expireRedrives(ctx)
			}
		}
		for tenant := range r.dead.all() {
			if err := r.sweepDead(ctx, tenant); err != nil && ctx.Err() == nil {
				r.cfg.Logger.Error("old dead letters not removed; trying again", "tenant", tenant, "error", err)
			}
		}
	}
}

// sweepDead removes a tenant's entries that are too old, then the oldest of too many, then some whose run is gone.
func (r *Runner) sweepDead(ctx context.Context, tenant string) error {
	walk := r.walkDead(tenant, DeadFilter{Until: r.now().Add(-r.cfg.DeadLetters.TTL)}, "", true, deadPage).ownOnly()
	old, err := walk.places(ctx, deadSweepRows)
	if err != nil {
		return err
	}
	if _, err := r.dropDead(ctx, tenant, old, "expired"); err != nil {
		return err
	}
	over, err := r.overCap(ctx, tenant)
	if err != nil {
		return err
	}
	if over > 0 {
		most, err := r.walkDead(tenant, DeadFilter{}, "", true, min(over, deadPage)).places(ctx, over)
		if err != nil {
			return err
		}
		most, _ = r.splitDead(most) // others remove theirs
		n, err := r.dropDead(ctx, tenant, most, "cap")
		if n > 0 {
			r.cfg.Logger.Error("too many dead letters: the oldest are removed unseen; see cordum dlq groups",
				"tenant", tenant, "removed", n, "cap", r.cfg.DeadLetters.Cap)
		}
		if err != nil {
			return err
		}
	}
	return r.sweepOrphans(ctx, tenant)
}

// overCap is how many entries a tenant has too many. With other processes it looks at their partitions, too, where its own share
// lets it expect so much; so a tenant whose entries are spread very unevenly may have somewhat more than the cap.
func (r *Runner) overCap(ctx context.Context, tenant string) (int, error) {
	own := r.dead.all()[tenant]
	if r.alone() {
		return own - r.cfg.DeadLetters.Cap, nil
	}
	r.dead.mu.Lock()
	share := r.dead.share
	r.dead.mu.Unlock()
	if own*2 <= share {
		return 0, nil
	}
	all := 0
	for p := range r.epochs {
		if r.owns(store.Partition(p)) {
			continue
		}
		n, err := r.countDeadIn(ctx, store.Partition(p), tenant)
		if err != nil {
			return 0, err
		}
		all += n
	}
	return own + all - r.cfg.DeadLetters.Cap, nil
}

// countDeadIn counts a tenant's entries in a partition.
func (r *Runner) countDeadIn(ctx context.Context, p store.Partition, tenant string) (n int, err error) {
	at := store.Range{Table: store.TableDeadRecent, Tenant: tenant, Limit: store.MaxScan}
	for {
		page, err := r.store.Scan(ctx, p, at)
		if err != nil {
			return n, fmt.Errorf("count dead letters: %w", errors.Join(ErrUnavailable, err))
		}
		n += len(page.Records)
		if at.After = page.Next; at.After == nil {
			return n, nil
		}
	}
}

// places are those of the next entries, at most n.
func (w *deadWalk) places(ctx context.Context, n int) (places []deadPlace, err error) {
	for len(places) < n {
		_, place, ok, err := w.next(ctx)
		if err != nil || !ok {
			return places, err
		}
		if p, ok := parseDeadPlace(place); ok {
			places = append(places, p)
		}
	}
	return places, nil
}

// sweepOrphans removes entries whose run is gone: some at a time, round and round.
func (r *Runner) sweepOrphans(ctx context.Context, tenant string) error {
	r.dead.mu.Lock()
	behind := r.dead.checked[tenant]
	r.dead.mu.Unlock()
	var gone []deadPlace
	w := r.walkDead(tenant, DeadFilter{}, behind, true, deadPage).ownOnly()
	for behind = ""; w.looked < deadCheckRows; {
		h, place, ok, err := w.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			behind = ""
			break
		}
		behind = place
		if _, err := r.readHeader(ctx, tenant, id.RunOf(h.Job)); errors.Is(err, ErrNotFound) {
			if p, ok := parseDeadPlace(place); ok {
				gone = append(gone, p)
			}
		}
	}
	r.dead.mu.Lock()
	r.dead.checked[tenant] = behind
	r.dead.mu.Unlock()
	_, err := r.dropDead(ctx, tenant, gone, "run_gone")
	return err
}

// dropDead removes entries for a reason that no person has.
func (r *Runner) dropDead(ctx context.Context, tenant string, places []deadPlace, why string) (int, error) {
	n, err := r.removeDead(ctx, tenant, places)
	r.dead.metrics.dropped.WithLabelValues(why).Add(float64(n))
	return n, err
}
