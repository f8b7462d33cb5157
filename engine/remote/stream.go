package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// This file is the server's side of calls whose answer comes in pieces for as long as somebody takes them: exports, a run's
// record, and watches. A frame is sent, and the next one not before it was taken: who reads slowly costs this process one frame.

// source is a call that answers a stream. It gives each item to emit, which waits until there is room.
type source struct {
	fn any // as of method: its last parameter is where the items go
	at place
	// pour does the call.
	pour func(ctx context.Context, r *runner.Runner, args []reflect.Value, out *pipe) error
	args []reflect.Type
}

// streams is the table of calls that answer a stream.
var streams = map[string]source{
	"ExportAudit": {
		at: anywhere, args: types[runner.Caller](),
		pour: func(ctx context.Context, r *runner.Runner, args []reflect.Value, out *pipe) error {
			return r.ExportAudit(ctx, args[0].Interface().(runner.Caller), emitter{ctx, out})
		},
	},
	"Record": {
		at: ofRun(1), args: types2[runner.Caller, string](),
		pour: func(ctx context.Context, r *runner.Runner, args []reflect.Value, out *pipe) error {
			return r.Record(ctx, args[0].Interface().(runner.Caller), args[1].String(), func(p runner.RecordPart) error {
				return out.emit(ctx, encode(p))
			})
		},
	},
	"Dump": {
		at: anywhere, args: types2[runner.Caller, runner.DumpQuery](),
		pour: func(ctx context.Context, r *runner.Runner, args []reflect.Value, out *pipe) error {
			return r.Dump(ctx, args[0].Interface().(runner.Caller), args[1].Interface().(runner.DumpQuery), func(f runner.DumpedFact) error {
				return out.emit(ctx, encode(f))
			})
		},
	},
	"Decisions": {
		at: anywhere, args: types2[runner.Caller, runner.Filter](),
		pour: func(ctx context.Context, r *runner.Runner, args []reflect.Value, out *pipe) error {
			return r.Decisions(ctx, args[0].Interface().(runner.Caller), args[1].Interface().(runner.Filter), func(d runner.PastDecision) error {
				return out.emit(ctx, encode(d))
			})
		},
	},
	"Watch": {at: ofWatch, args: []reflect.Type{reflect.TypeFor[runner.Caller](), reflect.TypeFor[runner.WatchRequest](), reflect.TypeFor[int]()}, pour: watch},
}

func types[A any]() []reflect.Type { return []reflect.Type{reflect.TypeFor[A]()} }

func types2[A, B any]() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B]()}
}

func ofWatch(args []any, partitions int) (int, bool) {
	if req := args[1].(runner.WatchRequest); req.Run != "" {
		return runPartition(req.Run, partitions)
	}
	return 0, true
}

// watch follows a run or a workflow's runs for as long as somebody takes what comes.
func watch(ctx context.Context, r *runner.Runner, args []reflect.Value, out *pipe) error {
	w, err := r.Watch(ctx, args[0].Interface().(runner.Caller), args[1].Interface().(runner.WatchRequest), int(args[2].Int()))
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		m, err := w.Next(ctx)
		if err != nil {
			return err
		}
		if err := out.emit(ctx, encode(m)); err != nil {
			return err
		}
	}
}

// pipe is between who makes the items of a stream and who sends them.
type pipe struct {
	items chan []byte
	gone  chan struct{} // closed: nobody takes them any more
}

// errViewerGone says that nobody takes what a stream sends.
var errViewerGone = errors.New("nobody reads the stream any more")

