package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// desk is a Desk in memory.
type desk struct {
	mu    sync.Mutex
	open  map[Ref]Question
	told  map[Ref]map[string]Delivery
	asked chan Ref
	blind bool // nothing can be read
}

func newDesk() *desk {
	return &desk{open: map[Ref]Question{}, told: map[Ref]map[string]Delivery{}, asked: make(chan Ref, 100)}
}

func (d *desk) ask(ref Ref, q Question) {
	d.mu.Lock()
	d.open[ref] = q
	d.mu.Unlock()
	d.asked <- ref
}

func (d *desk) Asked(ctx context.Context) ([]Ref, bool, error) {
	select {
	case ref := <-d.asked:
		return []Ref{ref}, false, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

func (d *desk) Open(_ context.Context, each func(Ref) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ref := range d.open {
		if !each(ref) {
			return nil
		}
	}
	return nil
}

func (d *desk) Question(_ context.Context, ref Ref) (Question, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.blind {
		return Question{}, errors.New("away")
	}
	q, ok := d.open[ref]
	if !ok {
		return q, ErrClosed
	}
	return q, nil
}

func (d *desk) Delivered(_ context.Context, ref Ref) ([]Delivery, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Delivery
	for _, v := range d.told[ref] {
		out = append(out, v)
	}
	return out, nil
}

func (d *desk) Save(_ context.Context, ref Ref, v Delivery) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[ref] == nil {
		d.told[ref] = map[string]Delivery{}
	}
	d.told[ref][fmt.Sprint(v.Round, v.Channel, v.To)] = v
	return nil
}

func (d *desk) of(ref Ref, round int, channel string) Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told[ref][fmt.Sprint(round, channel)]
}

// post is a Sender that takes, refuses or waits as a test says.
type post struct {
	mu    sync.Mutex
	sent  []Message
	times []time.Time
	fail  map[string]func() (bool, error) // by channel
}

func (p *post) Send(ctx context.Context, channel string, m Message) (bool, error) {
	p.mu.Lock()
	p.sent, p.times = append(p.sent, m), append(p.times, time.Now())
	fail := p.fail[channel]
	p.mu.Unlock()
	if fail != nil {
		return fail()
	}
	return false, nil
}

func (p *post) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

func question(channels ...string) Question {
	q := Question{Round: 1, Title: "May it?", Workflow: "wf", Step: "apply", RequestedBy: "user:ann"}
	for _, c := range channels {
		q.Audience = append(q.Audience, Recipient{Channel: c})
	}
	return q
}

// tell runs a teller within a bubble of fake time until the test's function returns.
func tell(t *testing.T, d *desk, p *post, during func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	teller := New(d, p, slog.New(slog.DiscardHandler))
	go func() { ended <- teller.Run(ctx) }()
	during()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

var a1 = Ref{"default", "07R.apply~0"}

func TestEveryChannelIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newDesk(), &post{}
		tell(t, d, p, func() {
			d.ask(a1, question("slack", "webhook"))
			d.asked <- a1 // somebody answered: the row was written again
			time.Sleep(time.Hour)
		})
		if p.count() != 2 || d.of(a1, 1, "slack").State != StateDelivered || d.of(a1, 1, "webhook").Attempts != 1 {
			t.Errorf("%d messages, log %+v", p.count(), d.told)
		}
		tell(t, d, p, func() { time.Sleep(time.Hour) }) // a restart
		if p.count() != 2 {
			t.Errorf("%d messages after a restart", p.count())
		}
		again := question("slack", "webhook")
		again.Round = 2
		tell(t, d, p, func() {
			d.ask(a1, again)
			time.Sleep(time.Hour)
		})
		if p.count() != 4 {
			t.Errorf("%d messages after it was asked again", p.count())
		}
	})
}

