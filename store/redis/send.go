package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// sender gathers what callers commit. Of a partition one unit is on its way at a time, which is what makes its number
// enough to know a copy by; what comes meanwhile goes into the next unit. Units of all partitions of a server share
// round trips. It has goroutines only while something is on its way.
type sender struct {
	mu      sync.Mutex
	lines   map[*redis.Client]*line
	running sync.WaitGroup
}

// line is the way to one server.
type line struct {
	node    *redis.Client
	waiting []store.Partition // with something in their queue and nothing on its way
	flights int               // pipelines on their way
}

// submit queues pieces and sees that somebody sends them.
func (s *Store) submit(ctx context.Context, pieces []*piece) {
	nodes := make([]*redis.Client, len(pieces))
	for i, piece := range pieces {
		node, err := s.link.node(ctx, s.names.head(piece.p))
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
			piece.call.settle(piece, func(int) error { return err })
			continue
		}
		nodes[i] = node
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	for i, piece := range pieces {
		if nodes[i] == nil {
			continue
		}
		part := &s.parts[piece.p]
		part.queue = append(part.queue, piece)
		s.out.list(nodes[i], piece.p, part)
	}
	for _, l := range s.out.lines {
		s.launch(l)
	}
}

// launch begins a flight when something waits and there may be one more. The caller holds the mutex.
func (s *Store) launch(l *line) {
	if len(l.waiting) > 0 && l.flights < maxFlights {
		l.flights++
		s.out.running.Go(func() { s.fly(l) })
	}
}

// list puts a partition in the line of its server. The caller holds the mutex.
func (o *sender) list(node *redis.Client, p store.Partition, part *partition) {
	if part.busy || part.listed {
		return
	}
	l := o.lines[node]
	if l == nil {
		l = &line{node: node}
		o.lines[node] = l
	}
	part.listed = true
	l.waiting = append(l.waiting, p)
}

// withdraw takes back what was not taken up yet.
func (s *Store) withdraw(ctx context.Context, pieces []*piece) {
	err := fmt.Errorf("%w: not begun: %w", ErrRefused, context.Cause(ctx))
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	for _, piece := range pieces {
		part := &s.parts[piece.p]
		if i := slices.Index(part.queue, piece); i >= 0 {
			part.queue = slices.Delete(part.queue, i, i+1)
			piece.call.settle(piece, func(int) error { return err })
		}
	}
}

// fly sends pipelines until nothing waits.
func (s *Store) fly(l *line) {
	for {
		units := s.take(l)
		if len(units) == 0 {
			return
		}
		s.send(l, units)
	}
}

// take makes units of what waits in a line; none means that the flight is over.
func (s *Store) take(l *line) []*unit {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	var units []*unit
	bytes := 0
	for len(l.waiting) > 0 && len(units) < maxFlightUnits && bytes < maxFlightBytes {
		p := l.waiting[0]
		l.waiting = l.waiting[1:]
		part := &s.parts[p]
		part.listed = false
		if len(part.queue) == 0 { // withdrawn
			continue
		}
		u := part.next()
		s.encode(u, p)
		units = append(units, u)
		bytes += u.req.bytes
	}
	if len(units) == 0 {
		l.flights--
	} else {
		s.launch(l) // for what did not fit
	}
	return units
}

// next takes pieces out of a partition's queue: the first, and others as long as they are light.
func (p *partition) next() *unit {
	p.busy = true
	p.unit++
	u := &unit{number: p.unit}
	bytes, txs := 0, 0
	for i, piece := range p.queue {
		bytes, txs = bytes+piece.bytes, txs+len(piece.txs)
		if i > 0 && (bytes > maxUnitBytes || txs > maxUnitTxs) {
			break
		}
		u.pieces = append(u.pieces, piece)
	}
	p.queue = slices.Delete(p.queue, 0, len(u.pieces))
	return u
}

