package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// retainLook is one look for runs that may go. It reads the index of states, so that it sees only what has ended, and of that
// only what began before it could be old enough.
type retainLook struct {
	r       *Runner
	now     time.Time
	least   map[string]string // by tenant and kind: runs that began before this place are too many
	removed int
}

// all looks through the partitions that this process owns.
func (k *retainLook) all(ctx context.Context) error {
	for _, p := range k.r.owned() {
		tenants, err := k.r.tenantsOf(ctx, p, store.TableByState)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			err := k.tenant(ctx, p, tenant)
			if errors.Is(err, ErrMoved) {
				break // its new owner goes on
			}
			if err != nil {
				return fmt.Errorf("partition %d, tenant %.64q: %w", p, tenant, err)
			}
		}
	}
	return nil
}

func (k *retainLook) tenant(ctx context.Context, p store.Partition, tenant string) error {
	for i := range retainedKinds {
		kind := retainedKinds[i].kind
		keep := k.r.cfg.Retention.of(kind)
		if keep.everything() {
			continue
		}
		least, err := k.tooMany(ctx, tenant, kind, keep.Count)
		if err != nil {
			return err
		}
		for _, state := range retainedKinds[i].states {
			of := ended{p: p, tenant: tenant, kind: kind, state: state, least: least, before: k.before(keep)}
			if err := k.state(ctx, of); err != nil {
				return err
			}
		}
	}
	return nil
}

// before is when a run must have ended to be too old; zero: none is.
func (k *retainLook) before(keep Keep) (t time.Time) {
	if keep.Age > 0 {
		t = k.now.Add(-keep.Age)
	}
	return t
}

// ended names runs of a tenant and partition that have ended in one state, and says which of them may go.
type ended struct {
	p      store.Partition
	tenant string
	kind   engine.Kind
	state  string
	least  string    // a place among all runs: those before it are too many; "" none is
	before time.Time // those that ended before then are too old; zero: none is
}

// upTo is the place among all runs at which the look ends: none behind it may go.
func (e *ended) upTo() string {
	if e.before.IsZero() {
		return e.least
	}
	return max(e.least, startedBefore(e.before))
}

// state removes what may go of the runs that ended in one state, oldest first.
func (k *retainLook) state(ctx context.Context, of ended) error {
	if of.upTo() == "" {
		return nil
	}
	prefix := statePrefix(of.kind.String(), of.state)
	part := fmt.Sprintf("%s%02X", prefix, of.p)
	at := store.Range{Table: store.TableByState, Tenant: of.tenant, From: part, To: part + of.upTo(), Limit: retainPage}
	for {
		page, err := k.r.store.Scan(ctx, of.p, at)
		if err != nil {
			return unread(err)
		}
		for runs := page.Records; len(runs) > 0; {
			some := runs[:min(len(runs), retainRuns)]
			runs = runs[len(some):]
			if err := k.some(ctx, of, prefix, some); err != nil {
				return err
			}
		}
		if at.After = page.Next; at.After == nil {
			return nil
		}
	}
}

// some looks at a few runs, and has those that may go removed in one commit.
func (k *retainLook) some(ctx context.Context, of ended, prefix string, rows []store.Record) error {
	if !k.r.owns(of.p) {
		return ErrMoved
	}
	began := time.Now()
	k.r.audit.mu.Lock() // nobody is told that a legal hold is set while this goes by the ones before
	n, err := k.removeOf(ctx, of, prefix, rows)
	k.r.audit.mu.Unlock()
	k.removed += n
	k.r.retain.metrics.runs.WithLabelValues(of.kind.String()).Add(float64(n))
	if err != nil {
		return err
	}
	return waitFor(ctx, max(time.Since(began), retainPause))
}

