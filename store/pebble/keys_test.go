package pebble

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
)

var drawName = rapid.StringMatching(`[a-b~\x01]{1,4}`)

func drawKey(t *rapid.T, label string) store.Key {
	return store.Key{Table: store.TableHeader, Tenant: drawName.Draw(t, label+" tenant"), ID: drawName.Draw(t, label+" id")}
}

// TestRecordKeys: encoded keys sort as (tenant, id) and decode to what they were.
func TestRecordKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawKey(t, "a"), drawKey(t, "b")
		ka, kb := appendRecordKey(nil, 7, a), appendRecordKey(nil, 7, b)
		want := strings.Compare(a.Tenant, b.Tenant)
		if want == 0 {
			want = strings.Compare(a.ID, b.ID)
		}
		if got := bytes.Compare(ka, kb); got != want {
			t.Fatalf("order of %q and %q is %d, want %d", ka, kb, got, want)
		}
		if back, err := decodeRecordKey(ka); err != nil || back != a {
			t.Fatalf("%q decodes to %v, %v, want %v", ka, back, err, a)
		}
	})
}

func TestUpperBound(t *testing.T) {
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "\x00\xff\xff": "\x01", "ab\x00": "ab\x01"} {
		if got := string(upperBound([]byte(in))); got != want {
			t.Errorf("upperBound(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		k := appendRecordKey(nil, store.Partition(rapid.IntRange(0, 255).Draw(t, "partition")), drawKey(t, "k"))
		prefix := k[:rapid.IntRange(1, len(k)).Draw(t, "prefix")]
		if end := upperBound(prefix); bytes.Compare(k, end) >= 0 || bytes.HasPrefix(end, prefix) {
			t.Fatalf("upperBound(%q) = %q", prefix, end)
		}
	})
}

// FuzzDecode: whatever bytes the disk brings back, decoding answers or refuses, and what it accepts encodes again to the
// same bytes.
func FuzzDecode(f *testing.F) {
	f.Add(appendRecordKey(nil, 1, store.Key{Table: store.TableHeader, Tenant: "acme", ID: "x"}))
	f.Add(appendLogKey(nil, 1, store.LogID{Tenant: "acme", Run: "r"}, 300))
	f.Add(appendTxIDKey(nil, 1, 77, "id"))
	f.Add(append(entryPrefix(nil, 300), "value"...))
	f.Add([]byte(`{"format":"cordum-store","level":1,"partitions":4,"id":"x"}`))
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := decodeRecordKey(b); err == nil {
			p := store.Partition(b[0])<<8 | store.Partition(b[1])
			if again := appendRecordKey(nil, p, k); !bytes.Equal(again, b) {
				t.Errorf("record key %q encodes again to %q", b, again)
			}
		}
		if first, err := decodeFirst(b); err == nil && len(b) >= headLen+firstLen {
			if again := appendLogKey(nil, 0, store.LogID{}, first); !bytes.Equal(again[len(again)-firstLen:], b[len(b)-firstLen:]) {
				t.Errorf("log key %q has first %d", b, first)
			}
		}
		if count, value, err := decodeEntry(b); err == nil {
			if c2, v2, err := decodeEntry(append(entryPrefix(nil, count), value...)); err != nil || c2 != count || !bytes.Equal(v2, value) {
				t.Errorf("entry %q: %d %q, then %d %q, %v", b, count, value, c2, v2, err)
			}
		}
		if _, err := decodeTxIDBucket(b); err == nil && len(b) < headLen+4 {
			t.Errorf("transaction id key %q is too short", b)
		}
		if m, err := decodeMeta(b); err == nil && (m.Partitions < 1 || m.Partitions > maxPartitions || m.Level > store.CurrentLevel) {
			t.Errorf("description %q gives %+v", b, m)
		}
	})
}
