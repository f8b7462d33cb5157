package bus

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// Memory is a Bus inside one process, for simulation and tests: nothing of it touches a socket or a clock, so it runs
// in a testing/synctest bubble. Everybody who shares it is connected to everybody else. Messages of one sender reach a
// subscription in the order they were sent; members of a queue take turns.
type Memory struct {
	mu       sync.Mutex
	closed   bool
	subs     []*memorySub   // in order of subscription
	turns    map[string]int // of each queue: whose turn it is
	requests int            // made so far; numbers the inboxes
	dropped  int
	most     int // bytes of a message; 0: MaxPayload
}

var _ Bus = (*Memory)(nil)

// NewMemory makes a bus that nobody listens on.
func NewMemory() *Memory { return &Memory{turns: map[string]int{}} }

// SetMaxPayload makes it take messages of so many bytes at most from now on, as a server that is configured so does; 0 is
// [MaxPayload].
func (m *Memory) SetMaxPayload(most int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = most
}

// Publish implements Bus.
func (m *Memory) Publish(subject string, data []byte) error {
	return m.send(Msg{Subject: subject, Data: data})
}

// PublishRequest implements Bus.
func (m *Memory) PublishRequest(subject, reply string, data []byte) error {
	if err := checkSubject(reply, false); err != nil {
		return err
	}
	return m.send(Msg{Subject: subject, Reply: reply, Data: data})
}

// Request implements Bus.
func (m *Memory) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m.mu.Lock()
	m.requests++
	inbox := InboxPrefix + ".memory." + strconv.Itoa(m.requests)
	m.mu.Unlock()

	answers := make(chan Msg, 1)
	sub, err := m.Subscribe(inbox, "", func(msg Msg) {
		select {
		case answers <- msg:
		default: // a second answer
		}
	})
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := m.PublishRequest(subject, inbox, data); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-sub.(*memorySub).done:
		return nil, ErrClosed
	case msg := <-answers:
		if msg.NoResponders {
			return nil, ErrNoResponders
		}
		return msg.Data, nil
	}
}

// Subscribe implements Bus.
func (m *Memory) Subscribe(subject, queue string, h Handler) (Subscription, error) {
	if err := checkSubject(subject, true); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	s := &memorySub{
		bus: m, pattern: subject, queue: queue, gate: gate{handle: h},
		wake: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}),
	}
	m.subs = append(m.subs, s)
	go s.run()
	return s, nil
}

// Unheard implements Bus.
func (m *Memory) Unheard(subject string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !slices.ContainsFunc(m.subs, func(s *memorySub) bool { return matches(s.pattern, subject) })
}

// Flush implements Bus: what was published has been handed over already.
func (m *Memory) Flush() error {
	if !m.Connected() {
		return ErrClosed
	}
	return nil
}

// Connected implements Bus.
func (m *Memory) Connected() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.closed
}

// Dropped counts messages that a subscription had no room for.
func (m *Memory) Dropped() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

// Close implements Bus.
func (m *Memory) Close() error {
	m.mu.Lock()
	subs := m.subs
	m.subs, m.closed = nil, true
	m.mu.Unlock()
	for _, s := range subs {
		s.stop()
	}
	return nil
}

func (m *Memory) send(msg Msg) error {
	if err := checkSubject(msg.Subject, false); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if most := cmp.Or(m.most, MaxPayload); len(msg.Data) > most {
		return fmt.Errorf("%w: %d bytes of at most %d", ErrTooLarge, len(msg.Data), most)
	}
	if m.closed {
		return ErrClosed
	}
	if m.deliver(msg) == 0 && msg.Reply != "" {
		m.deliver(Msg{Subject: msg.Reply, NoResponders: true})
	}
	return nil
}

// deliver gives a message to every plain subscription and to one member of each queue that listen, and counts them.
func (m *Memory) deliver(msg Msg) int {
	queues := map[string][]*memorySub{}
	var order []string
	heard := 0
	for _, s := range m.subs {
		if !matches(s.pattern, msg.Subject) {
			continue
		}
		if s.queue == "" {
			heard++
			m.hand(s, msg)
			continue
		}
		if queues[s.queue] == nil {
			order = append(order, s.queue)
		}
		queues[s.queue] = append(queues[s.queue], s)
	}
	for _, queue := range order {
		members := queues[queue]
		turn := m.turns[queue]
		m.turns[queue] = turn + 1
		heard++
		m.hand(members[turn%len(members)], msg)
	}
	return heard
}

// hand gives a subscription its own copy, as the network would.
func (m *Memory) hand(s *memorySub, msg Msg) {
	msg.Data = bytes.Clone(msg.Data)
	if !s.push(msg) {
		m.dropped++
	}
}

// memorySub is a subscription: a queue and the goroutine that empties it.
type memorySub struct {
	bus     *Memory
	pattern string
	queue   string
	gate    gate
	wake    chan struct{} // one token: there is something to take
	done    chan struct{} // closed: take nothing more
	ended   chan struct{} // closed: the goroutine is gone
	stopped sync.Once

	mu      sync.Mutex
	waiting []Msg
	bytes   int
}

func (s *memorySub) push(msg Msg) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= MaxPendingMessages || s.bytes+len(msg.Data) > MaxPendingBytes {
		return false
	}
	s.waiting = append(s.waiting, msg)
	s.bytes += len(msg.Data)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

func (s *memorySub) take() []Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.waiting
	s.waiting, s.bytes = nil, 0
	return batch
}

func (s *memorySub) run() {
	defer close(s.ended)
	for {
		select {
		case <-s.done:
			return
		case <-s.wake:
		}
		for _, msg := range s.take() {
			s.gate.pass(msg)
		}
	}
}

func (s *memorySub) stop() {
	s.gate.shut()
	s.stopped.Do(func() { close(s.done) })
	<-s.ended
}

// Unsubscribe implements Subscription.
func (s *memorySub) Unsubscribe() error {
	s.bus.mu.Lock()
	s.bus.subs = slices.DeleteFunc(s.bus.subs, func(o *memorySub) bool { return o == s })
	s.bus.mu.Unlock()
	s.stop()
	return nil
}
