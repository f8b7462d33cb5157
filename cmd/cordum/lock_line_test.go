package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// lineServer is a lock that is free from a moment on. A caller's place in the line is kept as long as one of its calls waits.
type lineServer struct {
	freeAt  time.Time
	waiting int
	most    int
	left    int // how often nobody waited any more though the lock was not had
	calls   int
}

var errHeld = &gateway.Problem{Code: "lock_held"}

// ask is played one at a time, as in a bubble only what is due goes on.
func (s *lineServer) ask(ctx context.Context, wait time.Duration) (string, error) {
	s.calls++
	s.waiting++
	s.most = max(s.most, s.waiting)
	defer func() { s.waiting-- }()
	if !time.Now().Before(s.freeAt) {
		return "had", nil
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Until(s.freeAt)):
		return "had", nil
	case <-time.After(min(wait, runner.MaxLockWait)):
	}
	if s.waiting == 1 {
		s.left++
	}
	return "", errHeld
}

// TestPlaceInLineIsKept: who waits for longer than a call may is in the line all the time, and gets the lock when it is free.
func TestPlaceInLineIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		wait, free time.Duration
		had        bool
		calls      int
	}{
		"not at all":      {0, time.Hour, false, 1},
		"free":            {0, -1, true, 1},
		"half a minute":   {30 * time.Second, 20 * time.Second, true, 1},
		"in vain":         {30 * time.Second, time.Hour, false, 1},
		"some minutes":    {10 * time.Minute, 5*time.Minute + time.Second, true, 7},
		"long and vainly": {3 * time.Minute, time.Hour, false, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &lineServer{freeAt: began.Add(c.free)}
				got, err := standInLine(t.Context(), c.wait, s.ask)
				took := time.Since(began)
				if (err == nil) != c.had || c.had && got != "had" || !c.had && !errors.Is(err, errHeld) {
					t.Errorf("%q, %v", got, err)
				}
				want := c.wait
				if c.had {
					want = max(c.free, 0)
				}
				if took != want || s.calls != c.calls || s.most > 2 {
					t.Errorf("it took %s, want %s, with %d calls, want %d, %d at once", took, want, s.calls, c.calls, s.most)
				}
				if last := 0; s.left > last+map[bool]int{false: 1}[c.had] {
					t.Errorf("it left the line %d times", s.left)
				}
				synctest.Wait()
			})
		})
	}
}

// TestLineIsLeft: what goes wrong, or the user's interrupt, ends all calls.
func TestLineIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lineServer{freeAt: time.Now().Add(time.Hour)}
		broken := errors.New("broken")
		_, err := standInLine(t.Context(), 10*time.Minute, func(ctx context.Context, wait time.Duration) (string, error) {
			if s.calls == 1 {
				return "", broken
			}
			return s.ask(ctx, wait)
		})
		synctest.Wait()
		if !errors.Is(err, broken) || s.waiting != 0 {
			t.Errorf("%v, and %d calls wait", err, s.waiting)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 55*time.Second) // two calls are under way
		defer cancel()
		_, err = standInLine(ctx, 10*time.Minute, s.ask)
		synctest.Wait()
		if !errors.Is(err, context.DeadlineExceeded) || s.waiting != 0 {
			t.Errorf("%v, and %d calls wait", err, s.waiting)
		}
	})
}
