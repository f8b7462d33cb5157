package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"cordum.dev/cordum/engine/runner"
)

// viewer is one WebSocket: a reader, a writer, and for each subscription a pump from its watch to the writer's queue.
// The watches are bounded and the queue is bounded, so a viewer that does not read costs no more than that: first its
// watches turn into gaps, then it is closed.
type viewer struct {
	g      *Gateway
	conn   *websocket.Conn
	caller runner.Caller
	queue  chan StreamMessage
	client *rate.Limiter // what the client may send

	cancel context.CancelFunc
	done   <-chan struct{} // closed when the connection ends

	readDone chan struct{} // closed when nothing more is read
	pumps    sync.WaitGroup

	mu     sync.Mutex
	subs   map[string]context.CancelFunc
	code   int // of the close frame to send; 0 = none
	reason string
}

func newViewer(g *Gateway, conn *websocket.Conn, c runner.Caller) *viewer {
	return &viewer{
		g: g, conn: conn, caller: c,
		queue:  make(chan StreamMessage, ViewerQueue),
		client: rate.NewLimiter(ClientRate, ClientBurst),
		subs:   map[string]context.CancelFunc{}, readDone: make(chan struct{}),
	}
}

// run serves the connection; when it returns nothing of it is left.
func (v *viewer) run(ctx context.Context) {
	ctx, v.cancel = context.WithCancel(ctx)
	v.done = ctx.Done()
	defer context.AfterFunc(v.g.streams, func() { v.stop(websocket.CloseGoingAway, "the server is stopping") })()
	var writer sync.WaitGroup
	writer.Go(func() { v.write(ctx) })
	writer.Go(func() {
		if v.g.keys.untilEnded(ctx, v.caller.Actor) {
			v.stop(websocket.ClosePolicyViolation, "the key is not good any more")
		}
	})
	if gone := v.read(ctx); !gone {
		v.linger()
	}
	close(v.readDone)
	v.cancel()
	writer.Wait()
	v.pumps.Wait()
}

// stop ends the connection with a close code; the first one counts. It may be called from anywhere.
func (v *viewer) stop(code int, reason string) {
	v.mu.Lock()
	if v.code == 0 {
		v.code, v.reason = code, reason
	}
	v.mu.Unlock()
	v.cancel()
}

// read is the reader: it takes the client's messages until the connection is over. gone says that the client knows.
func (v *viewer) read(ctx context.Context) (gone bool) {
	v.conn.SetReadLimit(MaxMessage)
	alive := func() { _ = v.conn.SetReadDeadline(time.Now().Add(PongWait)) } // fails only on a closed connection, which the next read says
	alive()
	v.conn.SetPongHandler(func(string) error { alive(); return nil })
	v.conn.SetPingHandler(func(data string) error {
		alive()
		if !v.client.Allow() {
			v.stop(websocket.ClosePolicyViolation, "too many pings")
			return nil
		}
		_ = v.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second)) // a lost pong is asked for again
		return nil
	})
	for {
		kind, raw, err := v.conn.ReadMessage()
		if err != nil {
			return v.readFailed(err)
		}
		alive()
		switch {
		case !v.client.Allow():
			v.stop(websocket.ClosePolicyViolation, "too many messages")
			return false
		case kind != websocket.TextMessage:
			v.stop(websocket.CloseUnsupportedData, "send text")
			return false
		case !utf8.Valid(raw):
			v.stop(websocket.CloseInvalidFramePayloadData, "send UTF-8")
			return false
		}
		v.handle(ctx, raw)
		if ctx.Err() != nil {
			return false
		}
	}
}

// readFailed ends a connection whose client broke the protocol. The library has mostly sent a close frame by itself,
// 1002 or 1009, after which this one is not sent.
func (v *viewer) readFailed(err error) (gone bool) {
	var closed *websocket.CloseError
	var network net.Error
	if errors.As(err, &closed) || errors.As(err, &network) {
		return true
	}
	v.stop(websocket.CloseProtocolError, "bad frame")
	return false
}

