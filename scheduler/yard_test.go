package scheduler

import (
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// yard is a fleet with a clock that the test moves.
type yard struct {
	t *testing.T
	f *Fleet
	Change
	now time.Time
	// hangs says that what is granted is not sent for now.
	hangs bool
}

func newYard(t *testing.T) *yard {
	return &yard{t: t, f: NewFleet(Config{ByTopic: -1}), now: start}
}

func (y *yard) wait(d time.Duration) *yard { y.now = y.now.Add(d); return y }

// tick ticks as one does who is never late.
func (y *yard) tick() *yard {
	y.Change = Change{}
	for next := y.f.NextTick(); !next.IsZero() && next.Before(y.now); next = y.f.NextTick() {
		y.add(y.f.Tick(next))
		if again := y.f.NextTick(); !again.IsZero() && !again.After(next) {
			break
		}
	}
	y.add(y.f.Tick(y.now))
	return y
}

// late ticks as one does who stood still.
func (y *yard) late() *yard { y.Change = y.f.Tick(y.now); return y }

func (y *yard) add(c Change) {
	y.Grants, y.Lost, y.Gone = append(y.Grants, c.Grants...), append(y.Lost, c.Lost...), append(y.Gone, c.Gone...)
}

func (y *yard) beat(b Beat) *yard {
	if b.Topics == nil {
		b.Topics = []string{"job.a"}
	}
	y.Change = y.f.Beat(y.now, b)
	if !y.hangs {
		y.send(sentAtOnce(y.f, y.Unlisted...)...)
	}
	return y
}

// send has what was granted and not listed sent, so long ago each.
func (y *yard) send(ago ...time.Duration) *yard {
	for i, u := range y.Unlisted {
		y.add(y.f.Sent(y.now, u, ago[i]))
	}
	return y
}

// sentAtOnce is how long ago attempts were sent by somebody who sends at once.
func sentAtOnce(f *Fleet, unlisted ...Unlisted) []time.Duration {
	var ago []time.Duration
	for _, u := range unlisted {
		ago = append(ago, f.now.Sub(f.attempts[u.Attempt].grantedAt)+1)
	}
	return ago
}

// worker beats as a native worker: listening on its own subject, listing what it has.
func (y *yard) worker(id string, slots int, holds ...string) *yard {
	return y.beat(native(id, slots, holds...))
}

func native(id string, slots int, holds ...string) Beat {
	b := Beat{Worker: id, Max: slots, Direct: true, ListsJobs: true, Active: len(holds), Incarnation: "one"}
	for _, h := range holds {
		b.Holds = append(b.Holds, Hold{Attempt: h})
	}
	return b
}

func (y *yard) ask(r Request) *yard {
	if r.Topic == "" {
		r.Topic = "job.a"
	}
	if r.Tenant == "" {
		r.Tenant = "t"
	}
	y.Change = y.f.Announce(y.now, r)
	return y
}

func asked(id string) Request { return Request{Attempt: id, Tenant: "t", Topic: "job.a"} }

func (y *yard) job(id string) *yard   { return y.ask(Request{Attempt: id}) }
func (y *yard) ended(id string) *yard { y.Change = y.f.Ended(y.now, id); return y }

// gives checks the grants of the last call, written "attempt→worker".
func (y *yard) gives(want ...string) *yard {
	y.t.Helper()
	var got []string
	for _, g := range y.Grants {
		got = append(got, g.Attempt+"→"+g.Worker)
	}
	if !slices.Equal(got, want) {
		y.t.Fatalf("granted %v, want %v", got, want)
	}
	return y
}

// loses checks the losses of the last call, written "attempt:worker:reason", in any order.
func (y *yard) loses(want ...string) *yard {
	y.t.Helper()
	var got []string
	for _, l := range y.Lost {
		got = append(got, l.Attempt+":"+l.Worker+":"+l.Reason)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		y.t.Fatalf("lost %v, want %v", got, want)
	}
	return y
}

func (y *yard) why(attempt, want string) *yard {
	y.t.Helper()
	if got, detail := y.f.Why(attempt); got != want {
		y.t.Fatalf("%s: %s (%s), want %s", attempt, got, detail, want)
	}
	return y
}

func (y *yard) state(worker string) WorkerState {
	y.t.Helper()
	for _, w := range y.f.Workers(y.now) {
		if w.Worker == worker {
			return w
		}
	}
	y.t.Fatalf("worker %s is not shown", worker)
	return WorkerState{}
}
