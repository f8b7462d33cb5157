package audit

import (
	"context"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// Expiry says what old records may go.
type Expiry struct {
	Before time.Time // every record of a segment is older
	// Head vouches for what goes: only what a signed head has covered is removed. Nil: nothing is.
	Head *Head
	// Held tells whether a record is under a legal hold. What is behind one in its chain stays, too: a chain is only cut at its
	// beginning.
	Held func(*Record) bool
}

// Expired finds what may go of a chain: whole segments from its beginning. It answers the rows to delete and where the chain
// begins then; no rows when nothing may go. The cut is not signed yet. One answer holds a bounded number of rows; ask again
// when they are gone.
func Expired(ctx context.Context, s Reader, c Chain, cut Cut, ret Expiry) (gone []store.Key, after Cut, err error) {
	if ret.Head == nil {
		return nil, cut, nil
	}
	covered := ret.Head.Of(c)
	if covered == nil {
		return nil, cut, nil
	}
	first, _ := cut.begins(c)
	page, err := s.Scan(ctx, c.Partition, store.Range{
		Table: store.TableAudit, Tenant: c.Tenant, From: rowID(first), Limit: SegmentRecords,
	})
	if err != nil {
		return nil, cut, fmt.Errorf("look for old records of %s: %w", c, err)
	}
	after = cut
	var segment []store.Key
	for _, rec := range page.Records {
		row, err := ReadRow(rec.Value)
		if err != nil || row.Chain != c || row.end() > covered.Seq || !ret.mayGo(&row) {
			break // damage stays where it is found
		}
		segment = append(segment, rec.Key)
		if row.end()+1 >= max(after.First, 1)+SegmentRecords { // the segment is full
			gone, segment = append(gone, segment...), nil
			after = Cut{First: row.end() + 1, Prev: row.last()}
		}
	}
	return gone, after, nil
}

func (ret *Expiry) mayGo(row *Row) bool {
	for i := range row.Records {
		r := &row.Records[i]
		if !r.At.Before(ret.Before) || ret.Held != nil && ret.Held(r) {
			return false
		}
	}
	return true
}
