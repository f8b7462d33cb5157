package runner

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// AuditConfig says how the audit log is kept. Zero fields mean their default.
type AuditConfig struct {
	Key   ed25519.PrivateKey // signs heads, cuts and evidence; default none: they are not signed
	Every time.Duration      // between two signed heads, when something was recorded; default 5 min
	Keep  time.Duration      // older records may be removed by whole segments; default 0: never
}

// What callers are told of the audit log.
type (
	AuditAct      = audit.Act
	AuditRecord   = audit.Record
	AuditQuery    = audit.Query
	AuditHead     = audit.Head
	AuditReport   = audit.Report
	AuditEvidence = audit.Evidence
)

// headKind is the kind of the documents that keep signed heads.
const headKind = "audit.head"

// auditing is the audit side of a runner: the newest head, and whoever changes heads, holds or removes what is old.
type auditing struct {
	mu     sync.Mutex
	signer audit.Signer
	last   *audit.Head // nil until it is read
	none   bool        // there was none to read

	removing  sync.Mutex   // held for each removal of old records
	heldAnews atomic.Int64 // grows with every change of legal holds that this process hears of
}

// holdsChanged answers when nothing is removed any more by the legal holds that were there before.
func (a *auditing) holdsChanged() {
	a.heldAnews.Add(1)
	a.removing.Lock()
	a.removing.Unlock() //nolint:staticcheck // it waits for the one that is under way
}

// storeID is the random name of the store; "" when it has none.
func (r *Runner) storeID() string { return r.identity.ID }

// keepAudit signs heads and removes what is old until ctx ends. A failure is tried again at the next time.
func (r *Runner) keepAudit(ctx context.Context) error {
	tick := time.NewTicker(r.cfg.Audit.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		head, err := r.vouched(ctx)
		if err == nil && r.cfg.Audit.Keep > 0 {
			err = r.expireAudit(ctx, head)
		}
		if err != nil && ctx.Err() == nil {
			r.cfg.Logger.Error("audit: no signed head, or old records not removed; trying again", "error", err)
		}
	}
}

// vouched is the head by which old records may go: one that is taken now where this process leads, else the newest that is kept.
// Without any it is none that vouches for anything.
func (r *Runner) vouched(ctx context.Context) (audit.Head, error) {
	if r.leads() {
		return r.signHead(ctx, false)
	}
	heads, err := r.newestHeads(ctx, "", 1)
	if err != nil || len(heads) == 0 {
		return audit.Head{}, err
	}
	return heads[0], nil
}

// forgetLast has the newest head read again: another process may have taken one.
func (a *auditing) forgetLast() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.none = nil, false
}

// signHead takes a head of all chains and keeps it. When nothing was recorded since the last one, that one will do, unless
// always is set.
func (r *Runner) signHead(ctx context.Context, always bool) (audit.Head, error) {
	r.audit.mu.Lock()
	defer r.audit.mu.Unlock()
	last, err := r.lastHead(ctx)
	if err != nil {
		return audit.Head{}, err
	}
	head, err := audit.TakeHead(ctx, r.store, r.audit.signer, r.storeID(), last, r.now())
	if err != nil {
		return head, fmt.Errorf("take a head: %w", errors.Join(ErrUnavailable, err))
	}
	if last != nil && !always && last.SameChains(&head) {
		return *last, nil
	}
	value, err := json.Marshal(head)
	if err != nil {
		return head, fmt.Errorf("encode a head: %w", err)
	}
	w := docWrite{part: docPartition, puts: []store.Put{{Key: docKey(headKind, headName(head.Number)), Value: value}}}
	if head.Number > audit.MaxHeads {
		w.deletes = []store.Key{docKey(headKind, headName(head.Number-audit.MaxHeads))}
	}
	if err := r.writeDocs(ctx, w); err != nil {
		r.audit.last = nil
		return head, fmt.Errorf("keep a head: %w", err)
	}
	r.audit.last, r.audit.none = &head, false
	return head, nil
}

func headName(n uint64) string { return fmt.Sprintf("%012d", n) }

// lastHead is the newest head that is kept; nil when there is none.
func (r *Runner) lastHead(ctx context.Context) (*audit.Head, error) {
	if r.audit.last != nil || r.audit.none {
		return r.audit.last, nil
	}
	heads, err := r.newestHeads(ctx, "", 1)
	if err != nil {
		return nil, err
	}
	r.audit.none = len(heads) == 0
	if len(heads) > 0 {
		r.audit.last = &heads[0]
	}
	return r.audit.last, nil
}

// newestHeads reads kept heads, newest first, below the name before.
func (r *Runner) newestHeads(ctx context.Context, before string, limit int) ([]audit.Head, error) {
	from := docKey(headKind, "").ID
	to := from[:len(from)-1] + "0"
	if before != "" {
		to = from + before
	}
	page, err := r.store.Scan(ctx, docPartition, store.Range{
		Table: store.TableDocIndex, Tenant: docTenant, From: from, To: to, Reverse: true, Limit: limit,
	})
	if err != nil {
		return nil, fmt.Errorf("read signed heads: %w", errors.Join(ErrUnavailable, err))
	}
	heads := make([]audit.Head, 0, len(page.Records))
	for _, rec := range page.Records {
		h, err := audit.ReadHead(bytes.NewReader(rec.Value))
		if err != nil {
			r.cfg.Logger.Error("signed head cannot be read", "head", rec.Key.ID, "error", err)
			continue
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// AuditHeads lists the signed heads that are kept, newest first. Whoever is not the operator of the installation sees of other
// tenants' chains only the digests.
func (r *Runner) AuditHeads(ctx context.Context, c Caller, all bool, cursor string, limit int) ([]AuditHead, string, error) {
	n, err := Filter{Limit: limit}.limit()
	if err != nil {
		return nil, "", err
	}
	before := ""
	if cursor != "" {
		if before, err = decodeCursor(cursor); err != nil {
			return nil, "", err
		}
	}
	n = min(n, maxHeadsPage)
	heads, err := r.newestHeads(ctx, before, n)
	if err != nil {
		return nil, "", err
	}
	for i := range heads {
		if !all {
			heads[i] = heads[i].For(c.Tenant)
		}
	}
	if len(heads) < n {
		return heads, "", nil
	}
	return heads, encodeCursor(headName(heads[len(heads)-1].Number)), nil
}

// TakeAuditHead takes and keeps a signed head now.
func (r *Runner) TakeAuditHead(ctx context.Context, c Caller, all bool) (AuditHead, error) {
	if err := r.ChangeDocs(ctx, c, string(audit.Export), "signed head"); err != nil {
		return AuditHead{}, err
	}
	h, err := r.signHead(ctx, true)
	if err != nil || all {
		return h, err
	}
	return h.For(c.Tenant), nil
}

// AuditKey is the public key that heads are signed with, as PEM; nil when there is none.
func (r *Runner) AuditKey() ed25519.PublicKey { return r.audit.signer.Public() }