func (k *retainLook) removeOf(ctx context.Context, of ended, prefix string, rows []store.Record) (int, error) {
	holds, err := k.r.legalHolds(ctx)
	if err != nil {
		return 0, err
	}
	var gone []remains
	for _, rec := range rows {
		run := strings.TrimPrefix(rec.Key.ID, prefix)
		h, fate, err := k.fateOf(ctx, of, run, holds)
		if err != nil {
			return 0, err
		}
		if fate.goes() {
			what, err := k.r.remainsOf(ctx, of.tenant, run, &h, of.state)
			if err != nil {
				return 0, err
			}
			gone = append(gone, what)
		}
	}
	return k.r.removeRuns(ctx, of.p, gone)
}

// waitFor lets others have the machine.
func waitFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// retainFate is what a look finds about a run: why it may go, or what keeps it.
type retainFate string

const (
	fateKept retainFate = "" // it is neither too old nor too many
	// Why it may go.
	fateAge   retainFate = "age"
	fateCount retainFate = "count"
	// What keeps one that would go else: a legal hold over it, a job of it that is a dead letter, the run that started it (that one
	// could undo it), something of it that has not ended, a record that cannot be read.
	fateHeld       retainFate = "legal_hold"
	fateDead       retainFate = "dead_letter"
	fateParent     retainFate = "parent"
	fateLive       retainFate = "not_settled"
	fateUnreadable retainFate = "unreadable"
)

func (f retainFate) goes() bool { return f == fateAge || f == fateCount }

// fateOf tells whether a run is too old or too many, and what needs it. What cannot be read stays.
func (k *retainLook) fateOf(ctx context.Context, of ended, run string, holds []LegalHold) (h runHeader, f retainFate, err error) {
	h, err = k.r.readHeader(ctx, of.tenant, run)
	switch {
	case errors.Is(err, ErrUnavailable):
		return h, fateKept, err
	case errors.Is(err, ErrNotFound): // it went meanwhile
		return h, fateKept, nil
	case err == nil && h.Fault == "" && !h.final(): // it is tried again
		return h, fateKept, nil
	case err != nil || h.Fault != "":
		return h, fateUnreadable, nil
	}
	switch {
	case of.least != "" && order(run) < of.least:
		f = fateCount
	case !of.before.IsZero() && h.EndedAt.Before(of.before):
		f = fateAge
	default:
		return h, fateKept, nil
	}
	for i := range holds {
		if holds[i].overRun(of.tenant, run) {
			return h, fateHeld, nil
		}
	}
	need, err := k.needed(ctx, of, run, &h)
	if err != nil {
		return h, fateKept, err
	}
	if need != fateKept {
		f = need
	}
	return h, f, nil
}

// needed is what needs a run; fateKept when nothing does.
func (k *retainLook) needed(ctx context.Context, of ended, run string, h *runHeader) (retainFate, error) {
	live, err := k.there(ctx, of.p, liveKey(of.tenant, run))
	if live || err != nil {
		return fateLive, err
	}
	if h.Parent != "" {
		if _, err := k.r.readHeader(ctx, of.tenant, h.Parent); !errors.Is(err, ErrNotFound) {
			if errors.Is(err, ErrUnavailable) {
				return fateParent, err
			}
			return fateParent, nil
		}
	}
	page, err := k.r.store.Scan(ctx, of.p, store.Range{Table: store.TableDeadLetter, Tenant: of.tenant, From: run + ".", To: run + "/", Limit: 1})
	if err != nil {
		return fateDead, unread(err)
	}
	if len(page.Records) > 0 {
		return fateDead, nil
	}
	return fateKept, nil
}

func (k *retainLook) there(ctx context.Context, p store.Partition, key store.Key) (bool, error) {
	_, err := k.r.store.Get(ctx, p, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return true, unread(err)
	}
	return true, nil
}

// overRun tells whether a run is under the hold; one without a tenant is over everything.
func (h *LegalHold) overRun(tenant, run string) bool {
	return h.Tenant == "" || h.Tenant == tenant && (h.Run == "" || h.Run == run)
}
