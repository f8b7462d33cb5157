package runner

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimersOfARun: whatever is set, moved and cleared, the next one is the earliest of those that are set.
func TestTimersOfARun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var timers runTimers
		set := make(map[timerRef]time.Time)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			ref := timerRef{kind: 1, step: int32(rapid.IntRange(0, 5).Draw(t, "of"))}
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				timers.clear(ref)
				delete(set, ref)
			case 1:
				ref, due, some := timers.next()
				if some != (len(set) > 0) {
					t.Fatalf("there is a next one: %t, %d are set", some, len(set))
				}
				for other, at := range set {
					if at.Before(due) {
						t.Fatalf("%v comes next at %v, %v is due at %v", ref, due, other, at)
					}
				}
				if some && !set[ref].Equal(due) {
					t.Fatalf("%v comes next at %v, it is due at %v", ref, due, set[ref])
				}
			default:
				due := time.Unix(int64(rapid.IntRange(1, 1000).Draw(t, "due")), 0)
				timers.set(ref, due)
				set[ref] = due
			}
		}
	})
}
