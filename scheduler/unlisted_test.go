package scheduler

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestUnsentIsNotLost: who carries grants out may wait for a store between the grant and the sending. What was not sent is
// listed by nobody, and no heartbeat takes it from its worker.
func TestUnsentIsNotLost(t *testing.T) {
	y := newYard(t)
	y.hangs = true
	y.worker("a", 2).job("1").gives("1→a")
	if y.worker("a", 2); len(y.Unlisted) != 0 {
		t.Errorf("asked for %v, which this heartbeat cannot know", y.Unlisted)
	}
	for range 4 {
		y.wait(5*time.Second).worker("a", 2).loses()
		if len(y.Unlisted) != 1 || y.Unlisted[0].Attempt != "1" {
			t.Fatalf("asked for %v", y.Unlisted)
		}
	}
	y.wait(3 * time.Second).send(0)
	if y.wait(BeatFlight-1).worker("a", 2).loses(); len(y.Unlisted) != 0 {
		t.Errorf("asked again for %v", y.Unlisted)
	}
	y.wait(5*time.Second).worker("a", 2).loses() // the first that counts
	y.wait(5*time.Second).worker("a", 2, "1").wait(5*time.Second).worker("a", 2).loses()
	y.wait(5*time.Second).worker("a", 2).loses("1:a:" + LostUnlisted)
}

// What was sent and did not arrive is noticed as soon as heartbeats can show it, however late the word comes that it was sent.
func TestWordOfSendingComesLate(t *testing.T) {
	for name, c := range map[string]struct {
		ago  time.Duration // at 9 s after the grant, when heartbeats of 3 s and 8 s did not list it
		lost time.Duration // the heartbeat that takes it from its worker
	}{
		"sent at once":                  {9 * time.Second, 13 * time.Second},
		"sent before the first, just":   {6*time.Second + BeatFlight, 13 * time.Second},
		"sent while it was on its way":  {6*time.Second + BeatFlight - 1, 18 * time.Second},
		"sent between the two":          {2 * time.Second, 18 * time.Second},
		"not known since when":          {0, 18 * time.Second},
		"a clock that runs the other w": {-time.Hour, 18 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.hangs = true
			y.worker("a", 2).job("1").gives("1→a")
			y.wait(3*time.Second).worker("a", 2).loses().wait(5*time.Second).worker("a", 2).loses()
			y.wait(time.Second).send(c.ago).loses()
			for at := 13 * time.Second; at < c.lost; at += 5 * time.Second {
				y.wait(start.Add(at).Sub(y.now)).worker("a", 2).loses()
			}
			y.wait(start.Add(c.lost).Sub(y.now)).worker("a", 2).loses("1:a:" + LostUnlisted)
		})
	}
}

// A worker that begins anew loses what was sent before, and gets what is sent after.
func TestBegunAnewBeforeTheSending(t *testing.T) {
	begun := func(y *yard, holds ...string) *yard {
		again := native("a", 1, holds...)
		again.Incarnation = "two"
		return y.beat(again)
	}
	at := func(t *testing.T) *yard {
		y := newYard(t)
		y.hangs = true
		y.worker("a", 1).job("1").gives("1→a").job("2").gives()
		begun(y.wait(2 * time.Second)).loses()
		return y
	}
	t.Run("sent before", func(t *testing.T) {
		at(t).send(time.Second).loses("1:a:" + LostRestarted).gives("2→a")
	})
	t.Run("sent before, said late", func(t *testing.T) {
		y := at(t)
		asked := y.Unlisted
		begun(y.wait(5 * time.Second)).loses()
		y.Unlisted = asked
		y.send(6 * time.Second).loses("1:a:" + LostRestarted).gives("2→a")
	})
	t.Run("sent after", func(t *testing.T) {
		y := at(t).wait(4 * time.Second).send(time.Second).loses()
		begun(y.wait(5*time.Second), "1").loses().gives()
		y.ended("1").gives("2→a")
	})
	t.Run("taken by the new one, said late", func(t *testing.T) {
		y := at(t)
		asked := y.Unlisted
		begun(y.wait(5*time.Second), "1").loses()
		y.Unlisted = asked
		y.send(10 * time.Second).loses().gives()
	})
	t.Run("known to be sent", func(t *testing.T) {
		y := newYard(t)
		y.worker("a", 1).job("1").gives("1→a").wait(5*time.Second).worker("a", 1)
		y.hangs = true
		begun(y.wait(time.Second)).loses("1:a:" + LostRestarted)
	})
}

