package channel

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrClosed says that nothing is asked any more, or something else.
var ErrClosed = errors.New("it does not wait any more")

// Delivery is one message and what became of it.
type Delivery struct {
	Round    int
	Channel  string
	To       string
	State    string // StateDelivered, StateRetrying or StateFailed
	Attempts int
	Error    string // why the last attempt failed
	At       time.Time
}

// The states of a delivery.
const (
	StateDelivered = "delivered"
	StateRetrying  = "retrying" // the last attempt failed, there will be another one
	StateFailed    = "failed"   // given up
)

// Desk is where approvals are, and where it is kept whom they were told to. It is safe for concurrent use.
type Desk interface {
	// Asked waits for approvals that are asked and answers them; one may come twice. all says that some were left out. The
	// error is ctx's, or ends the teller.
	Asked(ctx context.Context) (asked []Ref, all bool, err error)
	// Open shows each everything that waits, until it answers false.
	Open(ctx context.Context, each func(Ref) bool) error
	// Question answers what an approval asks now, and whom that is to be told to. [ErrClosed]: it does not wait.
	Question(ctx context.Context, ref Ref) (Question, error)
	// Delivered answers what became of the messages about an approval.
	Delivered(ctx context.Context, ref Ref) ([]Delivery, error)
	// Save keeps what became of one, in the place of what was kept of it before.
	Save(ctx context.Context, ref Ref, d Delivery) error
}

// Sender speaks to the channels. It is safe for concurrent use.
type Sender interface {
	// Send delivers a message, once and in bounded time. again says that another attempt may succeed where this one failed.
	// The error holds no address and no credential.
	Send(ctx context.Context, channel string, m Message) (again bool, err error)
}

// Teller tells people of approvals that wait. Making one starts nothing.
type Teller struct {
	desk   Desk
	sender Sender
	log    *slog.Logger

	errands map[errandKey]*errand
	sending int
	done    chan outcome
	work    sync.WaitGroup
}

// errandKey names one message: who is told of which asking.
type errandKey struct {
	Ref
	round   int
	channel string
	to      string
}

// errand is a message that is to be sent, or on its way.
type errand struct {
	errandKey
	attempts int // made so far
	due      time.Time
	away     bool // it is being sent
}

// outcome is what became of an attempt.
type outcome struct {
	key     errandKey
	moot    bool // nothing was sent: it does not wait any more
	unknown bool // nothing was sent: what is asked could not be read
	again   bool
	err     error
	at      time.Time
}

// New makes a teller. log gets what could not be told.
func New(desk Desk, sender Sender, log *slog.Logger) *Teller {
	return &Teller{desk: desk, sender: sender, log: log, errands: map[errandKey]*errand{}, done: make(chan outcome)}
}

// news is what the desk has.
type news struct {
	asked []Ref
	all   bool
	err   error
}

// Run tells until ctx ends. When it returns nothing of it is left; what was not told yet is told by the next Run.
func (t *Teller) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer t.work.Wait()
	defer stop()
	clear(t.errands)
	t.sending = 0
	feed := make(chan news)
	t.work.Go(func() { t.listen(ctx, feed) })
	look := time.NewTicker(LookAgain)
	defer look.Stop()
	t.lookAtAll(ctx)
	for {
		wake := time.NewTimer(t.send(ctx))
		select {
		case <-ctx.Done():
			wake.Stop()
			return nil
		case n := <-feed:
			if n.err != nil {
				wake.Stop()
				return n.err
			}
			for _, ref := range n.asked {
				t.take(ctx, ref)
			}
			if n.all {
				t.lookAtAll(ctx)
			}
		case o := <-t.done:
			t.settle(ctx, o)
		case <-look.C:
			t.lookAtAll(ctx)
		case <-wake.C:
		}
		wake.Stop()
	}
}

// listen hands over what is asked, until ctx ends.
func (t *Teller) listen(ctx context.Context, feed chan<- news) {
	for {
		asked, all, err := t.desk.Asked(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case feed <- news{asked, all, err}:
		}
		if err != nil {
			return
		}
	}
}

