package many

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// timers measures how late timers are that are due in one second while very many are set.
func (r *Report) timers(ctx context.Context, dir string) error {
	all, err := r.patterns(ctx, dir)
	if err != nil {
		return err
	}
	cfg := r.Config
	r.say("copying %d runs that sleep", cfg.Timers-cfg.Due)
	if err := fill(ctx, dir, []copies{{all["nap"], cfg.Timers - cfg.Due}}); err != nil {
		return err
	}
	s, err := start(ctx, cfg.Server, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	r.StartTimers = s.took
	if r.Resident, err = s.process.Resident(); err != nil {
		return err
	}
	r.say("started in %s, with %d MiB", r.StartTimers.Round(10*time.Millisecond), r.Resident>>20)
	// What they take to start is not known: they are due well behind that.
	at := time.Now().Add(time.Duration(cfg.Due)*4*time.Millisecond + 20*time.Second)
	if err := s.startDue(ctx, cfg.Due, at); err != nil {
		return err
	}
	if !time.Now().Before(at) {
		return errors.New("the machine is too slow: timers were due before all were set")
	}
	r.say("%d timers are due in %s", cfg.Due, time.Until(at).Round(time.Second))
	lags, err := s.lags(ctx, cfg.Due, at)
	if err != nil {
		return err
	}
	r.Lag = latency(fmt.Sprintf("%d timers of %d due in one second", cfg.Due, cfg.Timers), lags, len(lags))
	return nil
}

// startDue starts runs whose timers are due within the second that begins at a time.
func (s *server) startDue(ctx context.Context, n int, at time.Time) error {
	next, failed := make(chan int), make(chan error, submitters)
	var all sync.WaitGroup
	for range submitters {
		all.Go(func() {
			for i := range next {
				due := at.Add(time.Second * time.Duration(i) / time.Duration(n))
				if err := s.startPatiently(ctx, "due", fmt.Sprintf(`{"at":%q}`, due.UTC().Format(time.RFC3339Nano))); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		select {
		case next <- i:
		case err = <-failed:
		}
	}
	close(next)
	all.Wait()
	return err
}

// lags waits until all have ended and answers how long after their time each did, as the server has it written down.
func (s *server) lags(ctx context.Context, n int, at time.Time) ([]time.Duration, error) {
	time.Sleep(time.Until(at.Add(time.Second + GoalLag)))
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		var lags []time.Duration
		cursor := ""
		for {
			var p page
			if err := s.call(ctx, http.MethodGet, "/api/v1/runs?limit=1000&workflow=due&cursor="+cursor, nil, &p); err != nil {
				return nil, err
			}
			for _, r := range p.Items {
				if !r.Ended.IsZero() { // of the second in which they are due the earliest counts: a lag is never shown too short
					lags = append(lags, r.Ended.Sub(at))
				}
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if len(lags) >= n {
			return lags, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d of %d timers fired", len(lags), n)
		}
	}
}

// refusedFor is how long a server that has just started may say that it has too much to do.
const refusedFor = time.Minute

// startPatiently starts a run, again while the server has too much to do.
func (s *server) startPatiently(ctx context.Context, workflow, input string) error {
	for deadline := time.Now().Add(refusedFor); ; {
		_, err := s.start(ctx, workflow, input)
		if err == nil || !strings.Contains(err.Error(), "overloaded") || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
