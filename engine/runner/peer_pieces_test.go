package runner

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/codec"
)

// TestPieces: letters of many senders, cut into pieces of any size, of which some are lost, come as they were or not at all, and none
// whose pieces all came is missing.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type sent struct {
			from  string
			whole letter
			rest  []letter
			lost  bool
			came  bool
		}
		size := rapid.IntRange(1, 64).Draw(t, "size")
		var all []*sent
		for i := range rapid.IntRange(1, maxAssemblies).Draw(t, "letters") {
			m := letter{kind: letterResult, body: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "body")}
			all = append(all, &sent{from: fmt.Sprint("p", i%3), whole: m, rest: cutLetter(&m, uint64(i), size)})
		}
		in := sorter{open: map[pieceOf]*assembly{}}
		now := time.Unix(1_000, 0)
		for left := len(all); left > 0; {
			one := all[rapid.IntRange(0, len(all)-1).Draw(t, "next")]
			if len(one.rest) == 0 {
				left = 0
				for _, s := range all {
					left += len(s.rest)
				}
				continue
			}
			m := one.rest[0]
			one.rest = one.rest[1:]
			if rapid.IntRange(0, 30).Draw(t, "lost") == 0 {
				one.lost = true
				continue
			}
			var p piece
			if err := codec.Decode(m.body, &p); err != nil {
				t.Fatal(err)
			}
			whole, is := in.add(now, one.from, &p)
			if !is {
				continue
			}
			if one.lost || one.came || whole.kind != one.whole.kind || !bytes.Equal(whole.body, one.whole.body) {
				t.Fatalf("a letter of %d bytes came as one of %d (lost %t, came %t)", len(one.whole.body), len(whole.body), one.lost, one.came)
			}
			one.came = true
		}
		for _, one := range all {
			if !one.came && !one.lost {
				t.Fatalf("a letter of %d bytes never came", len(one.whole.body))
			}
		}
	})
}

// TestPiecesInOrder: a session's letters keep their order, whole and in pieces.
func TestPiecesInOrder(t *testing.T) {
	p := &peers{}
	var letters, got []letter
	for i, size := range []int{1, maxEnvelope, maxEnvelope + 1, 5, 3*maxEnvelope + 7, 4 * pieceSize, 9} {
		letters = append(letters, letter{kind: letterMove, body: bytes.Repeat([]byte{byte(i)}, size)})
	}
	now := time.Unix(1_000, 0)
	from, to := newStream("s", now), newStream("s", now)
	var a assembly
	for _, e := range from.send(now, p.cutLetters(letters)) {
		raw := codec.Append(nil, &e)
		if most := maxEnvelope + 1024; len(raw) > most {
			t.Errorf("an envelope has %d bytes, at most %d are meant", len(raw), most)
		}
		var back envelope
		if err := codec.Decode(raw, &back); err != nil {
			t.Fatal(err)
		}
		got = append(got, a.join(now, to.take(now, &back))...)
	}
	if len(got) != len(letters) {
		t.Fatalf("%d letters came of %d", len(got), len(letters))
	}
	for i := range got {
		if got[i].kind != letters[i].kind || !bytes.Equal(got[i].body, letters[i].body) {
			t.Errorf("letter %d came with %d bytes of %d", i, len(got[i].body), len(letters[i].body))
		}
	}
}

// TestPiecesForged: what claims more than a letter may have is dropped.
func TestPiecesForged(t *testing.T) {
	in := sorter{open: map[pieceOf]*assembly{}}
	now := time.Unix(1_000, 0)
	data := make([]byte, 1<<20)
	for n := range uint64(40) {
		if _, whole := in.add(now, "p", &piece{of: letterResult, id: 1, n: n, all: 40, data: data}); whole {
			t.Error("a letter of 40 MiB came")
		}
	}
	for id := range uint64(10 * maxAssemblies) {
		in.add(now, "p", &piece{of: letterResult, id: id, n: 0, all: 2, data: data[:1]})
	}
	if n := len(in.open); n > maxAssemblies {
		t.Errorf("%d letters are open", n)
	}
}
