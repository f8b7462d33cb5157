package runner

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// stillPeer is an engine among others that has every partition and does nothing: it is not run.
func stillPeer(t *testing.T) *Runner {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: 4})
	if err != nil {
		t.Fatal(err)
	}
	b := bus.NewMemory()
	t.Cleanup(func() {
		_ = b.Close()
		_ = s.Close()
	})
	r, err := New(Config{Owner: "here", Lanes: 1, Policy: safety.NewSnapshot(safety.Allow), Peers: &Peers{}}, s, b)
	if err != nil {
		t.Fatal(err)
	}
	for p := range r.epochs {
		r.epochs[p] = store.Lease{Partition: store.Partition(p), Epoch: 1}
	}
	return r
}

// told is how many notices and how many requests to say everything wait for the lane.
func (r *Runner) told() (notices, others int) {
	inbox := r.lanes[0].inbox
	inbox.mu.Lock()
	defer inbox.mu.Unlock()
	for i := range inbox.tasks {
		if inbox.tasks[i].run != "" {
			notices++
		} else {
			others++
		}
	}
	inbox.tasks = nil
	return notices, others
}

// TestNoticesOfTheSessionThatIs: what a place said in a session is heard while the session is the one there is. When another was begun,
// the lanes say everything in that one, and what was on its way in the old one must not come behind it.
func TestNoticesOfTheSessionThatIs(t *testing.T) {
	r := stillPeer(t)
	p := r.peers
	const run = "0001K00000000000000000000000"
	said := []letter{write(letterNotice, &notice{place: place{run: run}, kind: noticeAdmitted, tenant: "default"})}

	p.goTo(placeAt{"there", 1}, "")
	first := p.link
	p.noticed(first, said)
	if notices, others := r.told(); notices != 1 || others != 1 {
		t.Fatalf("%d notices, %d others: want the notice, and to say everything in the new session", notices, others)
	}

	p.goTo(placeAt{"elsewhere", 2}, "")
	p.noticed(first, said)
	if notices, others := r.told(); notices != 0 || others != 1 {
		t.Errorf("%d notices, %d others: a place that nobody asks any more was listened to", notices, others)
	}
	p.noticed(p.link, said)
	if notices, _ := r.told(); notices != 1 {
		t.Errorf("%d notices: the place was not listened to", notices)
	}

	p.mu.Lock()
	p.linked = p.linked.Add(-peerAlive) // long enough ago for another session
	broken := p.link
	p.mu.Unlock()
	p.relink(broken)
	p.noticed(broken, said)
	if notices, others := r.told(); notices != 0 || others != 1 {
		t.Errorf("%d notices, %d others: a session that is over was listened to", notices, others)
	}
}
