package remote

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store/pebble"
)

// TestWatchesHaveRoomOfTheirOwn: those who watch for long take no room from calls, nor calls from them, and one more than there is room
// for is told so.
func TestWatchesHaveRoomOfTheirOwn(t *testing.T) {
	shelf, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: 4, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	line := bus.NewMemory()
	t.Cleanup(func() {
		_ = line.Close()
		_ = shelf.Close()
	})
	engine, err := runner.New(runner.Config{Policy: safety.NewSnapshot(safety.Allow), Logger: quiet()}, shelf, line)
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(line, engine, quiet())
	for name, c := range map[string]struct {
		method             string
		running, streaming int
		taken              bool
	}{
		"the last watch, among all calls":  {"Watch", maxCalls, maxStreams - 1, true},
		"a watch too many":                 {"Watch", 0, maxStreams, false},
		"the last call, among all watches": {"View", maxCalls - 1, maxStreams, true},
		"a call too many":                  {"View", maxCalls, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.running, s.streaming, s.todo = c.running, c.streaming, nil
			h := &heard{inbox: bus.InboxPrefix + ".nobody"}
			s.begin(&request{ID: name, Method: c.method}, h)
			if taken := len(s.todo) == 1 && !h.done; taken != c.taken {
				t.Fatalf("taken: %t", taken)
			}
			if c.taken {
				return
			}
			var r reply
			if err := decode(h.reply, &r); err != nil || r.Failure == nil || !slices.Contains(r.Failure.Is, "overloaded") {
				t.Errorf("it is answered %+v, %v", r.Failure, err)
			}
		})
	}
}
