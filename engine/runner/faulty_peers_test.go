package runner_test

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// faultyPeers loses, doubles and delays what replicas say to each other.
type faultyPeers struct {
	mu     sync.Mutex
	rng    *rand.Rand
	on     bool
	flying sync.WaitGroup
	// loses, when it is there, says what is lost between replicas, and nothing else is. It is called by one at a time.
	loses func(subject string, data []byte) bool
}

// newFaultyPeers puts itself between the replicas and their bus; it does nothing before begin.
func newFaultyPeers(rs *replicas, seed uint64) *faultyPeers {
	f := &faultyPeers{rng: rand.New(rand.NewPCG(seed, 1))}
	for _, p := range rs.all {
		p.bus.faulty.Store(f)
	}
	rs.t.Cleanup(f.end)
	return f
}

func (f *faultyPeers) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on = true
}

// end carries everything from now on, and waits for what is on its way.
func (f *faultyPeers) end() {
	f.mu.Lock()
	f.on = false
	f.mu.Unlock()
	f.flying.Wait()
}

// publish is Publish of a bus.
func (f *faultyPeers) publish(to bus.Bus, subject string, data []byte) error {
	f.mu.Lock()
	between := strings.HasPrefix(subject, runner.SubjectLanes) || strings.HasPrefix(subject, runner.SubjectPeers)
	if !f.on || !between {
		f.mu.Unlock()
		return to.Publish(subject, data)
	}
	if f.loses != nil {
		lost := f.loses(subject, data)
		f.mu.Unlock()
		if lost {
			return nil
		}
		return to.Publish(subject, data)
	}
	times := []int{0, 1, 1, 1, 1, 1, 2}[f.rng.IntN(7)]
	waits := make([]time.Duration, times)
	for i := range waits {
		waits[i] = time.Duration(f.rng.IntN(300)) * time.Millisecond
	}
	f.flying.Add(times)
	f.mu.Unlock()
	data = append([]byte(nil), data...)
	for _, wait := range waits {
		time.AfterFunc(wait, func() {
			defer f.flying.Done()
			_ = to.Publish(subject, data)
		})
	}
	return nil
}
