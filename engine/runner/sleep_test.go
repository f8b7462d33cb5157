package runner

import (
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// TestSleepersWakeInOrder: whatever goes to sleep, leaves with its partition and goes to sleep once more, each that is left wakes at
// its time and as who it was, the earliest first.
func TestSleepersWakeInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Runner{epochs: make([]store.Lease, 4)}
		var h sleepers
		var want []string
		name := func(due int64, run, tenant string) string { return fmt.Sprintf("%020d %s %s", due, run, tenant) }
		for i := range rapid.IntRange(0, 200).Draw(t, "n") {
			var u ulid.ULID
			_ = u.SetEntropy(fmt.Appendf(nil, "%010d", i))
			p := rapid.IntRange(0, 3).Draw(t, "partition")
			run, tenant := id.Run(p, u), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant")
			due := time.Unix(rapid.Int64Range(0, 50).Draw(t, "due"), 0)
			s, ok := r.sleeper(tenant, run, due)
			if !ok {
				t.Fatalf("run %s cannot sleep", run)
			}
			h.push(s)
			if rapid.Bool().Draw(t, "twice") {
				h.push(s)
			}
			want = append(want, name(s.due, run, tenant))
		}
		if rapid.Bool().Draw(t, "tidy") {
			h.tidyUp()
		}
		if gone := rapid.IntRange(-1, 3).Draw(t, "gone"); gone >= 0 {
			h.forget(store.Partition(gone))
			want = slices.DeleteFunc(want, func(s string) bool { return s[21:23] == fmt.Sprintf("%02X", gone) })
		}
		var got []string
		last := int64(-1)
		for len(h.heap) > 0 {
			s := h.pop()
			if s.due < last {
				t.Fatalf("woken at %d, after one at %d", s.due, last)
			}
			last = s.due
			got = append(got, name(s.due, id.Run(int(s.part), s.ulid), r.tenants.name(s.tenant)))
		}
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Fatalf("woken: %q, want %q", got, want)
		}
	})
}

// TestSleepersAreSmall: a million of them are 32 MB, and one that is looked at again and again is not kept each time.
func TestSleepersAreSmall(t *testing.T) {
	if size := unsafe.Sizeof(sleeper{}); size > 32 {
		t.Errorf("a run that sleeps takes %d bytes", size)
	}
	var h sleepers
	for range 20 * minTidySleepers {
		h.push(sleeper{due: 7})
	}
	if len(h.heap) > 2*minTidySleepers {
		t.Errorf("one run sleeps %d times", len(h.heap))
	}
	for i := range 10 * minTidySleepers {
		h.push(sleeper{due: int64(i)})
	}
	for len(h.heap) > minTidySleepers {
		h.pop()
	}
	if cap(h.heap) > 8*minTidySleepers {
		t.Errorf("there is room for %d when %d are left", cap(h.heap), len(h.heap))
	}
}

// TestSleepersFarAway: a time that cannot be counted in nanoseconds is later than any other, not earlier.
func TestSleepersFarAway(t *testing.T) {
	if near, far := nanos(time.Now()), nanos(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); far <= near {
		t.Errorf("the year 9999 is %d, now is %d", far, near)
	}
}

// TestInboxKeepsRoomForCalls: what recovery finds takes no room from calls, and comes out in order.
func TestInboxKeepsRoomForCalls(t *testing.T) {
	b := newInbox(4)
	for i := range 1000 {
		b.push(task{run: fmt.Sprint(i)})
	}
	for range 4 {
		if err := b.offer(task{run: "call"}); err != nil {
			t.Fatalf("a call is refused: %v", err)
		}
	}
	if b.offer(task{}) == nil {
		t.Error("more calls are taken than there is room for")
	}
	var got []task
	for n := 1; len(got) < 1004; n = n*2%97 + 1 {
		got = b.drain(got, n)
		if len(got) < 1000 {
			b.push(task{run: "later"})
		}
	}
	for i := range 1000 {
		if got[i].run != fmt.Sprint(i) {
			t.Fatalf("task %d is %q", i, got[i].run)
		}
	}
	if b.drain(nil, 100_000); b.offer(task{}) != nil || b.called != 1 {
		t.Errorf("%d calls wait in an inbox that was drained", b.called)
	}
}
