package scheduler

import (
	"fmt"
	"testing"
	"time"
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
