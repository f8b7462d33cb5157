package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/store"
)

// scanFixture fills partition 0 with ids that sort badly when lengths or separators are confused.
func scanFixture(t *testing.T, s store.Store) {
	t.Helper()
	e := acquire(t, s, 0)
	var puts []store.Put
	for _, tenant := range []string{"ac", tenantA, "acme2", tenantB} {
		for _, id := range []string{"b", "a", "aa", "a/1", "c", "\xff", "\x01"} {
			puts = append(puts, store.Put{
				Key: store.Key{Table: store.TableHeader, Tenant: tenant, ID: id}, Value: []byte(tenant + ":" + id),
			})
		}
	}
	puts = append(puts, put(store.TableLive, "elsewhere", ""), put(store.TableDocIndex, "elsewhere", ""))
	commit(t, s, store.Tx{Epoch: e, Puts: puts})
}

// names writes a page as "tenant:id …" and checks that values came with their own keys.
func names(t *testing.T, page store.Page) string {
	t.Helper()
	var out []string
	for _, r := range page.Records {
		name := r.Key.Tenant + ":" + r.Key.ID
		if string(r.Value) != name || r.Key.Table != store.TableHeader {
			t.Errorf("record %v has value %q", r.Key, r.Value)
		}
		out = append(out, strings.TrimPrefix(name, tenantA+":"))
	}
	return strings.Join(out, " ")
}

func testScan(t *testing.T, s store.Store) {
	scanFixture(t, s)
	at := func(id string) *store.Key { k := key(store.TableHeader, id); return &k }
	for _, c := range []struct {
		name string
		r    store.Range
		want string
		next string
	}{
		{"all", store.Range{}, "\x01 a a/1 aa b c \xff", ""},
		{"from", store.Range{From: "aa"}, "aa b c \xff", ""},
		{"from between", store.Range{From: "ab"}, "b c \xff", ""},
		{"to excludes", store.Range{To: "b"}, "\x01 a a/1 aa", ""},
		{"from to", store.Range{From: "a", To: "b"}, "a a/1 aa", ""},
		{"empty range", store.Range{From: "b", To: "b"}, "", ""},
		{"backward range", store.Range{From: "c", To: "a"}, "", ""},
		{"limit", store.Range{Limit: 2}, "\x01 a", "a"},
		{"exactly the limit", store.Range{From: "c", Limit: 2}, "c \xff", ""},
		{"after", store.Range{After: at("a"), Limit: 2}, "a/1 aa", "aa"},
		{"after what is not there", store.Range{After: at("ab")}, "b c \xff", ""},
		{"after the last", store.Range{After: at("\xff")}, "", ""},
		{"after, before from", store.Range{From: "b", After: at("a")}, "b c \xff", ""},
		{"after, behind to", store.Range{To: "b", After: at("c")}, "", ""},
		{"reverse", store.Range{Reverse: true}, "\xff c b aa a/1 a \x01", ""},
		{"reverse limit", store.Range{Reverse: true, Limit: 2}, "\xff c", "c"},
		{"reverse from to", store.Range{Reverse: true, From: "a", To: "b"}, "aa a/1 a", ""},
		{"reverse after", store.Range{Reverse: true, After: at("b"), Limit: 3}, "aa a/1 a", "a"},
		{"reverse after the first", store.Range{Reverse: true, After: at("\x01")}, "", ""},
		{"reverse after, behind to", store.Range{Reverse: true, To: "b", After: at("c")}, "aa a/1 a \x01", ""},
	} {
		c.r.Table, c.r.Tenant = store.TableHeader, tenantA
		page, err := s.Scan(ctx(t), 0, c.r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := names(t, page); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if next := nextID(page); next != c.next {
			t.Errorf("%s: goes on at %q, want %q", c.name, next, c.next)
		}
	}
	testScanRefusals(t, s)
}

func nextID(p store.Page) string {
	if p.Next == nil {
		return ""
	}
	return p.Next.ID
}

func testScanRefusals(t *testing.T, s store.Store) {
	other := store.Key{Table: store.TableHeader, Tenant: tenantB, ID: "a"}
	table := key(store.TableLive, "a")
	for name, r := range map[string]store.Range{
		"no table":           {Tenant: tenantA},
		"unknown table":      {Table: 99, Tenant: tenantA},
		"plain table":        {Table: store.TableDoc, Tenant: tenantA},
		"negative limit":     {Table: store.TableHeader, Limit: -1},
		"limit too high":     {Table: store.TableHeader, Limit: store.MaxScan + 1},
		"bounds, no tenant":  {Table: store.TableHeader, From: "a"},
		"bound, no tenant":   {Table: store.TableHeader, To: "a"},
		"after other tenant": {Table: store.TableHeader, Tenant: tenantA, After: &other},
		"after other table":  {Table: store.TableHeader, Tenant: tenantA, After: &table},
		"after nothing":      {Table: store.TableHeader, Tenant: tenantA, After: &store.Key{}},
		"NUL in tenant":      {Table: store.TableHeader, Tenant: "a\x00"},
	} {
		_, err := s.Scan(ctx(t), 0, r)
		wantErr(t, name, err, store.ErrInvalid)
	}
}

func testScanAllTenants(t *testing.T, s store.Store) {
	scanFixture(t, s)
	ids := []string{"\x01", "a", "a/1", "aa", "b", "c", "\xff"}
	var want []string
	for _, tenant := range []string{"ac", tenantA, "acme2", tenantB} {
		for _, id := range ids {
			want = append(want, tenant+":"+id)
		}
	}
	for _, reverse := range []bool{false, true} {
		if reverse {
			slices.Reverse(want)
		}
		for _, limit := range []int{1, 3, len(want) - 1, len(want), 0} {
			got := scanAll(t, s, store.Range{Table: store.TableHeader, Reverse: reverse, Limit: limit})
			if !slices.Equal(got, want) {
				t.Errorf("reverse %v, limit %d: %q, want %q", reverse, limit, got, want)
			}
		}
	}
}

// scanAll goes through all pages of partition 0.
func scanAll(t *testing.T, s store.Store, r store.Range) []string {
	t.Helper()
	var out []string
	for {
		page, err := s.Scan(ctx(t), 0, r)
		if err != nil {
			t.Fatalf("Scan: %v", err)
		}
		if len(page.Records) > r.Size() || (len(page.Records) == 0 && page.Next != nil) {
			t.Fatalf("a page of %d records, limit %d, next %v", len(page.Records), r.Size(), page.Next)
		}
		for _, rec := range page.Records {
			out = append(out, rec.Key.Tenant+":"+rec.Key.ID)
		}
		if page.Next == nil {
			return out
		}
		r.After = page.Next
	}
}

// testScanPages: the default limit, the greatest one, and pages that end early because they are heavy.
func testScanPages(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	const n = store.DefaultScan + 5
	puts := make([]store.Put, n)
	for i := range puts {
		puts[i] = put(store.TableRecent, fmt.Sprintf("%06d", i), "")
	}
	commit(t, s, store.Tx{Epoch: e, Puts: puts})
	for limit, want := range map[int]int{0: store.DefaultScan, store.MaxScan: n, 7: 7} {
		page, err := s.Scan(ctx(t), 0, store.Range{Table: store.TableRecent, Tenant: tenantA, Limit: limit})
		if err != nil || len(page.Records) != want || (page.Next == nil) != (want == n) {
			t.Errorf("limit %d: %d records, next %v, %v", limit, len(page.Records), page.Next, err)
		}
	}
	const heavies = store.MaxPageBytes/store.MaxValueBytes + 1
	heavy := make([]byte, store.MaxValueBytes)
	for i := range heavies {
		commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: key(store.TableApproval, fmt.Sprint(i)), Value: heavy}}})
	}
	if got := scanAll(t, s, store.Range{Table: store.TableApproval, Tenant: tenantA}); len(got) != heavies {
		t.Errorf("heavy pages give %d records, want %d", len(got), heavies)
	}
}

