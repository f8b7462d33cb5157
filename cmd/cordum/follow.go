package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

const (
	handshakeTimeout = 10 * time.Second
	firstRetry       = 100 * time.Millisecond // pause before the first new connection
	lastRetry        = 3 * time.Second
	maxMessage       = 64 << 20 // a snapshot of 10,000 steps stays below
	// silence is how long a connection may be silent: the server pings every 30 s.
	silence = 75 * time.Second
)

// follower gets what happens in a run, each event once and in order. Its methods are called from one goroutine.
type follower struct {
	event func(runner.Event)
	gap   func(upTo uint64)    // events up to this one cannot be told
	lost  func(error)          // the connection broke; it is being made anew
	log   func(runner.LogPart) // lines that jobs write; nil: none are wanted
	live  func()               // what has happened so far was told; after each new connection, and may be nil
}

// errEnded says that the stream has told everything of a run that has ended.
var errEnded = errors.New("the run has ended")

// follow tells f about a run from behind after until the run has ended or ctx is over. It reconnects and resumes for as
// long as it takes. What the server refuses (the run does not exist, the key is wrong) is an error.
func (c *client) follow(ctx context.Context, run string, after uint64, f follower) error {
	pause := firstRetry
	for {
		last := after
		err := c.followOnce(ctx, run, &after, f)
		var problem *gateway.Problem
		switch {
		case errors.Is(err, errEnded):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &problem) && !passing(problem):
			return err
		}
		if after > last {
			pause = firstRetry
		}
		f.lost(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRetry)
	}
}

// passing tells whether a refusal may be gone at the next try.
func passing(p *gateway.Problem) bool {
	return p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests
}

// followOnce follows over one connection and moves *after behind each event that was told.
func (c *client) followOnce(ctx context.Context, run string, after *uint64, f follower) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	conn.SetReadLimit(maxMessage)
	conn.SetPingHandler(func(data string) error {
		_ = conn.SetReadDeadline(time.Now().Add(silence)) // a closed connection shows at the next read
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(handshakeTimeout))
	})
	ask := gateway.StreamRequest{ID: "run", Subscribe: &gateway.Subscribe{
		Run: run, AfterSeq: json.RawMessage(strconv.FormatUint(*after, 10)), Logs: f.log != nil,
	}}
	if err := conn.WriteJSON(ask); err != nil {
		return err
	}
	for {
		_ = conn.SetReadDeadline(time.Now().Add(silence)) // as above
		var m gateway.StreamMessage
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		if err := tell(m, after, f); err != nil {
			return err
		}
	}
}

// tell hands one message to f.
func tell(m gateway.StreamMessage, after *uint64, f follower) error {
	switch {
	case m.Type == "error" && m.Error != nil:
		return m.Error
	case m.Type == "end":
		return errEnded
	case m.Type == "log" && m.Log != nil && f.log != nil:
		f.log(*m.Log)
	case m.Type == "live" && f.live != nil:
		f.live()
	case m.Type == "gap" && m.Seq != nil && *m.Seq > *after:
		f.gap(*m.Seq)
		*after = *m.Seq
	case m.Type == "event" && m.Event != nil && m.Event.Seq > *after:
		if m.Event.Prev > *after {
			return fmt.Errorf("event %d came without event %d before it", m.Event.Seq, m.Event.Prev)
		}
		f.event(*m.Event)
		*after = m.Event.Seq
	}
	return nil
}

// dial opens the stream. What the server refuses is a *gateway.Problem.
func (c *client) dial(ctx context.Context) (*websocket.Conn, error) {
	u := c.url("stream", url.Values{})
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	dialer := websocket.Dialer{HandshakeTimeout: handshakeTimeout, Proxy: http.ProxyFromEnvironment}
	conn, answer, err := dialer.DialContext(ctx, u.String(), c.header.Clone())
	if err == nil {
		return conn, nil
	}
	if answer == nil {
		return nil, c.unreachable(ctx, err)
	}
	defer answer.Body.Close()
	raw, readErr := io.ReadAll(io.LimitReader(answer.Body, math.MaxUint16))
	if readErr != nil {
		return nil, c.unreachable(ctx, err)
	}
	return nil, problemOf(answer, raw)
}
