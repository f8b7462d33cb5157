package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/steps"
)

// chain is a definition of n steps in a row; fan is 1 → n → 1.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("id: chain\nsteps:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: s%05d, topic: job.t", i)
		if i > 0 {
			fmt.Fprintf(&b, ", depends_on: [s%05d]", i-1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func fan(n int) string {
	var b, ids strings.Builder
	b.WriteString("id: fan\nsteps:\n  - {id: first, topic: job.t}\n  - {id: lonely, topic: job.t}\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: s%05d, topic: job.t, depends_on: [first]}\n", i)
		fmt.Fprintf(&ids, "s%05d,", i)
	}
	fmt.Fprintf(&b, "  - {id: z-last, topic: job.t, depends_on: [%s]}\n", ids.String())
	fmt.Fprintf(&b, "  - {id: z-tidy, topic: job.t, join: all_done, depends_on: [%s]}\n", ids.String())
	return b.String()
}

// finish ends every job well and answers what the deciding took of a core: how busy others keep the machine does not matter.
func finish(d *driver) time.Duration {
	return cputime.Of(func() {
		d.submit("{}")
		d.goOn()
		for len(d.jobs) > 0 {
			for step := range d.jobs {
				d.end(step, ResultSucceeded, Failure{})
				d.goOn()
			}
		}
	})
}

// TestCostPerStep: a step of a run a hundred times as long costs as much. The bound is generous, quadratic cost is not.
func TestCostPerStep(t *testing.T) {
	const small, slack = 100, 12
	large := 9_990
	if testing.Short() {
		large = 999
	}
	for name, write := range map[string]func(int) string{"chain": chain, "fan": fan} {
		t.Run(name, func(t *testing.T) {
			per := func(n, times int) time.Duration {
				plan, best := load(t, write(n)), time.Hour
				for range times {
					d := newDriver(t, plan)
					best = min(best, finish(d))
					if d.run.State != RunSucceeded {
						t.Fatalf("%d steps: the run %s", n, d.run.State)
					}
				}
				return best / time.Duration(n)
			}
			few, many := per(small, 5), per(large, 2)
			t.Logf("a step of %d costs %v, of %d %v", small, few, large, many)
			if many > slack*few+2*time.Microsecond {
				t.Errorf("a step of %d costs %v, of %d %v", small, few, large, many)
			}
		})
	}
}

// TestWideStopsAreBounded halts and cancels a run of ten thousand steps: no Decide makes more than its share, and each
// ends where it must.
func TestWideStopsAreBounded(t *testing.T) {
	n := 9_990
	if testing.Short() {
		n = 2_500
	}
	plan := load(t, fan(n))
	for name, stop := range map[string]func(*driver){
		"halt before the fan":   func(d *driver) { d.end(d.step("first"), ResultFailed, Failure{Code: "broken"}) },
		"cancel before the fan": func(d *driver) { d.feed(Cancel{Stamp: d.stamp()}) },
		"cancel in the fan": func(d *driver) {
			d.end(d.step("first"), ResultSucceeded, Failure{})
			d.feed(Continue{d.stamp()})
			d.feed(Cancel{Stamp: d.stamp()})
		},
		"halt in the fan": func(d *driver) {
			d.end(d.step("first"), ResultSucceeded, Failure{})
			d.feed(Continue{d.stamp()})
			d.end(d.step("lonely"), ResultFailed, Failure{Code: "broken"})
		},
	} {
		t.Run(name, func(t *testing.T) { stopWide(t, plan, stop) })
	}
}

func stopWide(t *testing.T, plan *steps.Workflow, stop func(*driver)) {
	t.Helper()
	d := newDriver(t, plan)
	d.submit("{}")
	stop(d)
	for d.run.More() {
		d.feed(Continue{d.stamp()})
		d.restart() // half-done stops are legal states
	}
	for len(d.jobs) > 0 {
		for step := range d.jobs {
			in := d.outcome(step, ResultCancelled, Failure{Code: CodeCancelled})
			if !d.stops[step] {
				in = d.outcome(step, ResultSucceeded, Failure{})
			}
			d.feed(in)
			d.goOn()
		}
	}
	if !d.run.State.Final() || d.run.open() != 0 {
		t.Errorf("the run is %s with %d open steps", d.run.Status(), d.run.open())
	}
	if got := states(d.run)["z-tidy"]; got != "succeeded" {
		t.Errorf("the handler is %s", got)
	}
	if !same(d.run, fold(t, plan, d.log)) {
		t.Error("folding the facts gives another state")
	}
}
