package storetest

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"cordum.dev/cordum/store"
)

// testWalk: a store that can be walked hands over what was put into a partition, once, in order, and nothing else.
func testWalk(t *testing.T, s store.Store) {
	w, is := s.(store.Walker)
	if !is {
		return // it cannot be moved elsewhere, and need not
	}
	epoch := acquire(t, s, 0)
	var blobs []string
	for _, data := range []string{"bytes", "old"} {
		blob, err := s.PutBlob(ctx(t), 0, tenantB, []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		blobs = append(blobs, blob)
	}
	lines := []string{"blob bolt " + blobs[0] + "=bytes true", "blob bolt " + blobs[1] + "=old false"}
	slices.Sort(lines) // by digest
	tx := store.Tx{
		Partition: 0, Epoch: epoch, ID: "commit-1",
		Puts: []store.Put{
			put(store.TableHeader, "b", "2"), put(store.TableHeader, "a", "1"), put(store.TableDoc, "plain", ""),
			{Key: store.Key{Table: store.TableDoc, Tenant: tenantB, ID: "other"}, Value: []byte{0, 1}},
			put(store.TableSnapshot, "gone", "x"),
		},
		Deletes: []store.Key{key(store.TableSnapshot, "gone"), store.BlobKey(tenantB, blobs[1])},
		Appends: []store.Append{entry("r2", 0, 1, 3, "one to three"), entry("r1", 0, 1, 1, "")},
	}
	if err := s.Commit(ctx(t), tx)[0]; err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(ctx(t), store.Tx{Partition: 0, Epoch: epoch, Appends: []store.Append{entry("r2", 1, 4, 2, "four, five")}})[0]; err != nil {
		t.Fatal(err)
	}
	want := append([]string{
		"record 1 acme plain=", "record 1 bolt other=\x00\x01", "record 4 acme a=1", "record 4 acme b=2",
		"log acme r1 1+1=", "log acme r2 1+3=one to three", "log acme r2 4+2=four, five",
	}, lines...)
	if got := walked(t, w, 0); !slices.Equal(got, want) {
		t.Errorf("walked %q\nwant   %q", got, want)
	}
	if got := walked(t, w, 1); len(got) > 0 {
		t.Errorf("an empty partition has %q", got)
	}
	stop, calls := errors.New("enough"), 0
	err := w.Walk(ctx(t), 0, func(store.Item) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("a walk that is ended: %v after %d calls", err, calls)
	}
	wantErr(t, "walk of no partition", w.Walk(ctx(t), 9999, func(store.Item) error { return nil }), store.ErrInvalid)
}

func walked(t *testing.T, w store.Walker, p store.Partition) []string {
	t.Helper()
	var got []string
	err := w.Walk(ctx(t), p, func(i store.Item) error {
		switch {
		case i.Record != nil:
			got = append(got, "record "+strconv.FormatUint(uint64(i.Record.Key.Table), 10)+" "+i.Record.Key.Tenant+" "+i.Record.Key.ID+"="+string(i.Record.Value))
		case i.Entry != nil:
			e := i.Entry
			got = append(got, "log "+e.Log.Tenant+" "+e.Log.Run+" "+strconv.FormatUint(e.First, 10)+"+"+strconv.FormatUint(uint64(e.Count), 10)+"="+string(e.Value))
		case i.Blob != nil:
			got = append(got, "blob "+i.Blob.Tenant+" "+i.Blob.Digest+"="+string(i.Blob.Data)+" "+strconv.FormatBool(i.Blob.Noted))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
