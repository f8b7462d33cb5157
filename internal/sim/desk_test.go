package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// front stands between the one gateway of all games, which is dear to make, and the server of the game that is played.
type front struct{ gateway.Engine }

// desk is the gateway, which has no socket: requests are handed to its handlers.
type desk struct {
	front *front
	gate  *gateway.Gateway
}

// theDesk must first be asked for outside of every bubble: what it has belongs to none.
var theDesk = sync.OnceValue(func() *desk {
	f := &front{}
	cfg := gateway.Config{Logger: quiet(), Rate: gateway.Rate{PerSecond: -1}, PublicRate: gateway.Rate{PerSecond: -1}}
	for _, p := range people {
		cfg.APIKeys = append(cfg.APIKeys, p.name+":"+p.roles+":"+p.tenant+":"+p.key())
	}
	g, err := gateway.New(cfg, f)
	if err != nil {
		panic(err)
	}
	return &desk{f, g}
})

// person is somebody with a key.
type person struct{ name, roles, tenant string }

func (p person) key() string { return "the-key-of-" + p.name + "-is-long-enough-for-anybody" }

// The people of every game.
var (
	ann    = person{"ann", "operator+author+approver", "default"} // asks for most, and would let it start, too
	bob    = person{"bob", "approver+viewer", "default"}
	cyd    = person{"cyd", "approver+viewer", "default"}
	ada    = person{"ada", "operator+author+approver", "acme"}
	bea    = person{"bea", "approver+viewer", "acme"}
	cal    = person{"cal", "approver+viewer", "acme"}
	eve    = person{"eve", "admin", "default"} // sees everything of hers
	fay    = person{"fay", "admin", "acme"}
	people = []person{ann, bob, cyd, ada, bea, cal, eve, fay}
)

// crew are the people of a tenant: who asks, who answers, and the admin.
func crew(tenant string) (asks person, answer [2]person, admin person) {
	if tenant == "acme" {
		return ada, [2]person{bea, cal}, fay
	}
	return ann, [2]person{bob, cyd}, eve
}

// serves puts a server behind the desk.
func (d *desk) serves(r *runner.Runner) { d.front.Engine = gateway.Adapt(r) }

// answer is what somebody was told.
type said struct {
	status   int
	replayed bool
	body     []byte
}

func (s said) ok() bool { return s.status >= 200 && s.status < 300 }

// unknown tells whether who asked has to ask again.
func (s said) unknown() bool { return s.status == 0 || s.status >= 500 || s.status == 429 }

// read reads what was said.
func (s said) read(into any) error {
	if err := json.Unmarshal(s.body, into); err != nil {
		return fmt.Errorf("%d %s: %w", s.status, s.body, err)
	}
	return nil
}

// ask hands a request to the gateway. key is its idempotency key, "" none.
func (d *desk) ask(by person, method, path, body, key string) said {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := httptest.NewRequestWithContext(ctx, method, "/api/v1"+path, strings.NewReader(body))
	req.Header.Set("X-API-Key", by.key())
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	d.gate.Handler().ServeHTTP(w, req)
	return said{w.Code, w.Header().Get("Idempotent-Replayed") == "true", w.Body.Bytes()}
}

// client is how people of a game speak to its server.
func (w *whole) ask(by person, method, path, body, key string) said {
	if w.team != nil {
		return w.team.ask(by, method, path, body, key)
	}
	if w.journal.gone.Load() {
		w.revive()
	}
	s := w.desk.ask(by, method, path, body, key)
	if w.journal.gone.Load() { // it died before it could say so
		return said{}
	}
	return s
}

// change asks for a change until it is known what became of it, and now and then once more: the second answer is the first one's.
func (w *whole) change(by person, path, body string) said {
	w.keys++
	key := fmt.Sprintf("key-%d", w.keys)
	var s said
	for range 12 {
		if s = w.ask(by, "POST", path, body, key); !s.unknown() {
			break
		}
		w.mend()
		time.Sleep(time.Second)
	}
	if s.unknown() {
		w.count.Unknown++
	}
	if s.ok() && w.draw.IntN(4) == 0 {
		w.count.Repeats++
		again := w.ask(by, "POST", path, body, key)
		var one, two struct {
			RunID string `json:"run_id"`
		}
		if again.ok() && (again.status != s.status || s.read(&one) == nil && again.read(&two) == nil && one != two) {
			w.broken("POST %s is answered %d %s, and repeated %d %s", path, s.status, s.body, again.status, again.body)
		} else if !again.ok() && !again.unknown() {
			w.broken("POST %s is answered %d, and repeated %d %s", path, s.status, again.status, again.body)
		}
	}
	w.note("%s: POST %s %s: %d", by.name, path, body, s.status)
	return s
}