func (p *pipe) emit(ctx context.Context, item []byte) error {
	select {
	case p.items <- item:
		return nil
	case <-p.gone:
		return errViewerGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// emitter is a pipe for who writes bytes.
type emitter struct {
	ctx context.Context
	out *pipe
}

func (e emitter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), maxFrame)
		if err := e.out.emit(e.ctx, encode(rest[:n])); err != nil {
			return len(b) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

var _ io.Writer = emitter{}

// pour sends a stream until it ends, or nobody reads it any more, or the partition is not this process's any more.
func (s *Server) pour(ctx context.Context, t task) {
	src := streams[t.req.Method]
	ctx, stop := context.WithCancel(ctx)
	out := &pipe{items: make(chan []byte), gone: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		args, err := decodeArgs(t.body, src.args)
		if err == nil {
			err = src.pour(ctx, s.runner, args, out)
		}
		ended <- err
		close(out.items)
	}()
	sent := &sender{s: s, inbox: t.call.inbox}
	err := s.sendFrames(ctx, t, out, sent)
	close(out.gone)
	stop()
	if err == nil { // the items are over
		last := <-ended
		isMoved := errors.Is(last, runner.ErrMoved) || !s.runner.Owns(t.req.Partition)
		_ = sent.send(context.WithoutCancel(ctx), frame{Last: true, Moved: isMoved, Failure: failureOf(last)})
	} else {
		<-ended
		sent.leave()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streaming--
	s.forget(t.req.ID)
}

// sendFrames sends items, as many at once as there are, until there are no more.
func (s *Server) sendFrames(ctx context.Context, t task, out *pipe, to *sender) error {
	alive := time.NewTicker(askAgain)
	defer alive.Stop()
	quiet := 0
	for {
		select {
		case item, more := <-out.items:
			if !more {
				return nil
			}
			quiet = 0
			if err := to.send(ctx, frame{Items: gather(item, out)}); err != nil {
				return err
			}
		case <-alive.C:
			if t.req.Method == "Watch" && !s.runner.Owns(t.req.Partition) {
				return errStreamMoved
			}
			if quiet++; quiet < 2 {
				continue
			}
			quiet = 0
			if err := to.send(ctx, frame{}); err != nil { // still here
				return err
			}
		}
	}
}

// gather takes what is there besides one item, as much as a frame may have.
func gather(item []byte, out *pipe) [][]byte {
	items, size := [][]byte{item}, len(item)
	for len(items) < maxBatch && size < maxFrame {
		select {
		case next, more := <-out.items:
			if !more {
				return items // the next look finds it closed, too
			}
			items, size = append(items, next), size+len(next)
		default:
			return items
		}
	}
	return items
}

// sender sends the frames of one stream.
type sender struct {
	s      *Server
	inbox  string
	number uint64
}

// send sends a frame until it is taken. A frame that is larger than a message goes in parts.
func (o *sender) send(ctx context.Context, f frame) error {
	o.number++
	f.Number = o.number
	heard := time.Now()
	for {
		word, err := o.once(ctx, f)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && errors.Is(err, bus.ErrNoResponders), err == nil && string(word) == string(frameGone):
			return errViewerGone
		case err == nil && string(word) == string(frameTaken):
			return nil
		case err == nil: // it is there, and nobody has taken it yet
			heard = time.Now()
			f = frame{Number: f.Number, Asks: true}
			if err := sleep(ctx, backOffMax); err != nil {
				return err
			}
		case time.Since(heard) > viewerGone:
			return errViewerGone
		}
	}
}

// leave says that the stream goes on elsewhere, without waiting for a word.
func (o *sender) leave() {
	data, _ := cut(encode(frame{Number: o.number + 1, Last: true, Moved: true}), 0)
	o.s.say(o.inbox, answer{Verdict: framed, Parts: 1, Data: data})
}

// once sends a frame and waits for the word that it came: for that on its last part, if it has several.
func (o *sender) once(ctx context.Context, f frame) ([]byte, error) {
	data := encode(f)
	for part, parts := 0, 1; ; part++ {
		a := answer{Verdict: framed, Part: part}
		a.Data, parts = cut(data, part)
		a.Parts = parts
		if part < parts-1 {
			if err := o.s.bus.Publish(o.inbox, encode(a)); err != nil {
				return nil, fmt.Errorf("send a frame: %w", err)
			}
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, frameAnswer)
		defer cancel()
		return o.s.bus.Request(ctx, o.inbox, encode(a))
	}
}
