package remote

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
)

// TestLargeAnswerHoldsNobodyUp: while an answer of many parts is on its way to somebody whose line is slow, others are answered.
func TestLargeAnswerHoldsNobodyUp(t *testing.T) {
	w := newSite(t, 0)
	w.put(napping)
	input := json.RawMessage(`{"text":"` + strings.Repeat("x", 3*maxPart) + `"}`)
	s, err := w.client.Start(within(t), ann, runner.StartRequest{Workflow: "nap", Input: input})
	if err != nil {
		t.Fatal(err)
	}
	w.ended(s.RunID)
	small := w.run("nap")
	w.ended(small)

	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := func(subject string, data []byte) {
		if bus.IsInbox(subject) && len(data) >= maxPart {
			once.Do(func() { close(held) })
			<-release
		}
	}
	w.engines[0].line.before.Store(&slow)
	type seen struct {
		v   runner.RunView
		err error
	}
	large := make(chan seen, 1)
	go func() {
		v, err := w.client.View(within(t), ann, s.RunID)
		large <- seen{v, err}
	}()
	<-held
	if v, err := w.client.View(within(t), ann, small); err != nil || v.State != "succeeded" {
		t.Errorf("the other run is %q, %v", v.State, err)
	}
	close(release)
	if got := <-large; got.err != nil || !bytes.Equal(got.v.Input, input) {
		t.Errorf("an input of %d bytes came back as %d, %v", len(input), len(got.v.Input), got.err)
	}
}

// TestSmallestMessages: over servers that take no more than the least that is supported, calls and answers go that are larger.
func TestSmallestMessages(t *testing.T) {
	w := newSite(t, 0)
	w.bus.SetMaxPayload(bus.MinPayload)
	w.put(napping)
	input := json.RawMessage(`{"text":"` + strings.Repeat("x", 3*bus.MinPayload/2) + `"}`)
	s, err := w.client.Start(within(t), ann, runner.StartRequest{Workflow: "nap", Input: input})
	if err != nil {
		t.Fatal(err)
	}
	if v := w.ended(s.RunID); !bytes.Equal(v.Input, input) {
		t.Errorf("an input of %d bytes came back as %d", len(input), len(v.Input))
	}
	err = w.client.Inspect(within(t), ann, s.RunID, func(r *engine.Run, facts []runner.EngineFact) error {
		if len(facts) == 0 || r.ID != s.RunID {
			t.Errorf("%d facts of run %s", len(facts), r.ID)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
