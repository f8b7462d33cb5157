package runner

import (
	"fmt"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// This file is what lanes send to the owner of a partition, whoever that is. It goes out behind the commit of the round in which it
// was said. It may be lost, come twice or late: jobs ask limits again, limits doubt, and both know old turns from new ones.

// laneSubject is where letters to a partition's owner go.
func laneSubject(p store.Partition) string { return fmt.Sprintf("%s%02X", SubjectLanes, p) }

// post has a letter go out with the others of this round.
func (l *lane) post(p store.Partition, m letter) {
	if l.letters == nil {
		l.letters = make(map[store.Partition][]letter)
	}
	l.letters[p] = append(l.letters[p], m)
}

// sendLetters sends what was said in this round.
func (l *lane) sendLetters() {
	for _, p := range sortedParts(l.letters) {
		l.r.peers.mail(p, l.letters[p])
	}
	clear(l.letters)
}

// mail sends letters to the owner of a partition.
func (p *peers) mail(to store.Partition, letters []letter) {
	letters = p.cutLetters(letters)
	for len(letters) > 0 {
		n, weight := 0, 0
		for n < len(letters) && (n == 0 || weight+len(letters[n].body) <= maxEnvelope) {
			weight += len(letters[n].body) + letterOverhead
			n++
		}
		_ = p.publish(laneSubject(to), &envelope{version: peerVersion, from: p.self, letters: letters[:n]})
		letters = letters[n:]
	}
}

// onLane takes letters to a partition of this process.
func (p *peers) onLane(m bus.Msg) {
	var env envelope
	if codec.Decode(m.Data, &env) != nil {
		p.r.metrics.malformed.Inc()
		return
	}
	for i := range env.letters {
		if !p.receive(env.from, &env.letters[i]) {
			p.r.metrics.malformed.Inc()
		}
	}
}

// receive takes one letter of a process, or a piece of one. It is false when nobody can read it.
func (p *peers) receive(from string, m *letter) bool {
	if m.kind != letterPiece {
		return p.read(m)
	}
	var part piece
	if codec.Decode(m.body, &part) != nil {
		return false
	}
	whole, is := p.sorter.add(p.r.now(), from, &part)
	return !is || p.read(&whole)
}

// read gives one letter to whom it is for. It is false when nobody can read it.
func (p *peers) read(m *letter) bool {
	switch m.kind {
	case letterLimit, letterAnswer, letterDoubt:
		var said limitLetter
		if codec.Decode(m.body, &said) != nil || int(said.name.part) >= len(p.r.epochs) {
			return false
		}
		p.r.limitLetter(m.kind, &said)
	case letterResult:
		var res resultLetter
		if codec.Decode(m.body, &res) != nil {
			return false
		}
		p.r.onPlain(bus.Msg{Subject: bus.SubjectResult, Reply: res.settle, Kept: res.settle != "", Data: res.data})
	}
	return true
}
