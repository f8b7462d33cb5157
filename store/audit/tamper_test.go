package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

var (
	acme = audit.Chain{Partition: 0, Tenant: "acme"}
	beta = audit.Chain{Partition: 0, Tenant: "beta"}
)

// at is a row's record as if it lay elsewhere.
func at(r store.Record, key store.Key) []store.Put {
	return []store.Put{{Key: key, Value: r.Value}}
}

// forge writes rows as somebody would who can compute every hash: the chain of these records from the state on.
func forge(c audit.Chain, st audit.State, records ...audit.Record) []store.Put {
	page := audit.NewPage(c, st)
	for _, r := range records {
		page.Add(r)
	}
	return page.Puts(nil)
}

func readRow(t *testing.T, r store.Record) audit.Row {
	t.Helper()
	row, err := audit.ReadRow(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// TestTamperingIsFound does to a store what somebody with its disk could do, hashes computed anew where that helps, and
// looks whether one earlier head finds it.
func TestTamperingIsFound(t *testing.T) {
	cases := []struct {
		name string
		do   func(t *testing.T, l *ledger, rows []store.Record)
		want audit.Kind
		seen bool // without a head, too
	}{
		{"a record is edited", func(t *testing.T, l *ledger, rows []store.Record) {
			raw := bytes.Replace(rows[3].Value, []byte("user:ann"), []byte("user:bob"), 1)
			l.commit(0, []store.Put{{Key: rows[3].Key, Value: raw}})
		}, audit.Edited, true},
		{"a record is edited and its row hashed anew", func(t *testing.T, l *ledger, rows []store.Record) {
			row := readRow(t, rows[3])
			row.Records[0].Actor = "user:bob"
			l.commit(0, forge(acme, audit.State{Seq: row.First - 1, Hash: row.Prev, Known: true}, row.Records...))
		}, audit.Broken, true},
		{"the chain is hashed anew from an edit on", func(t *testing.T, l *ledger, rows []store.Record) {
			var keys []store.Key
			var all []audit.Record
			for _, r := range rows {
				keys = append(keys, r.Key)
				all = append(all, readRow(t, r).Records...)
			}
			all[2].Actor = "user:bob"
			l.commit(0, nil, keys...)
			l.commit(0, forge(acme, audit.State{Hash: acme.Genesis()}, all...))
		}, audit.Rewritten, false},
		{"a row is deleted", func(t *testing.T, l *ledger, rows []store.Record) {
			l.commit(0, nil, rows[2].Key)
		}, audit.Missing, true},
		{"the first row is deleted", func(t *testing.T, l *ledger, rows []store.Record) {
			l.commit(0, nil, rows[0].Key)
		}, audit.Missing, true},
		{"the beginning is deleted, as if by retention", func(t *testing.T, l *ledger, rows []store.Record) {
			row := readRow(t, rows[1])
			cut := audit.Cut{First: row.First, Prev: row.Prev, At: l.clock}
			other := audit.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
			cut.Sign(acme, l.s.ID(), other)
			l.commit(0, []store.Put{{Key: audit.CutKey("acme"), Value: cut.Encode()}}, rows[0].Key)
		}, audit.CutUnproven, true},
		{"a row is inserted", func(t *testing.T, l *ledger, rows []store.Record) {
			row := readRow(t, rows[2])
			l.commit(0, forge(acme, audit.State{Seq: row.First, Hash: row.Records[0].Hash, Known: true}, row.Records[0]))
		}, audit.Inserted, true},
		{"two rows change places", func(t *testing.T, l *ledger, rows []store.Record) {
			l.commit(0, slices.Concat(at(rows[2], rows[3].Key), at(rows[3], rows[2].Key)))
		}, audit.Reordered, true},
		{"rows of two tenants change places", func(t *testing.T, l *ledger, rows []store.Record) {
			other := l.rows(beta)
			l.commit(0, slices.Concat(at(rows[2], other[2].Key), at(other[2], rows[2].Key)))
		}, audit.Swapped, true},
		{"all rows of two tenants change places", func(t *testing.T, l *ledger, rows []store.Record) {
			var puts []store.Put
			var keys []store.Key
			for _, r := range rows {
				keys = append(keys, r.Key)
				puts = append(puts, at(r, store.Key{Table: r.Key.Table, Tenant: "beta", ID: r.Key.ID})...)
			}
			for _, r := range l.rows(beta) {
				keys = append(keys, r.Key)
				puts = append(puts, at(r, store.Key{Table: r.Key.Table, Tenant: "acme", ID: r.Key.ID})...)
			}
			l.commit(0, nil, keys...)
			l.commit(0, puts)
		}, audit.Swapped, true},
		{"the end is cut off", func(t *testing.T, l *ledger, rows []store.Record) {
			l.commit(0, nil, rows[len(rows)-1].Key, rows[len(rows)-2].Key)
		}, audit.Truncated, false},
		{"the end is cut off and written anew", func(t *testing.T, l *ledger, rows []store.Record) {
			row := readRow(t, rows[len(rows)-1])
			row.Records[0].Detail = "DENY"
			l.commit(0, forge(acme, audit.State{Seq: row.First - 1, Hash: row.Prev, Known: true}, row.Records...))
		}, audit.Rewritten, false},
		{"the chain is gone", func(t *testing.T, l *ledger, rows []store.Record) {
			keys := []store.Key{audit.CutKey("acme")}
			for _, r := range rows {
				keys = append(keys, r.Key)
			}
			l.commit(0, nil, keys...)
		}, audit.Gone, false},
		{"the records are gone, the chain is not", func(t *testing.T, l *ledger, rows []store.Record) {
			var keys []store.Key
			for _, r := range rows {
				keys = append(keys, r.Key)
			}
			l.commit(0, nil, keys...)
		}, audit.Truncated, false},
		{"a row does not decode", func(t *testing.T, l *ledger, rows []store.Record) {
			l.commit(0, []store.Put{{Key: rows[2].Key, Value: rows[2].Value[:20]}})
		}, audit.Unreadable, true},
		{"where the chain begins does not decode", func(t *testing.T, l *ledger, rows []store.Record) {
			l.commit(0, []store.Put{{Key: audit.CutKey("acme"), Value: []byte{0xff}}})
		}, audit.CutUnproven, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(t, 1)
			for range 6 {
				l.write(acme, 2)
				l.write(beta, 2)
			}
			head := l.head(nil)
			if r := l.verify(head); !r.OK {
				t.Fatalf("before: %+v", r)
			}
			c.do(t, l, l.rows(acme))
			r := l.verify(head)
			if r.OK || !slices.Contains(kinds(r), c.want) {
				t.Errorf("with the head: %v, want %s", r.Findings, c.want)
			}
			for _, f := range r.Findings {
				if f.Chain != acme && c.want != audit.Swapped {
					t.Errorf("the other chain is blamed: %s", f)
				}
			}
			if r := l.verify(); r.OK == c.seen || len(r.Doubts) == 0 {
				t.Errorf("without a head: ok is %v, want %v, and doubts: %v", r.OK, !c.seen, r.Doubts)
			}
		})
	}
}

// A store that was made anew with the same acts is another one.
func TestReGenesisIsFound(t *testing.T) {
	l, other := newLedger(t, 2), newLedger(t, 2)
	l.fill(9)
	head := l.head(nil)
	other.fill(9)
	if r := other.verify(head); !slices.Contains(kinds(r), audit.OtherStore) {
		t.Errorf("the same acts in another store: %v", r.Findings)
	}
	other = newLedger(t, 2)
	other.fill(2)
	nameless := other.source()
	nameless.ID = ""
	if r := verify(t, nameless, head); r.OK {
		t.Error("a shorter store without a name passes")
	}
}

func TestHeadsAreChecked(t *testing.T) {
	l := newLedger(t, 1)
	l.fill(4)
	head := l.head(nil)
	forged := head
	forged.Chains = slices.Clone(head.Chains)
	forged.Chains[0].Seq--
	unsigned, err := audit.TakeHead(ctx, l.s, audit.Signer{}, l.s.ID(), nil, l.clock)
	if err != nil {
		t.Fatal(err)
	}
	l.fill(2)
	after := l.head(&forged) // whose place in line is taken
	for name, heads := range map[string][]audit.Head{"forged": {forged}, "unsigned": {unsigned}, "not following": {head, after}} {
		if r := l.verify(heads...); !slices.Contains(kinds(r), audit.BadHead) {
			t.Errorf("a head that is %s: %+v", name, r)
		}
	}
	if r, err := audit.Verify(ctx, l.source(), audit.Against{Heads: []audit.Head{unsigned}}); err != nil || !r.OK || len(r.Doubts) != 1 {
		t.Errorf("an unsigned head without a key: %+v, %v", r, err)
	}
}

// What another tenant sees of a head proves its own chains, and shows nothing of others.
func TestHeadForOneTenant(t *testing.T) {
	l := newLedger(t, 2)
	l.fill(8)
	head := l.head(nil)
	own := head.For("acme")
	if err := own.Check(signer.Public()); err != nil {
		t.Errorf("the signature does not hold: %v", err)
	}
	for _, c := range own.Chains {
		if c.Shown() && c.Tenant != "acme" {
			t.Errorf("it shows %+v", c)
		}
	}
	src := l.source()
	src.Only = "acme"
	if r := verify(t, src, own); !r.OK || r.Proven == 0 || r.Proven != r.Records {
		t.Errorf("%+v", r)
	}
}

func TestExportThatWasChanged(t *testing.T) {
	l := newLedger(t, 2)
	l.fill(8)
	head := l.head(nil)
	raw := l.export()
	lines := strings.SplitAfter(string(raw), "\n")
	for name, c := range map[string]struct {
		lines []string
		want  audit.Kind
	}{
		"a line is edited":   {replaceIn(lines, 3, "user:ann", "user:bob"), audit.Edited},
		"a line is deleted":  {slices.Delete(slices.Clone(lines), 3, 4), audit.Missing},
		"a line is doubled":  {slices.Insert(slices.Clone(lines), 3, lines[3]), audit.Inserted},
		"a line moved":       {replaceIn(lines, 3, `"partition":0`, `"partition":1`), audit.Swapped},
		"the end is missing": {lines[:len(lines)-4], audit.Incomplete},
		"nonsense":           {replaceIn(lines, 3, `"seq"`, `"sec"`), audit.Unreadable},
	} {
		r := verify(t, fileOf(t, []byte(strings.Join(c.lines, ""))), head)
		if !slices.Contains(kinds(r), c.want) {
			t.Errorf("%s: %v, want %s", name, r.Findings, c.want)
		}
	}
}

func replaceIn(lines []string, i int, old, with string) []string {
	out := slices.Clone(lines)
	out[i] = strings.Replace(out[i], old, with, 1)
	if out[i] == lines[i] {
		panic("nothing to replace in " + lines[i])
	}
	return out
}

// FuzzVerify changes any bytes of any row: with a head it is always found.
func FuzzVerify(f *testing.F) {
	f.Add(uint16(0), uint16(3), byte(1))
	f.Add(uint16(2), uint16(40), byte(0x80))
	l := newLedger(f, 1)
	for range 4 {
		l.write(acme, 3)
	}
	head, rows := l.head(nil), l.rows(acme)
	f.Fuzz(func(t *testing.T, row, at uint16, flip byte) {
		r := rows[int(row)%len(rows)]
		raw := bytes.Clone(r.Value)
		raw[int(at)%len(raw)] ^= flip
		src := changed{l.source(), r.Key.ID, raw}
		if got := verify(t, src, head); got.OK != (flip == 0) {
			t.Errorf("byte %d of row %s changed by %#x: ok is %v", int(at)%len(raw), r.Key.ID, flip, got.OK)
		}
	})
}

// changed is a store in which one row is another one.
type changed struct {
	audit.StoreSource
	id  string
	raw []byte
}

func (c changed) Rows(_ context.Context, visit func(audit.Piece) error) error {
	return c.StoreSource.Rows(ctx, func(p audit.Piece) error {
		if p.ID == c.id {
			p.Row, p.Err = audit.ReadRow(c.raw)
		}
		return visit(p)
	})
}
