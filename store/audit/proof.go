package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// Proof leads from the first record of one run to a place of its chain that a head names. Records of other runs are in it by
// their digests only, which tell nothing.
type Proof struct {
	Chain
	Prev  Hash   `json:"prev" doc:"What the first link follows"`
	First uint64 `json:"first" doc:"Number of the first link"`
	Links []Step `json:"links"`
}

// Step is one record of the run, or the digests of records of others, 32 bytes each.
type Step struct {
	Record  *Record `json:"record,omitempty"`
	Digests []byte  `json:"digests,omitempty"`
}

// ErrNoRecords says that a chain has no record of a run.
var ErrNoRecords = errors.New("audit: no record of the run is left")

// ErrProofTooLong says that more than MaxProofLinks lie between a run's first record and the head.
var ErrProofTooLong = fmt.Errorf("audit: more than %d records lie between the run's first and the head", MaxProofLinks)

// Prove makes the proof of a run that began at since, up to where a head says that its chain stood.
func Prove(ctx context.Context, s Reader, run string, since time.Time, to *ChainHead) (Proof, error) {
	l := listing{ctx: ctx, s: s, q: Query{Tenant: to.Tenant, Forward: true}}
	from, err := l.seek(to.Chain, since)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Chain: to.Chain}
	length := 0
	at := store.Range{Table: store.TableAudit, Tenant: to.Tenant, From: rowID(from), Limit: scanRows}
	for more := true; more; more = at.After != nil {
		page, err := s.Scan(ctx, to.Partition, at)
		if err != nil {
			return p, fmt.Errorf("read the records of run %s: %w", run, err)
		}
		for _, rec := range page.Records {
			row, err := ReadRow(rec.Value)
			if err != nil {
				return p, fmt.Errorf("%s, row %s: %w", to.Chain, rec.Key.ID, err)
			}
			for i := range row.Records {
				if row.Records[i].Seq > to.Seq {
					return p.done()
				}
				p.add(&row.Records[i], run)
				if length++; length > MaxProofLinks {
					return p, ErrProofTooLong
				}
			}
		}
		at.After = page.Next
	}
	return p.done()
}

// add puts a record behind the others; those before the run's first are not needed.
func (p *Proof) add(r *Record, run string) {
	switch {
	case r.Run == run:
		if len(p.Links) == 0 {
			p.First, p.Prev = r.Seq, r.Prev
		}
		own := *r
		p.Links = append(p.Links, Step{Record: &own})
	case len(p.Links) == 0:
	default:
		d := r.Digest()
		last := &p.Links[len(p.Links)-1]
		if last.Record != nil {
			p.Links = append(p.Links, Step{})
			last = &p.Links[len(p.Links)-1]
		}
		last.Digests = append(last.Digests, d[:]...)
	}
}

func (p Proof) done() (Proof, error) {
	if len(p.Links) == 0 {
		return p, ErrNoRecords
	}
	return p, nil
}

// Follow goes over the proof and answers the run's records with their hashes as they follow, and where it ends. reached is
// told the hash behind every record. An error says what does not fit together.
func (p *Proof) Follow(run string, reached func(seq uint64, h Hash)) (records []Record, end uint64, err error) {
	seq, hash := p.First, p.Prev
	step := func(digest Hash) {
		hash = Link(hash, digest)
		reached(seq, hash)
		seq++
	}
	for _, link := range p.Links {
		switch {
		case link.Record != nil:
			r := *link.Record
			if r.Chain != p.Chain || r.Seq != seq || r.Prev != hash || r.Run != run {
				return nil, 0, fmt.Errorf("%w: record %d does not follow in the proof", ErrCorrupt, r.Seq)
			}
			step(r.Digest())
			if r.Hash != hash {
				return nil, 0, fmt.Errorf("%w: record %d is not what was written", ErrCorrupt, r.Seq)
			}
			records = append(records, r)
		case len(link.Digests) == 0 || len(link.Digests)%sha256.Size != 0:
			return nil, 0, fmt.Errorf("%w: a link of the proof behind record %d", ErrCorrupt, seq-1)
		default:
			for d := link.Digests; len(d) > 0; d = d[sha256.Size:] {
				step(Hash(d[:sha256.Size]))
			}
		}
	}
	return records, seq - 1, nil
}
