package runner

import (
	"context"
	"fmt"
	"math"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// LogMismatch is a fact without its record, or a record without its fact.
type LogMismatch struct {
	Tenant, Run string
	Seq         uint64
	Says        string
}

// CompareLogs compares the logs of all runs that are kept with the chains of a store: what is an act has its record, and each
// record's fact is the one of the log. It needs no server, and reads everything.
func CompareLogs(ctx context.Context, s store.Store, found func(LogMismatch)) error {
	r := &Runner{store: s}
	for p := range s.Partitions() {
		records, err := recordedFacts(ctx, s, store.Partition(p))
		if err != nil {
			return err
		}
		cuts, err := audit.StoreSource{Reader: s}.Cuts(ctx)
		if err != nil {
			return err
		}
		at := store.Range{Table: store.TableHeader, Limit: store.MaxScan}
		for more := true; more; more = at.After != nil {
			page, err := s.Scan(ctx, store.Partition(p), at)
			if err != nil {
				return fmt.Errorf("list the runs of partition %d: %w", p, err)
			}
			for _, rec := range page.Records {
				key := runKey{rec.Key.Tenant, rec.Key.ID}
				known := records[key]
				if known == nil {
					known = &recorded{}
					if cut := cuts[audit.Chain{Partition: store.Partition(p), Tenant: key.tenant}]; !cut.None() {
						known.first = math.MaxUint64
					}
				}
				if err := r.compareLog(ctx, store.Partition(p), key, known, found); err != nil {
					return err
				}
			}
			at.After = page.Next
		}
	}
	return nil
}

type runKey struct{ tenant, run string }

// recorded is what the chain says of a run's facts, and where what is left of it begins.
type recorded struct {
	hashes map[uint64]audit.Hash
	first  uint64 // the oldest fact that has a record: retention took those of older ones
}

func recordedFacts(ctx context.Context, s store.Store, p store.Partition) (map[runKey]*recorded, error) {
	out := map[runKey]*recorded{}
	at := store.Range{Table: store.TableAudit, Limit: store.MaxScan}
	for more := true; more; more = at.After != nil {
		page, err := s.Scan(ctx, p, at)
		if err != nil {
			return nil, fmt.Errorf("read the audit records of partition %d: %w", p, err)
		}
		for _, rec := range page.Records {
			row, err := audit.ReadRow(rec.Value)
			if err != nil {
				continue // a check of the chains tells
			}
			for i := range row.Records {
				note(out, &row.Records[i])
			}
		}
		at.After = page.Next
	}
	return out, nil
}

func note(out map[runKey]*recorded, rec *audit.Record) {
	if rec.Run == "" || rec.FactSeq == 0 {
		return
	}
	key := runKey{rec.Tenant, rec.Run}
	if out[key] == nil {
		out[key] = &recorded{hashes: map[uint64]audit.Hash{}, first: rec.FactSeq}
	}
	out[key].hashes[rec.FactSeq] = rec.FactHash
}

// compareLog compares one run's log with its records.
func (r *Runner) compareLog(ctx context.Context, p store.Partition, key runKey, known *recorded, found func(LogMismatch)) error {
	differ := func(seq uint64, says string) { found(LogMismatch{key.tenant, key.run, seq, says}) }
	l := store.LogID{Tenant: key.tenant, Run: key.run}
	for next := uint64(1); ; {
		entries, err := r.store.ReadLog(ctx, p, l, next, logPage)
		if err != nil {
			return fmt.Errorf("read the log of run %s: %w", key.run, err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			err := r.visit(ctx, key.tenant, p, e, func(f stamped) error {
				if says := known.compare(f); says != "" {
					differ(f.seq, says)
				}
				return nil
			})
			if err != nil {
				differ(e.First, err.Error())
			}
			next = e.First + uint64(e.Count)
		}
	}
	for seq := range known.hashes {
		differ(seq, "the record's fact is not in the log")
	}
	return nil
}

// compare says what is wrong between a fact and its record; "" when nothing is. Each fact is asked about once.
func (k *recorded) compare(f stamped) string {
	hash, has := k.hashes[f.seq]
	delete(k.hashes, f.seq)
	own, _ := factHash(f.at, kindOf(f.fact), f.body, nil)
	switch act, _ := actOf(f.fact); {
	case has && hash != own:
		return "the fact is not the one of its record"
	case !has && act != "" && f.seq > k.first:
		return "the fact is an act (" + string(act) + ") and has no record"
	}
	return ""
}
