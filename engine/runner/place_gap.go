package runner

import (
	"time"

	"cordum.dev/cordum/bus"
)

// This file is what becomes of jobs between two places: the process of the one has died, and the partition whose owner is the next one
// is free only when its lease is over. Until then each process gives the jobs of its own runs to workers by itself: it hears all
// heartbeats anyway. A worker that gets too much from several of them gives it back at no attempt's cost. What needs all runs of an
// installation waits: nobody gets a concurrency key, and tenants take turns within each process only.

// goneSubject is where this process hears that nobody listens at the other end of a session.
func (p *peers) goneSubject(session string) string { return SubjectPeers + p.self + ".gone." + session }

// unheard takes the bus's word that nobody listens at the other end of a session: with the place that means that its process has ended,
// or is cut off from the bus.
func (p *peers) unheard(m bus.Msg) {
	if !m.NoResponders {
		return
	}
	p.mu.Lock()
	link := p.link
	p.mu.Unlock()
	if link != nil && m.Subject == p.goneSubject(link.stream.session) {
		p.standIn(link)
	}
}

// mayStandIn tells whether it is time to stand in for a place that does not say any more that it is one. One whose process lives gives
// partition 0 away in good order, and has as long for it as a member may be silent. And who does not hear himself is cut off from the
// bus: what he gave to workers now would reach them when he is back, and others have long given it to somebody else. The
// caller holds mu.
func (p *peers) mayStandIn(now time.Time) bool {
	if p.missed.IsZero() {
		p.missed = now
	}
	s := p.r.shared
	return (!p.lives || now.Sub(p.missed) >= s.cfg.Away) && s.heardWithin(now, 2*s.cfg.Beat)
}

// standIn has this process give the jobs of its own runs to workers, since the place at the other end of a session is gone. It ends
// when somebody says later than now that he is the place.
func (p *peers) standIn(gone *peerEnd) {
	p.turning.Lock()
	defer p.turning.Unlock()
	p.standInNow(gone)
}

// standInNow is standIn for who holds turning.
func (p *peers) standInNow(gone *peerEnd) {
	p.mu.Lock()
	if p.link != gone || p.stop || p.opened != 0 {
		p.mu.Unlock()
		return
	}
	p.at.name, p.link, p.standsIn, p.missed = "", nil, time.Now(), time.Time{}
	p.mu.Unlock()
	p.r.metrics.replicas.stoodIn()
	p.r.dispatch.begin(true)
	p.r.cfg.Logger.Warn("the process that gives jobs to workers is gone: this one gives those of its own runs until there is another", "process", gone.to)
	p.sayAll()
	if err := p.r.bus.Publish(bus.SubjectAskJobs, nil); err != nil {
		p.r.cfg.Logger.Warn("workers could not be asked what they have", "error", err)
	}
}
