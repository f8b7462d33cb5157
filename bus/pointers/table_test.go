package pointers

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTable: whatever is put, forgotten and outlived, a table has what a plain map would have, and counts its bytes right.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type kept struct {
			data  []byte
			until time.Time
		}
		now := time.Unix(0, 0)
		table, model := NewTable(func() time.Time { return now }), map[string]kept{}
		key := rapid.SampledFrom([]string{"ctx:a", "res:a", "art:b"})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, data := key.Draw(t, "key"), rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "data")
				ttl := time.Duration(rapid.IntRange(0, 5).Draw(t, "ttl")) * time.Second
				if err := table.Put(context.Background(), k, data, ttl); err != nil {
					t.Fatal(err)
				}
				if ttl == 0 {
					ttl = TTL
				}
				model[k] = kept{bytes.Clone(data), now.Add(ttl)}
				for i := range data { // the table has its own
					data[i] = '!'
				}
			},
			"done": func(t *rapid.T) { k := key.Draw(t, "key"); table.Done(k); delete(model, k) },
			"expire": func(t *rapid.T) {
				k := key.Draw(t, "key")
				v, ok := model[k]
				if table.expire(k, time.Second) != ok {
					t.Fatalf("expire %s", k)
				}
				if ok {
					v.until = now.Add(time.Second)
					model[k] = v
				}
			},
			"pass":  func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "pass")) * time.Second) },
			"sweep": func(*rapid.T) { table.sweep() },
			"": func(t *rapid.T) {
				for k, v := range model {
					if !v.until.After(now) {
						delete(model, k)
					}
				}
				for _, k := range []string{"ctx:a", "res:a", "art:b"} {
					got, found, _ := table.Get(context.Background(), k, 1<<10)
					if want, ok := model[k]; found != ok || !bytes.Equal(got, want.data) {
						t.Fatalf("%s is %q, %t", k, got, found)
					}
				}
				table.sweep()
				weight := 0
				for k, v := range model {
					weight += len(k) + len(v.data) + keyCost
				}
				if table.bytes != weight || len(table.values) != len(model) {
					t.Fatalf("%d bytes in %d values, want %d in %d", table.bytes, len(table.values), weight, len(model))
				}
			},
		})
	})
}

func TestTableRefuses(t *testing.T) {
	table := NewTable(time.Now)
	put := func(key string, data []byte) error { return table.Put(context.Background(), key, data, 0) }
	if err := put("", nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("no key: %v", err)
	}
	big := make([]byte, MaxValue+1)
	if err := put("ctx:a", big); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large value: %v", err)
	}
	table.bytes = MaxBytes - 200 // as if it were nearly full
	if err := put("ctx:a", make([]byte, 300)); !errors.Is(err, ErrFull) {
		t.Errorf("full: %v", err)
	}
	if err := put("ctx:a", []byte("12")); err != nil {
		t.Error(err)
	}
	if err := put("ctx:a", []byte("1")); err != nil {
		t.Errorf("a smaller one in its place: %v", err)
	}
	if err := table.putFor("res:a", []byte("1"), 0, false); !errors.Is(err, ErrFull) {
		t.Errorf("a worker takes the room of inputs: %v", err)
	}
	if got, _, _ := table.Get(context.Background(), "ctx:a", 0); len(got) != 1 {
		t.Errorf("%d bytes, want one more than asked for", len(got))
	}
}

// TestNewOnce: of many that set a value if there is none one does, and an old one whose time is over is none.
func TestNewOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	table := NewTable(func() time.Time { return now })
	for _, when := range []string{"first", "after its time"} {
		var did atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				switch err := table.putFor("res:a", []byte(when), time.Minute, true); {
				case err == nil:
					did.Add(1)
				case !errors.Is(err, errThere):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if v, ok := table.look("res:a"); did.Load() != 1 || !ok || string(v.data) != when {
			t.Errorf("%s: %d did, %q", when, did.Load(), v.data)
		}
		now = now.Add(time.Hour)
	}
}
