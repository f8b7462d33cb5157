package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateClass says which bucket a route takes from. The zero value is the caller's own.
type RateClass uint8

const (
	// RateCaller counts by principal.
	RateCaller RateClass = iota
	// RateAddress counts by address: routes that ask for no credentials.
	RateAddress
)

// buckets limits how often each of many keys may do something.
type buckets struct {
	rate Rate
	now  func() time.Time

	mu    sync.Mutex
	byKey map[string]*bucket
	swept time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

func newBuckets(r Rate, now func() time.Time) *buckets {
	return &buckets{rate: r, now: now, byKey: map[string]*bucket{}, swept: now()}
}

// take uses up one of key's turns, or tells how long to wait for one.
func (b *buckets) take(key string) (wait time.Duration, ok bool) {
	if b.rate.PerSecond < 0 {
		return 0, true
	}
	now := b.now()
	lim := b.of(key, now)
	if lim.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration(float64(time.Second) * max(0, 1-lim.TokensAt(now)) / b.rate.PerSecond), false
}

func (b *buckets) of(key string, now time.Time) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.swept) > BucketSweep {
		b.sweep(now)
	}
	found := b.byKey[key]
	if found == nil {
		if len(b.byKey) >= MaxBuckets {
			key = "" // all who come too late share one
			found = b.byKey[key]
		}
		if found == nil {
			found = &bucket{Limiter: rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)}
			b.byKey[key] = found
		}
	}
	found.used = now
	return found.Limiter
}

func (b *buckets) sweep(now time.Time) {
	for key, have := range b.byKey {
		if now.Sub(have.used) > BucketTTL {
			delete(b.byKey, key)
		}
	}
	b.swept = now
}