// send sends one pipeline. A unit whose answer is not there is sent again on a path of its own.
func (s *Store) send(l *line, units []*unit) {
	bytes := 0
	for _, u := range units {
		bytes += u.req.bytes
	}
	ctx, cancel := within(context.Background(), s.call, bytes)
	defer cancel()
	pipe := l.node.Pipeline()
	commands := make([]*redis.Cmd, len(units))
	for i, u := range units {
		commands[i] = s.command(ctx, &u.req)
		_ = pipe.Process(ctx, commands[i])
	}
	asked := s.appendWait(ctx, pipe)
	_, sending := pipe.Exec(ctx)
	received := s.received(asked)
	for i, u := range units {
		answer, err := result(commands[i], sending)
		switch u.req.note(err) {
		case answered:
			says, rest, err := s.hear(u.req.p, answer)
			if err == nil && !received {
				s.out.running.Go(func() { s.land(u, says, rest, s.confirm(context.Background(), u.req.p)) })
				continue
			}
			s.land(u, says, rest, err)
		case refused, broken:
			s.land(u, "", nil, s.blame(&u.req, err))
		case unloaded:
			u.req.source = true
			fallthrough
		default:
			s.out.running.Go(func() {
				says, rest, err := s.eval(context.Background(), &u.req)
				if err == nil {
					err = s.confirm(context.Background(), u.req.p)
				}
				s.land(u, says, rest, err)
			})
		}
	}
}

// land answers the callers of a unit and lets its partition's next one go.
func (s *Store) land(u *unit, says string, rest []any, err error) {
	verdicts, known := text(rest, 0)
	count := 0
	for _, piece := range u.pieces {
		count += len(piece.txs)
	}
	if err == nil && (says != saysOK || !known || len(verdicts) != count) {
		err = fmt.Errorf("%w: the script answered %q", ErrUnknown, says)
	}
	s.release(u, err != nil && u.req.doubt, err == nil && strings.Contains(verdicts, "0"))
	for _, piece := range u.pieces {
		piece.call.settle(piece, func(i int) error {
			if err != nil {
				return err
			}
			return u.verdict(verdicts[i], piece.txs[i])
		})
		if err == nil {
			verdicts = verdicts[len(piece.txs):]
		}
	}
}

// release makes a partition free for its next unit. One that was left open stays so until the server has noted a later one.
func (s *Store) release(u *unit, open, noted bool) {
	p := u.req.p
	node, err := s.link.node(context.Background(), s.names.head(p))
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	part := &s.parts[p]
	part.busy = false
	switch {
	case open:
		part.open = &openUnit{number: u.number, epoch: u.epoch()}
	case noted:
		part.open = nil
	}
	if len(part.queue) == 0 {
		return
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrRefused, err)
		for _, piece := range part.queue {
			piece.call.settle(piece, func(int) error { return err })
		}
		part.queue = nil
		return
	}
	s.out.list(node, p, part)
	if l := s.out.lines[node]; l.flights == 0 {
		s.launch(l)
	}
}

func (u *unit) epoch() store.Epoch {
	var newest store.Epoch
	for _, piece := range u.pieces {
		for _, tx := range piece.txs {
			newest = max(newest, tx.Epoch)
		}
	}
	return newest
}

// verdict reads what became of one transaction.
func (u *unit) verdict(v byte, tx *store.Tx) error {
	switch v {
	case '0':
		return nil
	case 'F':
		if u.req.doubt {
			return fmt.Errorf("%w: an earlier copy was not answered, and another owner has the partition now", ErrUnknown)
		}
		return store.ErrFenced
	case 'R':
		return store.ErrRolledBack
	case 'C':
		return store.ErrConflict
	case 'G':
		return fmt.Errorf("%w: an append leaves a gap in its log (partition %d)", store.ErrInvalid, tx.Partition)
	}
	return fmt.Errorf("%w: the script's verdict is %q", ErrUnknown, v)
}

// settle closes what a partition's last unit left open: when it answers nil, what was not carried out never will be.
func (s *Store) settle(ctx context.Context, p store.Partition) error {
	part := &s.parts[p]
	s.out.mu.Lock()
	open := part.open
	s.out.mu.Unlock()
	if open == nil {
		return nil
	}
	if err := s.closeUnit(ctx, p, open); err != nil {
		return fmt.Errorf("settle what an earlier commit left open: %w", err)
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if part.open == open {
		part.open = nil
	}
	return nil
}
