package engine

import (
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"

	"cordum.dev/cordum/dag"
)

// Codes of failures that the system itself makes. They can be named in retry.on and retry.not_on.
const (
	CodeTimeout          = "timeout"           // one attempt took too long
	CodeQueueTimeout     = "queue_timeout"     // no worker took it in time
	CodeHeartbeatTimeout = "heartbeat_timeout" // its worker fell silent
	CodeTotalTimeout     = "total_timeout"     // all attempts together took too long
	CodeWorkerLost       = "worker_lost"       // its worker is gone and nobody knows what became of it
	CodeCancelled        = "cancelled"
	CodeDenied           = "policy_denied"
	CodeRejected         = "rejected"
	CodeExpired          = "expired"
)

// LostAllowance is how many attempts an idempotent step without `retry` has when workers are lost under it.
const LostAllowance = 3

// Defaults of a retry policy that does not say.
const (
	DefaultInitial    = time.Second
	DefaultMaxDelay   = time.Minute
	DefaultMultiplier = 2.0
)

// mayRetry tells whether a failed attempt is followed by another one.
func (d *decision) mayRetry(i int32, result Result, e badEnd) bool {
	r := d.run
	s := &r.Steps[i]
	f := e.failure
	if s.stopping && !s.overdue || r.stops(i) {
		return false
	}
	if e.attempts > 0 && s.Attempt-s.base >= e.attempts {
		return false
	}
	if e.effect && !r.Spec(i).Idempotent {
		return false // doing it again could do it twice
	}
	switch result {
	case ResultDenied, ResultRejected, ResultCancelled:
		return false
	case ResultLost:
		return s.Attempt-s.base < r.lostAllowance(i)
	}
	retry := r.DefOf(i).Retry
	if retry == nil {
		return r.Spec(i).Idempotent && s.Attempt-s.base < e.standard && f.Retryable && f.Code != CodeQueueTimeout
	}
	if int(s.Attempt-s.base) >= retry.MaxAttempts || (!f.Retryable && !e.effect) {
		return false
	}
	named := slices.Contains(retry.On, f.Code)
	if slices.Contains(retry.NotOn, f.Code) || (len(retry.On) > 0 && !named) {
		return false
	}
	return f.Code != CodeQueueTimeout || named
}

// lostAllowance is how many attempts there may be when a worker is lost under one.
func (r *Run) lostAllowance(i int32) int32 {
	retry := r.DefOf(i).Retry
	if retry != nil {
		if slices.Contains(retry.NotOn, CodeWorkerLost) || (len(retry.On) > 0 && !slices.Contains(retry.On, CodeWorkerLost)) {
			return 1
		}
		return int32(retry.MaxAttempts)
	}
	if r.Spec(i).Idempotent {
		return LostAllowance
	}
	return 1
}

// backoff is the time between attempt n and the next one: min(max, initial·multiplier^(n-1)), with full jitter derived
// from the job, so that a replay waits as long. A step that says no retry (a lost worker's allowance) uses the defaults.
func (r *Run) backoff(i, n int32) time.Duration {
	policy := dag.Retry{}
	if p := r.DefOf(i).Retry; p != nil {
		policy = *p
	}
	initial, limit, factor := policy.Initial, policy.Max, policy.Multiplier
	if initial <= 0 {
		initial = DefaultInitial
	}
	if limit <= 0 {
		limit = max(DefaultMaxDelay, initial)
	}
	if factor < 1 {
		factor = DefaultMultiplier
	}
	delay := float64(initial) * math.Pow(factor, float64(n-1-r.Steps[i].base))
	if delay > float64(limit) || math.IsInf(delay, 0) || math.IsNaN(delay) {
		delay = float64(limit)
	}
	if policy.Jitter == dag.JitterNone {
		return time.Duration(delay)
	}
	return max(time.Duration(delay*r.jitter(i, n)), time.Millisecond)
}

// jitter is a number in (0, 1], the same for the same job and attempt.
func (r *Run) jitter(i, n int32) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.ID + "." + r.Name(i) + "@" + strconv.Itoa(int(n))))
	x := h.Sum64()
	x ^= x >> 33 // FNV's high bits are weak for short strings: the finaliser of MurmurHash3 spreads them
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return (float64(x>>11) + 1) / (1 << 53)
}
