package trial

import (
	"encoding/json"
	"fmt"
	"time"
)

// turn is one time that a name ran. Places count every start and end of the story from 1, so that two things of one instant
// still have an order; 0 means not yet.
type turn struct{ start, end int }

// story is what happened in a case, by name.
type story struct {
	place  int
	turns  map[string][]turn
	sent   map[string]int // jobs
	inputs map[string]json.RawMessage
	undone map[string]int // compensations that count, by the name of what they undid
	lines  []string
}

func newStory() *story {
	return &story{
		turns: map[string][]turn{}, sent: map[string]int{}, inputs: map[string]json.RawMessage{}, undone: map[string]int{},
	}
}

// note adds a line to the timeline.
func (s *story) note(now time.Time, format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf("%10s  ", "+"+now.Sub(Epoch).Round(time.Millisecond).String())+fmt.Sprintf(format, args...))
}

// started begins a turn of a name.
func (s *story) started(name string) {
	s.place++
	s.turns[name] = append(s.turns[name], turn{start: s.place})
}

// ended ends the turn of a name; what never started, a skip, has a turn without a start.
func (s *story) ended(name string) {
	s.place++
	turns := s.turns[name]
	if n := len(turns); n > 0 && turns[n-1].end == 0 {
		turns[n-1].end = s.place
		return
	}
	s.turns[name] = append(turns, turn{end: s.place})
}

// before tells whether a turn of one name ended before a turn of the other started.
func (s *story) before(first, second string) bool {
	for _, a := range s.turns[first] {
		for _, b := range s.turns[second] {
			if a.end > 0 && b.start > a.end {
				return true
			}
		}
	}
	return false
}

// overlap tells whether a turn of one name and one of the other were under way together.
func (s *story) overlap(first, second string) bool {
	for _, a := range s.turns[first] {
		for _, b := range s.turns[second] {
			if a.start == 0 || b.start == 0 {
				continue
			}
			if (a.end == 0 || b.start < a.end) && (b.end == 0 || a.start < b.end) {
				return true
			}
		}
	}
	return false
}

// timeline is what happened, in lines; the middle of a long one is left out.
func (s *story) timeline() []string {
	if len(s.lines) <= maxTimeline {
		return s.lines
	}
	half := maxTimeline / 2
	out := append([]string(nil), s.lines[:half]...)
	out = append(out, fmt.Sprintf("%10s  (%d more)", "…", len(s.lines)-2*half))
	return append(out, s.lines[len(s.lines)-half:]...)
}
