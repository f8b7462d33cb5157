package engine

import (
	"fmt"
	"strings"
	"testing"
)

// TestEndsAtTheBound: runs in which a Decide's bound is used up by the very last move still end, or say that more follows.
func TestEndsAtTheBound(t *testing.T) {
	for n := MaxMoves - 3; n <= MaxMoves+3; n++ {
		var flat, undo strings.Builder
		flat.WriteString("id: flat\nsteps:\n")
		undo.WriteString("id: undo\non_failure: rollback\nsteps:\n")
		for i := range n {
			fmt.Fprintf(&flat, "  - {id: s%05d, type: condition, condition: true}\n", i)
			fmt.Fprintf(&undo, "  - {id: s%05d, topic: job.t, compensate: {topic: job.u, input: {x: \"${steps.s%05d.output.no.way}\"}}}\n", i, i)
		}
		for name, src := range map[string]string{
			"conditions": flat.String(),
			"iterations": fmt.Sprintf("id: fan\nsteps: [{id: each, type: transform, for_each: '1..%d', input: {i: '${item}'}}]\n", n),
			"rounds":     fmt.Sprintf("id: loop\nsteps: [{id: each, type: loop, while: 'loop.index < %d', max_iterations: 1000, steps: [{id: t, type: transform, input: {}}]}]\n", n),
		} {
			d := newDriver(t, load(t, src))
			d.submit("{}")
			d.goOn()
			if !d.run.Settled() {
				t.Errorf("%s, %d: the run is %s", name, n, d.run.Status())
			}
		}
		d := newDriver(t, load(t, undo.String()))
		d.submit("{}")
		d.goOn()
		for i := range n {
			d.end(int32(i), ResultSucceeded, Failure{})
			d.goOn()
		}
		d.feed(Rollback{Stamp: d.stamp()})
		d.goOn()
		if held := d.run.Held(); held != n {
			t.Errorf("%d of %d compensations are held", held, n)
		}
	}
}
