package scheduler

import (
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/config"
)

var benchStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fleetOf makes a fleet of workers with room for 64 jobs each, spread over some kinds.
func fleetOf(workers, kinds int) *Fleet {
	f := NewFleet(Config{MaxWorkers: workers})
	for i := range workers {
		f.Beat(benchStart, Beat{
			Worker: fmt.Sprintf("w%05d", i), Topics: []string{"job.a.*"}, Max: 64, CPU: float64(i % 80), Direct: true,
			Capabilities: []string{fmt.Sprintf("kind-%d", i%kinds), "every"},
		})
	}
	return f
}

func attemptNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("run.step~%d", i)
	}
	return names
}

// BenchmarkPlace is one decision with its bookkeeping: an attempt announced and granted, another ended.
func BenchmarkPlace(b *testing.B) {
	for _, c := range []struct{ workers, kinds int }{{10, 1}, {10, 10}, {1_000, 8}, {10_000, 1}, {10_000, 8}, {10_000, 10_000}} {
		b.Run(fmt.Sprintf("workers=%d/kinds=%d", c.workers, c.kinds), func(b *testing.B) {
			f := fleetOf(c.workers, c.kinds)
			names := attemptNames(4_096)
			requires := []string{"every"}
			inFlight := c.workers * 4
			if inFlight > len(names)/2 {
				inFlight = len(names) / 2
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r := Request{Attempt: names[i%len(names)], Tenant: "t", Topic: "job.a.b", Requires: requires, ReleasedAt: benchStart}
				if got := f.Announce(benchStart, r); len(got.Grants) != 1 {
					b.Fatalf("attempt %d was not granted", i)
				}
				if i >= inFlight {
					f.Ended(benchStart, names[(i-inFlight)%len(names)])
				}
				i++
			}
		})
	}
}

// BenchmarkPlacePools is the same in a fleet of 100 pools that topics are mapped to, whose workers have a label of their own
// each: of the jobs some ask for a zone, and a few for one host.
func BenchmarkPlacePools(b *testing.B) {
	const pools = 100
	rules := &config.Fleet{Topics: map[string]config.Topic{"job.a.*": {}}, Pools: make(map[string]config.Pool)}
	var all []string
	for p := range pools {
		name := fmt.Sprint("pool", p)
		all = append(all, name)
		rules.Pools[name] = config.Pool{MaxJobs: 100_000}
	}
	rules.Topics["job.a.*"] = config.Topic{Pools: all}
	f := NewFleet(Config{MaxWorkers: 10_000})
	f.Configure(benchStart, Rules{Fleet: rules})
	for i := range 10_000 {
		f.Beat(benchStart, Beat{
			Worker: fmt.Sprintf("w%05d", i), Pool: all[i%pools], Max: 64, CPU: float64(i % 80), Direct: true,
			Labels: map[string]string{"host": fmt.Sprint("h", i), "zone": fmt.Sprint("z", i/pools%4)},
		})
	}
	names := attemptNames(4_096)
	hosts := make([]map[string]string, 64)
	for i := range hosts {
		hosts[i] = map[string]string{"host": fmt.Sprint("h", i*100)}
	}
	zone := map[string]string{"zone": "z1"}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := Request{Attempt: names[i%len(names)], Tenant: "t", Topic: "job.a.b", ReleasedAt: benchStart}
		switch {
		case i%16 == 0:
			r.Placement = hosts[i/16%len(hosts)]
		case i%4 == 0:
			r.Placement = zone
		}
		if got := f.Announce(benchStart, r); len(got.Grants) != 1 {
			b.Fatalf("attempt %d was not granted", i)
		}
		if i >= 2_048 {
			f.Ended(benchStart, names[(i-2_048)%len(names)])
		}
		i++
	}
}

