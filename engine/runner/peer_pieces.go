package runner

import (
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/codec"
)

// This file carries letters that are larger than a message of the bus may be: they are cut into pieces, which go like letters, and
// are put together where they arrive.

// pieceSize is what a piece carries of a letter: one is the envelope's only letter, and such an envelope fits the smallest message that
// a bus is configured with (bus.MinPayload).
const pieceSize = maxEnvelope - 256

// piece is a part of a letter.
type piece struct {
	of   letterKind // of the whole
	id   uint64     // of the whole: no other one of its sender has it
	n    uint64     // from 0
	all  uint64     // how many there are
	data []byte
}

// Fields implements codec.Fielder.
func (p *piece) Fields(c *codec.Codec) {
	codec.Enum(c, &p.of)
	c.Uint(&p.id)
	c.Uint(&p.n)
	c.Uint(&p.all)
	c.Bytes(&p.data)
}

// cutLetters answers letters of which none is too large for an envelope: those that are, in pieces.
func (p *peers) cutLetters(letters []letter) []letter {
	large := func(m *letter) bool { return len(m.body) > maxEnvelope }
	for i := range letters {
		if !large(&letters[i]) {
			continue
		}
		out := append(make([]letter, 0, len(letters)+len(letters[i].body)/pieceSize), letters[:i]...)
		for ; i < len(letters); i++ {
			if m := &letters[i]; large(m) {
				out = append(out, cutLetter(m, p.pieces.Add(1), pieceSize)...)
			} else {
				out = append(out, *m)
			}
		}
		return out
	}
	return letters
}

// cutLetter cuts a letter into pieces of so many bytes.
func cutLetter(m *letter, id uint64, size int) (out []letter) {
	all := (len(m.body) + size - 1) / size
	for n := range all {
		data := m.body[n*size : min((n+1)*size, len(m.body))]
		out = append(out, write(letterPiece, &piece{of: m.kind, id: id, n: uint64(n), all: uint64(all), data: data}))
	}
	return out
}

// assembly is a letter of which pieces are missing. They come in order, or one is lost, and the letter with it.
type assembly struct {
	of   letterKind
	id   uint64
	next uint64
	all  uint64
	body []byte
	at   time.Time // when the last piece came
}

// add takes a piece, and answers the letter when it was the last one. What does not go on with what is there begins anew or is dropped.
func (a *assembly) add(now time.Time, p *piece) (m letter, whole bool) {
	if p.n == 0 {
		*a = assembly{of: p.of, id: p.id, all: p.all}
	}
	if p.id != a.id || p.of != a.of || p.all != a.all || p.n != a.next || p.n >= p.all || len(a.body)+len(p.data) > maxLetter {
		*a = assembly{}
		return letter{}, false
	}
	a.next, a.at, a.body = a.next+1, now, append(a.body, p.data...)
	if a.next < a.all {
		return letter{}, false
	}
	m = letter{kind: a.of, body: a.body}
	*a = assembly{}
	return m, true
}

// join puts together what comes in order, as in a session. Pieces become the letters that they are of.
func (a *assembly) join(now time.Time, letters []letter) []letter {
	out := letters[:0]
	for i := range letters {
		m := letters[i]
		if m.kind == letterPiece {
			var p piece
			if codec.Decode(m.body, &p) != nil {
				*a = assembly{}
				continue
			}
			whole := false
			if m, whole = a.add(now, &p); !whole {
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// sorter puts together what comes from many at a time, of which some is lost. Safe for concurrent use.
type sorter struct {
	mu   sync.Mutex
	open map[pieceOf]*assembly
}

// pieceOf names a letter in pieces.
type pieceOf struct {
	from string
	id   uint64
}

// add takes a piece that a process sent, and answers the letter when it was the last one.
func (s *sorter) add(now time.Time, from string, p *piece) (m letter, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := pieceOf{from, p.id}
	a := s.open[at]
	if a == nil {
		if p.n != 0 {
			return letter{}, false // one before it was lost
		}
		s.makeRoom(now)
		a = &assembly{}
		s.open[at] = a
	}
	if m, whole = a.add(now, p); a.all == 0 { // it is whole, or will never be
		delete(s.open, at)
	}
	return m, whole
}

// makeRoom forgets letters of which pieces were lost, and the oldest where there are too many. The caller holds mu.
func (s *sorter) makeRoom(now time.Time) {
	var oldest pieceOf
	for at, a := range s.open {
		if now.Sub(a.at) > pieceWait {
			delete(s.open, at)
		} else if first := s.open[oldest]; first == nil || a.at.Before(first.at) {
			oldest = at
		}
	}
	if len(s.open) >= maxAssemblies {
		delete(s.open, oldest)
	}
}

const (
	// maxLetter is the largest letter: the largest message that comes in from outside, and what is said around it.
	maxLetter = bus.MaxPayload + bus.MinPayload
	// maxAssemblies is how many letters are put together at a time of those that may be lost, pieceWait how long one waits for its next
	// piece.
	maxAssemblies = 8
	pieceWait     = 10 * time.Second
)
