package scheduler

import (
	"testing"
	"time"
)

// holding is a heartbeat that lists one attempt with a token.
func (y *yard) holding(id, attempt, token string) *yard {
	b := native(id, 2)
	b.Holds = []Hold{{Attempt: attempt, Token: []byte(token)}}
	b.Active = 1
	return y.beat(b)
}

func (y *yard) adopts(want string) *yard {
	y.t.Helper()
	switch {
	case want == "" && len(y.Adopted) > 0, want != "" && (len(y.Adopted) != 1 || y.Adopted[0].Worker != want):
		y.t.Fatalf("adopted %v, want %q", y.Adopted, want)
	}
	return y
}

func TestClaims(t *testing.T) {
	one := Request{Attempt: "1", Token: []byte("right")}
	t.Run("of what waits", func(t *testing.T) {
		y := newYard(t)
		y.ask(one).gives()
		y.holding("liar", "1", "wrong").adopts("").gives("1→liar") // as anybody might get it
		y = newYard(t)
		y.beat(Beat{Worker: "full", Max: 1, Active: 1}).ask(one).gives()
		y.holding("honest", "1", "right").adopts("honest").gives()
	})
	t.Run("of what is not announced yet, the true one among them", func(t *testing.T) {
		y := newYard(t)
		y.holding("a", "1", "wrong").holding("honest", "1", "right").holding("z", "1", "")
		y.ask(one).adopts("honest").gives()
		for _, liar := range []string{"a", "z"} {
			if w := y.state(liar); w.Active != 0 {
				t.Errorf("%s is taken to have %d", liar, w.Active)
			}
		}
		if len(y.f.elsewhere) != 0 {
			t.Errorf("claims are left: %v", y.f.elsewhere)
		}
	})
	t.Run("all of them lies", func(t *testing.T) {
		y := newYard(t)
		y.holding("a", "1", "wrong").holding("b", "1", "").wait(2 * BeatFlight)
		y.ask(one).adopts("").gives("1→a")
		y.holding("b", "1", "").adopts("").loses()
		if holder, _ := y.f.Holder("1"); holder != "a" {
			t.Errorf("%q has it", holder)
		}
	})
	t.Run("of what was sent to its topic", func(t *testing.T) {
		y := byTopic(t)
		y.ask(one).gives("1→").holding("liar", "1", "wrong").adopts("").holding("honest", "1", "right").adopts("honest")
	})
	t.Run("end with the heartbeat that drops them, and with the worker", func(t *testing.T) {
		y := newYard(t)
		y.holding("a", "1", "right").holding("b", "1", "right").worker("a", 2)
		y.beat(Beat{Worker: "b", Leaving: true})
		if len(y.f.elsewhere) != 0 {
			t.Errorf("claims are left: %v", y.f.elsewhere)
		}
		y.ask(one).adopts("").gives("1→a")
	})
}

// A worker that gives everything back is asked less and less often; one that has finished something begins anew.
func TestRefusalsGrow(t *testing.T) {
	y := newYard(t)
	y.worker("a", 2).job("1").gives("1→a").job("2").gives("2→a")
	back := func(ids ...string) {
		for _, id := range ids {
			y.Change = y.f.Returned(y.now, id, "a", ReturnedDrain)
			y.gives()
		}
	}
	back("1", "2") // together: once
	y.worker("a", 2).gives("1→a", "2→a")
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		back("1", "2")
		for left := pause * time.Second; left > 0; left -= min(left, 5*time.Second) {
			y.wait(min(left, 5*time.Second)-1).worker("a", 2).gives().wait(1)
		}
		y.worker("a", 2).gives("1→a", "2→a")
	}
	y.ended("1").gives()
	back("2")
	y.worker("a", 2).gives("2→a")
}
