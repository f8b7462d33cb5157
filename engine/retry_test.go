package engine

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBackoff: min(max, initial·multiplier^(n-1)), as the semantics say.
func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		retry string
		want  []time.Duration
	}{
		{"{max_attempts: 9, jitter: none}", []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}},
		{"{max_attempts: 9, jitter: none, initial: 3s, multiplier: 1}", []time.Duration{3e9, 3e9, 3e9}},
		{"{max_attempts: 9, jitter: none, initial: 2s, max: 7s, multiplier: 3}", []time.Duration{2e9, 6e9, 7e9}},
		{"{max_attempts: 9, jitter: none, initial: 2m}", []time.Duration{120e9, 120e9}},
	} {
		r := New(testRun, load(t, "id: w\nsteps: [{id: a, topic: job.t, retry: "+c.retry+"}]\n"))
		for i, want := range c.want {
			if got := r.backoff(0, int32(i+1)); got != want {
				t.Errorf("%s: %v after attempt %d, want %v", c.retry, got, i+1, want)
			}
		}
	}
}

// TestJitter: in (0, delay], the same for the same job and attempt, and spread over runs, steps and attempts.
func TestJitter(t *testing.T) {
	plan := load(t, "id: w\nsteps: [{id: a, topic: job.t, retry: {max_attempts: 1000, multiplier: 1}}, {id: b, topic: job.t}]\n")
	seen, below := map[time.Duration]bool{}, 0
	const draws = 1000
	for n := int32(1); n <= draws; n++ {
		d := New(testRun, plan).backoff(0, n)
		if d <= 0 || d > time.Second || d != New(testRun, plan).backoff(0, n) {
			t.Fatalf("%v after attempt %d", d, n)
		}
		seen[d] = true
		if d < time.Second/2 {
			below++
		}
	}
	if len(seen) < draws*9/10 || below < draws*4/10 || below > draws*6/10 {
		t.Errorf("%d different delays of %d, %d in the lower half", len(seen), draws, below)
	}
	r := New(testRun, plan)
	if r.jitter(0, 1) == r.jitter(1, 1) || r.jitter(0, 1) == New(testRun+"X", plan).jitter(0, 1) {
		t.Error("two jobs wait the same time")
	}
}

// TestBackoffIsBounded whatever the policy and the attempt.
func TestBackoffIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := load(t, "id: w\nsteps: [{id: a, topic: job.t, retry: {max_attempts: 1000, multiplier: 100}}]\n")
		n := rapid.Int32Range(1, 1000).Draw(t, "n")
		if d := New(testRun, plan).backoff(0, n); d <= 0 || d > DefaultMaxDelay {
			t.Fatalf("%v after attempt %d", d, n)
		}
	})
}
