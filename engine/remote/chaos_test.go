package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// faulty is a connection that loses and doubles what goes over it.
type faulty struct {
	bus.Bus
	mu     sync.Mutex
	random *rand.Rand
}

func (f *faulty) fate() (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.random.IntN(10) {
	case 0:
		return 0
	case 1, 2:
		return 2
	}
	return 1
}

func (f *faulty) PublishRequest(subject, reply string, data []byte) error {
	for range f.fate() {
		if err := f.Bus.PublishRequest(subject, reply, data); err != nil {
			return err
		}
	}
	return nil
}

func (f *faulty) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	return f.Bus.Subscribe(subject, queue, func(m bus.Msg) {
		for range f.fate() {
			h(m)
		}
	})
}

// TestNothingIsDoneTwice starts runs through a connection that loses and doubles messages, while an engine is killed: each call
// that was answered made one run, and there are no others than calls.
func TestNothingIsDoneTwice(t *testing.T) {
	w := newSite(t, 3)
	w.put(napping)
	c, err := NewClient(ClientConfig{Logger: quiet()}, &faulty{Bus: w.bus, random: rand.New(rand.NewPCG(1, 2))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const callers, each = 8, 10
	var all sync.WaitGroup
	runs := make([][]string, callers)
	half := make(chan struct{}, callers)
	for i := range callers {
		all.Go(func() {
			for n := range each {
				s, err := c.Start(within(t), ann, runner.StartRequest{Workflow: "nap", Labels: map[string]string{"call": fmt.Sprint(i, n)}})
				if err != nil {
					t.Errorf("call %d of %d: %v", n, i, err)
					return
				}
				runs[i] = append(runs[i], s.RunID)
				if n == each/2 {
					half <- struct{}{}
				}
			}
		})
	}
	for range callers / 2 {
		<-half
	}
	w.engines[1].kill()
	all.Wait()
	made := slices.Concat(runs...)
	for _, run := range made {
		if v := w.ended(run); v.State != "succeeded" {
			t.Errorf("run %s is %s", run, v.State)
		}
	}
	rows, _, err := w.client.Runs(within(t), ann, runner.Filter{Workflow: "nap", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(made); len(slices.Compact(slices.Clone(made))) != callers*each || len(rows) != callers*each {
		t.Errorf("%d calls made %d runs, of which %d were answered", callers*each, len(rows), len(made))
	}
}

// TestUnknownOutcome kills an engine while it has a call that cannot be made twice: the caller is told so, and the next owner
// does not do it.
func TestUnknownOutcome(t *testing.T) {
	w := newSite(t, 2)
	if _, err := w.client.Doc(within(t), "test", "x"); !errors.Is(err, runner.ErrNotFound) {
		t.Fatal(err)
	}
	lead := w.ownerOf(systemPartition)
	w.engines[lead].cut.Store(true) // it hears nothing, and nobody knows yet
	done := make(chan error, 1)
	go func() {
		done <- w.client.ChangeDocs(within(t), ann, "config.change", "x", runner.DocChange{Kind: "test", Name: "x", Value: []byte("1")})
	}()
	w.until("the call is on its way to it", func() bool { return w.engines[lead].line.missed.Load() > 0 })
	w.engines[lead].stop()
	err := <-done
	if !errors.Is(err, runner.ErrUnavailable) || !strings.Contains(err.Error(), "outcome is unknown") {
		t.Fatalf("%v", err)
	}
	w.until("documents have an owner", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := w.client.Doc(ctx, "test", "x")
		return errors.Is(err, runner.ErrNotFound)
	})
}

// TestWatchMovesWithItsRun follows a run whose owner is killed, and one whose owner drains: every event comes, in order, once.
func TestWatchMovesWithItsRun(t *testing.T) {
	for _, how := range []string{"killed", "drained"} {
		t.Run(how, func(t *testing.T) {
			w := newSite(t, 2)
			w.put(asking)
			run := w.run("ask")
			watch, err := w.client.Watch(within(t), ann, runner.WatchRequest{Run: run, Resume: true}, 64)
			if err != nil {
				t.Fatal(err)
			}
			defer watch.Close()
			next := uint64(1)
			read := func() runner.Message {
				m, err := watch.Next(within(t))
				if err != nil {
					t.Fatal(err)
				}
				if m.Event != nil {
					if m.Seq != next {
						t.Fatalf("event %d where %d is next", m.Seq, next)
					}
					next++
				}
				return m
			}
			for read().Kind != "live" {
			}
			at, _ := runPartition(run, 8)
			owner := w.ownerOf(at)
			if how == "killed" {
				w.engines[owner].kill()
			} else {
				w.engines[owner].stop()
			}
			w.until("the approval is answered", func() bool {
				_, err := w.client.Decide(within(t), runner.Caller{Tenant: "default", Actor: "user:ben", Roles: []string{"approver"}}, run+".may~0", runner.Decision{Approve: true})
				return err == nil || errors.Is(err, runner.ErrConflict)
			})
			for {
				if m := read(); m.Event != nil && strings.HasPrefix(m.Event.Type, "run_succeeded") {
					return
				}
			}
		})
	}
}

// TestWorkflowIsWatchedEverywhere shows the runs of every engine once, whichever it is at.
func TestWorkflowIsWatchedEverywhere(t *testing.T) {
	w := newSite(t, 3)
	w.put(napping)
	watch, err := w.client.Watch(within(t), ann, runner.WatchRequest{Workflow: "nap"}, 256)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	missing := map[string]bool{}
	for range 24 {
		missing[w.run("nap")] = true
	}
	newest := map[string]uint64{}
	for len(missing) > 0 {
		m, err := watch.Next(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if m.Header == nil {
			continue
		}
		if m.Seq <= newest[m.Header.ID] {
			t.Errorf("run %s was shown at %d after %d", m.Header.ID, m.Seq, newest[m.Header.ID])
		}
		newest[m.Header.ID] = m.Seq
		if m.Header.State == "succeeded" {
			delete(missing, m.Header.ID)
		}
	}
}
