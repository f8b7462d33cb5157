package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/pebble"
)

var ctx = context.Background()

// epoch is when the tests' records begin.
var epoch = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// signer is a key for tests.
var signer = audit.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))

// ledger writes chains into a store, as the owner of its partitions does.
type ledger struct {
	t      rapid.TB
	s      *pebble.Store
	leases []store.Lease
	clock  time.Time
	states map[audit.Chain]audit.State
	all    []audit.Record // in the order they were written
}

func newLedger(t rapid.TB, partitions int) *ledger {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{t: t, s: s, clock: epoch, states: map[audit.Chain]audit.State{}}
	t.(interface{ Cleanup(func()) }).Cleanup(func() { _ = s.Close() })
	for p := range partitions {
		lease, err := s.Acquire(ctx, store.Partition(p), "test", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		l.leases = append(l.leases, lease)
	}
	return l
}

// commit puts and deletes records of one partition.
func (l *ledger) commit(p store.Partition, puts []store.Put, deletes ...store.Key) {
	l.t.Helper()
	if err := l.s.Commit(ctx, store.Tx{Partition: p, Epoch: l.leases[p].Epoch, Puts: puts, Deletes: deletes})[0]; err != nil {
		l.t.Fatal(err)
	}
}

// write adds one row of n records to a chain.
func (l *ledger) write(c audit.Chain, n int, change ...func(*audit.Record)) {
	l.t.Helper()
	st, known := l.states[c]
	if !known {
		var err error
		if st, err = audit.Load(ctx, l.s, c); err != nil {
			l.t.Fatal(err)
		}
	}
	page := audit.NewPage(c, st)
	for range n {
		l.clock = l.clock.Add(time.Second)
		k := len(l.all)
		r := audit.Record{
			At: l.clock, Act: audit.Decision, Actor: "user:ann", Run: fmt.Sprintf("run-%d", k/3), Subject: fmt.Sprintf("step-%d", k%3),
			Detail: "ALLOW", FactSeq: uint64(k), FactHash: sha256.Sum256([]byte{byte(k)}),
		}
		for _, f := range change {
			f(&r)
		}
		page.Add(r)
		r.Chain, r.Seq = c, page.State().Seq
		l.all = append(l.all, r)
	}
	l.commit(c.Partition, page.Puts(nil))
	l.states[c] = page.State()
}

// fill writes some rows into chains of two tenants.
func (l *ledger) fill(rows int) {
	l.t.Helper()
	for i := range rows {
		l.write(audit.Chain{Partition: store.Partition(i % len(l.leases)), Tenant: []string{"acme", "default"}[i/len(l.leases)%2]}, 1+i%3)
	}
}

func (l *ledger) head(previous *audit.Head) audit.Head {
	l.t.Helper()
	h, err := audit.TakeHead(ctx, l.s, signer, l.s.ID(), previous, l.clock)
	if err != nil {
		l.t.Fatal(err)
	}
	return h
}

func (l *ledger) source() audit.StoreSource { return audit.StoreSource{Reader: l.s, ID: l.s.ID()} }

func (l *ledger) verify(heads ...audit.Head) audit.Report {
	l.t.Helper()
	return verify(l.t, l.source(), heads...)
}

func verify(t rapid.TB, src audit.Source, heads ...audit.Head) audit.Report {
	t.Helper()
	r, err := audit.Verify(ctx, src, audit.Against{Heads: heads, Key: signer.Public()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// export is an export of the store, and a source that reads it.
func (l *ledger) export() []byte {
	l.t.Helper()
	var b bytes.Buffer
	if _, err := audit.WriteExport(ctx, &b, l.source(), l.clock); err != nil {
		l.t.Fatal(err)
	}
	return b.Bytes()
}

func fileOf(t rapid.TB, raw []byte) *audit.FileSource {
	t.Helper()
	src, err := audit.NewFileSource(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// rows are the stored rows of a chain.
func (l *ledger) rows(c audit.Chain) []store.Record {
	l.t.Helper()
	page, err := l.s.Scan(ctx, c.Partition, store.Range{Table: store.TableAudit, Tenant: c.Tenant})
	if err != nil {
		l.t.Fatal(err)
	}
	return page.Records
}

func kinds(r audit.Report) []audit.Kind {
	var out []audit.Kind
	for _, f := range r.Findings {
		if !slices.Contains(out, f.Kind) {
			out = append(out, f.Kind)
		}
	}
	return out
}

func TestChainsThatNobodyTouchedVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger(t, rapid.IntRange(1, 3).Draw(t, "partitions"))
		l.fill(rapid.IntRange(0, 20).Draw(t, "rows before"))
		first := l.head(nil)
		l.fill(rapid.IntRange(0, 20).Draw(t, "rows between"))
		second := l.head(&first)
		covered := len(l.all)
		l.fill(rapid.IntRange(0, 5).Draw(t, "rows after"))
		for name, src := range map[string]audit.Source{"store": l.source(), "export": fileOf(t, l.export())} {
			r := verify(t, src, first, second)
			if !r.OK || r.Records != uint64(len(l.all)) || r.Proven != uint64(covered) || len(r.Doubts) > 0 {
				t.Fatalf("%s: %+v, want %d records and %d of them proven", name, r, len(l.all), covered)
			}
		}
	})
}
