package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// errSetAside says that a run's records cannot be read; it matches ErrUnavailable, too. Its records stay as they are:
// resume reads them again, and a newer version may understand them.
var errSetAside = errors.New("the run is set aside because its records cannot be read: resume tries again, cancel with force ends it")

// transient tells whether what failed may work a moment later, here: what has moved works elsewhere.
func transient(err error) bool {
	return errors.Is(err, ErrUnavailable) && !errors.Is(err, errSetAside) && !errors.Is(err, ErrMoved)
}

// fenced runs do and turns a panic, or an error of deciding, into an error.
func (l *lane) fenced(t *turn, do func(*turn)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = l.panicked(t.runID(), p)
		}
	}()
	do(t)
	return t.err
}

// panicked is a panic as the error of the one run it happened to.
func (l *lane) panicked(run string, p any) error {
	l.log.Error("deciding panicked", "run_id", run, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return fmt.Errorf("%w: %v", errPanicked, p)
}

var errPanicked = errors.New("panic")

// errFaulted says that the engine could not go on with a run: asking again would come to the same.
var errFaulted = errors.New("the run is faulted")

// fault forgets what was being decided, loads the run again and marks it faulted: the error is kept, the lane goes on.
func (l *lane) fault(ctx context.Context, t *task, cause error) {
	l.r.metrics.faults.Inc()
	l.log.Error("run faulted", "run_id", t.run, "error", cause)
	tenant := t.tenant
	if lr := l.runs[t.run]; lr != nil {
		tenant = lr.run.Tenant
		l.forget(lr, ErrUnavailable)
	}
	if t.fail != nil {
		t.fail(fmt.Errorf("run %s: %w", t.run, errors.Join(errFaulted, ErrUnavailable)))
	}
	if t.fresh || t.run == "" || tenant == "" {
		return
	}
	l.markFaulted(ctx, tenant, t.run, cause)
}

// markFaulted makes the fault a fact of the run as it is stored.
func (l *lane) markFaulted(ctx context.Context, tenant, run string, cause error) {
	lr, err := l.get(ctx, &task{run: run, tenant: tenant})
	if transient(err) {
		l.mending[run] = tenant
		l.later(retryPause, task{do: func(*turn) { l.markFaulted(ctx, tenant, run, cause) }})
	}
	if err != nil {
		return
	}
	again := turn{lane: l, live: lr, now: l.r.now()}
	if err := l.fenced(&again, func(t *turn) {
		_ = t.decide(engine.Fault{Stamp: t.system("the engine could not go on"), Error: cutText(cause.Error(), maxMessage)})
	}); err != nil {
		l.forget(lr, ErrUnavailable)
		l.setAside(ctx, run, tenant, err)
	}
}

// setAside notes a run that cannot be read, in its header, where lists and views find it.
func (l *lane) setAside(ctx context.Context, run, tenant string, cause error) {
	l.broken[run] = cause
	l.r.metrics.quarantined.Inc()
	l.log.Error("run set aside: its records cannot be read", "run_id", run, "error", cause)
	h, err := l.r.readHeader(ctx, tenant, run)
	if err != nil || h.Fault != "" || h.final() {
		return
	}
	before := h.State
	h.State, h.Fault = engine.RunFaulted.String(), cutText(cause.Error(), maxMessage)
	l.docs = append(l.docs, docWrite{
		part:    l.r.partOf(run),
		puts:    []store.Put{{Key: headerKey(tenant, run), Value: encode(&h)}, h.byState(tenant, run, h.State)},
		deletes: []store.Key{h.byState(tenant, run, before).Key},
	})
}

// endUnread ends a run that cannot be read, on a person's word: its header says so, and it is not taken up again. Its log
// stays as it is.
func (r *Runner) endUnread(ctx context.Context, c Caller, run string) error {
	h, err := r.readHeader(ctx, c.Tenant, run)
	if errors.Is(err, errBadHeader) {
		h, err = runHeader{StartedBy: c.Actor, Fault: err.Error()}, nil
	}
	if err != nil {
		return err
	}
	if h.final() {
		return fmt.Errorf("the run has ended: it is %s: %w", h.State, ErrConflict)
	}
	before := h.State
	h.State, h.EndedAt = engine.RunCancelled.String(), r.now()
	if h.Fault == "" {
		h.Fault = "ended by " + c.Actor + " without being read"
	}
	return r.writeDocs(ctx, docWrite{
		part:    r.partOf(run),
		puts:    []store.Put{{Key: headerKey(c.Tenant, run), Value: encode(&h)}, h.byState(c.Tenant, run, h.State)},
		deletes: []store.Key{liveKey(c.Tenant, run), h.byState(c.Tenant, run, before).Key},
		acts:    []docAct{{caller: c, name: string(audit.Override), subject: run}},
	})
}
