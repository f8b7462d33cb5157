package runner

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/codec"
)

// TestStreams: whatever a bus loses, doubles and reorders, each end gets all that the other one sent, once and in order, as soon as
// the bus lets something through again.
func TestStreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_000, 0)
		type end struct {
			*stream
			sent, got uint64
			way       [][]byte // on the way to it
		}
		ends := [2]*end{{stream: newStream("s", now)}, {stream: newStream("s", now)}}
		post := func(to *end, list []envelope) {
			for i := range list {
				to.way = append(to.way, codec.Append(nil, &list[i]))
			}
		}
		bring := func(to *end, i int) {
			var e envelope
			if err := codec.Decode(to.way[i], &e); err != nil {
				t.Fatal(err)
			}
			for _, m := range to.take(now, &e) {
				if n := binary.BigEndian.Uint64(m.body); n != to.got+1 {
					t.Fatalf("letter %d came after %d", n, to.got)
				}
				to.got++
			}
		}
		step := func(a, b *end) {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				var list []letter
				for range rapid.IntRange(1, 3).Draw(t, "letters") {
					a.sent++
					list = append(list, letter{kind: letterMove, body: binary.BigEndian.AppendUint64(nil, a.sent)})
				}
				post(b, a.send(now, list))
			case 1:
				post(b, a.again(now))
			case 2: // whatever is on the way, and perhaps once more later
				if len(a.way) > 0 {
					i := rapid.IntRange(0, len(a.way)-1).Draw(t, "which")
					bring(a, i)
					if rapid.Bool().Draw(t, "once") {
						a.way = append(a.way[:i], a.way[i+1:]...)
					}
				}
			case 3:
				if len(a.way) > 0 {
					a.way = a.way[1:]
				}
			}
		}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "end")
			step(ends[i], ends[1-i])
		}
		for range 10_000 { // now nothing is lost
			now = now.Add(resendEnvelopeMost)
			for i, a := range ends {
				post(ends[1-i], a.again(now))
			}
			for _, a := range ends {
				for i := range a.way {
					bring(a, i)
				}
				a.way = nil
			}
			if ends[0].got == ends[1].sent && ends[1].got == ends[0].sent {
				break
			}
		}
		for i, a := range ends {
			if other := ends[1-i]; a.got != other.sent {
				t.Fatalf("end %d got %d of %d", i, a.got, other.sent)
			}
		}
	})
}
