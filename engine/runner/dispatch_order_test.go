package runner

import (
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/scheduler"
)

// TestNoticesKeepTheirOrder: what the fleet decides first its lane hears first, however long those take who are told of it on the way.
func TestNoticesKeepTheirOrder(t *testing.T) {
	r := &Runner{bus: bus.NewMemory(), cfg: Config{WorkerLease: time.Minute, Now: time.Now}}
	d := newDispatch(r)
	slow, quick := &lane{r: r, inbox: newInbox(10)}, &lane{r: r, inbox: newInbox(10)}
	decide := func(to *lane, kind noticeKind) {
		d.out = append(d.out, notice{place: place{lane: to, run: "r"}, kind: kind, attempt: string(rune('0' + kind)), grant: scheduler.Grant{}})
	}
	slow.inbox.mu.Lock() // it takes its time
	first, second := make(chan struct{}), make(chan struct{})
	d.mu.Lock()
	decide(slow, noticeGranted)
	decide(quick, noticeGranted)
	go func() { defer close(first); d.unlock() }()
	for taken := false; !taken; { // it is on its way
		d.mu.Lock()
		taken = len(d.out) == 0
		d.mu.Unlock()
	}
	d.mu.Lock()
	decide(quick, noticeLost)
	go func() { defer close(second); d.unlock() }()
	select {
	case <-second:
		t.Error("what was decided second is there before what was decided first")
	case <-time.After(50 * time.Millisecond):
	}
	slow.inbox.mu.Unlock()
	<-first
	<-second
	got := quick.inbox.drain(nil, 10)
	if len(got) != 2 || got[0].fail == nil || got[1].fail != nil { // only a grant that finds no run is given back
		t.Errorf("%d notices came, not in order", len(got))
	}
}
