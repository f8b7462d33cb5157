package runner_test

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// wantInvalid checks that what was asked for is refused as it is, under a code.
func wantInvalid(t testing.TB, err error, code string) {
	t.Helper()
	var invalid *runner.InvalidError
	if !errors.As(err, &invalid) || invalid.Code != code {
		t.Errorf("error %v, want an invalid one with code %s", err, code)
	}
}

// do gives a run a command that must be taken.
func (w *world) do(run string, cmd runner.Command) runner.RunView {
	w.t.Helper()
	v, err := w.r.Command(context.Background(), ann, run, cmd)
	if err != nil {
		w.t.Fatalf("%s: %v", cmd.Verb, err)
	}
	return v
}

// policy makes a rule set of a document.
func policy(t testing.TB, doc string) *safety.Snapshot {
	t.Helper()
	root, err := yamlx.Parse([]byte(doc), yamlx.Auto)
	if err != nil {
		t.Fatal(err)
	}
	set, problems := safety.ParsePolicy(root, "policy")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

// measured starts the runner again with metrics and answers how to read one: the value of a counter or a gauge, how often a
// histogram was told something.
func (w *world) measured() func(name string) float64 {
	w.t.Helper()
	w.halt()
	reg := prometheus.NewRegistry()
	w.cfg.Registry = reg
	w.start()
	return func(name string) float64 {
		families, err := reg.Gather()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == name {
				m := f.GetMetric()[0]
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		return 0
	}
}
