package scheduler

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A queue gives the same order as looking at each, whatever comes and goes.
func TestQueueAgainstTheNaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var in []*attempt
		seq := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 3*minShift).Draw(t, "many") {
					seq++
					rank := int64(seq)
					if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
						rank -= int64(rapid.IntRange(1, 50).Draw(t, "by"))
					}
					a := &attempt{seq: seq, rank: rank, req: Request{ReleasedAt: start.Add(time.Duration(rank))}}
					in = append(in, a)
					q.add(a)
				}
			},
			"pop": func(t *rapid.T) {
				for range min(len(in), rapid.IntRange(1, 2*minShift).Draw(t, "many")) {
					first := slices.MinFunc(in, func(a, b *attempt) int {
						if a.before(b) {
							return -1
						}
						return 1
					})
					if q.top() != first {
						t.Fatalf("%v is first, want %v", q.top(), first)
					}
					q.remove(first)
					in = slices.DeleteFunc(in, func(a *attempt) bool { return a == first })
				}
			},
			"remove": func(t *rapid.T) {
				if len(in) == 0 {
					t.Skip("empty")
				}
				i := rapid.IntRange(0, len(in)-1).Draw(t, "which")
				q.remove(in[i])
				if in[i].slot != 0 {
					t.Fatal("it has a place still")
				}
				in = slices.Delete(in, i, i+1)
			},
			"": func(t *rapid.T) {
				if q.len() != len(in) || (len(in) == 0) != (q.top() == nil) {
					t.Fatalf("%d are in, want %d", q.len(), len(in))
				}
				than, older := start.Add(time.Duration(seq/2)), 0
				for _, a := range in {
					if a.req.ReleasedAt.Before(than) {
						older++
					}
				}
				if got := q.older(than); got != older {
					t.Fatalf("%d are older, want %d", got, older)
				}
			},
		})
	})
}