// BenchmarkLimited is a result that lets one of 100,000 go which its tenant's, or its pool's, limit keeps back, in a fleet
// of 1,000 workers that could take it.
func BenchmarkLimited(b *testing.B) {
	for name, rules := range map[string]config.Fleet{
		"tenant": {Tenants: map[string]config.Tenant{"t": {MaxJobs: 100}}},
		"pool":   {Pools: map[string]config.Pool{"": {MaxJobs: 100}}},
	} {
		b.Run(name, func(b *testing.B) {
			f := fleetOf(1_000, 8)
			f.Configure(benchStart, Rules{Fleet: &rules})
			names := attemptNames(110_000)
			announce := func(i int) Change {
				return f.Announce(benchStart, Request{Attempt: names[i%len(names)], Tenant: "t", Topic: "job.a.b", ReleasedAt: benchStart})
			}
			var running []string
			next := 0
			for ; next < 100_000; next++ {
				for _, g := range announce(next).Grants {
					running = append(running, g.Attempt)
				}
			}
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				got := f.Ended(benchStart, running[at])
				if len(got.Grants) != 1 {
					b.Fatal("nothing was granted")
				}
				running[at] = got.Grants[0].Attempt
				at = (at + 1) % len(running)
				announce(next)
				next++
			}
		})
	}
}

// BenchmarkQueued is one result that lets one waiting attempt go, and one more that joins the line.
func BenchmarkQueued(b *testing.B) {
	for _, depth := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			f := fleetOf(10, 1)
			names := attemptNames(depth + 10_000)
			announce := func(i int) Change {
				return f.Announce(benchStart, Request{Attempt: names[i%len(names)], Tenant: "t", Topic: "job.a.b", ReleasedAt: benchStart})
			}
			var running []string
			next := 0
			for ; next < depth+10*58; next++ {
				for _, g := range announce(next).Grants {
					running = append(running, g.Attempt)
				}
			}
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				got := f.Ended(benchStart, running[at])
				if len(got.Grants) != 1 {
					b.Fatal("nothing was granted")
				}
				running[at] = got.Grants[0].Attempt
				at = (at + 1) % len(running)
				announce(next)
				next++
			}
		})
	}
}

// BenchmarkBeat is one heartbeat of a fleet of 1,000 busy workers.
func BenchmarkBeat(b *testing.B) {
	f := fleetOf(1_000, 8)
	names := attemptNames(32_000)
	holds := make(map[string][]Hold)
	for _, n := range names {
		for _, g := range f.Announce(benchStart, Request{Attempt: n, Tenant: "t", Topic: "job.a.b"}).Grants {
			holds[g.Worker] = append(holds[g.Worker], Hold{Attempt: g.Attempt})
		}
	}
	beats := make([]Beat, 1_000)
	for i := range beats {
		id := fmt.Sprintf("w%05d", i)
		beats[i] = Beat{
			Worker: id, Topics: []string{"job.a.*"}, Max: 64, Direct: true, ListsJobs: true, Holds: holds[id], Active: len(holds[id]),
			Capabilities: []string{fmt.Sprintf("kind-%d", i%8), "every"},
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.Beat(benchStart, beats[i%len(beats)])
		i++
	}
}

// BenchmarkWhy asks what an attempt waits for among 10,000 workers: whom all of them lack a capability for, and for whom all are
// full.
func BenchmarkWhy(b *testing.B) {
	for name, requires := range map[string][]string{"lacking": {"gpu"}, "full": nil} {
		b.Run(name, func(b *testing.B) {
			f := NewFleet(Config{})
			now := time.Unix(1_000_000, 0)
			for i := range 10_000 {
				f.Beat(now, Beat{Worker: fmt.Sprint("w", i), Topics: []string{"job.x"}, Max: 1, Active: 1})
			}
			f.Announce(now, Request{Attempt: "a", Tenant: "t", Topic: "job.x", Requires: requires})
			for b.Loop() {
				f.Why("a")
			}
		})
	}
}

// BenchmarkPlacementOfItsOwn announces and ends jobs that each ask for a label that nobody asked for before, among 10,000 workers
// that each have one of their own.
func BenchmarkPlacementOfItsOwn(b *testing.B) {
	f := NewFleet(Config{})
	now := time.Unix(1_000_000, 0)
	for i := range 10_000 {
		f.Beat(now, Beat{
			Worker: fmt.Sprint("w", i), Topics: []string{"job.x"}, Max: 1,
			Labels: map[string]string{"host": fmt.Sprint("h", i), "zone": "a", "arch": "amd64"},
		})
	}
	n := 0
	for b.Loop() {
		n++
		f.Announce(now, Request{Attempt: "a", Tenant: "t", Topic: "job.x", Placement: map[string]string{"host": fmt.Sprint("h", n)}})
		f.Ended(now, "a")
	}
}
