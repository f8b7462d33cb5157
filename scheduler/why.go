package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Why says where an attempt is and, when it waits, what for: one of the Why… constants and a sentence for people.
func (f *Fleet) Why(attemptID string) (reason, detail string) {
	a := f.attempts[attemptID]
	switch {
	case a == nil:
		return WhyUnknown, "it is neither waiting for a worker nor with one"
	case a.on != nil && a.on.voice != nil:
		return WhyGranted, "sent to the queue group of its topic: no worker is registered for it"
	case a.on != nil && a.why != "":
		return WhyGranted, fmt.Sprintf("worker %s has it: %s", a.on.id, a.why)
	case a.on != nil:
		return WhyGranted, fmt.Sprintf("worker %s has it", a.on.id)
	case a.named != nil:
		return WhyPreferBusy, fmt.Sprintf("waiting a moment for the preferred worker %s, which has no room", a.named.id)
	}
	return f.whyWaits(a, a.share.line.demand)
}

// census is what a look at the workers finds about an attempt in line: how many pass each condition, in their order.
type census struct {
	serving, able, placed, taking int
	slots, busy                   int
	alone                         int       // of those taking: gave back what they got last, and are left alone
	askedAt                       time.Time // before then no heartbeat of any of these ends that
	roomy                         *pool     // a pool that alone keeps a worker with room from it
	lacks                         string    // a capability that one lacks
	misses                        label     // a label that one misses
}

// census asks groups first: single workers are looked at only where some of them could do it.
func (f *Fleet) census(d *demand) (n census) {
	fit := make(map[*group]struct{}, len(d.topic.groups))
	for g := range d.topic.groups {
		n.serving += g.members
		if n.fits(g, d) {
			fit[g] = struct{}{}
		}
	}
	if len(fit) == 0 {
		return n
	}
	for _, w := range f.workers {
		if _, could := fit[w.group]; could {
			n.look(w)
		}
	}
	return n
}

// fits tells whether the workers of a group could do what a demand asks.
func (n *census) fits(g *group, d *demand) bool {
	if lacks := g.lacks(d.requires); lacks != "" {
		n.lacks = max(n.lacks, lacks)
		return false
	}
	n.able += g.members
	for _, l := range d.placement {
		if !slices.Contains(g.labels, l) { // what a demand asks for tells groups apart
			n.misses = l
			return false
		}
	}
	n.placed += g.members
	return true
}

func (n *census) look(w *worker) {
	if w.draining() || w.silent {
		return
	}
	n.taking++
	n.slots += w.said.Max
	n.busy += w.load()
	switch {
	case w.refuses != refusesNothing:
		if n.alone == 0 || w.believeAt.Before(n.askedAt) {
			n.askedAt = w.believeAt
		}
		n.alone++
	case w.hasRoom():
		n.roomy = w.group.pool
	}
}

// whyWaits finds the first condition that nobody passes.
func (f *Fleet) whyWaits(a *attempt, d *demand) (reason, detail string) {
	t := d.topic
	if t.closed {
		return WhyNoPool, fmt.Sprintf("no pool is mapped to the topic %s, and there is no job.default: add it to the topics of pools.yaml", t.name)
	}
	n := f.census(d)
	switch {
	case n.serving == 0 && (!d.plain() || !a.tenant.full()):
		return f.whyNobody(d)
	case n.able == 0 && n.serving > 0:
		return WhyCapability, fmt.Sprintf("none of %d workers of the topic %s has the capability %s", n.serving, t.name, n.lacks)
	case n.placed == 0 && n.serving > 0:
		return WhyPlacement, fmt.Sprintf("none of %d workers that could do it has the label %s=%s", n.able, n.misses.key, n.misses.value)
	case n.taking == 0 && n.serving > 0:
		return WhyDraining, fmt.Sprintf("all %d workers that could take it are draining or silent", n.placed)
	case a.tenant.full():
		return WhyTenantLimit, fmt.Sprintf("tenant %s has %d jobs at once, and may have %d", a.req.Tenant, a.tenant.held, a.tenant.most)
	case n.roomy != nil:
		return WhyOverloaded, fmt.Sprintf("the pool %s has %d jobs at once, and may have %d", n.roomy.name, n.roomy.load, n.roomy.most)
	}
	return WhyOverloaded, f.whyNoRoom(&n)
}

// whyNoRoom says it of an attempt that some could take, and none now.
func (f *Fleet) whyNoRoom(n *census) string {
	detail := fmt.Sprintf("%d workers could take it and none has room (%d jobs, %d slots)", n.taking, n.busy, n.slots)
	if n.alone == 0 {
		return detail
	}
	detail += fmt.Sprintf("; %d gave back what they got last, and get nothing before a heartbeat", n.alone)
	if wait := n.askedAt.Sub(f.now); wait > 0 {
		detail += fmt.Sprintf(" in %s or later", wait.Round(100*time.Millisecond))
	}
	return detail
}

// whyNobody says it of a topic that no worker alive serves.
func (f *Fleet) whyNobody(d *demand) (reason, detail string) {
	t := d.topic
	switch {
	case t.voice == nil && d.plain():
		return WhyNoWorkers, fmt.Sprintf("no worker serves the topic %s: start one", t.name)
	case !d.plain():
		return WhyNoWorkers, fmt.Sprintf("no worker serves the topic %s, and nobody vouches for capabilities or labels there: start one", t.name)
	case len(t.barred) > 0:
		return WhyNoWorkers, fmt.Sprintf("no worker of the pools of the topic %s is alive, and those that say that they serve it are of other pools: start one in %s", t.name,
			strings.Join(t.pools, " or "))
	case t.trust == trustPaused && t.asked:
		return WhyUnheard, fmt.Sprintf("no worker is registered for the topic %s; whoever listens on it is asked who that is", t.name)
	case t.trust == trustPaused:
		wait := t.retryAt.due.Sub(f.now).Round(100 * time.Millisecond)
		return WhyUnheard, fmt.Sprintf("no worker serves the topic %s, and nobody listens on it (tried %d times, again in %s): start one", t.name, t.misses, wait)
	default:
		return WhyUnheard, fmt.Sprintf("no worker is registered for the topic %s, and %d jobs are out to its queue group", t.name, len(t.voice.held))
	}
}
