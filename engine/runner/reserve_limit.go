package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// limitHome is a limit's machine on the lane of its partition. What it answers is said when what it decided is durable.
type limitHome struct {
	name    limitName
	limit   *scheduler.Limit
	answers []scheduler.LimitAnswer
	acts    []docAct            // what people did to it, for the audit log
	kept    []promise[struct{}] // who waits for the commit to come
	counted int                 // of a lock: holders that the gauge of locks knows of
	queued  bool                // in the lane's list of the commit to come
	alarm   alarm
}

// limitRow separates a limit from its holders: no id of a limit holds it.
const limitRow = "\x01"

func limitKey(n limitName) store.Key {
	return store.Key{Table: store.TableLimit, Tenant: n.tenant, ID: n.id}
}

func holderKey(n limitName, job string) store.Key {
	return store.Key{Table: store.TableLimit, Tenant: n.tenant, ID: n.id + limitRow + job}
}

// takeLimit gives a message to a limit's machine. One that cannot be read now is tried again; one that panics is forgotten and
// read again.
func (l *lane) takeLimit(n limitName, in scheduler.LimitInput) {
	h, err := l.limitHome(context.Background(), n)
	if err != nil {
		l.log.Warn("limit cannot be read now", "limit", n.label, "tenant", n.tenant, "error", err)
		l.later(retryPause, task{part: on(n.part), do: func(t *turn) { t.lane.takeLimit(n, in) }})
		return
	}
	delete(l.limits, n.key())
	now := l.r.now()
	change := h.limit.Take(now, in)
	l.limits[n.key()] = h
	l.lockTaken(h, now, change.Answers)
	h.answers = append(h.answers, change.Answers...)
	for _, d := range change.Doubts {
		l.tellHolder(h.name, d, letterDoubt)
	}
	if !h.queued {
		h.queued = true
		l.reserving = append(l.reserving, h)
	}
}

// limitHome answers a limit's machine: from memory, or read.
func (l *lane) limitHome(ctx context.Context, n limitName) (*limitHome, error) {
	if h := l.limits[n.key()]; h != nil {
		return h, nil
	}
	limit, err := l.newLimit(ctx, n)
	if err != nil {
		return nil, err
	}
	h := &limitHome{name: n, limit: limit}
	at := store.Range{Table: store.TableLimit, Tenant: n.tenant, From: n.id, To: n.id + "\x02", Limit: store.MaxScan}
	for {
		page, err := l.r.store.Scan(ctx, n.part, at)
		if err != nil {
			return nil, errors.Join(ErrUnavailable, err)
		}
		for _, rec := range page.Records {
			l.restore(h, rec)
		}
		if at.After = page.Next; page.Next == nil {
			break
		}
	}
	if l.limits == nil {
		l.limits = make(map[string]*limitHome)
	}
	l.limits[n.key()] = h
	return h, nil
}

// restore takes over one row. What cannot be read counts for the worse: a limit is used up, a holder holds until its run says
// otherwise.
func (l *lane) restore(h *limitHome, rec store.Record) {
	_, job, isHolder := strings.Cut(rec.Key.ID, limitRow)
	var err error
	if isHolder {
		holder := &scheduler.Holder{}
		if err = codec.Decode(rec.Value, holder); err != nil {
			*holder = scheduler.Holder{}
			if isOutsider(job) {
				holder.Until = l.r.now().Add(MaxLockTTL)
			}
		}
		holder.Job = job
		h.limit.Restore(holder)
	} else if err = codec.Decode(rec.Value, h.limit); err != nil {
		h.limit = scheduler.NewLimit(h.name.kind, limitPatience)
		h.limit.Shut(l.r.now(), h.name.terms)
	}
	if err != nil {
		l.log.Error("row of a limit cannot be read", "tenant", rec.Key.Tenant, "row", clip(rec.Key.ID), "error", err)
	}
}

// keepLimits puts what limits decided into the commit to come.
func (l *lane) keepLimits() {
	homes := l.reserving
	l.reserving = nil
	for _, h := range homes {
		h.queued = false
		if l.limits[h.name.key()] != h {
			continue // it panicked: who asked asks again
		}
		if w := h.write(l); len(w.puts)+len(w.deletes) > 0 {
			l.docs = append(l.docs, w)
		} else {
			w.done(nil)
		}
	}
	l.keepFences()
}

