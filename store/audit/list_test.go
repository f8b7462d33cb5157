package audit_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// pages lists everything page by page.
func pages(t rapid.TB, l *ledger, q audit.Query) []audit.Record {
	t.Helper()
	var out []audit.Record
	for {
		records, next, err := audit.List(ctx, l.s, q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, records...)
		if next == "" || (q.Forward && len(records) == 0) {
			return out
		}
		q.Cursor = next
	}
}

// Every record is listed once, whatever the page, in order of time in both directions.
func TestListsAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger(t, rapid.IntRange(1, 4).Draw(t, "partitions"))
		for range rapid.IntRange(0, 40).Draw(t, "rows") {
			c := audit.Chain{Partition: store.Partition(rapid.IntRange(0, len(l.leases)-1).Draw(t, "partition")), Tenant: "acme"}
			if rapid.IntRange(0, 4).Draw(t, "other") == 0 {
				c.Tenant = "acm"
			}
			l.write(c, rapid.IntRange(1, 5).Draw(t, "records"))
		}
		q := audit.Query{Tenant: "acme", Limit: rapid.IntRange(1, 9).Draw(t, "limit"), Forward: rapid.Bool().Draw(t, "forward")}
		if rapid.Bool().Draw(t, "since") {
			q.Since = epoch.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "from")) * time.Second)
		}
		if rapid.Bool().Draw(t, "until") {
			q.Until = epoch.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "to")) * time.Second)
		}
		if rapid.Bool().Draw(t, "run") {
			q.Run = "run-3"
		}
		var want []audit.Record
		for _, r := range l.all {
			if r.Tenant == "acme" && !r.At.Before(q.Since) && (q.Until.IsZero() || r.At.Before(q.Until)) && (q.Run == "" || q.Run == r.Run) {
				want = append(want, r)
			}
		}
		if !q.Forward {
			slices.Reverse(want)
		}
		got := pages(t, l, q)
		if !slices.EqualFunc(got, want, func(a, b audit.Record) bool { return a.Chain == b.Chain && a.Seq == b.Seq }) {
			t.Fatalf("%d records, want %d", len(got), len(want))
		}
	})
}

// Who follows gets what is recorded later with the cursor of the last page.
func TestFollowing(t *testing.T) {
	l := newLedger(t, 2)
	l.fill(5)
	q := audit.Query{Tenant: "acme", Forward: true, Limit: 1000}
	first, next, err := audit.List(ctx, l.s, q)
	if err != nil || next == "" {
		t.Fatal(next, err)
	}
	l.fill(4)
	q.Cursor = next
	second, _, err := audit.List(ctx, l.s, q)
	if err != nil || len(first)+len(second) != len(pages(t, l, audit.Query{Tenant: "acme"})) {
		t.Errorf("%d and %d records, %v", len(first), len(second), err)
	}
}

func TestCursorsOfOthersAreRefused(t *testing.T) {
	l := newLedger(t, 2)
	l.fill(9)
	_, next, err := audit.List(ctx, l.s, audit.Query{Tenant: "acme", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []audit.Query{{Cursor: "x"}, {Cursor: next, Forward: true}, {Cursor: next[:2]}, {Cursor: next + "AAAA"}} {
		q.Tenant = "acme"
		if _, _, err := audit.List(ctx, l.s, q); err == nil {
			t.Errorf("the cursor %q passed", q.Cursor)
		}
	}
}
