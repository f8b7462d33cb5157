package scheduler

import (
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
	case w.silent:
		state.State = WorkerSilent
	case w.draining():
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
			count(stats, d.topic.name, l.size, l.rank().req.ReleasedAt)
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
