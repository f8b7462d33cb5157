package audit_test

import (
	"testing"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// expire removes what may go of a chain, as its owner does, and answers how many rows.
func (l *ledger) expire(c audit.Chain, ret audit.Expiry) int {
	l.t.Helper()
	n := 0
	for {
		st, err := audit.Load(ctx, l.s, c)
		if err != nil {
			l.t.Fatal(err)
		}
		gone, cut, err := audit.Expired(ctx, l.s, c, st.Cut, ret)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(gone) == 0 {
			return n
		}
		n += len(gone)
		cut.At = l.clock
		cut.Sign(c, l.s.ID(), signer)
		l.commit(c.Partition, []store.Put{{Key: audit.CutKey(c.Tenant), Value: cut.Encode()}}, gone...)
	}
}

// TestRetention writes for a long time and removes what is old: the store reaches a plateau, what is left verifies against a
// head from before, what no head has covered stays, and a hold holds.
func TestRetention(t *testing.T) {
	l := newLedger(t, 1)
	var heads []audit.Head
	rows := 0
	for round := range 12 {
		for range 40 {
			l.write(acme, 16)
		}
		var last *audit.Head
		if len(heads) > 0 {
			last = &heads[len(heads)-1]
		}
		heads = append(heads, l.head(last))
		l.expire(acme, audit.Expiry{Before: l.clock.Add(-30 * time.Minute), Head: &heads[len(heads)-1]})
		if now := len(l.rows(acme)); round > 6 && now > rows {
			rows = now
		} else if round == 6 {
			rows = now + audit.SegmentRecords/16
		}
	}
	if most := (30*60 + 2*audit.SegmentRecords + 40*16) / 16; rows > most {
		t.Errorf("%d rows, more than the %d of half an hour and two segments", rows, most)
	}
	r := l.verify(heads...)
	if !r.OK {
		t.Fatalf("what is left: %v", r.Findings)
	}
	if r := verify(t, fileOf(t, l.export()), heads...); !r.OK {
		t.Errorf("an export of what is left: %v", r.Findings)
	}
	oldest := l.rows(acme)[0].Key.ID
	held := func(r *audit.Record) bool { return r.Seq == readRow(t, l.rows(acme)[0]).First+20 }
	if n := l.expire(acme, audit.Expiry{Before: l.clock.Add(time.Hour), Head: &heads[11], Held: held}); n != 0 || l.rows(acme)[0].Key.ID != oldest {
		t.Errorf("%d rows went in spite of a hold", n)
	}
	if n := l.expire(acme, audit.Expiry{Before: l.clock.Add(time.Hour)}); n != 0 {
		t.Errorf("%d rows went without a head", n)
	}
	if n := l.expire(acme, audit.Expiry{Before: l.clock.Add(time.Hour), Head: &heads[11]}); n == 0 {
		t.Error("nothing went after the hold")
	}
	l.write(acme, 3)
	if r := l.verify(heads...); !r.OK {
		t.Errorf("after the hold: %v", r.Findings)
	}
}

// A chain goes on behind a last row that cannot be read, and a check tells.
func TestDamagedEnd(t *testing.T) {
	l := newLedger(t, 1)
	l.write(acme, 2)
	l.write(acme, 2)
	rows := l.rows(acme)
	l.commit(0, []store.Put{{Key: rows[1].Key, Value: []byte("?")}})
	st, err := audit.Load(ctx, l.s, acme)
	if err == nil || st.Seq < 4 {
		t.Fatalf("%+v, %v", st, err)
	}
	l.commit(0, forge(acme, st, audit.Record{At: l.clock, Act: audit.Login, Actor: "user:ann"}))
	if st, err := audit.Load(ctx, l.s, acme); err != nil || st.Seq < 5 {
		t.Errorf("%+v, %v", st, err)
	}
	if r := l.verify(); r.OK {
		t.Error("nothing is found")
	}
}
