package runner

import (
	"context"
	"errors"
	"fmt"
	"io"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// AuditRecords lists the records of the caller's tenant. The query's Tenant and In have no effect. Next is empty when nothing
// is left, and never when the oldest come first: what is recorded later comes with it.
func (r *Runner) AuditRecords(ctx context.Context, c Caller, q AuditQuery) ([]AuditRecord, string, error) {
	q.Tenant, q.In = c.Tenant, nil
	if q.Run != "" {
		p, err := id.Partition(q.Run)
		if err != nil || p >= len(r.epochs) {
			return nil, "", fmt.Errorf("run %.64q: %w", q.Run, ErrNotFound)
		}
		in := store.Partition(p)
		q.In = &in
	}
	records, next, err := audit.List(ctx, r.store, q)
	if errors.Is(err, audit.ErrCursor) {
		return nil, "", ErrInvalidCursor
	}
	if err != nil {
		return nil, "", fmt.Errorf("list audit records: %w", errors.Join(ErrUnavailable, err))
	}
	return records, next, nil
}

// auditSource is the chains of the caller's tenant.
func (r *Runner) auditSource(c Caller) audit.StoreSource {
	return audit.StoreSource{Reader: r.store, ID: r.storeID(), Only: c.Tenant}
}

// VerifyAudit follows the chains of the caller's tenant and compares them with the newest head that is kept. It is the
// server's own word: what proves to others is a check without it, against a head that was kept elsewhere.
func (r *Runner) VerifyAudit(ctx context.Context, c Caller) (AuditReport, error) {
	with := audit.Against{Key: r.audit.signer.Public()}
	heads, err := r.newestHeads(ctx, "", 1)
	if err != nil {
		return AuditReport{}, err
	}
	for _, h := range heads {
		if len(h.Signature) > 0 || with.Key == nil { // one from before there was a key proves nothing to a key
			with.Heads = append(with.Heads, h)
		}
	}
	report, err := audit.Verify(ctx, r.auditSource(c), with)
	if err != nil {
		return report, fmt.Errorf("verify the audit log: %w", errors.Join(ErrUnavailable, err))
	}
	return report, nil
}

// ExportAudit writes every record of the caller's tenant, in the form that a check without a server takes. That it was
// exported is recorded first. When it fails half-way, what was written has no last line.
func (r *Runner) ExportAudit(ctx context.Context, c Caller, w io.Writer) error {
	if err := r.ChangeDocs(ctx, c, string(audit.Export), "audit log"); err != nil {
		return err
	}
	_, err := audit.WriteExport(ctx, w, r.auditSource(c), r.now())
	return err
}
