package sim

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"cordum.dev/cordum/engine/plan/trial"
)

// asksPeople tells whether people are asked in a case, by a step or by the policy.
func asksPeople(c *trial.Case) bool {
	return len(c.Replies) > 0 || bytes.Contains(c.Workflow.Source, []byte("approval")) || asksByPolicy(c)
}

func asksByPolicy(c *trial.Case) bool {
	if c.Policy == nil || c.Policy.Get("rules") == nil {
		return false
	}
	for _, rule := range c.Policy.Get("rules").Items {
		if d := rule.Get("decision"); d != nil && d.Str == "REQUIRE_APPROVAL" {
			return true
		}
	}
	return false
}

// outagesOf are the ways in which the server is away while a case is played.
func outagesOf(c *trial.Case) []outage {
	often := []outage{{every: 1, kill: true}, {every: 2, kill: true}}
	if asksByPolicy(c) {
		often = append(often, outage{every: 1}, outage{every: 2}, outage{every: 3, kill: true}, outage{every: 5, kill: true})
	}
	return often
}

// TestPeopleThroughOutages plays every story in which people are asked, with the server away after each of the facts: while a
// question waits, between two votes, between the last vote and the dispatch. The law is looked at commit by commit.
func TestPeopleThroughOutages(t *testing.T) {
	var played, outages, sent, asked, verified atomic.Int64
	t.Run("stories", func(t *testing.T) {
		for _, c := range read(t, "../../engine/plan/trial/testdata/*.yaml") {
			if !asksPeople(c) || testing.Short() && !asksByPolicy(c) {
				continue
			}
			for _, away := range outagesOf(c) {
				t.Run(fmt.Sprintf("%s/%d_%t", c.ID, away.every, away.kill), func(t *testing.T) {
					t.Parallel()
					why, n, l := playLaw(t, c, away)
					if len(why) > 0 {
						t.Errorf("%s:%d: the server was away %d times\n%s", c.File, c.Line, n, strings.Join(why, "\n"))
					}
					played.Add(1)
					outages.Add(int64(n))
					sent.Add(int64(l.sent))
					asked.Add(int64(l.asked))
					verified.Add(int64(l.verified))
				})
			}
		}
	})
	t.Logf("%d cases played, the server was away %d times, %d jobs sent, %d released by people, audit log verified %d times",
		played.Load(), outages.Load(), sent.Load(), asked.Load(), verified.Load())
	if played.Load() < 60 || outages.Load() < 2*played.Load() || asked.Load() < 25 {
		t.Errorf("%d cases, %d outages, %d jobs released by people are too few", played.Load(), outages.Load(), asked.Load())
	}
}
