package sim

import (
	"time"

	"cordum.dev/cordum/engine/runner"
)

// befall lets something go wrong around one of the engines, or around all of them.
func (t *team) befall() {
	w := t.w
	d := time.Duration(50+w.draw.IntN(9000)) * time.Millisecond
	w.troubled = time.Now().Add(d)
	all := t.alive()
	p := pick(w.game, all)
	switch n := w.draw.IntN(24); {
	case n < 4:
		facts := 1 + w.draw.IntN(8)
		p.journal.plan(facts)
		w.note("%s dies within %d facts", p.name, facts)
	case n < 5:
		w.note("%s is killed", p.name)
		p.journal.gone.Store(true)
		w.journal.law.misses(p.name)
	case n < 6:
		w.note("all are killed")
		for _, p := range all {
			p.journal.gone.Store(true)
			w.journal.law.misses(p.name)
		}
	case n < 10:
		t.pause(p)
	case n < 13:
		t.cutBus(p, d)
	case n < 16:
		t.cutStore(p, d)
	case n < 18:
		t.replace(p, all)
	case n < 19:
		w.count.Rough++
		w.rough.roughen(2 * d)
		w.note("messages are lost, doubled and late for %s", 2*d)
	case n < 20:
		t.putBack()
	case n < 21:
		w.wipe(d)
	case n < 22:
		t.hangOnce(p)
	default:
		w.cutBus(d)
	}
}

// pause stops a process for up to ten leases. Its clock goes on.
func (t *team) pause(p *peer) {
	d := time.Duration(1+t.w.draw.Int64N(10*int64(runner.DefaultLeaseTTL/time.Second))) * time.Second
	t.w.count.Pauses++
	p.gate.close()
	t.w.journal.law.misses(p.name)
	time.AfterFunc(d, func() {
		t.w.law.begins() // it goes on with what it was about to send
		p.gate.open()
	})
	t.w.note("%s is stopped for %s", p.name, d)
}

// cutBus cuts an engine off its bus, one way or both.
func (t *team) cutBus(p *peer, d time.Duration) {
	way := t.w.draw.IntN(3)
	t.w.count.Links++
	p.link.in.Store(way != 1)
	p.link.out.Store(way != 2)
	t.w.journal.law.misses(p.name)
	time.AfterFunc(d, func() {
		t.w.law.begins()
		p.link.mend()
	})
	t.w.note("%s has no bus for %s: it hears nothing %t, says nothing %t", p.name, d, way != 1, way != 2)
}

// cutStore cuts an engine off its store, one way or both, or makes commits slow.
func (t *team) cutStore(p *peer, d time.Duration) {
	t.w.count.Links++
	switch way := t.w.draw.IntN(3); way {
	case 2:
		slow := time.Duration(1+t.w.draw.IntN(2000)) * time.Millisecond
		if t.w.draw.IntN(3) == 0 { // longer than a lease: the answer comes when another engine owns what it is about
			slow = time.Duration(7+t.w.draw.IntN(14)) * time.Second
		}
		p.reach.slow.Store(int64(slow))
		t.w.note("each commit of %s takes %s for %s", p.name, slow, d)
	default:
		p.reach.out.Store(way == 0)
		p.reach.in.Store(way == 1)
		t.w.note("%s has no store for %s: it does not answer %t, though it does what it is asked %t", p.name, d, true, way == 1)
	}
	time.AfterFunc(d, p.reach.mend)
}

// replace brings another engine, and stops one in good order: now and then, so that there are not more and more.
func (t *team) replace(p *peer, all []*peer) {
	if len(all) < mostPeers {
		t.w.note("%s comes", t.join().name)
	}
	if len(all) == 1 || t.w.draw.IntN(3) == 0 {
		return
	}
	t.w.count.Stops++
	t.w.note("%s is stopped in good order", p.name)
	p.gate.open()
	p.over = true
	p.stop()
}

// waitOut lets what goes wrong go on for a while, now and then, though nobody asks for anything.
func (t *team) waitOut() {
	if t.w.draw.IntN(2) == 0 {
		time.Sleep(time.Duration(t.w.draw.IntN(70)) * time.Second)
		t.mend()
	}
}
