package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Workers lists the workers that have been heard, the lost ones of late included, by id. The slices and maps in it are
// shared: read only.
func (f *Fleet) Workers(now time.Time) []WorkerState {
	f.advance(now)
	out := make([]WorkerState, 0, len(f.workers))
	for _, w := range f.workers {
		if w.beats > 0 {
			out = append(out, f.show(w))
		}
	}
	slices.SortFunc(out, func(a, b WorkerState) int { return strings.Compare(a.Worker, b.Worker) })
	return out
}

func (f *Fleet) show(w *worker) WorkerState {
	confirmed := w.confirmed()
	state := WorkerState{
		Worker: w.id, Pool: w.said.Pool, Topics: w.said.Topics, Capabilities: w.said.Capabilities,
		Labels: w.said.Labels, Active: confirmed + w.foreign, Reserved: len(w.held) - confirmed,
		Max: w.said.Max, CPU: w.said.CPU, GPU: w.said.GPU, Direct: w.said.Direct, LastSeen: w.lastSeen,
		State: WorkerAlive,
	}
	switch {
	case !w.alive || f.now.Sub(w.lastSeen) >= f.cfg.WorkerLease:
		state.State = WorkerLost
	case w.said.Draining:
		state.State = WorkerDraining
	}
	return state
}

// Queue lists what waits, by topic; topics in which nothing waits are left out. It looks at each line's first, not at each
// attempt.
func (f *Fleet) Queue() []QueueStat {
	stats := make(map[string]*QueueStat)
	for _, d := range f.inOrder {
		for _, l := range d.open {
			count(stats, d.topic, l.waiting.len(), l.waiting.top().req.ReleasedAt)
		}
	}
	for _, w := range f.workers {
		for _, a := range w.waiting.items {
			count(stats, a.req.Topic, 1, a.req.ReleasedAt)
		}
	}
	out := make([]QueueStat, 0, len(stats))
	for _, s := range stats {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b QueueStat) int { return strings.Compare(a.Topic, b.Topic) })
	return out
}

func count(stats map[string]*QueueStat, topic string, depth int, oldest time.Time) {
	s := stats[topic]
	if s == nil {
		s = &QueueStat{Topic: topic, Oldest: oldest}
		stats[topic] = s
	}
	s.Depth += depth
	if oldest.Before(s.Oldest) {
		s.Oldest = oldest
	}
}

// Why says where an attempt is and, when it waits, what for: one of the Why… constants and a sentence for people.
func (f *Fleet) Why(attemptID string) (reason, detail string) {
	a := f.attempts[attemptID]
	switch {
	case a == nil:
		return WhyUnknown, "it is neither waiting for a worker nor with one"
	case a.on != nil:
		return WhyGranted, fmt.Sprintf("worker %s has it", a.on.id)
	case a.named != nil:
		return WhyPreferBusy, fmt.Sprintf("waiting a moment for the preferred worker %s, which has no room", a.named.id)
	}
	return f.whyWaits(a)
}

// whyWaits looks at who could take an attempt that is in line.
func (f *Fleet) whyWaits(a *attempt) (reason, detail string) {
	var serving, able, taking, slots, busy int
	var lacks string
	requires := canonical(a.req.Requires)
	for _, w := range f.workers {
		if w.group == nil || !w.group.servesTopic(a.req.Topic) {
			continue
		}
		serving++
		if missing := w.group.lacks(requires); missing != "" {
			lacks = max(lacks, missing)
			continue
		}
		able++
		if !w.said.Draining {
			taking++
			slots += w.said.Max
			busy += w.load()
		}
	}
	switch {
	case serving == 0:
		return WhyNoWorkers, fmt.Sprintf("no worker serves the topic %s: start one", a.req.Topic)
	case able == 0:
		return WhyCapability, fmt.Sprintf("none of %d workers of the topic %s has the capability %s", serving, a.req.Topic, lacks)
	case taking == 0:
		return WhyNoWorkers, fmt.Sprintf("all %d workers that could take it are draining", able)
	default:
		return WhyOverloaded, fmt.Sprintf("%d workers could take it and none has room (%d jobs, %d slots)", taking, busy, slots)
	}
}
