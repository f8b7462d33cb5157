package runner

import (
	"slices"
	"time"
)

// stream carries letters both ways between two processes, each once and in order, over a bus that loses, doubles and reorders. It
// is one end of a session; it waits for nothing and has no lock of its own.
type stream struct {
	session string
	next    uint64     // number of the newest envelope sent
	unheard []sentOnce // what the other end did not acknowledge, oldest first
	weight  int        // bytes of those
	got     uint64     // number of the newest envelope that came with all before it
	early   map[uint64][]letter
	owes    bool // the other end does not know yet what came
	heard   time.Time
}

// sentOnce is an envelope that may have to be sent again.
type sentOnce struct {
	seq     uint64
	letters []letter
	weight  int
	at      time.Time // when it was sent last
	tries   int
}

func newStream(session string, now time.Time) *stream {
	return &stream{session: session, early: make(map[uint64][]letter), heard: now}
}

// send makes the envelopes that carry letters, of at most maxEnvelope bytes unless one letter has more.
func (s *stream) send(now time.Time, letters []letter) (out []envelope) {
	for len(letters) > 0 {
		n, weight := 0, 0
		for n < len(letters) && (n == 0 || weight+len(letters[n].body) <= maxEnvelope) {
			weight += len(letters[n].body) + letterOverhead
			n++
		}
		s.next++
		s.unheard = append(s.unheard, sentOnce{seq: s.next, letters: slices.Clone(letters[:n]), weight: weight, at: now})
		s.weight += weight
		out = append(out, s.envelope(s.next, letters[:n]))
		letters = letters[n:]
	}
	return out
}

func (s *stream) envelope(seq uint64, letters []letter) envelope {
	s.owes = false
	return envelope{version: peerVersion, session: s.session, seq: seq, ack: s.got, letters: letters}
}

// take takes an envelope of the session and answers the letters whose turn has come.
func (s *stream) take(now time.Time, e *envelope) (ready []letter) {
	s.heard = now
	for len(s.unheard) > 0 && s.unheard[0].seq <= e.ack {
		s.weight -= s.unheard[0].weight
		s.unheard = s.unheard[1:]
	}
	if e.seq == 0 {
		return nil
	}
	s.owes = true
	switch {
	case e.seq <= s.got: // it came before
		return nil
	case e.seq > s.got+1:
		if len(s.early) < maxEarly {
			s.early[e.seq] = e.letters
		}
		return nil
	}
	ready = e.letters
	for s.got++; ; s.got++ {
		more, came := s.early[s.got+1]
		if !came {
			return ready
		}
		delete(s.early, s.got+1)
		ready = append(ready, more...)
	}
}

// again are the envelopes that are to be sent now: what was not acknowledged in time, from the oldest on, or only the word of what
// came.
func (s *stream) again(now time.Time) (out []envelope) {
	for i := range min(len(s.unheard), maxResent) {
		u := &s.unheard[i]
		if now.Sub(u.at) < min(resendEnvelope<<min(u.tries, 8), resendEnvelopeMost) {
			break
		}
		u.at = now
		u.tries++
		out = append(out, s.envelope(u.seq, u.letters))
	}
	if len(out) == 0 && s.owes {
		out = append(out, s.envelope(0, nil))
	}
	return out
}

// overfull tells whether the other end has not taken what was sent for so much that the session is given up.
func (s *stream) overfull() bool { return s.weight > maxUnheard }

const (
	// maxEnvelope is what one message between processes weighs, letterOverhead what is counted for a letter beside its body.
	maxEnvelope    = 256 << 10
	letterOverhead = 16
	// resendEnvelope is how long an envelope waits to be acknowledged before it is sent again; the wait doubles up to
	// resendEnvelopeMost. maxResent is how many go again at once.
	resendEnvelope     = 250 * time.Millisecond
	resendEnvelopeMost = 2 * time.Second
	maxResent          = 64
	// maxEarly is how many envelopes wait for one before them.
	maxEarly = 1024
	// maxUnheard is how many bytes may wait to be acknowledged; then the two ends begin anew.
	maxUnheard = 64 << 20
	// peerTick is how often it is looked what is to be sent again, acknowledged or forgotten. An idle end says every peerAlive
	// that it is there; who was not heard of for peerGone is forgotten.
	peerTick  = 50 * time.Millisecond
	peerAlive = time.Second
	peerGone  = 12 * time.Second
)
