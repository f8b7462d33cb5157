package cordum

import (
	"container/heap"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
)

// outbox sends questions (a JobBegin, a JobResult) and sends each again until it has a definite answer. One
// subscription takes all answers and one loop, the worker's, all waits: a question in flight is a small struct and no
// goroutine.
type outbox struct {
	conn  *nats.Conn
	inbox string // answers come to <inbox>.<number of the question in base 36>
	wake  chan struct{}

	mu    sync.Mutex
	last  uint64
	open  map[uint64]*question
	queue byDue
	alarm time.Time // when the loop wakes; zero: not at all
}

// question is something that wants a definite answer.
type question struct {
	number  uint64
	subject string
	data    []byte
	due     time.Time // when it is asked again
	place   int       // in the queue
	// How often it met silence since it was last refused, and how often it was refused.
	silences, refusals int
	// answered is called once, from the connection's goroutine, and must not block.
	answered func(*wire.Ack)
}

func newOutbox(conn *nats.Conn) *outbox {
	return &outbox{conn: conn, inbox: conn.NewInbox(), wake: make(chan struct{}, 1), open: map[uint64]*question{}}
}

// listen begins to take answers.
func (o *outbox) listen() (*nats.Subscription, error) {
	return subscribe(o.conn, o.inbox+".*", "", o.receive)
}

// add makes a question. It is for the caller to send it the first time, holding no lock; from then on it is sent again
// until it is answered or dropped.
func (o *outbox) add(subject string, data []byte, answered func(*wire.Ack)) *question {
	q := &question{subject: subject, data: data, answered: answered, due: time.Now().Add(silenceMin)}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last++
	q.number = o.last
	o.open[q.number] = q
	heap.Push(&o.queue, q)
	o.wakeBefore(q.due)
	return q
}

// drop forgets a question; its answer, should one come, is nobody's.
func (o *outbox) drop(q *question) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(q)
}

// sendDue sends what is due and says how long the loop may sleep; negative when there is nothing to wait for.
func (o *outbox) sendDue(now time.Time) time.Duration {
	o.mu.Lock()
	var due []*question
	for len(o.queue) > 0 && !o.queue[0].due.After(now) {
		q := o.queue[0]
		q.silences++
		o.postpone(q, now, doubled(silenceMin, q.silences))
		due = append(due, q)
	}
	sleep := time.Duration(-1)
	o.alarm = time.Time{}
	if len(o.queue) > 0 {
		o.alarm = o.queue[0].due
		sleep = o.alarm.Sub(now)
	}
	o.mu.Unlock()
	for _, q := range due {
		o.send(q)
	}
	return sleep
}

// sendAll sends every open question, for a connection that came back.
func (o *outbox) sendAll() {
	o.mu.Lock()
	all := make([]*question, 0, len(o.open))
	for _, q := range o.open {
		all = append(all, q)
	}
	o.mu.Unlock()
	for _, q := range all {
		o.send(q)
	}
}

// send publishes unless the connection is away: then the message would only wait in a buffer for sendAll to double it.
// An error is as good as a lost message: the question is asked again.
func (o *outbox) send(q *question) {
	if o.conn.IsConnected() {
		_ = o.conn.PublishRequest(q.subject, o.inbox+"."+strconv.FormatUint(q.number, 36), q.data)
	}
}

// receive takes one answer. A definite one ends its question; everything else makes it wait longer.
func (o *outbox) receive(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 36, 64)
	if err != nil {
		return
	}
	ack := readAck(m)
	o.mu.Lock()
	q := o.open[number]
	if q == nil {
		o.mu.Unlock()
		return // answered before
	}
	switch ack.GetCode() {
	case wire.AckCode_ACK_CODE_OK, wire.AckCode_ACK_CODE_STALE, wire.AckCode_ACK_CODE_INVALID:
		o.remove(q)
		o.mu.Unlock()
		q.answered(ack)
	default: // not now, or nobody listens
		o.refused(q)
		o.mu.Unlock()
	}
}

// refused makes a question due sooner than silence would, but later each time. The caller holds mu.
func (o *outbox) refused(q *question) {
	o.postpone(q, time.Now(), doubled(refusedMin, q.refusals))
	o.wakeBefore(q.due)
	q.refusals++
	q.silences = -1 // the next sending counts as the first
}

// postpone gives a question its next time, up to a fifth sooner than said so that a herd spreads. The caller holds mu.
func (o *outbox) postpone(q *question, now time.Time, wait time.Duration) {
	q.due = now.Add(wait - rand.N(wait/5))
	heap.Fix(&o.queue, q.place)
}

// doubled is first·2^n, at most askAgainMax.
func doubled(first time.Duration, n int) time.Duration {
	if n > 10 {
		return askAgainMax
	}
	return min(first<<n, askAgainMax)
}

// remove ends a question if it is open. The caller holds mu.
func (o *outbox) remove(q *question) {
	if o.open[q.number] == q {
		delete(o.open, q.number)
		heap.Remove(&o.queue, q.place)
	}
}

// wakeBefore makes sure the loop does not sleep past t. The caller holds mu.
func (o *outbox) wakeBefore(t time.Time) {
	if !o.alarm.IsZero() && !t.Before(o.alarm) {
		return
	}
	o.alarm = t
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// readAck reads an answer; what is none reads as no code at all.
func readAck(m *nats.Msg) *wire.Ack {
	var p wire.BusPacket
	if len(m.Data) == 0 || proto.Unmarshal(m.Data, &p) != nil {
		return nil
	}
	return p.GetAck()
}

// byDue is a heap of questions, the next due first.
type byDue []*question

func (h byDue) Len() int           { return len(h) }
func (h byDue) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h byDue) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *byDue) Push(x any) {
	q := x.(*question)
	q.place = len(*h)
	*h = append(*h, q)
}

// Pop implements heap.Interface.
func (h *byDue) Pop() any {
	old := *h
	q := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return q
}
