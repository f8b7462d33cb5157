package trial

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/yamlx"
)

// check compares what happened with what was expected and answers every difference.
func (w *world) check() []string {
	e, d := &w.c.Expect, &differences{}
	if e.Status != nil {
		d.same("status", *e.Status, w.root.status())
	}
	if e.Compensation != nil {
		d.same("compensation", *e.Compensation, w.root.run.Compensation().String())
	}
	for _, name := range yamlx.SortedKeys(e.Steps) {
		if is := w.states(name); !slices.Contains(is, e.Steps[name]) {
			d.add("step %s: expected %s, it is %s", name, e.Steps[name], is[0])
		}
	}
	for _, name := range yamlx.SortedKeys(e.Reasons) {
		d.same("reason of "+name, e.Reasons[name], w.reason(name))
	}
	for _, name := range yamlx.SortedKeys(e.Attempts) {
		d.same("attempts of "+name, e.Attempts[name], w.attempts(name))
	}
	for _, name := range yamlx.SortedKeys(e.Inputs) {
		w.checkInput(d, name, e.Inputs[name])
	}
	w.checkOrder(d)
	d.set("compensated", e.Compensated, w.compensated())
	d.set("held", e.Held, w.held())
	d.set("waiting", e.Waiting, w.waiting())
	if e.Output != nil {
		d.json("output", *e.Output, w.root.run.Output.Data)
	}
	w.checkTold(d)
	w.checkStuck(d)
	return d.list
}

// differences collects what is not as expected.
type differences struct{ list []string }

func (d *differences) add(format string, args ...any) {
	d.list = append(d.list, fmt.Sprintf(format, args...))
}

func (d *differences) same(what string, want, got any) {
	if want != got {
		if got == "" {
			got = "nothing"
		}
		d.add("%s: expected %v, it is %v", what, want, got)
	}
}

// set compares names in any order, each as often as listed.
func (d *differences) set(what string, want *[]string, got []string) {
	if want == nil {
		return
	}
	sorted := slices.Clone(*want)
	slices.Sort(sorted)
	slices.Sort(got)
	if !slices.Equal(sorted, got) {
		d.add("%s: expected [%s], it is [%s]", what, strings.Join(sorted, " "), strings.Join(got, " "))
	}
}

// json compares values; 7 and 7.0 are the same number.
func (d *differences) json(what string, want any, got json.RawMessage) {
	wanted, err := canonical(want)
	is, gotErr := canonical(decoded(got))
	if err != nil || gotErr != nil || wanted != is {
		d.add("%s: expected %s, it is %s", what, short(wanted), short(is))
	}
}

// canonical is the one text of a value in which every number is a float64.
func canonical(v any) (string, error) {
	raw, err := yamlx.AppendCanonical(nil, floats(v))
	return string(raw), err
}

func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = floats(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = floats(v[k])
		}
		return out
	}
	return v
}

func short(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

func (w *world) checkInput(d *differences, name string, want any) {
	got, sent := w.story.inputs[name]
	if !sent {
		d.add("input of %s: expected %v, no job was sent", name, want)
		return
	}
	d.json("input of "+name, want, got)
}

func (w *world) checkOrder(d *differences) {
	for _, chain := range w.c.Expect.Order {
		for i := 1; i < len(chain); i++ {
			if !w.story.before(chain[i-1], chain[i]) {
				d.add("order: %s did not end before %s started", chain[i-1], chain[i])
			}
		}
	}
	for _, group := range w.c.Expect.Together {
		for i := range group {
			for _, other := range group[i+1:] {
				if !w.story.overlap(group[i], other) {
					d.add("together: %s and %s did not overlap", group[i], other)
				}
			}
		}
	}
}

// checkTold says which of the case's signals and orders never had their moment.
func (w *world) checkTold(d *differences) {
	for i, told := range w.told {
		if !told {
			d.add("what comes after %s never came: it has not ended", w.after(i))
		}
	}
}

// checkStuck says that a run that is neither at its end nor waiting for anybody goes on for ever without anything happening.
func (w *world) checkStuck(d *differences) {
	run := w.root.run
	switch {
	case run.Settled() || run.Paused || run.State == engine.RunFaulted || run.Compensation() == engine.CompensationHeld:
	case len(w.waiting()) > 0 || w.forever():
	default:
		d.add("stuck: the run is %s, its compensation %s, and nothing more happens", w.root.status(), run.Compensation())
	}
}

// forever tells whether a worker has a job that, as the case says, it never answers.
func (w *world) forever() bool {
	for _, m := range w.runs {
		for _, j := range m.jobs {
			if j.at != nil && j.at.began && !j.job.State.Final() && j.at.stub.Timeout {
				return true
			}
		}
	}
	return false
}
