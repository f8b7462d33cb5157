package scheduler

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type card struct{ value, at int }

func (c *card) before(d *card) bool { return c.value < d.value }
func (c *card) place() *int         { return &c.at }

// However cards come, change and go, the heap gives the lowest of those that are in, and each knows where it is.
func TestHeapKeepsTheLowestOnTop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h indexHeap[*card]
		deck := make([]*card, 40)
		for i := range deck {
			deck[i] = &card{value: i}
		}
		t.Repeat(map[string]func(*rapid.T){
			"fix": func(t *rapid.T) {
				c := rapid.SampledFrom(deck).Draw(t, "card")
				c.value = rapid.IntRange(0, 100).Draw(t, "value")
				h.fix(c)
			},
			"remove": func(t *rapid.T) { h.remove(rapid.SampledFrom(deck).Draw(t, "card")) },
			"pop": func(t *rapid.T) {
				if h.len() > 0 {
					if c := h.pop(); c.at != 0 {
						t.Fatalf("a card that was popped thinks it is at %d", c.at)
					}
				}
			},
			"": func(t *rapid.T) {
				for i, c := range h.items {
					if c.at != i+1 {
						t.Fatalf("card at %d thinks it is at %d", i+1, c.at)
					}
				}
				in := slices.DeleteFunc(slices.Clone(deck), func(c *card) bool { return c.at == 0 })
				if len(in) != h.len() {
					t.Fatalf("%d cards say they are in, the heap has %d", len(in), h.len())
				}
				for _, c := range in {
					if c.value < h.top().value {
						t.Fatalf("top is %d, but %d is in", h.top().value, c.value)
					}
				}
			},
		})
	})
}
