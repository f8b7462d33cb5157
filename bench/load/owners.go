package load

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// owners listens to what engines say of themselves: who owns which partition.
type owners struct {
	conn *nats.Conn
	mu   sync.Mutex
	last map[string]map[int]bool // by engine
}

// listenOwners begins to listen.
func listenOwners(url string) (*owners, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	o := &owners{conn: conn, last: map[string]map[int]bool{}}
	_, err = conn.Subscribe("cordum.engines", func(m *nats.Msg) {
		var a struct {
			Owner string             `json:"owner"`
			Owns  map[string]float64 `json:"owns"`
		}
		if json.Unmarshal(m.Data, &a) != nil {
			return
		}
		owns := make(map[int]bool, len(a.Owns))
		for p := range a.Owns {
			if n, err := strconv.Atoi(p); err == nil {
				owns[n] = true
			}
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.last[a.Owner] = owns
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return o, nil
}

// of is what an engine said last that it owns.
func (o *owners) of(engine string) map[int]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last[engine]
}

// newcomer is an engine that is none of these; "" while nobody else was heard.
func (o *owners) newcomer(known []string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name := range o.last {
		if !slices.Contains(known, name) {
			return name
		}
	}
	return ""
}

func (o *owners) close() { o.conn.Close() }
