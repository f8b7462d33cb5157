package remote

import (
	"fmt"
	"testing"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// words is a bus that notes what is said over it.
type words struct {
	bus.Bus
	said []string
}

func (w *words) Publish(subject string, data []byte) error {
	w.said = append(w.said, subject+" "+string(data))
	return nil
}

// TestFramesComeTwice: the word that a frame was taken may be lost, and then the frame comes again. What is in it is handed out once,
// in order, and each time the engine is told where the viewer stands.
func TestFramesComeTwice(t *testing.T) {
	b := &words{}
	st := &stream{c: &Client{bus: b}, next: 1, bell: make(chan struct{}, 1)}
	comes := func(number uint64, items ...string) {
		f := frame{Number: number}
		for _, item := range items {
			f.Items = append(f.Items, []byte(item))
		}
		data, parts := cut(encode(f), 0)
		st.receive(bus.Msg{Reply: fmt.Sprint("word", number)}, answer{Verdict: framed, Parts: parts, Data: data})
	}
	got := ""
	shown := func() {
		item, ok, over, err := st.poll()
		if over || err != nil {
			t.Fatalf("over is %v, %v", over, err)
		}
		if ok {
			got += string(item)
		}
	}
	comes(1, "a", "b")
	comes(1, "a", "b") // nobody has taken all of it yet
	shown()
	shown()
	comes(1, "a", "b") // its word was lost
	shown()
	comes(2, "c")
	comes(1, "a", "b") // late
	shown()
	comes(2, "c")
	comes(3) // its engine is still there
	shown()
	if got != "abc" {
		t.Errorf("shown was %q", got)
	}
	if said, want := fmt.Sprint(b.said), "[word1 busy word1 taken word1 taken word2 taken word2 taken word3 taken]"; said != want {
		t.Errorf("said was %s\nwant     %s", said, want)
	}
}

// TestWhereAWatchGoesOn: when the owner of a run changes, its watch goes on behind what was shown last: nothing is left out, and what
// begins a stream is shown once.
func TestWhereAWatchGoesOn(t *testing.T) {
	w := &runWatch{}
	for i, c := range []struct {
		kind  string
		seq   uint64
		shown bool
		after uint64
	}{
		{"replay", 4, true, 3}, // nothing of it has come yet
		{"event", 4, true, 4},
		{"event", 5, true, 5},
		{"live", 5, true, 5},
		{"event", 6, true, 6},
		{"replay", 7, false, 6}, // another owner
		{"event", 7, true, 7},
		{"live", 7, false, 7},
		{"gap", 9, true, 9},
	} {
		if shown := w.note(&runner.Message{Kind: c.kind, Seq: c.seq}); shown != c.shown || !w.req.Resume || w.req.AfterSeq != c.after {
			t.Errorf("message %d, %s %d: shown %v, goes on behind %d, want %v, %d", i, c.kind, c.seq, shown, w.req.AfterSeq, c.shown, c.after)
		}
	}
}
