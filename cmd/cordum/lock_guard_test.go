package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// lockVisit is what who holds a lock says to the guard, before its work under the lock and behind it.
type lockVisit struct {
	Phase   string // begin, end
	Life    string // of the worker's process: another one after each start
	Attempt string
	Lock    string
	Shared  bool
	Fence   int64
}

// lockGrant is one grant of a lock: tokens grow by the lock.
type lockGrant struct {
	lock  string
	fence int64
}

func (v lockVisit) grant() lockGrant { return lockGrant{v.Lock, v.Fence} }

// say tells the guard; an error says that the guard does not let it.
func (v lockVisit) say(guard string) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	res, err := http.Post(guard, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the guard: %s", res.Status)
	}
	return nil
}

// lockGuard guards what locks protect: it lets nobody in whose fencing token is smaller than one that it has seen. It knows
// nothing of the engine, and notes what no holder of a lock may see.
type lockGuard struct {
	url string

	mu     sync.Mutex
	wrote  map[string]int64        // by lock, the greatest token of who was in alone
	seen   map[string]int64        // and of anybody
	inside map[lockGrant]lockVisit // by grant
	hands  map[lockGrant]lockVisit // who came with it first
	dead   map[string]bool         // lives
	away   map[string]bool         // lives that were stopped for longer than a lease
	late   []lockVisit             // refused
	wrong  []string                // what must not be
	counts map[string]int          // visits by lock
}

func newLockGuard(t *testing.T) *lockGuard {
	g := &lockGuard{
		wrote: map[string]int64{}, seen: map[string]int64{}, inside: map[lockGrant]lockVisit{}, hands: map[lockGrant]lockVisit{},
		dead: map[string]bool{}, away: map[string]bool{}, counts: map[string]int{},
	}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

// ServeHTTP implements http.Handler.
func (g *lockGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var v lockVisit
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead[v.Life] { // said before its death, read after it
		w.WriteHeader(http.StatusGone)
		return
	}
	if !g.admit(v) {
		w.WriteHeader(http.StatusConflict)
	}
}

// admit takes a visit down, or refuses who is late. The caller holds mu.
func (g *lockGuard) admit(v lockVisit) bool {
	if first, known := g.hands[v.grant()]; known && (first.Life != v.Life || first.Attempt != v.Attempt) {
		g.wrong = append(g.wrong, fmt.Sprintf("token %d is in two hands: %+v and %+v", v.Fence, first, v))
	} else if known && v.Phase == "begin" {
		g.wrong = append(g.wrong, fmt.Sprintf("the same attempt came in twice: %+v", v))
	}
	if over := g.over(v); v.Fence < over {
		if !g.away[v.Life] {
			g.wrong = append(g.wrong, fmt.Sprintf("%+v was overtaken by token %d, and never away", v, over))
		}
		g.late = append(g.late, v)
		return false
	}
	if v.Phase == "end" {
		delete(g.inside, v.grant())
		return true
	}
	for _, other := range g.inside {
		if other.Lock == v.Lock && (!other.Shared || !v.Shared) && !g.away[other.Life] {
			g.wrong = append(g.wrong, fmt.Sprintf("two at once: %+v and %+v", other, v))
		}
	}
	g.hands[v.grant()], g.inside[v.grant()] = v, v
	g.counts[v.Lock]++
	g.seen[v.Lock] = max(g.seen[v.Lock], v.Fence)
	if !v.Shared {
		g.wrote[v.Lock] = v.Fence
	}
	return true
}

// over is the token that keeps smaller ones out: those who share are not in each other's way.
func (g *lockGuard) over(v lockVisit) int64 {
	if v.Shared {
		return g.wrote[v.Lock]
	}
	return g.seen[v.Lock]
}

// bury is told that a life is over, while it is frozen and can do nothing more.
func (g *lockGuard) bury(life string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead[life] = true
	for at, v := range g.inside {
		if v.Life == life {
			delete(g.inside, at)
		}
	}
}

// leaves is told that a life is stopped for longer than its lease; it answers who of that life is inside a lock.
func (g *lockGuard) leaves(life, lock string) (v lockVisit, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, v := range g.inside {
		if v.Life == life && v.Lock == lock {
			g.away[life] = true
			return v, true
		}
	}
	return lockVisit{}, false
}

// holder answers somebody who is inside a lock.
func (g *lockGuard) holder(lock string) (v lockVisit, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, v := range g.inside {
		if v.Lock == lock {
			return v, true
		}
	}
	return lockVisit{}, false
}

// refused tells whether somebody was late with a grant.
func (g *lockGuard) refused(grant lockGrant) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, v := range g.late {
		if v.grant() == grant {
			return true
		}
	}
	return false
}

// check reports what was wrong, and how many came into each lock.
func (g *lockGuard) check(t *testing.T) map[string]int {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.wrong {
		t.Error(w)
	}
	return g.counts
}
