package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// remains are all records that are kept of a run but its log.
type remains struct {
	tenant, run string
	many        []store.Key // those of its steps, of which there may be very many: they may go before the rest
	few         []store.Key // what it is found by
}

// remainsOf finds what is kept of a run. What callers were answered under a key (an idempotency key, a command's id) stays for its
// time: a start that is repeated within it must not start another run. Its records in the audit log have a rule of their own.
func (r *Runner) remainsOf(ctx context.Context, tenant, run string, h *runHeader, state string) (remains, error) {
	list := h.Workflow
	if h.Kind == engine.KindJob {
		list = allJobs
	}
	out := remains{tenant: tenant, run: run, few: []store.Key{
		headerKey(tenant, run), snapshotKey(tenant, run), pinsKey(tenant, run), recentKey(tenant, list, run),
		byStateKey(tenant, statePrefix(h.Kind.String(), state)+run),
	}}
	if h.Kind == engine.KindJob {
		out.few = append(out.few, recentKey(tenant, usedList(h.Digest), run))
	}
	for _, of := range []struct {
		table    store.Table
		from, to string
	}{
		{store.TableLog, run + ".", run + "/"},
		{store.TableDelivery, run + ".", run + "/"},
		{store.TableApproval, approvalGroups[0] + run + ".", approvalGroups[0] + run + "/"},
		{store.TableApproval, approvalGroups[1] + run + ".", approvalGroups[1] + run + "/"},
		{store.TableBlobUse, blobsOfRun(run), behindPrefix(blobsOfRun(run))},
	} {
		keys, err := r.keysOf(ctx, r.partOf(run), store.Range{Table: of.table, Tenant: tenant, From: of.from, To: of.to})
		if err != nil {
			return out, err
		}
		for _, key := range keys {
			out.many = append(out.many, key)
			if of.table == store.TableBlobUse {
				out.many = append(out.many, runOfBlob(tenant, strings.TrimPrefix(key.ID, blobsOfRun(run)), run))
			}
		}
	}
	return out, nil
}

// keysOf are the keys of a range.
func (r *Runner) keysOf(ctx context.Context, p store.Partition, at store.Range) (keys []store.Key, err error) {
	for {
		page, err := r.store.Scan(ctx, p, at)
		if err != nil {
			return nil, unread(err)
		}
		for _, rec := range page.Records {
			keys = append(keys, rec.Key)
		}
		if at.After = page.Next; at.After == nil {
			return keys, nil
		}
	}
}

// removeRuns removes runs of a partition in one commit, but for the rows of very large ones, which go before in commits of their
// own. It answers how many went: one that something has begun to happen to stays.
func (r *Runner) removeRuns(ctx context.Context, p store.Partition, gone []remains) (int, error) {
	for i := range gone {
		for g := &gone[i]; len(g.many) > retainRows; g.many = g.many[retainRows:] {
			if err := r.writeDocs(ctx, docWrite{part: p, deletes: g.many[:retainRows]}); err != nil {
				return 0, err
			}
		}
	}
	if len(gone) == 0 {
		return 0, nil
	}
	answer := newPromise[int]()
	l := r.lanes[int(p)%len(r.lanes)]
	err := l.inbox.offer(task{part: on(p), fail: answer.fail, do: func(t *turn) {
		n, err := t.lane.retire(ctx, p, gone, docWrite{}, func(n int, err error) { answer.put(answerOf[int]{value: n, err: err}) })
		if n == 0 || err != nil {
			answer.put(answerOf[int]{err: err})
		}
	}})
	if err != nil {
		return 0, fmt.Errorf("remove old runs: %w", err)
	}
	return answer.wait(ctx)
}

// retire has runs removed with the lane's next commit, together with what w says, and tells done how many they were. From now on
// the lane does not know them. When it is none, or there is an error, nothing is removed and done is not called.
func (l *lane) retire(ctx context.Context, p store.Partition, gone []remains, w docWrite, done func(int, error)) (int, error) {
	w.part = p
	var left []string
	for i := range gone {
		g := &gone[i]
		may, err := l.mayRetire(ctx, g)
		if err != nil {
			for _, run := range left {
				delete(l.retired, run)
			}
			return 0, err
		}
		if !may {
			continue
		}
		if lr := l.runs[g.run]; lr != nil {
			l.forget(lr, fmt.Errorf("run %s: %w", g.run, ErrNotFound))
		}
		left = append(left, g.run)
		l.retired[g.run] = struct{}{}
		w.deletes = append(append(w.deletes, g.many...), g.few...)
		w.drops = append(w.drops, store.LogID{Tenant: g.tenant, Run: g.run})
	}
	if len(left) == 0 {
		return 0, nil
	}
	w.done = func(err error) {
		for _, run := range left {
			delete(l.retired, run)
		}
		done(len(left), err)
	}
	l.docs = append(l.docs, w)
	return len(left), nil
}

// mayRetire tells whether nothing has happened to a run since it was found settled.
func (l *lane) mayRetire(ctx context.Context, g *remains) (bool, error) {
	if _, again := l.retired[g.run]; again || l.mending[g.run] != "" || l.loadings.runs[g.run] != nil {
		return false, nil
	}
	if lr := l.runs[g.run]; lr != nil && (!lr.run.Settled() || len(lr.pending) > 0 || lr.queued || lr.softening) {
		return false, nil
	}
	_, err := l.r.store.Get(context.WithoutCancel(ctx), l.r.partOf(g.run), liveKey(g.tenant, g.run))
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, unread(err)
	}
	return false, nil
}
