package web

import (
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/websocket"
)

// feed is the stream of one run, and of the headers of all runs, which are this one.
type feed struct {
	mu      sync.Mutex
	events  []object
	current func() object // the run's header; called with mu held
	viewers map[*viewer]bool
	opened  int // connections in all
}

// publish numbers an event and sends it to all viewers. mu is held.
func (f *feed) publish(event object) {
	event["seq"], event["prev"] = len(f.events)+1, len(f.events)
	f.events = append(f.events, event)
	for v := range f.viewers {
		v.event(event)
		v.header(f.current())
	}
}

// viewer is one connection of the stream with its subscriptions.
type viewer struct {
	conn *websocket.Conn
	mu   sync.Mutex
	runs []string // ids of subscriptions to the run
	logs []string // those of them that want what its jobs write
	flow []string // to the workflow's runs
}

// ServeHTTP is one connection.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"cordum.v1"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // what asked is answered by the upgrader
	}
	v := &viewer{conn: conn}
	f.mu.Lock()
	f.opened++
	f.viewers[v] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.viewers, v)
		f.mu.Unlock()
		_ = conn.Close()
	}()
	for {
		var ask struct {
			ID        string `json:"id"`
			Subscribe *struct {
				Run      string  `json:"run"`
				Workflow string  `json:"workflow"`
				AfterSeq *uint64 `json:"after_seq"`
				Logs     bool    `json:"logs"`
			} `json:"subscribe"`
			Unsubscribe string `json:"unsubscribe"`
		}
		if conn.ReadJSON(&ask) != nil {
			return
		}
		f.mu.Lock()
		switch {
		case ask.Unsubscribe != "":
			v.runs = slices.DeleteFunc(v.runs, func(id string) bool { return id == ask.Unsubscribe })
			v.logs = slices.DeleteFunc(v.logs, func(id string) bool { return id == ask.Unsubscribe })
			v.flow = slices.DeleteFunc(v.flow, func(id string) bool { return id == ask.Unsubscribe })
		case ask.Subscribe.Workflow != "":
			v.flow = append(v.flow, ask.ID)
			v.header(f.current())
		case ask.Subscribe.AfterSeq != nil:
			v.runs = append(v.runs, ask.ID)
			if ask.Subscribe.Logs {
				v.logs = append(v.logs, ask.ID)
			}
			for _, event := range f.events[*ask.Subscribe.AfterSeq:] {
				v.send(object{"id": ask.ID, "type": "event", "event": event})
			}
			v.send(object{"id": ask.ID, "type": "live", "seq": len(f.events)})
		}
		f.mu.Unlock()
	}
}

func (v *viewer) event(event object) {
	for _, id := range v.runs {
		v.send(object{"id": id, "type": "event", "event": event})
	}
}

func (v *viewer) header(header object) {
	for _, id := range v.flow {
		v.send(object{"id": id, "type": "header", "header": header})
	}
}

// write sends lines of a job to who asked for them.
func (f *feed) write(part object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for v := range f.viewers {
		for _, id := range v.logs {
			v.send(object{"id": id, "type": "log", "log": part})
		}
	}
}

// reading counts the subscriptions that want what jobs write.
func (f *feed) reading() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for v := range f.viewers {
		n += len(v.logs)
	}
	return n
}

func (v *viewer) send(m object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.conn.WriteJSON(m) // a viewer that left is taken out by its reader
}

// dropViewers cuts every connection, as a restart of the server does.
func (f *feed) dropViewers() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for v := range f.viewers {
		_ = v.conn.Close()
	}
}

func (f *feed) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}
