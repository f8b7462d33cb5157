package runner

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// Which runs name a blob is kept both ways, in the commit that names it: by the run, so that its removal finds them without
// reading its log, and by the blob, so that whoever else names it is found without reading theirs.

const byRun = "run/"

func blobsOfRun(run string) string    { return byRun + run + "/" }
func runsOfBlob(digest string) string { return store.BlobUse(digest) }
func useKey(tenant, id string) store.Key {
	return store.Key{Table: store.TableBlobUse, Tenant: tenant, ID: id}
}

// blobOfRun and runOfBlob are the two rows that say that a run names a blob.
func blobOfRun(tenant, digest, run string) store.Key { return useKey(tenant, blobsOfRun(run)+digest) }

func runOfBlob(tenant, digest, run string) store.Key { return useKey(tenant, runsOfBlob(digest)+run) }

// noteBlobs puts into a transaction that a run names what its new log entry names: blobs of payloads, and those that hold the
// entry itself. value is the entry as it was encoded; most name none, and are not looked at fact by fact.
func (lr *live) noteBlobs(tx *store.Tx, value []byte, chunks []string) {
	for _, digest := range chunks {
		lr.noteBlob(tx, digest)
	}
	if !bytes.Contains(value, []byte(store.DigestPrefix)) {
		return
	}
	for i := range lr.pending {
		if fact, is := lr.pending[i].fact.(engine.Fact); is {
			_ = engine.Payloads(fact, func(p *engine.Payload) error {
				if p.Blob != "" {
					lr.noteBlob(tx, p.Blob)
				}
				return nil
			})
		}
	}
}

func (lr *live) noteBlob(tx *store.Tx, digest string) {
	tx.Puts = append(tx.Puts,
		store.Put{Key: blobOfRun(lr.run.Tenant, digest, lr.id), Value: []byte{1}},
		store.Put{Key: runOfBlob(lr.run.Tenant, digest, lr.id), Value: []byte{1}})
}

// sweepBlobs looks at some blobs of a partition, round and round, and removes those that no run names and that were put long
// enough ago: who puts one names it soon, in its commit, or never.
func (r *Runner) sweepBlobs(ctx context.Context, p store.Partition) error {
	page, err := r.store.Scan(ctx, p, store.Range{Table: store.TableBlob, After: r.retain.blobs[p], Limit: retainBlobs})
	if err != nil {
		return unread(err)
	}
	r.retain.blobs[p] = page.Next
	w, before := docWrite{part: p}, r.now().Add(-r.cfg.Retention.BlobRest)
	for _, rec := range page.Records {
		at, err := store.ParseBlobTime(rec.Value)
		if err != nil || !at.Before(before) {
			continue
		}
		named, stale, err := r.named(ctx, p, rec.Key.Tenant, rec.Key.ID)
		if err != nil {
			return err
		}
		w.deletes = append(w.deletes, stale...)
		if !named {
			w.sweeps = append(w.sweeps, store.Sweep{Tenant: rec.Key.Tenant, Digest: rec.Key.ID, Before: before})
		}
	}
	if len(w.deletes)+len(w.sweeps) == 0 {
		return nil
	}
	if err := r.writeDocs(ctx, w); err != nil {
		return err
	}
	r.retain.metrics.blobs.Add(float64(len(w.sweeps)))
	return waitFor(ctx, retainPause)
}

// named tells whether a run names a blob, and which rows say so of runs that are gone.
func (r *Runner) named(ctx context.Context, p store.Partition, tenant, digest string) (bool, []store.Key, error) {
	from := runsOfBlob(digest)
	var stale []store.Key
	at := store.Range{Table: store.TableBlobUse, Tenant: tenant, From: from, To: behindPrefix(from), Limit: retainUses}
	for {
		page, err := r.store.Scan(ctx, p, at)
		if err != nil {
			return true, nil, unread(err)
		}
		for _, rec := range page.Records {
			run := strings.TrimPrefix(rec.Key.ID, from)
			if _, err := r.readHeader(ctx, tenant, run); !errors.Is(err, ErrNotFound) {
				if errors.Is(err, ErrUnavailable) {
					return true, nil, err
				}
				return true, stale, nil
			}
			stale = append(stale, rec.Key, blobOfRun(tenant, digest, run))
		}
		if at.After = page.Next; at.After == nil || len(stale) > 2*retainRows {
			return at.After != nil, stale, nil
		}
	}
}