// write is what the store does not have yet of a limit. The answers wait for it.
func (h *limitHome) write(l *lane) docWrite {
	unsaved := h.limit.Unsaved()
	w := docWrite{part: h.name.part, acts: h.acts}
	h.acts = nil
	for _, holder := range unsaved.Put {
		w.puts = append(w.puts, store.Put{Key: holderKey(h.name, holder.Job), Value: encode(holder)})
	}
	for _, job := range unsaved.Gone {
		w.deletes = append(w.deletes, holderKey(h.name, job))
	}
	changed := unsaved.Head || len(w.puts)+len(w.deletes) > 0
	switch {
	case changed && h.limit.Blank(l.r.now()):
		w.deletes = append(w.deletes, limitKey(h.name))
	case unsaved.Head:
		w.puts = append(w.puts, store.Put{Key: limitKey(h.name), Value: encode(h.limit)})
	}
	answers, kept := h.answers, h.kept
	h.answers, h.kept = nil, nil
	w.done = func(err error) {
		for _, p := range kept {
			p.put(answerOf[struct{}]{err: wrapCommit(err)})
		}
		l.limitKept(h, answers, err)
	}
	return w
}

// limitKept tells jobs what is durable. After a commit that failed the machine is read again, and who asked asks again.
func (l *lane) limitKept(h *limitHome, answers []scheduler.LimitAnswer, err error) {
	if err != nil {
		l.log.Error("limit could not be kept", "limit", h.name.label, "tenant", h.name.tenant, "error", err)
		delete(l.limits, h.name.key())
		l.alarms.remove(&h.alarm)
		l.lockLost(h, err)
		name := h.name
		l.later(limitAskAgain, task{part: on(name.part), do: func(t *turn) { t.lane.takeLimit(name, scheduler.LimitTick{}) }})
		return
	}
	for _, a := range answers {
		l.tellHolder(h.name, a, letterAnswer)
	}
	l.countLock(h, h.limit.Holding())
	if h.limit.Idle() {
		delete(l.limits, h.name.key())
		l.alarms.remove(&h.alarm)
		return
	}
	l.setLimitAlarm(h)
}

// setLimitAlarm wakes a limit when time alone lets somebody in, or when it has not heard of somebody for long. An alarm that is due
// stays so: commits that follow one another closely must not put it off.
func (l *lane) setLimitAlarm(h *limitHome) {
	name, now := h.name, l.r.now()
	h.alarm.task = task{part: on(name.part), do: func(t *turn) { t.lane.takeLimit(name, scheduler.LimitTick{}) }}
	due := now.Add(limitPatience)
	if h.alarm.slot > 0 && h.alarm.due.Before(due) {
		due = h.alarm.due
	}
	if next := h.limit.Next(); !next.IsZero() && next.Before(due) {
		due = next
	}
	l.alarms.set(&h.alarm, due)
}

// recoverLimits reads every limit of a partition that somebody held when the process before ended. Holders that have ended
// meanwhile are found by asking their runs.
func (r *Runner) recoverLimits(ctx context.Context, p store.Partition) error {
	at := store.Range{Table: store.TableLimit, Limit: store.MaxScan}
	for {
		page, err := r.store.Scan(ctx, p, at)
		if err != nil {
			return fmt.Errorf("find the limits of partition %d: %w", p, err)
		}
		for _, rec := range page.Records {
			r.recoverLimit(p, rec)
		}
		if at.After = page.Next; page.Next == nil {
			return nil
		}
	}
}

func (r *Runner) recoverLimit(p store.Partition, rec store.Record) {
	limit, _, isHolder := strings.Cut(rec.Key.ID, limitRow)
	kind, per := limitKind(limit)
	if !isHolder || kind == 0 {
		return
	}
	n := limitName{tenant: rec.Key.Tenant, id: limit, label: limitLabel(kind, limit), kind: kind, terms: scheduler.LimitTerms{Per: per}, part: p}
	l := r.lanes[int(p)%len(r.lanes)]
	l.inbox.push(task{part: on(p), do: func(t *turn) {
		if l.limits[n.key()] == nil {
			l.takeLimit(n, scheduler.LimitTick{})
		}
	}})
}
