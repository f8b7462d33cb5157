package audit

import (
	"context"
	"fmt"

	"cordum.dev/cordum/store"
)

// Source is where records are checked: a store, or an export of one.
type Source interface {
	// StoreID is the random name of the store; "" when it is not known.
	StoreID() string
	// Tenant is whose chains there are to be; "" for everybody's.
	Tenant() string
	// Cuts are where the chains begin.
	Cuts(ctx context.Context) (map[Chain]Cut, error)
	// Rows hands over every row as it lies there, chain by chain in the order of the ids. An error of visit ends it.
	Rows(ctx context.Context, visit func(Piece) error) error
}

// Piece is a row as it lies in a source.
type Piece struct {
	At  Chain  // where it lies
	ID  string // and under which id
	Row Row
	Err error // it does not decode; Row is empty
}

// StoreSource is the chains of a store.
type StoreSource struct {
	Reader Reader
	ID     string // of the store; "" when it has none
	Only   string // the one tenant that is meant; "" for all
}

// StoreID implements Source.
func (s StoreSource) StoreID() string { return s.ID }

// Tenant implements Source.
func (s StoreSource) Tenant() string { return s.Only }

// Cuts implements Source.
func (s StoreSource) Cuts(ctx context.Context) (map[Chain]Cut, error) {
	chains, err := Chains(ctx, s.Reader, s.Only)
	if err != nil {
		return nil, err
	}
	out := make(map[Chain]Cut, len(chains))
	for _, c := range chains {
		rec, err := s.Reader.Get(ctx, c.Partition, CutKey(c.Tenant))
		if err != nil {
			return nil, fmt.Errorf("read where %s begins: %w", c, err)
		}
		cut, err := ReadCut(rec.Value)
		if err != nil { // nobody's signature fits it, and the rows do not begin there
			cut = Cut{First: 1, Prev: Hash{1}}
		}
		out[c] = cut
	}
	return out, nil
}

// Rows implements Source.
func (s StoreSource) Rows(ctx context.Context, visit func(Piece) error) error {
	for p := range s.Reader.Partitions() {
		at := store.Range{Table: store.TableAudit, Tenant: s.Only, Limit: scanRows}
		for more := true; more; more = at.After != nil {
			page, err := s.Reader.Scan(ctx, store.Partition(p), at)
			if err != nil {
				return fmt.Errorf("read the audit records of partition %d: %w", p, err)
			}
			for _, rec := range page.Records {
				piece := Piece{At: Chain{store.Partition(p), rec.Key.Tenant}, ID: rec.Key.ID}
				piece.Row, piece.Err = ReadRow(rec.Value)
				if err := visit(piece); err != nil {
					return err
				}
			}
			at.After = page.Next
		}
	}
	return nil
}
