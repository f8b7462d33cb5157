package remote

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// errStreamMoved says that a stream ended because its engine does not own the partition any more, or went away: what comes
// next is at somebody else's.
var errStreamMoved = fmt.Errorf("the engine that sent it does not own it any more: %w", runner.ErrUnavailable)

// stream is the client's side of one.
type stream struct {
	c      *Client
	id     string
	forget func()

	mu    sync.Mutex
	parts pieces
	next  uint64    // number of the frame to come
	ahead [][]byte  // items of the frame that is there
	held  bool      // a frame is there that was not taken
	word  string    // where the word goes that it was taken
	heard time.Time // when its engine said something last
	last  *frame
	none  bool          // nobody listened
	bell  chan struct{} // holds a token
}

// open asks for a stream of the owner of a partition. It is not known before the first frame whether there is one.
func (c *Client) open(ctx context.Context, name string, p int, args ...any) (*stream, error) {
	st := &stream{c: c, id: newID(), next: 1, heard: time.Now(), bell: make(chan struct{}, 1)}
	st.forget = c.expect(st.id, st)
	types := streams[name].args
	values := make([]reflect.Value, len(args))
	for i := range args {
		values[i] = reflect.ValueOf(args[i]).Convert(types[i])
	}
	body := encode(encodeAll(values))
	if len(body) > maxPart {
		st.close()
		return nil, &runner.InvalidError{Code: "payload_too_large", Message: name + " is asked with too much"}
	}
	req := request{ID: st.id, Partition: p, Method: name, Left: defaultDeadline, Parts: 1, Args: body}
	if err := c.bus.PublishRequest(callSubject(p), c.inbox+st.id, encode(req)); err != nil {
		st.close()
		return nil, fmt.Errorf("%s: %w: %w", name, err, runner.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

func (st *stream) close() { st.forget() }

// receive implements receiver.
func (st *stream) receive(m bus.Msg, a answer) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.heard = time.Now()
	switch a.Verdict {
	case moved:
		st.none = true
		st.ring()
		return
	case answered: // no stream: overloaded
		if whole, err := st.parts.add(a.Part, a.Parts, maxCall, a.Data); err == nil && whole {
			var r reply
			if decode(st.parts.joined(), &r) == nil {
				st.last = &frame{Last: true, Failure: r.Failure}
				st.ring()
			}
		}
		return
	case framed:
	default:
		return
	}
	if a.Part == 0 {
		st.parts = pieces{} // it is sent from its beginning each time
	}
	whole, err := st.parts.add(a.Part, a.Parts, maxCall, a.Data)
	if err != nil || !whole {
		return // it comes again
	}
	data := st.parts.joined()
	st.parts = pieces{}
	var f frame
	if decode(data, &f) == nil {
		st.take(m.Reply, f)
	}
}

// take takes a frame that is there as a whole.
func (st *stream) take(word string, f frame) {
	switch {
	case f.Number < st.next && !st.held, f.Number+1 < st.next:
		st.say(word, frameTaken) // the word was lost
	case f.Number < st.next:
		st.say(word, frameBusy)
		st.word = "" // it asks again
	case f.Asks || f.Number > st.next:
		// what it asks for was lost, which it finds by itself
	default:
		st.next++
		st.ahead, st.held, st.word = f.Items, len(f.Items) > 0, word
		if f.Last {
			st.last = &f
		}
		if !st.held {
			st.say(word, frameTaken)
		}
		st.ring()
	}
}

func (st *stream) say(to string, word []byte) {
	if to == "" {
		return // the last word of an engine that ends
	}
	_ = st.c.bus.Publish(to, word) // it is asked for again when this is lost
}

// nobody implements receiver.
func (st *stream) nobody() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.none = true
	st.ring()
}

func (st *stream) ring() {
	select {
	case st.bell <- struct{}{}:
	default:
	}
}

// Next waits for the next item. ok is false at the end of the stream; errStreamMoved says that it goes on elsewhere.
func (st *stream) Next(ctx context.Context) (item []byte, ok bool, err error) {
	look := time.NewTicker(askAgain)
	defer look.Stop()
	for {
		if item, ok, over, err := st.poll(); ok || over {
			return item, ok, err
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-st.bell:
		case <-look.C:
		}
	}
}

// poll answers what there is.
func (st *stream) poll() (item []byte, ok, over bool, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.ahead) > 0 {
		item, st.ahead = st.ahead[0], st.ahead[1:]
		if len(st.ahead) == 0 {
			st.held = false
			if st.word != "" {
				st.say(st.word, frameTaken)
			}
		}
		return item, true, false, nil
	}
	switch {
	case st.last != nil && st.last.Moved:
		return nil, false, true, errStreamMoved
	case st.last != nil:
		return nil, false, true, st.last.Failure.err()
	case st.none, time.Since(st.heard) > abandoned:
		return nil, false, true, errStreamMoved
	}
	return nil, false, false, nil
}

// each reads a whole stream of the owner of what it is about, from its beginning again when the owner changes: again is called
// then, to drop what came so far.
func (c *Client) each(ctx context.Context, name string, again func() error, visit func([]byte) error, args ...any) error {
	n, err := c.countOfPartitions(ctx, name)
	if err != nil {
		return err
	}
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	for pause := backOffMin; ; pause = min(2*pause, backOffMax) {
		err := c.readOnce(ctx, name, c.partitionOf(name, args, n), visit, args)
		if !errors.Is(err, errStreamMoved) {
			return err
		}
		if err := again(); err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return errNoAnswer(name, args, err)
		}
	}
}

// readOnce reads a stream of one engine.
func (c *Client) readOnce(ctx context.Context, name string, p int, visit func([]byte) error, args []any) error {
	st, err := c.open(ctx, name, p, args...)
	if err != nil {
		return err
	}
	defer st.close()
	for {
		item, ok, err := st.Next(ctx)
		if err != nil || !ok {
			return err
		}
		if err := visit(item); err != nil {
			return err
		}
	}
}