// A word about an earlier grant says nothing of the present one, of the same attempt to the same worker.
func TestWordOfEarlierGrant(t *testing.T) {
	y := newYard(t)
	y.hangs = true
	y.worker("a", 1).job("1").gives("1→a").wait(2*time.Second).worker("a", 1)
	earlier := y.Unlisted[0]
	y.Change = y.f.Returned(y.now, "1", "a", ReturnedFull)
	y.worker("a", 1).gives("1→a")
	y.wait(2*time.Second).worker("a", 1).loses()
	y.Change = y.f.Sent(y.now, earlier, time.Hour)
	y.wait(5*time.Second).worker("a", 1).loses()
	y.f.Ended(y.now, "1")
	for _, u := range []Unlisted{earlier, {Attempt: "of nobody", Grant: 1}} {
		if c := y.f.Sent(y.now, u, 0); len(c.Lost)+len(c.Grants) > 0 {
			t.Errorf("%+v led to %+v", u, c)
		}
	}
}

// Whatever the order and the delays: what reaches its worker, who lists it from then on, is never lost to a heartbeat, and what
// does not arrive is noticed with the third heartbeat behind the word that it was sent.
func TestListedIsNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		after := func(name string, from time.Time, most time.Duration) time.Time {
			return from.Add(time.Duration(rapid.Int64Range(1, most.Milliseconds()).Draw(t, name)) * time.Millisecond)
		}
		f := NewFleet(Config{})
		f.Beat(start, Beat{Worker: "a", Topics: []string{"job.a"}, Max: 1, Direct: true, ListsJobs: true, Incarnation: "1"})
		f.Announce(start, asked("1"))
		sent := after("sent", start, 30*time.Second)
		arrives := after("arrives", sent, BeatFlight/2)
		arrived := rapid.Bool().Draw(t, "does it arrive")
		answered := after("answered", sent, 10*time.Second) // before that, nobody answers
		ended := after("begun anew", start, 60*time.Second) // by the worker, which then has nothing
		anew := rapid.Bool().Draw(t, "does it begin anew")

		// What is sent before it is heard that its worker has begun anew may reach either, and is taken for lost.
		var heardAnew time.Time
		reaches := func() bool { return arrived && (!anew || (!heardAnew.IsZero() && sent.After(heardAnew))) }
		var asked []Unlisted
		behind := 0
		lost := func(c Change, at time.Time) bool {
			if len(c.Lost) > 0 && (reaches() || at.Before(sent)) {
				t.Fatalf("lost to %q %s after the grant; it was sent after %s", c.Lost[0].Reason, at.Sub(start), sent.Sub(start))
			}
			return len(c.Lost) > 0
		}
		for written := start; ; written = after("next", written, 5*time.Second).Add(2 * BeatFlight) {
			read := after("read", written, BeatFlight/2)
			if !read.Before(answered) {
				for _, u := range asked {
					if lost(f.Sent(answered, u, answered.Sub(sent)), answered) {
						return
					}
				}
				asked = nil
				behind++
			}
			b := Beat{Worker: "a", Topics: []string{"job.a"}, Max: 1, Direct: true, ListsJobs: true, Incarnation: "1"}
			restarted := anew && !written.Before(ended)
			if restarted {
				b.Incarnation = "2"
				if heardAnew.IsZero() {
					heardAnew = read
				}
			}
			has := arrived && !written.Before(arrives) && (!restarted || !arrives.Before(ended))
			if has {
				b.Holds = []Hold{{Attempt: "1"}}
			}
			c := f.Beat(read, b)
			if lost(c, read) {
				return
			}
			if asked = append(asked, c.Unlisted...); behind > 4 {
				if _, there := f.Holder("1"); there && !has {
					t.Fatalf("nobody has it, and it is not lost %s after it was sent", read.Sub(sent))
				}
				return
			}
		}
	})
}