// A channel that fails is tried again with growing pauses, then given up, and costs the others nothing.
func TestAFailingChannelCostsItselfOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		d, p := newDesk(), &post{fail: map[string]func() (bool, error){
			"email":   func() (bool, error) { return true, errors.New("line\none") },
			"webhook": func() (bool, error) { <-stuck; return false, errors.New("gone") },
		}}
		tell(t, d, p, func() {
			d.ask(a1, question("email", "slack", "webhook"))
			synctest.Wait()
			if got := d.of(a1, 1, "slack"); got.State != StateDelivered {
				t.Errorf("slack %+v", got)
			}
			if got := d.of(a1, 1, "email"); got.State != StateRetrying || got.Error != "line one" {
				t.Errorf("email %+v", got)
			}
			time.Sleep(time.Hour)
			close(stuck)
			synctest.Wait()
		})
		if got := d.of(a1, 1, "email"); got.State != StateFailed || got.Attempts != MaxAttempts {
			t.Errorf("email %+v", got)
		}
		if got := d.of(a1, 1, "webhook"); got.State != StateFailed || got.Attempts != 1 {
			t.Errorf("webhook %+v", got)
		}
	})
}

// What is told is what waits: an answer ends the attempts.
func TestNothingIsToldOfWhatIsDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newDesk(), &post{fail: map[string]func() (bool, error){"slack": func() (bool, error) { return true, errors.New("later") }}}
		tell(t, d, p, func() {
			d.ask(a1, question("slack"))
			synctest.Wait()
			d.mu.Lock()
			delete(d.open, a1)
			d.mu.Unlock()
			time.Sleep(time.Hour)
		})
		if p.count() != 1 {
			t.Errorf("%d messages", p.count())
		}
	})
}

// What waited before the start, and what could not be read, is told all the same; attempts go on from where they were.
func TestRestartGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newDesk(), &post{fail: map[string]func() (bool, error){"slack": func() (bool, error) { return true, errors.New("later") }}}
		d.open[a1] = question("slack", "webhook")
		d.blind = true
		if err := d.Save(t.Context(), a1, Delivery{Round: 1, Channel: "slack", State: StateRetrying, Attempts: MaxAttempts - 1}); err != nil {
			t.Fatal(err)
		}
		tell(t, d, p, func() {
			time.Sleep(time.Minute)
			d.mu.Lock()
			d.blind = false
			d.mu.Unlock()
			time.Sleep(LookAgain)
		})
		if got := d.of(a1, 1, "slack"); got.State != StateFailed || got.Attempts != MaxAttempts {
			t.Errorf("slack %+v", got)
		}
		if got := d.of(a1, 1, "webhook"); got.State != StateDelivered {
			t.Errorf("webhook %+v", got)
		}
	})
}

func TestAtMostSoManyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		p := &post{fail: map[string]func() (bool, error){"slack": func() (bool, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return false, nil
		}}}
		d := newDesk()
		for i := range 50 {
			d.open[Ref{"default", fmt.Sprint(i)}] = question("slack")
		}
		tell(t, d, p, func() { time.Sleep(time.Minute) })
		if p.count() != 50 || most != MaxSending {
			t.Errorf("%d messages, %d at a time", p.count(), most)
		}
	})
}

func TestWords(t *testing.T) {
	until := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	q := question()
	q.Title, q.Why, q.ExpiresAt = "Drop it?\nApproval needed: other <!channel>\u202e", "the input was edited", &until
	q.Needs = []Need{{Rule: "acme/prod", Reason: "writes", Approvers: []string{"role:sre"}, Quorum: 2}, {}}
	m := q.message(a1, Recipient{Channel: "email", To: "zoe@example.com", Link: "https://c.example/a/x"})
	want := `Approval needed: Drop it? Approval needed: other <!channel>

Workflow wf, step apply, asked by user:ann.
It is asked again: the input was edited.
Needs 2 of role:sre (rule acme/prod): writes
Needs 1 of whoever may approve
Until 2026-11-21 12:00 UTC.

Look and answer: https://c.example/a/x
The link is yours alone, and good for one answer.

cordum approval show 07R.apply~0
`
	if m.Text != want || m.To != "zoe@example.com" || m.Key != "approval:07R.apply~0:1:email:zoe@example.com" {
		t.Errorf("%q\n%s", m.Key, m.Text)
	}
	if shared := q.message(a1, Recipient{Channel: "slack"}); strings.Contains(shared.Text, "Look and answer") {
		t.Errorf("%s", shared.Text)
	}
}