func testTenants(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	mine := store.Key{Table: store.TableHeader, Tenant: tenantA, ID: "x"}
	theirs := store.Key{Table: store.TableHeader, Tenant: tenantB, ID: "x"}
	commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: mine, Value: []byte("mine")}}, Appends: []store.Append{entry("x", 0, 1, 1, "mine")}})
	digest, err := s.PutBlob(ctx(t), 0, tenantA, []byte("mine"))
	if err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, 0, theirs)
	wantFirsts(t, "their log", readLog(t, s, 0, store.LogID{Tenant: tenantB, Run: "x"}, 1, 1), "[]")
	_, err = s.GetBlob(ctx(t), 0, tenantB, digest)
	wantErr(t, "their blob", err, store.ErrNotFound)
	if page, err := s.Scan(ctx(t), 0, store.Range{Table: store.TableHeader, Tenant: tenantB}); err != nil || len(page.Records) != 0 {
		t.Errorf("their scan: %v, %v", page, err)
	}
	commit(t, s, store.Tx{
		Epoch: e, Checks: []store.Check{{Key: theirs, Absent: true}},
		Puts: []store.Put{{Key: theirs, Value: []byte("theirs")}}, Deletes: []store.Key{mine},
	})
	wantAbsent(t, s, 0, mine)
	wantValue(t, s, 0, theirs, "theirs")
}

func testPartitions(t *testing.T, s store.Store) {
	last := store.Partition(s.Partitions() - 1)
	e0, eN := acquire(t, s, 0), acquire(t, s, last)
	k := key(store.TableHeader, "x")
	commit(
		t, s,
		store.Tx{Partition: 0, Epoch: e0, Puts: []store.Put{{Key: k, Value: []byte("0")}}, Appends: []store.Append{entry("x", 0, 1, 1, "0")}},
		store.Tx{Partition: last, Epoch: eN, Puts: []store.Put{{Key: k, Value: []byte("N")}}, Appends: []store.Append{entry("x", 0, 1, 2, "N")}},
	)
	wantValue(t, s, 0, k, "0")
	wantValue(t, s, last, k, "N")
	commit(t, s, store.Tx{Partition: 0, Epoch: e0, Deletes: []store.Key{k}})
	wantAbsent(t, s, 0, k)
	wantValue(t, s, last, k, "N")
	if es := readLog(t, s, last, logOf("x"), 1, 5); len(es) != 1 || es[0].Count != 2 {
		t.Errorf("log of the last partition: %v", es)
	}
	digest, err := s.PutBlob(ctx(t), 0, tenantA, []byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.GetBlob(ctx(t), last, tenantA, digest)
	wantErr(t, "blob of another partition", err, store.ErrNotFound)
}
