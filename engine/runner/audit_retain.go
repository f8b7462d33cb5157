package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// LegalHold keeps audit records from being removed: those of one run, or all of the tenant's.
type LegalHold struct {
	ID     string    `json:"id"`
	Tenant string    `json:"tenant"`
	Run    string    `json:"run,omitempty" doc:"Only this run's; with it stays what was recorded after it in its chain"`
	Reason string    `json:"reason"`
	SetBy  string    `json:"set_by"`
	SetAt  time.Time `json:"set_at"`
}

// legalKind is the kind of the documents that keep legal holds.
const legalKind = "audit.hold"

// SetLegalHold puts records under a hold. When it answers, none of them is removed any more.
func (r *Runner) SetLegalHold(ctx context.Context, c Caller, run string) (LegalHold, error) {
	if c.Reason == "" {
		return LegalHold{}, &InvalidError{Code: "reason_needed", Message: "a legal hold is set with a reason"}
	}
	if run != "" {
		if _, err := r.header(ctx, c.Tenant, run); err != nil {
			return LegalHold{}, asUnavailable(err)
		}
	}
	h := LegalHold{ID: r.newID(), Tenant: c.Tenant, Run: run, Reason: c.Reason, SetBy: c.Actor, SetAt: r.now()}
	value, err := json.Marshal(h)
	if err != nil {
		return h, fmt.Errorf("encode a legal hold: %w", err)
	}
	err = r.ChangeDocs(ctx, c, string(audit.HoldSet), "audit log "+orAll(run), DocChange{Kind: legalKind, Name: h.ID, Value: value})
	r.audit.holdsChanged()
	return h, err
}

func orAll(run string) string {
	if run == "" {
		return "of the tenant"
	}
	return "of run " + run
}

// LiftLegalHold lets records go again.
func (r *Runner) LiftLegalHold(ctx context.Context, c Caller, hold string) error {
	d, err := r.Doc(ctx, legalKind, hold)
	if err != nil {
		return err
	}
	var h LegalHold
	if json.Unmarshal(d.Value, &h) == nil && h.Tenant != c.Tenant {
		return fmt.Errorf("legal hold %.64q: %w", hold, ErrNotFound)
	}
	return r.ChangeDocs(ctx, c, string(audit.HoldLift), "audit log "+orAll(h.Run), DocChange{Kind: legalKind, Name: hold, IfMatch: &d.ETag})
}

// LegalHolds lists those of the caller's tenant.
func (r *Runner) LegalHolds(ctx context.Context, c Caller) ([]LegalHold, error) {
	all, err := r.legalHolds(ctx)
	out := []LegalHold{}
	for _, h := range all {
		if h.Tenant == c.Tenant {
			out = append(out, h)
		}
	}
	return out, err
}

// legalHolds reads all holds. One that does not decode holds everything: nobody knows what it is over.
func (r *Runner) legalHolds(ctx context.Context) ([]LegalHold, error) {
	var out []LegalHold
	for after := ""; ; {
		docs, next, err := r.Docs(ctx, legalKind, after, 0)
		if err != nil {
			return nil, fmt.Errorf("read the legal holds: %w", err)
		}
		for _, d := range docs {
			var h LegalHold
			if err := json.Unmarshal(d.Value, &h); err != nil {
				r.cfg.Logger.Error("legal hold cannot be read: everything is held", "hold", d.Name, "error", err)
				h = LegalHold{ID: d.Name}
			}
			out = append(out, h)
		}
		if after = next; after == "" {
			return out, nil
		}
	}
}

// over tells whether a record is under the hold; one without a tenant is over everything.
func (h *LegalHold) over(rec *audit.Record) bool {
	return h.Tenant == "" || h.Tenant == rec.Tenant && (h.Run == "" || h.Run == rec.Run)
}

// expireAudit removes old segments of this process's chains that a head vouches for and nothing holds. Each removal is signed, and
// is an act itself.
func (r *Runner) expireAudit(ctx context.Context, head audit.Head) error {
	chains, err := audit.Chains(ctx, r.store, "")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	e := expiry{of: audit.Expiry{Before: r.now().Add(-r.cfg.Audit.Keep), Head: &head}, holdsOf: -1}
	for _, c := range chains {
		for more := r.owns(c.Partition); more; {
			if more, err = r.expireSome(ctx, c, &e); err != nil {
				return fmt.Errorf("remove old records of %s: %w", c, err)
			}
		}
	}
	return nil
}

// expiry is a round of removals and the legal holds that it keeps to.
type expiry struct {
	of      audit.Expiry
	holdsOf int64 // what heldAnews was when they were read
}

// expireSome removes what one look finds, by the legal holds of now: who sets one waits for it.
func (r *Runner) expireSome(ctx context.Context, c audit.Chain, e *expiry) (more bool, err error) {
	r.audit.removing.Lock()
	defer r.audit.removing.Unlock()
	if now := r.audit.heldAnews.Load(); e.holdsOf != now {
		holds, err := r.legalHolds(ctx)
		if err != nil {
			return false, err
		}
		e.holdsOf, e.of.Held = now, func(rec *audit.Record) bool {
			return slices.ContainsFunc(holds, func(h LegalHold) bool { return h.over(rec) })
		}
	}
	if r.stale() {
		return false, fmt.Errorf("whether something is held is not known: %w", ErrUnavailable)
	}
	return r.expireChain(ctx, c, e.of)
}

// expireChain removes what one look finds and tells whether there may be more.
func (r *Runner) expireChain(ctx context.Context, c audit.Chain, ret audit.Expiry) (more bool, err error) {
	rec, err := r.store.Get(ctx, c.Partition, audit.CutKey(c.Tenant))
	if err != nil {
		return false, errors.Join(ErrUnavailable, err)
	}
	cut, err := audit.ReadCut(rec.Value)
	if err != nil {
		return false, err
	}
	gone, cut, err := audit.Expired(ctx, r.store, c, cut, ret)
	if err != nil || len(gone) == 0 {
		return false, err
	}
	cut.At = r.now()
	cut.Sign(c, r.storeID(), r.audit.signer)
	by := Caller{Tenant: c.Tenant, Actor: systemActor}
	return true, r.writeDocs(ctx, docWrite{
		part: c.Partition, deletes: gone, puts: []store.Put{{Key: audit.CutKey(c.Tenant), Value: cut.Encode()}},
		acts: []docAct{{caller: by, name: string(audit.Retention), subject: fmt.Sprintf("records before %d", cut.First)}},
	})
}
