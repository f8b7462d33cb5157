package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// limitHome is a limit's machine on the lane of its partition. What it answers is said when what it decided is durable.
type limitHome struct {
	name    limitName
	limit   *scheduler.Limit
	answers []scheduler.LimitAnswer
	queued  bool // in the lane's list of the commit to come
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

// say brings a message to a limit, wherever it lives. A lost one does no harm: jobs ask again, limits doubt.
func (l *lane) say(n limitName, in scheduler.LimitInput) {
	home := l.r.lanes[int(n.part)%len(l.r.lanes)]
	home.inbox.push(task{do: func(t *turn) { t.lane.takeLimit(n, in) }})
}

// takeLimit gives a message to a limit's machine. One that cannot be read now is tried again; one that panics is forgotten and
// read again.
func (l *lane) takeLimit(n limitName, in scheduler.LimitInput) {
	h, err := l.limitHome(context.Background(), n)
	if err != nil {
		l.log.Warn("limit cannot be read now", "limit", n.label, "tenant", n.tenant, "error", err)
		l.later(retryPause, task{do: func(t *turn) { t.lane.takeLimit(n, in) }})
		return
	}
	delete(l.limits, n.key())
	change := h.limit.Take(l.r.now(), in)
	l.limits[n.key()] = h
	h.answers = append(h.answers, change.Answers...)
	for _, d := range change.Doubts {
		l.tellHolder(h.name, d, (*turn).limitDoubts)
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
	h := &limitHome{name: n, limit: scheduler.NewLimit(n.kind, limitPatience)}
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
		if w, answers := h.write(l); len(w.puts)+len(w.deletes) > 0 {
			l.docs = append(l.docs, w)
		} else {
			l.limitKept(h, answers, nil)
		}
	}
}

// write is what the store does not have yet of a limit, and the answers that wait for it.
func (h *limitHome) write(l *lane) (docWrite, []scheduler.LimitAnswer) {
	unsaved := h.limit.Unsaved()
	w := docWrite{part: h.name.part}
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
	answers := h.answers
	h.answers = nil
	w.done = func(err error) { l.limitKept(h, answers, err) }
	return w, answers
}

// limitKept tells jobs what is durable. After a commit that failed the machine is read again, and who asked asks again.
func (l *lane) limitKept(h *limitHome, answers []scheduler.LimitAnswer, err error) {
	if err != nil {
		l.log.Error("limit could not be kept", "limit", h.name.label, "tenant", h.name.tenant, "error", err)
		delete(l.limits, h.name.key())
		l.alarms.remove(&h.alarm)
		name := h.name
		l.later(limitAskAgain, task{do: func(t *turn) { t.lane.takeLimit(name, scheduler.LimitTick{}) }})
		return
	}
	for _, a := range answers {
		l.tellHolder(h.name, a, (*turn).limitSaid)
	}
	if h.limit.Idle() {
		delete(l.limits, h.name.key())
		l.alarms.remove(&h.alarm)
		return
	}
	l.setLimitAlarm(h)
}

// setLimitAlarm wakes a limit when time alone lets somebody in, or when it has not heard of somebody for long.
func (l *lane) setLimitAlarm(h *limitHome) {
	name, now := h.name, l.r.now()
	h.alarm.task = task{do: func(t *turn) { t.lane.takeLimit(name, scheduler.LimitTick{}) }}
	due := now.Add(limitPatience)
	if h.alarm.slot > 0 && h.alarm.due.After(now) && h.alarm.due.Before(due) {
		due = h.alarm.due
	}
	if next := h.limit.Next(); !next.IsZero() && next.Before(due) {
		due = next
	}
	l.alarms.set(&h.alarm, due)
}

// tellHolder gives a limit's word to the run of a job, on its lane.
func (l *lane) tellHolder(n limitName, a scheduler.LimitAnswer, do func(*turn, id.JobRef, limitName, scheduler.LimitAnswer)) {
	ref, err := id.ParseJob(a.Job)
	home := l.r.laneOf(ref.Run)
	if err != nil || home == nil {
		l.log.Error("limit is held by no job of this store", "limit", n.label, "job_id", clip(a.Job))
		return
	}
	home.surely(task{run: ref.Run, tenant: n.tenant, do: func(t *turn) { do(t, ref, n, a) }}, func(err error) {
		home.limitLost(n.tenant, ref.Run, n, a, err)
	})
}

// recoverLimits reads every limit that somebody held when the process before ended. Holders that have ended meanwhile are
// found by asking their runs.
func (r *Runner) recoverLimits(ctx context.Context) error {
	for p := range r.epochs {
		at := store.Range{Table: store.TableLimit, Limit: store.MaxScan}
		for {
			page, err := r.store.Scan(ctx, store.Partition(p), at)
			if err != nil {
				return fmt.Errorf("find the limits of partition %d: %w", p, err)
			}
			for _, rec := range page.Records {
				r.recoverLimit(store.Partition(p), rec)
			}
			if at.After = page.Next; page.Next == nil {
				break
			}
		}
	}
	return nil
}

func (r *Runner) recoverLimit(p store.Partition, rec store.Record) {
	limit, _, isHolder := strings.Cut(rec.Key.ID, limitRow)
	kind, per := limitKind(limit)
	if !isHolder || kind == 0 {
		return
	}
	n := limitName{tenant: rec.Key.Tenant, id: limit, label: limit, kind: kind, terms: scheduler.LimitTerms{Per: per}, part: p}
	l := r.lanes[int(p)%len(r.lanes)]
	l.inbox.push(task{do: func(t *turn) {
		if l.limits[n.key()] == nil {
			l.takeLimit(n, scheduler.LimitTick{})
		}
	}})
}
