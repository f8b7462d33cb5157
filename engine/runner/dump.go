package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// DumpedFact is one fact of a run's log as it is stored.
type DumpedFact struct {
	Seq    uint64          `json:"seq"`
	Entry  uint64          `json:"entry"` // the fact with which its commit began
	At     time.Time       `json:"at"`
	Actor  string          `json:"actor,omitempty"`
	Reason string          `json:"reason,omitempty"`
	Kind   uint64          `json:"kind"` // its stored number
	Name   string          `json:"name"`
	Fact   json.RawMessage `json:"fact"`
}

// DumpQuery names facts of a run by their numbers, both ends included. To 0 is up to the last one.
type DumpQuery struct {
	Run      string
	From, To uint64
}

// Dump hands over facts of a run as they are stored, oldest first, as DumpRun does. Every process that has the store can, whoever
// owns the run. A caller without a tenant has no runs.
func (r *Runner) Dump(ctx context.Context, c Caller, q DumpQuery, visit func(DumpedFact) error) error {
	if c.Tenant == "" {
		return fmt.Errorf("run %.64q: %w", q.Run, ErrNotFound)
	}
	return DumpRun(ctx, r.store, c.Tenant, q, visit)
}

// DumpRun hands over facts of a run, oldest first, read straight from a store. Payloads that are kept as blobs are named, not read;
// tokens of attempts are left out. tenant "" looks for the run in all of them. It answers ErrNotFound for a run that is not there,
// ErrUnavailable when the store could not be read. A record that does not decode ends it, after what came before.
func DumpRun(ctx context.Context, s store.Store, tenant string, q DumpQuery, visit func(DumpedFact) error) error {
	run := q.Run
	at, err := id.Partition(run)
	if err != nil || at >= s.Partitions() || !id.IsRun(run) {
		return fmt.Errorf("run %.64q: %w", run, ErrNotFound)
	}
	p := store.Partition(at)
	if tenant == "" {
		if tenant, err = tenantOfRun(ctx, s, p, run); err != nil {
			return err
		}
	}
	log := store.LogID{Tenant: tenant, Run: run}
	first, err := s.ReadLog(ctx, p, log, 1, 1)
	switch {
	case err != nil:
		return fmt.Errorf("read the log of run %s: %w", run, errors.Join(ErrUnavailable, err))
	case len(first) == 0:
		return fmt.Errorf("run %s: %w", run, ErrNotFound)
	}
	d := dump{r: &Runner{store: s}, p: p, log: log, q: q, visit: visit}
	return d.entries(ctx)
}

// dump is the log of a run being handed over.
type dump struct {
	r     *Runner
	p     store.Partition
	log   store.LogID
	q     DumpQuery
	visit func(DumpedFact) error
}

func (d *dump) entries(ctx context.Context) error {
	for next := max(d.q.From, 1); d.q.To == 0 || next <= d.q.To; {
		entries, err := d.r.store.ReadLog(ctx, d.p, d.log, next, logPage)
		if err != nil {
			return fmt.Errorf("read the log of run %s: %w", d.log.Run, errors.Join(ErrUnavailable, err))
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			if err := d.entry(ctx, e); err != nil {
				return fmt.Errorf("log of run %s, entry %d: %w", d.log.Run, e.First, err)
			}
			next = e.First + uint64(e.Count)
		}
	}
	return nil
}

func (d *dump) entry(ctx context.Context, e store.Entry) error {
	return d.r.visit(ctx, d.log.Tenant, d.p, e, func(f stamped) error {
		if f.seq < d.q.From || d.q.To != 0 && f.seq > d.q.To {
			return nil
		}
		fact, err := dumped(e.First, f)
		if err != nil {
			return err
		}
		return d.visit(fact)
	})
}

func dumped(entry uint64, f stamped) (DumpedFact, error) {
	raw, err := json.Marshal(withoutToken(f.fact))
	if err != nil {
		return DumpedFact{}, fmt.Errorf("fact %d: %w", f.seq, err)
	}
	return DumpedFact{
		Seq: f.seq, Entry: entry, At: f.at.At, Actor: f.at.Actor, Reason: f.at.Reason, Kind: kindOf(f.fact),
		Name: reflect.TypeOf(f.fact).Elem().Name(), Fact: raw,
	}, nil
}

// withoutToken is a fact that may be shown: who has the token of an attempt can answer for its worker.
func withoutToken(f codec.Fielder) any {
	if r, is := f.(*scheduler.JobReleased); is {
		shown := *r
		shown.Token = nil
		return shown
	}
	return f
}

// tenantOfRun finds whose a run is.
func tenantOfRun(ctx context.Context, s store.Store, p store.Partition, run string) (string, error) {
	at := store.Range{Table: store.TableHeader, Limit: store.MaxScan}
	for more := true; more; more = at.After != nil {
		page, err := s.Scan(ctx, p, at)
		if err != nil {
			return "", errors.Join(ErrUnavailable, err)
		}
		for _, rec := range page.Records {
			if rec.Key.ID == run {
				return rec.Key.Tenant, nil
			}
		}
		at.After = page.Next
	}
	return "", fmt.Errorf("run %s: %w", run, ErrNotFound)
}
