package gateway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gorilla/websocket"
)

// send puts a message into the queue. A queue that stays full for SlowAfter means a viewer that does not read: it is
// closed. The answer is false when the message will not be sent.
func (v *viewer) send(ctx context.Context, m StreamMessage) bool {
	select {
	case v.queue <- m:
		return true
	case <-v.done:
		return false
	default:
	}
	full := time.NewTimer(v.g.slowAfter)
	defer full.Stop()
	select {
	case v.queue <- m:
		return true
	case <-v.done:
		return false
	case <-ctx.Done():
		return false
	case <-full.C:
		v.g.meters.slow.Inc()
		v.stop(websocket.CloseTryAgainLater, "you read too slowly")
		return false
	}
}

// write is the writer: the only one that writes messages and pings. It ends with the close frame, if there is one to
// send, gives the client CloseLinger to read it, and closes the connection, which ends the reader.
func (v *viewer) write(ctx context.Context) {
	defer v.conn.Close()
	ping := time.NewTicker(v.g.cfg.Ping)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			v.writeClose()
			return
		case m := <-v.queue:
			if !v.writeMessage(m) {
				v.cancel()
				return
			}
		case <-ping.C:
			if v.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(v.g.writeTimeout)) != nil {
				v.cancel()
				return
			}
		}
	}
}

func (v *viewer) writeMessage(m StreamMessage) bool {
	raw, err := json.Marshal(m)
	if err != nil { // a stored value that is not JSON; one message is lost, and said to be
		v.g.log.Error("stream message cannot be written", "id", m.ID, "type", m.Type, "error", err.Error())
		raw, _ = json.Marshal(StreamMessage{ID: m.ID, Type: "error", Error: newProblem("internal", "A message could not be written.")})
	}
	if v.conn.SetWriteDeadline(time.Now().Add(v.g.writeTimeout)) != nil {
		return false
	}
	return v.conn.WriteMessage(websocket.TextMessage, raw) == nil
}

func (v *viewer) writeClose() {
	v.mu.Lock()
	code, reason := v.code, v.reason
	v.mu.Unlock()
	if code == 0 {
		return
	}
	frame := websocket.FormatCloseMessage(code, reason)
	_ = v.conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second)) // best effort on a connection that ends
	patience := time.NewTimer(CloseLinger)
	defer patience.Stop()
	select {
	case <-v.readDone:
	case <-patience.C:
	}
}