// linger reads what the client still sends after it was told that the connection ends. Closing on unread data would
// reset the connection, and the client would never see the close frame.
func (v *viewer) linger() {
	_, _ = io.Copy(io.Discard, v.conn.NetConn()) // ends when either side closes
}

// handle does what one message of the client asks for.
func (v *viewer) handle(ctx context.Context, raw []byte) {
	req, p := readStreamRequest(raw)
	switch {
	case p != nil:
		v.send(ctx, StreamMessage{ID: clip(req.ID), Type: "error", Error: p})
	case req.Unsubscribe != "":
		v.unsubscribe(ctx, req.Unsubscribe)
	default:
		v.subscribe(ctx, req)
	}
}

func (v *viewer) subscribe(ctx context.Context, req StreamRequest) {
	id := req.ID
	if id == "" {
		id = req.Subscribe.Run + req.Subscribe.Workflow // one of them is empty
	}
	after := string(req.Subscribe.AfterSeq)
	if after == "null" {
		after = ""
	}
	watching, p := watchRequest(req.Subscribe.Run, req.Subscribe.Workflow, after, req.Subscribe.Logs)
	if p == nil && len(id) > MaxIDLength {
		id, p = clip(id), newProblem("invalid_argument", "The id of a subscription is at most 200 bytes long.")
	}
	if p != nil {
		v.send(ctx, StreamMessage{ID: id, Type: "error", Error: p})
		return
	}
	following, cancel := context.WithCancel(ctx)
	switch v.take(id, cancel) {
	case takenTwice:
		cancel()
		v.send(ctx, StreamMessage{ID: id, Type: "error", Error: newProblem("duplicate_subscription", "Unsubscribe it first, or use another id.")})
	case takenAll:
		cancel()
		v.stop(websocket.ClosePolicyViolation, "too many subscriptions")
	case taken:
		v.pumps.Go(func() {
			defer cancel()
			v.follow(following, id, watching)
		})
	}
}

type takeResult int

const (
	taken takeResult = iota
	takenTwice
	takenAll
)

func (v *viewer) take(id string, cancel context.CancelFunc) takeResult {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, twice := v.subs[id]; twice {
		return takenTwice
	}
	if len(v.subs) >= MaxSubscriptions {
		return takenAll
	}
	v.subs[id] = cancel
	return taken
}

func (v *viewer) unsubscribe(ctx context.Context, id string) {
	v.mu.Lock()
	cancel := v.subs[id]
	v.mu.Unlock()
	if cancel == nil {
		v.send(ctx, StreamMessage{ID: clip(id), Type: "error", Error: newProblem("not_found", "There is no such subscription.")})
		return
	}
	cancel() // its pump says that it ended
}

// follow pumps a subscription's messages into the queue until it ends.
func (v *viewer) follow(ctx context.Context, id string, req runner.WatchRequest) {
	last := v.pump(ctx, id, req)
	v.mu.Lock()
	delete(v.subs, id) // before the last message, after which the id may be used again
	v.mu.Unlock()
	v.send(context.WithoutCancel(ctx), last)
}

// pump answers the subscription's last message.
func (v *viewer) pump(ctx context.Context, id string, req runner.WatchRequest) StreamMessage {
	watch, _, err := v.g.watch(ctx, v.caller, req)
	if err != nil {
		return v.lastMessage(ctx, id, err)
	}
	defer watch.Close()
	for {
		m, err := watch.Next(ctx)
		if err != nil {
			return v.lastMessage(ctx, id, err)
		}
		out := streamMessage(id, m)
		if out.Type == "end" {
			return out
		}
		if !v.send(ctx, out) {
			return StreamMessage{ID: id, Type: "unsubscribed"}
		}
	}
}

func (v *viewer) lastMessage(ctx context.Context, id string, err error) StreamMessage {
	if ctx.Err() != nil {
		return StreamMessage{ID: id, Type: "unsubscribed"}
	}
	return StreamMessage{ID: id, Type: "error", Error: v.g.fail(&record{}, err)}
}
