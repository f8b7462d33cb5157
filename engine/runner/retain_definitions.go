package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/store"
)

// Definitions of workflows stay: they are versions that somebody stored. Those of single jobs are made of what was asked for, and
// alike jobs share one; they go when no job has them any more. A row says of each that it stays. When no job has it the row
// becomes one that says since when, and a submit from then on stores the definition anew. What began before that has ended in
// storing its job, or failed, long before the definition goes, and is looked for once more then. A definition without either row was
// stored by an older version, or in a store that one could still use (below store.LevelNames), of whose jobs nobody knows who has it:
// it stays for ever.

const (
	jobStays = "job/"
	jobGoes  = "job-gone/"
)

func stayKey(tenant, digest string) store.Key {
	return store.Key{Table: store.TableDocIndex, Tenant: tenant, ID: jobStays + digest}
}

func goKey(tenant, digest string) store.Key {
	return store.Key{Table: store.TableDocIndex, Tenant: tenant, ID: jobGoes + digest}
}

// usedList is the list of the jobs that have a definition, among the lists of runs by workflow: no workflow is called so.
func usedList(digest string) string { return "\x03" + digest }

// jobStays tells whether the definition of a single job is stored and will be for a good while.
func (d *definitions) jobStays(ctx context.Context, tenant, digest string) bool {
	key, now := tenant+"\x00"+digest, d.r.now()
	d.mu.Lock()
	at, seen := d.stays[key]
	plan := d.plans[key]
	d.mu.Unlock()
	if seen && plan != nil && now.Sub(at) < d.r.cfg.Retention.DefinitionRest/definitionTrust {
		return true
	}
	if _, err := d.plan(ctx, tenant, digest); err != nil {
		return false
	}
	_, err := d.r.store.Get(ctx, docPartition, stayKey(tenant, digest))
	if errors.Is(err, store.ErrNotFound) {
		_, err = d.r.store.Get(ctx, docPartition, goKey(tenant, digest))
		if err == nil || !errors.Is(err, store.ErrNotFound) || !d.stored(ctx, tenant, digest) {
			return false
		}
		err = nil // an older version's
	}
	if err == nil {
		d.saw(key)
	}
	return err == nil
}

// stored tells whether a definition is in the store, whatever is known of it in memory.
func (d *definitions) stored(ctx context.Context, tenant, digest string) bool {
	_, err := d.r.store.Get(ctx, docPartition, definitionKey(tenant, digest))
	return err == nil
}

// saw notes that a definition of a single job stays.
func (d *definitions) saw(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.stays) >= cachedPlans {
		clear(d.stays)
	}
	d.stays[key] = d.r.now()
}

// forgetJob forgets a definition of a single job that goes.
func (d *definitions) forgetJob(tenant, digest string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.stays, tenant+"\x00"+digest)
	delete(d.plans, tenant+"\x00"+digest)
}

// sweepDefinitions looks at some definitions of single jobs, round and round.
func (r *Runner) sweepDefinitions(ctx context.Context) error {
	tenants, err := r.tenantsOf(ctx, docPartition, store.TableDocIndex)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := r.eachDefinition(ctx, tenant, jobStays, r.doubtDefinition); err != nil {
			return err
		}
		if err := r.eachDefinition(ctx, tenant, jobGoes, r.dropDefinition); err != nil {
			return err
		}
	}
	return nil
}

// eachDefinition hands over some of a tenant's rows that begin alike, and goes on behind them the next time.
func (r *Runner) eachDefinition(ctx context.Context, tenant, prefix string, look func(context.Context, string, store.Record) error) error {
	place := prefix + "\x00" + tenant
	page, err := r.store.Scan(ctx, docPartition, store.Range{
		Table: store.TableDocIndex, Tenant: tenant, From: prefix, To: behindPrefix(prefix), After: r.retain.defs[place], Limit: retainDefinitions,
	})
	if err != nil {
		return unread(err)
	}
	r.retain.defs[place] = page.Next
	for _, rec := range page.Records {
		if err := look(ctx, strings.TrimPrefix(rec.Key.ID, prefix), rec); err != nil {
			return err
		}
	}
	return nil
}

// doubtDefinition begins to let go of a definition that no job has.
func (r *Runner) doubtDefinition(ctx context.Context, digest string, rec store.Record) error {
	tenant := rec.Key.Tenant
	used, err := r.definitionUsed(ctx, tenant, digest)
	if used || err != nil {
		return err
	}
	return r.writeDocs(ctx, docWrite{
		part: docPartition, deletes: []store.Key{rec.Key},
		puts: []store.Put{{Key: goKey(tenant, digest), Value: store.BlobTime(r.now())}},
	})
}

// dropDefinition ends that: the definition goes, or stays when a job has it after all.
func (r *Runner) dropDefinition(ctx context.Context, digest string, rec store.Record) error {
	since, err := store.ParseBlobTime(rec.Value)
	if err != nil {
		return fmt.Errorf("since when no job has definition %.12s: %w", digest, err)
	}
	if r.now().Sub(since) < r.cfg.Retention.DefinitionRest {
		return nil
	}
	tenant := rec.Key.Tenant
	used, err := r.definitionUsed(ctx, tenant, digest)
	switch {
	case err != nil:
		return err
	case used:
		return r.writeDocs(ctx, docWrite{
			part: docPartition, deletes: []store.Key{rec.Key}, puts: []store.Put{{Key: stayKey(tenant, digest), Value: []byte{1}}},
		})
	}
	r.defs.forgetJob(tenant, digest)
	if err := r.writeDocs(ctx, docWrite{part: docPartition, deletes: []store.Key{rec.Key, definitionKey(tenant, digest)}}); err != nil {
		return err
	}
	r.defs.forgetJob(tenant, digest)
	r.retain.metrics.definitions.Inc()
	return nil
}

// definitionUsed tells whether a job has a definition, in any partition.
func (r *Runner) definitionUsed(ctx context.Context, tenant, digest string) (bool, error) {
	from := usedList(digest) + "\x01"
	for p := range r.epochs {
		page, err := r.store.Scan(ctx, store.Partition(p), store.Range{
			Table: store.TableRecent, Tenant: tenant, From: from, To: behindPrefix(from), Limit: 1,
		})
		if err != nil {
			return true, unread(err)
		}
		if len(page.Records) > 0 {
			return true, nil
		}
	}
	return false, nil
}
