package runner

import (
	"testing"
	"time"
)

// TestWhoStandsIn: for a place whose process is not there any more at once; for one that lives, and gives it away in good order, when that
// takes too long; and never by a process that does not hear itself.
func TestWhoStandsIn(t *testing.T) {
	for _, c := range []struct {
		what         string
		lives, heard bool
		after        time.Duration // since the place ceased to say that it is one
		stands       bool
	}{
		{what: "the process is gone", heard: true, stands: true},
		{what: "it hands over", heard: true, lives: true},
		{what: "it still hands over", heard: true, lives: true, after: DefaultPeerAway - time.Millisecond},
		{what: "nobody took it", heard: true, lives: true, after: DefaultPeerAway, stands: true},
		{what: "all are gone, so it is this one that is cut off"},
		{what: "it is still cut off", after: time.Hour},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := stillPeer(t)
			p := r.peers
			p.goTo(placeAt{"there", 1}, "there 1")
			first := time.Now()
			p.lives = c.lives
			if p.mayStandIn(first) && c.after > 0 && c.lives {
				t.Fatal("it stands in at once")
			}
			now := first.Add(c.after)
			if c.heard {
				r.shared.mem.known[r.cfg.Owner] = peer{heard: now}
			}
			if got := p.mayStandIn(now); got != c.stands {
				t.Errorf("it stands in: %v", got)
			}
		})
	}
}
