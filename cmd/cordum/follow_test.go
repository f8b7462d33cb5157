package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// streamServer answers the n-th connection with script(n, after_seq), then closes it.
func streamServer(t *testing.T, script func(n int, after string) []any) *client {
	t.Helper()
	var connections atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		var ask gateway.StreamRequest
		if err := conn.ReadJSON(&ask); err != nil {
			t.Error(err)
			return
		}
		for _, m := range script(int(connections.Add(1)), string(ask.Subscribe.AfterSeq)) {
			if conn.WriteJSON(m) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &client{base: base, header: http.Header{}, http: server.Client()}
}

func eventOf(seq, prev uint64) any {
	return map[string]any{"id": "run", "type": "event", "event": runner.Event{Seq: seq, Prev: prev, Type: "step_started"}}
}

var endOf = map[string]any{"id": "run", "type": "end", "seq": 9}

type heard struct {
	seqs   []uint64
	gaps   []uint64
	breaks int
}

func (h *heard) follower() follower {
	return follower{
		event: func(e runner.Event) { h.seqs = append(h.seqs, e.Seq) },
		gap:   func(upTo uint64) { h.gaps = append(h.gaps, upTo) },
		lost:  func(error) { h.breaks++ },
	}
}

// Connections break, messages come twice and one is lost on the way: each event is told once, in order.
func TestFollowTellsEachEventOnce(t *testing.T) {
	var asked []string
	c := streamServer(t, func(n int, after string) []any {
		asked = append(asked, after)
		switch n {
		case 1:
			return []any{map[string]any{"id": "run", "type": "replay", "seq": 1}, eventOf(1, 0), eventOf(2, 1)}
		case 2:
			return []any{eventOf(2, 1), eventOf(4, 2), eventOf(7, 5)} // 5 was lost
		}
		return []any{eventOf(5, 4), eventOf(7, 5), endOf}
	})
	var h heard
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.follow(ctx, "R", 0, h.follower()); err != nil {
		t.Fatal(err)
	}
	if want := []uint64{1, 2, 4, 5, 7}; !slices.Equal(h.seqs, want) {
		t.Errorf("told %v, want %v", h.seqs, want)
	}
	if want := []string{"0", "2", "4"}; !slices.Equal(asked, want) {
		t.Errorf("resumed behind %v, want %v", asked, want)
	}
	if h.breaks != 2 {
		t.Errorf("%d breaks were told, want 2", h.breaks)
	}
}

func TestFollowGoesOnBehindAGap(t *testing.T) {
	c := streamServer(t, func(int, string) []any {
		return []any{eventOf(1, 0), map[string]any{"id": "run", "type": "gap", "seq": 6}, eventOf(7, 6), endOf}
	})
	var h heard
	if err := c.follow(t.Context(), "R", 0, h.follower()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(h.seqs, []uint64{1, 7}) || !slices.Equal(h.gaps, []uint64{6}) {
		t.Errorf("told %v, gaps %v", h.seqs, h.gaps)
	}
}

func TestFollowEndsOnARefusal(t *testing.T) {
	c := streamServer(t, func(int, string) []any {
		return []any{map[string]any{"id": "run", "type": "error", "error": gateway.Problem{Status: 404, Code: "not_found"}}}
	})
	var h heard
	err := c.follow(t.Context(), "R", 0, h.follower())
	var problem *gateway.Problem
	if !errors.As(err, &problem) || problem.Code != "not_found" || h.breaks != 0 {
		t.Errorf("%v after %d breaks", err, h.breaks)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	c := streamServer(t, func(int, string) []any { return nil }) // every connection breaks at once
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var h heard
	if err := c.follow(ctx, "R", 0, h.follower()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestHandshakeRefusalIsAProblem(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(gateway.Problem{Status: 401, Code: "unauthenticated", Title: "Credentials are missing or wrong"})
	}))
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{base: base, header: http.Header{}, http: server.Client()}
	var h heard
	err = c.follow(t.Context(), "R", 0, h.follower())
	var problem *gateway.Problem
	if !errors.As(err, &problem) || problem.Code != "unauthenticated" {
		t.Errorf("%v", err)
	}
}
