package runner

import (
	"log/slog"
	"maps"
	"slices"
	"sync"

	"cordum.dev/cordum/store"
)

// missedLeases collects the leases that the store did not take in one go over many, so that the log gets one line for a cause that
// they have in common. The zero value is ready; it is safe for concurrent use.
type missedLeases struct {
	mu         sync.Mutex
	partitions []store.Partition
	err        error // the first
}

func (m *missedLeases) add(p store.Partition, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.partitions = append(m.partitions, p)
	if m.err == nil {
		m.err = err
	}
}

// tell logs them, if there are any.
func (m *missedLeases) tell(log *slog.Logger, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.partitions) == 0 {
		return
	}
	slices.Sort(m.partitions)
	log.Warn(what, "count", len(m.partitions), "partitions", m.partitions, "error", m.err)
}

// comings collects which partitions came to this process and which were lost, until keep tells the log of them: a take-over is one
// line, not one for each partition. The zero value is ready; it is safe for concurrent use.
type comings struct {
	mu   sync.Mutex
	took []store.Partition
	lost map[string][]store.Partition // by the reason
}

func (c *comings) take(p store.Partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, p)
}

func (c *comings) lose(p store.Partition, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = map[string][]store.Partition{}
	}
	c.lost[why] = append(c.lost[why], p)
}

// tell logs what came and went since the last time; has is how many partitions this process has now.
func (c *comings) tell(log *slog.Logger, has int) {
	c.mu.Lock()
	took, lost := c.took, c.lost
	c.took, c.lost = nil, nil
	c.mu.Unlock()
	for _, why := range slices.Sorted(maps.Keys(lost)) {
		slices.Sort(lost[why])
		log.Warn("partitions lost", "count", len(lost[why]), "partitions", lost[why], "reason", why, "has", has)
	}
	if len(took) > 0 {
		slices.Sort(took)
		log.Info("partitions taken", "count", len(took), "partitions", took, "has", has)
	}
}
