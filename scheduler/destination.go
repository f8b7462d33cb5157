package scheduler

import (
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/config"
)

// topic is what the Fleet keeps of a topic that somebody asks for: who serves it, and its voice.
//
// Its voice stands for the topic's own queue group: whoever listens there without having told us. It is a worker with
// MaxByTopic slots that takes what asks for nothing but the topic, as long as nobody alive is known to serve it, so what waits
// for it keeps its turns. When nobody listens it pauses, longer each time, and then tries with one. When somebody does who was
// not heard there before, it pauses for an introduction: who is a worker says so meanwhile, and gets its jobs as one.
type topic struct {
	name   string
	closed bool                // pools are said for topics, and none for this one
	pools  []string            // that may serve it; nil: any
	groups map[*group]struct{} // that do
	barred map[*group]struct{} // that advertise it and belong to no pool that may: while there are some, the voice is silent

	demands []*demand
	voice   *worker // nil while nobody has asked for the topic alone

	trust   trust
	asked   bool // who listens was asked who they are; nothing is sent before they had time to answer
	misses  int  // times in a row that nobody listened
	retryAt alarm
}

// trust is what is known of who listens on a topic.
type trust uint8

const (
	trustOpen    trust = iota // it has not failed lately
	trustPaused               // nobody listened: nothing is sent
	trustTrying               // one may be sent
	trustAwaited              // one was sent, and has not come back so far
)

// topicOf finds a topic, or makes its record.
func (f *Fleet) topicOf(name string) *topic {
	if t := f.topics[name]; t != nil {
		return t
	}
	t := &topic{name: name, groups: make(map[*group]struct{}), barred: make(map[*group]struct{})}
	t.retryAt.topic = t
	t.mapTo(f.rules.Fleet)
	f.topics[name] = t
	for _, g := range f.groups {
		switch {
		case t.servedBy(g):
			f.serve(t, g)
		case g.advertises(name):
			f.bar(t, g)
		}
	}
	return t
}

// mapTo takes over which pools the rules say for a topic.
func (t *topic) mapTo(fleet *config.Fleet) {
	t.closed, t.pools = false, nil
	if fleet == nil || !fleet.Mapped() || strings.HasPrefix(t.name, BuiltinTopics) {
		return
	}
	entry, ok := fleet.Topic(t.name)
	t.closed, t.pools = !ok && !fleet.Open, entry.Pools
}

// servedBy tells whether a group serves the topic: its workers advertise it, or belong to a pool that is said for it and
// advertise none at all.
func (t *topic) servedBy(g *group) bool {
	switch {
	case t.closed:
		return false
	case t.pools == nil:
		return g.advertises(t.name)
	}
	return slices.Contains(t.pools, g.pool.name) && (len(g.topics) == 0 || g.advertises(t.name))
}

// topicsOf lists the topics that a group may have to do with: it serves them, or only says so.
func (f *Fleet) topicsOf(g *group) (out []*topic) {
	exact := len(g.topics) > 0 && !slices.ContainsFunc(g.topics, func(t string) bool { return strings.ContainsAny(t, "*>") })
	if exact {
		for _, name := range g.topics {
			if t := f.topics[name]; t != nil {
				out = append(out, t)
			}
		}
		return out
	}
	for _, t := range f.topics {
		if t.servedBy(g) || g.advertises(t.name) {
			out = append(out, t)
		}
	}
	return out
}

// serve notes that a group serves a topic. With the first, its voice falls silent.
func (f *Fleet) serve(t *topic, g *group) {
	t.groups[g] = struct{}{}
	g.serves = append(g.serves, t)
	if len(t.groups) == 1 && t.voice != nil {
		t.trust, t.asked, t.misses = trustOpen, false, 0
		f.alarms.remove(&t.retryAt)
		f.reindex(t.voice)
	}
}

// bar notes that a group says that it serves the topic and may not: it listens on the topic's queue group perhaps, and would get
// what is not for it.
func (f *Fleet) bar(t *topic, g *group) {
	t.barred[g] = struct{}{}
	g.barred = append(g.barred, t)
	if t.voice != nil {
		f.reindex(t.voice)
	}
}

