package runner

import (
	"context"
	"slices"
	"strings"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/scheduler"
)

// PoolView is a pool: as it is configured, and as its workers show it.
type PoolView struct {
	Name     string   `json:"name"`
	Requires []string `json:"requires,omitempty" doc:"Capabilities that all its workers have"`
	Topics   []string `json:"topics,omitempty" doc:"Topics and patterns that it may serve by configuration"`
	Workers  int      `json:"workers" doc:"Those alive"`
	Active   int      `json:"active_jobs"`
	Queued   int      `json:"queued_jobs" doc:"Jobs that wait and that it may serve; with others, when they may as well"`
	Slots    int      `json:"slots" doc:"Jobs at once that its workers take together"`
	MaxJobs  int      `json:"max_jobs,omitempty" doc:"Jobs at once that the configuration allows; absent: as many as they take"`
	Draining bool     `json:"draining,omitempty"`
}

// Pools lists the pools that are configured or that a worker belongs to, by name.
func (r *Runner) Pools(context.Context, Caller) []PoolView {
	views := make(map[string]*PoolView)
	fleet := r.fleetConfig()
	for name, p := range fleet.Pools {
		views[name] = &PoolView{Name: name, Requires: p.Requires, MaxJobs: p.MaxJobs, Draining: p.Draining}
	}
	workers := r.dispatch.workers()
	for _, w := range workers {
		if w.Pool == "" {
			continue
		}
		if views[w.Pool] == nil {
			views[w.Pool] = &PoolView{Name: w.Pool}
		}
		v := views[w.Pool]
		v.Active += w.Active + w.Reserved
		if w.State != scheduler.WorkerLost {
			v.Workers++
			v.Slots += w.Max
		}
	}
	addTopics(views, fleet)
	addQueued(views, fleet, workers, r.dispatch.queue())
	out := make([]PoolView, 0, len(views))
	for _, v := range views {
		slices.Sort(v.Topics)
		out = append(out, *v)
	}
	slices.SortFunc(out, func(a, b PoolView) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func addTopics(views map[string]*PoolView, fleet *config.Fleet) {
	for topic, t := range fleet.Topics {
		for _, pool := range t.Pools {
			if v := views[pool]; v != nil {
				v.Topics = append(v.Topics, topic)
			}
		}
	}
}

// addQueued counts what waits at each pool that may serve it: a mapped topic's pools, else those whose workers advertise it.
func addQueued(views map[string]*PoolView, fleet *config.Fleet, workers []WorkerView, queues []scheduler.QueueStat) {
	serves := advertised(workers)
	for _, q := range queues {
		pools := serves.pools(q.Topic)
		if t, ok := fleet.Topic(q.Topic); ok && len(t.Pools) > 0 {
			pools = t.Pools
		}
		for _, pool := range pools {
			if v := views[pool]; v != nil {
				v.Queued += q.Depth
			}
		}
	}
}

// advertisement is which pools' workers advertise a topic, or a pattern of topics.
type advertisement map[string][]string

// advertised collects what the workers that are there say that they serve. Workers of a pool mostly say the same, so that it stays
// small however many there are.
func advertised(workers []WorkerView) advertisement {
	a := make(advertisement)
	for _, w := range workers {
		if w.State == scheduler.WorkerLost {
			continue
		}
		for _, topic := range w.Topics {
			if !slices.Contains(a[topic], w.Pool) {
				a[topic] = append(a[topic], w.Pool)
			}
		}
	}
	return a
}

// pools are those that serve a topic, each once.
func (a advertisement) pools(topic string) []string {
	var out []string
	for pattern, pools := range a {
		if pattern == topic || config.Covers(pattern, topic) {
			out = append(out, pools...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
