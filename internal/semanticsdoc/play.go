package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// play is one run that a table's cell is about, driven by hand. The first error stays; what follows it does nothing.
type play struct {
	run *engine.Run
	now time.Time
	err error
}

func newPlay(definition string) *play {
	w, diags := steps.Load([]byte(definition), yamlx.YAML, true)
	if w == nil {
		return &play{err: fmt.Errorf("%v in\n%s", diags, definition)}
	}
	return &play{run: engine.New("0701ARZ3NDEKTSV4RRFFQ69G5FAV", w), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func (p *play) stamp() engine.Stamp {
	p.now = p.now.Add(time.Second)
	return engine.Stamp{At: p.now, Actor: "user:ann"}
}

// feed gives the run an input and answers what became true, or why it was refused.
func (p *play) feed(in engine.Input) ([]engine.Fact, *engine.Refusal) {
	if p.err != nil {
		return nil, nil
	}
	facts, err := engine.Decide(p.run, in)
	var refused *engine.Refusal
	if errors.As(err, &refused) {
		return nil, refused
	}
	p.err = err
	for p.err == nil && p.run.More() {
		var more []engine.Fact
		more, p.err = engine.Decide(p.run, engine.Continue{Stamp: p.stamp()})
		facts = append(facts, more...)
	}
	return facts, nil
}

// must feeds an input on the way to a cell's state: a refusal is a mistake of the table's maker.
func (p *play) must(in engine.Input) {
	if _, refused := p.feed(in); refused != nil {
		p.err = refused
	}
}

func (p *play) start(queued bool) {
	p.must(engine.Submit{
		Stamp: p.stamp(), Tenant: "default", Workflow: "w", Key: "k", Queued: queued, Input: engine.Payload{Data: json.RawMessage("{}")},
	})
}

// node finds a node by its name.
func (p *play) node(name string) int32 {
	if p.err != nil {
		return -1
	}
	for i := range p.run.Steps {
		if p.run.Name(int32(i)) == name {
			return int32(i)
		}
	}
	p.err = fmt.Errorf("there is no %s", name)
	return -1
}

// succeed ends the attempt of a node's job.
func (p *play) succeed(name string) {
	p.end(name, engine.ResultSucceeded, engine.Failure{})
}

// fail ends it as its worker would, for good.
func (p *play) fail(name string) {
	p.end(name, engine.ResultFailed, engine.Failure{Code: "broken"})
}

func (p *play) end(name string, result engine.Result, f engine.Failure) []engine.Fact {
	i := p.node(name)
	if p.err != nil {
		return nil
	}
	attempt := p.run.Steps[i].Attempt
	if result == engine.ResultSucceeded {
		f = engine.Failure{}
	}
	facts, refused := p.feed(engine.Outcome{
		Stamp: p.stamp(), Step: i, Attempt: attempt, Result: result, Failure: f, Answered: !f.Unknown,
		Output: engine.Payload{Data: json.RawMessage("{}")},
	})
	if refused != nil {
		p.err = refused
	}
	return facts
}