// lookAtAll takes everything that waits: at the start, and when something was missed.
func (t *Teller) lookAtAll(ctx context.Context) {
	var refs []Ref
	err := t.desk.Open(ctx, func(ref Ref) bool {
		refs = append(refs, ref)
		return len(refs) < MaxPending
	})
	if err != nil && ctx.Err() == nil {
		t.log.Warn("approvals that wait could not be looked for; they are later", "error", err)
	}
	for _, ref := range refs {
		if ctx.Err() != nil {
			return
		}
		t.take(ctx, ref)
	}
}

// take notes whom an approval is still to be told to.
func (t *Teller) take(ctx context.Context, ref Ref) {
	q, err := t.desk.Question(ctx, ref)
	if errors.Is(err, ErrClosed) || ctx.Err() != nil {
		return
	}
	var told []Delivery
	if err == nil {
		told, err = t.desk.Delivered(ctx, ref)
	}
	if err != nil {
		t.log.Warn("an approval could not be read to tell people of it; it is later", "approval", ref.ID, "error", err)
		return
	}
	for _, to := range q.Audience {
		e := &errand{errandKey: errandKey{ref, q.Round, to.Channel, to.To}, due: time.Now()}
		if t.errands[e.errandKey] != nil || len(t.errands) >= MaxPending || !e.goOn(told) {
			continue
		}
		t.errands[e.errandKey] = e
	}
}

// goOn goes on where an earlier attempt was left. It tells whether there is still something to do.
func (e *errand) goOn(told []Delivery) bool {
	for _, d := range told {
		if d.Round == e.round && d.Channel == e.channel && d.To == e.to {
			e.attempts = d.Attempts
			return d.State == StateRetrying
		}
	}
	return true
}

// send starts what is due and answers how long there is nothing more to start.
func (t *Teller) send(ctx context.Context) time.Duration {
	now, wait := time.Now(), LookAgain
	for _, e := range t.errands {
		switch pause := e.due.Sub(now); {
		case e.away:
		case pause > 0:
			wait = min(wait, pause)
		case t.sending < MaxSending:
			e.away = true
			t.sending++
			key := e.errandKey
			t.work.Go(func() {
				o := t.attempt(ctx, key)
				select {
				case t.done <- o:
				case <-ctx.Done(): // what was sent and not kept is sent again
				}
			})
		}
	}
	return wait
}

// attempt sends one message as it is asked now.
func (t *Teller) attempt(ctx context.Context, key errandKey) outcome {
	o := outcome{key: key}
	q, err := t.desk.Question(ctx, key.Ref)
	if errors.Is(err, ErrClosed) {
		o.moot = true
		return o
	}
	if err != nil {
		o.unknown = true
		return o
	}
	at := -1
	for i, to := range q.Audience {
		if to.Channel == key.channel && to.To == key.to {
			at = i
		}
	}
	if at < 0 || q.Round != key.round {
		o.moot = true
		return o
	}
	o.again, o.err = t.sender.Send(ctx, key.channel, q.message(key.Ref, q.Audience[at]))
	o.at = time.Now()
	return o
}

// settle keeps what became of an attempt, and plans the next one.
func (t *Teller) settle(ctx context.Context, o outcome) {
	t.sending--
	e := t.errands[o.key]
	e.away = false
	switch {
	case o.moot:
		delete(t.errands, o.key)
		return
	case o.unknown:
		e.due = time.Now().Add(backoff[2])
		return
	}
	e.attempts++
	d := Delivery{Round: o.key.round, Channel: o.key.channel, To: o.key.to, State: StateDelivered, Attempts: e.attempts, At: o.at.Round(0).UTC()}
	if o.err != nil {
		d.State, d.Error = StateRetrying, oneLine(o.err.Error(), maxReason)
		if !o.again || e.attempts >= MaxAttempts {
			d.State = StateFailed
		}
	}
	if d.State == StateRetrying {
		e.due = o.at.Add(backoff[e.attempts-1])
	} else {
		delete(t.errands, o.key)
	}
	if d.State == StateFailed {
		t.log.Warn("an approval could not be told", "approval", o.key.ID, "channel", o.key.channel, "attempts", e.attempts, "error", d.Error)
	}
	if err := t.desk.Save(ctx, o.key.Ref, d); err != nil && ctx.Err() == nil {
		t.log.Warn("what became of a message could not be kept; it may be sent again", "approval", o.key.ID, "channel", o.key.channel, "error", err)
	}
}
