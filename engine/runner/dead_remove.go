package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// What is done with dead letters, as the audit log has it.
const (
	actDeadDelete  = "dlq.delete"
	actDeadPurge   = "dlq.purge"
	actDeadRedrive = "dlq.redrive"
	actDeadStop    = "dlq.redrive.stop"
)

// Purged says what a purge did, or would do.
type Purged struct {
	Matched int  `json:"matched" doc:"How many entries fit"`
	Deleted int  `json:"deleted" doc:"How many of them are gone; none in a dry run"`
	More    bool `json:"more,omitempty" doc:"More fit than one call removes: call again"`
}

// DeleteDead removes one entry. The run and the job stay as they are. A job that dies once more has an entry again.
func (r *Runner) DeleteDead(ctx context.Context, c Caller, job string) error {
	_, at, err := r.readDead(ctx, c.Tenant, job)
	if err != nil {
		return err
	}
	n, err := r.removeDead(ctx, c.Tenant, []deadPlace{at}, docAct{caller: c, name: actDeadDelete, subject: job})
	if err == nil && n == 0 {
		return fmt.Errorf("dead letter %.64q: %w", job, ErrNotFound)
	}
	return err
}

// PurgeDead removes the entries that fit, at most maxPurge in one call, the oldest first. An empty filter is refused: it never
// means all.
func (r *Runner) PurgeDead(ctx context.Context, c Caller, f DeadFilter, dryRun bool) (Purged, error) {
	var out Purged
	if err := f.named(); err != nil {
		return out, err
	}
	var places []deadPlace
	w := r.walkDead(c.Tenant, f, "", true, deadPage)
	for {
		h, place, ok, err := w.next(ctx)
		if err != nil {
			return out, err
		}
		if !ok {
			break
		}
		if !f.fits(&h) {
			continue
		}
		out.Matched++
		if p, ok := parseDeadPlace(place); ok && len(places) < maxPurge {
			places = append(places, p)
		}
	}
	out.More = out.Matched > len(places)
	if dryRun || len(places) == 0 {
		return out, nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return out, fmt.Errorf("encode a filter: %w", err)
	}
	act := docAct{caller: c, name: actDeadPurge, subject: fmt.Sprintf("%d dead letters %s", len(places), clean(string(text), maxLabel))}
	if err := r.writeDocs(ctx, docWrite{part: docPartition, acts: []docAct{act}}); err != nil {
		return out, err
	}
	own, others := r.splitDead(places)
	if out.Deleted, err = r.removeDead(ctx, c.Tenant, own); err != nil {
		return out, partly(err)
	}
	removed, err := r.removeElsewhere(ctx, c, others)
	out.Deleted += removed
	return out, partly(err)
}

// partly is the error of a call that has done a part of what it was to do: one that says that nothing was done would be believed.
func partly(err error) error {
	if errors.Is(err, ErrNotTaken) || errors.Is(err, ErrMoved) {
		return fmt.Errorf("not all is done: %v: %w", err, ErrUnavailable) //nolint:errorlint // what it wraps is not so of the whole
	}
	return err
}

// splitDead tells entries of this process's partitions from those of others.
func (r *Runner) splitDead(places []deadPlace) (own, others []deadPlace) {
	for _, p := range places {
		if r.owns(r.partOf(id.RunOf(p.job))) {
			own = append(own, p)
		} else {
			others = append(others, p)
		}
	}
	return own, others
}

// named refuses a filter that names everything.
func (f DeadFilter) named() error {
	if f.Empty() {
		return &InvalidError{Code: "invalid_argument", Message: "filter: name at least one of workflow, topic, step, reason, fingerprint, state, since and until: an empty filter never means all"}
	}
	return f.check()
}

// removeDead removes entries, each partition's in commits of its own, and answers how many were there.
func (r *Runner) removeDead(ctx context.Context, tenant string, places []deadPlace, acts ...docAct) (removed int, err error) {
	byPart := map[store.Partition][]deadPlace{}
	for _, p := range places {
		part := r.partOf(id.RunOf(p.job))
		byPart[part] = append(byPart[part], p)
	}
	for part, some := range byPart {
		for len(some) > 0 {
			n := min(len(some), sweepRows)
			gone, err := r.removeDeadOf(ctx, part, tenant, some[:n], acts)
			removed += gone
			if err != nil {
				return removed, err
			}
			some = some[n:]
		}
	}
	return removed, nil
}

// removeDeadOf does so in one commit of a partition.
func (r *Runner) removeDeadOf(ctx context.Context, part store.Partition, tenant string, places []deadPlace, acts []docAct) (int, error) {
	answer := newPromise[int]()
	l := r.lanes[int(part)%len(r.lanes)]
	err := l.inbox.offer(task{part: on(part), fail: answer.fail, do: func(t *turn) {
		var gone, claimed []store.Key
		for _, p := range places {
			key := p.key(tenant)
			_, err := r.store.Get(context.WithoutCancel(ctx), part, key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				r.dead.release(claimed)
				answer.fail(fmt.Errorf("read a dead letter: %w", errors.Join(ErrUnavailable, err)))
				return
			}
			if err == nil && r.dead.claim(key) {
				claimed = append(claimed, key)
				gone = append(gone, key, p.recentKey(part, tenant))
			}
		}
		if len(gone) == 0 {
			answer.give(0)
			return
		}
		t.lane.docs = append(t.lane.docs, docWrite{part: part, deletes: gone, acts: acts, done: func(err error) {
			r.dead.release(claimed)
			if err != nil {
				answer.fail(err)
				return
			}
			r.dead.count(part, tenant, -len(claimed))
			answer.give(len(claimed))
		}})
	}})
	if err != nil {
		return 0, fmt.Errorf("remove dead letters: %w", err)
	}
	return answer.wait(ctx)
}
