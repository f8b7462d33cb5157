package runner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// This file is what a store means that was put back from a copy. Between the copy and now it had another life, of which it knows
// nothing: workers may have done what was under way, and have tokens that are in no log. So what was handed out in a generation
// before counts no more. A token says of which generation it is, so nothing else has to be kept, and it can be done any number of
// times.

// identityOf is who a store says it is.
func identityOf(s store.Store) store.Identity {
	if known, is := s.(store.Identified); is {
		return known.Identity()
	}
	return store.Identity{Generation: 1}
}

// era orders what was said under this process's lease of a partition after all that was said under the leases before it.
func (r *Runner) era(p store.Partition) uint64 { return eraOf(r.identity.Generation, r.epoch(p)) }

// eraOf is the era of an epoch in a generation. Where a store was put back or moved its generation counts for more than the epochs,
// which may begin anew.
func eraOf(generation uint64, epoch store.Epoch) uint64 {
	if generation > 1 {
		return generation<<generationShift + uint64(epoch)
	}
	return uint64(epoch)
}

// generationShift makes one generation more than epochs that are microseconds can differ by while clocks agree to an hour. Seconds
// since 1970 fit until 2106.
const generationShift = 32

// refence takes every attempt from whoever has it that was released before the store was put back, as if its worker were lost.
// One that may have begun has an unknown outcome; any other is released again, under a token of this generation.
func (t *turn) refence() {
	lr, r := t.live, t.lane.r
	if r.identity.Generation <= 1 || !lr.active() {
		return
	}
	for i, j := range lr.jobs {
		if j == nil || j.State.Final() || j.State < scheduler.JobScheduled || generationOf(j.Token) >= r.identity.Generation {
			continue
		}
		t.refenceJob(int32(i), j)
	}
}

func (t *turn) refenceJob(step int32, j *scheduler.Job) {
	lr := t.live
	t.why = "the store was restored"
	defer func() { t.why = "" }()
	if j.Fence != 0 && !j.MayHaveBegun(lr.terms(step)) {
		// Others may have had its lock meanwhile, with greater tokens: it has to ask for it anew.
		t.job(step, scheduler.Withhold{Reason: t.why}, nil)
		t.unreserve(step)
		return
	}
	t.job(step, scheduler.Lost{Send: j.Send, Token: t.nextToken(step)}, nil)
}

// beyond is where the fencing tokens of a partition go on: in a store that was put back, behind all that may have been given out
// before it was.
func (r *Runner) beyond(f *scheduler.Fence) *scheduler.Fence {
	if r.identity.Generation > 1 {
		f.GoOnBehind(scheduler.NewFence(r.now()))
	}
	return f
}

// restoredKind is the kind of the documents that say of which generation a chain of audit records has heard.
const restoredKind = "restored"

// noteRestored records in every chain of this process that the store was put back, once, and tries until it is done; then again
// for the chains of each partition that it takes, until ctx ends.
func (r *Runner) noteRestored(ctx context.Context) error {
	if r.identity.Generation <= 1 {
		return nil
	}
	for {
		again := make(<-chan time.Time) // nothing is left to do
		err := r.recordRestored(ctx)
		switch {
		case ctx.Err() != nil || err == nil && r.alone():
			return nil
		case errors.Is(err, ErrMoved): // its new owner does it
		case err != nil:
			r.cfg.Logger.Error("audit: that the store was restored is not recorded yet; trying again", "error", err)
			again = time.After(retryPause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.restored:
		case <-again:
		}
	}
}

func (r *Runner) recordRestored(ctx context.Context) error {
	chains, err := audit.Chains(ctx, r.store, "")
	if err != nil {
		return fmt.Errorf("list the chains: %w", err)
	}
	own := audit.Chain{Partition: docPartition, Tenant: docTenant}
	if !slices.Contains(chains, own) {
		chains = append(chains, own)
	}
	for _, c := range chains {
		if !r.owns(c.Partition) {
			continue
		}
		if err := r.recordRestoredIn(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

// recordRestoredIn adds the record to one chain, in the commit that says so.
func (r *Runner) recordRestoredIn(ctx context.Context, c audit.Chain) error {
	key := docKey(restoredKind, c.Tenant)
	now := binary.BigEndian.AppendUint64(nil, r.identity.Generation)
	rec, err := r.store.Get(ctx, c.Partition, key)
	if err == nil && string(rec.Value) == string(now) {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	by := Caller{Tenant: c.Tenant, Actor: systemActor}
	what := fmt.Sprintf("generation %d", r.identity.Generation)
	if how := r.identity.Restored; how != nil {
		by.Reason = how.Reason
		if how.By != "" {
			by.Actor = how.By
		}
		what += fmt.Sprintf(", of %s, taken %s in generation %d", how.From, how.TakenAt.Format(time.RFC3339), how.Before)
	}
	return r.writeDocs(ctx, docWrite{
		part: c.Partition, puts: []store.Put{{Key: key, Value: now}},
		acts: []docAct{{caller: by, name: string(audit.Restore), subject: what}},
	})
}