// barNoMore ends that.
func (f *Fleet) barNoMore(t *topic, g *group) {
	delete(t.barred, g)
	if len(t.barred) == 0 {
		f.rouseVoice(t)
	}
}

// serveNoMore ends that. With the last, its voice speaks again.
func (f *Fleet) serveNoMore(t *topic, g *group) {
	delete(t.groups, g)
	if len(t.groups) == 0 {
		f.rouseVoice(t)
	}
}

// rouseVoice lets a topic's voice take, at the end of the call, what it may.
func (f *Fleet) rouseVoice(t *topic) {
	if t.voice != nil {
		f.reindex(t.voice)
		f.rousedGroups = append(f.rousedGroups, t.voice.group)
	}
}

// giveVoice gives a topic its voice, seated in the demand for the topic alone.
func (f *Fleet) giveVoice(d *demand) {
	t := d.topic
	if f.cfg.ByTopic < 0 || strings.HasPrefix(t.name, BuiltinTopics) {
		return
	}
	if t.voice == nil {
		g := &group{pool: &pool{stands: make(map[*demand]*stand)}, voice: t, turn: make(map[string]*turn)}
		t.voice = &worker{group: g, voice: t, alive: true, said: Beat{Max: f.cfg.ByTopic}}
	}
	f.seat(d, t.voice.group)
	f.reindex(t.voice)
}

// speaks tells whether the topic's voice has something, or keeps others from asking again at once. One that may be tried, and
// that nobody waits for, can be forgotten: else whoever makes up topics would be remembered for ever.
func (t *topic) speaks() bool {
	return t.voice != nil && (len(t.voice.held) > 0 || t.trust == trustPaused || t.trust == trustAwaited)
}

// takes tells whether a topic's voice may take one more.
func (t *topic) takes() bool {
	return !t.closed && len(t.groups) == 0 && len(t.barred) == 0 && len(t.voice.held) < t.voice.said.Max && (t.trust == trustOpen || t.trust == trustTrying)
}

// sent notes that the voice has taken one.
func (f *Fleet) sent(t *topic) {
	if t.trust == trustTrying {
		t.trust = trustAwaited
		f.setAlarm(t, provedAfter)
	}
}

// missed notes that nobody listened.
func (f *Fleet) missed(t *topic) {
	if t.trust == trustPaused || len(t.groups) > 0 {
		return // one of those that were out together
	}
	t.trust, t.asked = trustPaused, false // whoever comes next is a stranger
	f.setAlarm(t, min(unheardFirst<<min(t.misses, 16), unheardMost))
	t.misses++
	f.reindex(t.voice)
}

// introduce gives those who listen on a topic time to say who they are.
func (f *Fleet) introduce(t *topic) {
	if t.asked || len(t.groups) > 0 {
		return // one of those that were out together
	}
	t.trust, t.asked = trustPaused, true
	f.setAlarm(t, introduction)
	f.reindex(t.voice)
}

func (f *Fleet) setAlarm(t *topic, after time.Duration) {
	t.retryAt.due = f.now.Add(after)
	f.alarms.fix(&t.retryAt)
}

// retry does what is due of a topic: it is tried again, or, as what was sent has not come back, open again.
func (f *Fleet) retry(t *topic) {
	f.alarms.remove(&t.retryAt)
	if t.trust == trustAwaited {
		t.trust, t.misses = trustOpen, 0
	} else {
		t.trust = trustTrying
	}
	f.rouseVoice(t)
}

// sweepTopics forgets topics that nobody asks for any more.
func (f *Fleet) sweepTopics() {
	for name, t := range f.topics {
		t.demands = slices.DeleteFunc(t.demands, func(d *demand) bool {
			if d.swept && d.plain() {
				t.voice = nil
			}
			return d.swept
		})
		if len(t.demands) > 0 {
			continue
		}
		delete(f.topics, name)
		for g := range t.groups {
			i := slices.Index(g.serves, t)
			g.serves = slices.Delete(g.serves, i, i+1)
		}
		for g := range t.barred {
			i := slices.Index(g.barred, t)
			g.barred = slices.Delete(g.barred, i, i+1)
		}
	}
}
