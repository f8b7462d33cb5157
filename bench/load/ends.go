package load

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// ends watches a workflow's runs over the WebSocket and tells who waits when a run has ended.
type ends struct {
	client *client
	conn   *websocket.Conn
	done   chan struct{}

	mu      sync.Mutex
	waiting map[string]chan string // by run; gets the final state
	early   map[string]string      // ends seen before anybody waited
	gaps    int
	looking bool // somebody looks again already
	again   bool // and has to do it once more
	err     error
}

// watchEnds subscribes to the headers of a workflow's runs.
func watchEnds(ctx context.Context, c *client, workflow string) (*ends, error) {
	url := "ws" + strings.TrimPrefix(c.base, "http") + "/api/v1/stream"
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	_ = resp.Body.Close()
	subscribe := map[string]any{"id": "bench", "subscribe": map[string]string{"workflow": workflow}}
	if err := conn.WriteJSON(subscribe); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	e := &ends{client: c, conn: conn, done: make(chan struct{}), waiting: map[string]chan string{}, early: map[string]string{}}
	live := make(chan struct{})
	go e.read(live)
	select {
	case <-live:
		return e, nil
	case <-e.done:
		return nil, fmt.Errorf("the stream ended before it was live: %w", e.failure())
	case <-ctx.Done():
		e.close()
		return nil, ctx.Err()
	}
}

// message is what the stream sends.
type message struct {
	Type   string          `json:"type"`
	Header *run            `json:"header"`
	Error  json.RawMessage `json:"error"` // a problem
}

// read takes messages until the connection ends.
func (e *ends) read(live chan struct{}) {
	defer close(e.done)
	var once sync.Once
	for {
		_, data, err := e.conn.ReadMessage()
		if err != nil {
			e.fail(err)
			return
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			e.fail(fmt.Errorf("a message of the stream: %w", err))
			return
		}
		switch {
		case m.Type == "live":
			once.Do(func() { close(live) })
		case m.Type == "header" && m.Header != nil && m.Header.ended():
			e.tell(m.Header.ID, m.Header.State)
		case m.Type == "gap":
			e.lookAgain()
		case m.Type == "error":
			e.fail(fmt.Errorf("the stream said %s", m.Error))
			return
		}
	}
}

// tell hands an end to who waits for it.
func (e *ends) tell(run, state string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if wait, ok := e.waiting[run]; ok {
		delete(e.waiting, run)
		wait <- state // has room for the one value it gets
		return
	}
	e.early[run] = state
}

// lookAgain asks for every run that is waited for: the stream has skipped some ends. One look serves all gaps that came
// before it began.
func (e *ends) lookAgain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gaps++
	e.look()
}

// look starts a look, or makes sure that the one under way is followed by another. The caller holds the lock.
func (e *ends) look() {
	e.again = true
	if e.looking {
		return
	}
	e.looking = true
	go func() {
		for {
			runs, more := e.toLookAt()
			if !more {
				return
			}
			for _, id := range runs {
				if r, err := e.client.run(context.Background(), id); err == nil && r.ended() {
					e.tell(id, r.State)
				}
			}
		}
	}()
}

// toLookAt lists the runs that are waited for, or says that nobody asked for another look.
func (e *ends) toLookAt() (runs []string, more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.again {
		e.looking = false
		return nil, false
	}
	e.again = false
	return slices.Collect(maps.Keys(e.waiting)), true
}

// endWithin bounds the wait for one run: a lost end is an error of the measurement, not a hang.
const endWithin = 2 * time.Minute

// seenGaps counts the gaps so far. Who starts a run reads it before.
func (e *ends) seenGaps() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gaps
}

// wait blocks until the run has ended and returns an error unless it succeeded. gaps is what seenGaps said before the
// run was started: its end may have been skipped by a gap since then.
func (e *ends) wait(ctx context.Context, run string, gaps int) error {
	e.mu.Lock()
	state, ok := e.early[run]
	delete(e.early, run)
	wait := make(chan string, 1)
	if !ok {
		e.waiting[run] = wait
		if e.gaps != gaps {
			e.look()
		}
	}
	e.mu.Unlock()
	if !ok {
		select {
		case state = <-wait:
		case <-e.done:
			return fmt.Errorf("the stream ended: %w", e.failure())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(endWithin):
			return fmt.Errorf("the end of run %s was not seen within %s", run, endWithin)
		}
	}
	if state != "succeeded" {
		return fmt.Errorf("run %s ended as %s", run, state)
	}
	return nil
}

func (e *ends) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

func (e *ends) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// close ends the watch.
func (e *ends) close() {
	_ = e.conn.Close()
	<-e.done
}
