package main

import (
	"fmt"
	"reflect"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// subject is the workflow of the runs that the table of commands is about.
const subject = `
id: w
on_failure: halt
concurrency: {key: k}
steps:
  - {id: a, topic: job.a, checkpoint: saved, compensate: {topic: job.x}}
  - {id: b, topic: job.b, depends_on: [a], compensate: {topic: job.x}}
  - {id: ask, type: approval, depends_on: [b], title: "Go on?"}
  - {id: c, topic: job.c, depends_on: [ask]}
`

// scene is a state in which a command may find a run, and the way there.
type scene struct {
	name string
	play func(*play)
}

var scenes = []scene{
	{"`pending`, for its concurrency key", func(p *play) { p.start(true) }},
	{"`running`", func(p *play) { p.start(false); p.succeed("a") }},
	{"`waiting`", waiting},
	{"`paused`", func(p *play) {
		p.start(false)
		p.succeed("a")
		p.must(engine.Pause{Stamp: p.stamp()})
	}},
	{"`faulted`", func(p *play) {
		p.start(false)
		p.succeed("a")
		p.must(engine.Fault{Stamp: p.stamp(), Error: "a bug"})
	}},
	{"`running`, stopping after a cancel", func(p *play) {
		p.start(false)
		p.succeed("a")
		p.must(engine.Cancel{Stamp: p.stamp()})
	}},
	{"`running`, on its way back to a checkpoint", func(p *play) {
		waiting(p)
		p.must(engine.Rollback{Stamp: p.stamp(), To: "saved"})
	}},
	{"`failed`, nothing undone", failed},
	{"`failed`, compensation `running`", func(p *play) { failed(p); p.must(engine.Rollback{Stamp: p.stamp()}) }},
	{"`failed`, compensation `held`", held},
	{"`failed`, compensation `done`", func(p *play) {
		failed(p)
		p.must(engine.Rollback{Stamp: p.stamp()})
		p.succeed("undo:b")
		p.succeed("undo:a")
	}},
	{"`succeeded`", func(p *play) {
		waiting(p)
		p.must(engine.Answer{Stamp: p.stamp(), Step: p.node("ask"), Result: engine.ResultSucceeded})
		p.succeed("c")
	}},
	{"`cancelled`", func(p *play) { waiting(p); p.must(engine.Cancel{Stamp: p.stamp()}) }},
}

func waiting(p *play) {
	p.start(false)
	p.succeed("a")
	p.succeed("b")
}

func failed(p *play) {
	waiting(p)
	p.must(engine.Answer{Stamp: p.stamp(), Step: p.node("ask"), Result: engine.ResultRejected, Reject: engine.Failure{Code: engine.CodeRejected}})
}

func held(p *play) {
	failed(p)
	p.must(engine.Rollback{Stamp: p.stamp()})
	for p.err == nil && p.run.Held() == 0 {
		p.fail("undo:b")
	}
}

// command is a verb as the table's head names it.
type command struct {
	name string
	in   func(*play) engine.Input
}

var commands = []command{
	{"pause", func(p *play) engine.Input { return engine.Pause{Stamp: p.stamp()} }},
	{"resume", func(p *play) engine.Input { return engine.Resume{Stamp: p.stamp()} }},
	{"cancel", func(p *play) engine.Input { return engine.Cancel{Stamp: p.stamp()} }},
	{"cancel --rollback", func(p *play) engine.Input { return engine.Cancel{Stamp: p.stamp(), Rollback: true} }},
	{"rollback", func(p *play) engine.Input { return engine.Rollback{Stamp: p.stamp()} }},
	{"rollback --to", func(p *play) engine.Input { return engine.Rollback{Stamp: p.stamp(), To: "saved"} }},
	{"retry", func(p *play) engine.Input { return engine.Retry{Stamp: p.stamp()} }},
	{"signal", func(p *play) engine.Input { return engine.SignalIn{Stamp: p.stamp(), Name: "go"} }},
}

// controlTable gives each command to a run in each state.
func controlTable() (t table, err error) {
	head := []string{"the run is"}
	for _, c := range commands {
		head = append(head, code(c.name))
	}
	t.add(head...)
	for _, s := range scenes {
		row := []string{s.name}
		for _, c := range commands {
			cell, err := s.given(c)
			if err != nil {
				return nil, fmt.Errorf("%s of a run that is %s: %w", c.name, s.name, err)
			}
			row = append(row, cell)
		}
		t.add(row...)
	}
	return t, nil
}

// resolutions are what a person says of a held compensation.
var resolutions = []struct {
	name string
	how  engine.Resolution
}{{"retry", engine.ResolveRetry}, {"skip", engine.ResolveSkip}, {"done", engine.ResolveDone}}

// heldTable gives each resolution to a held compensation.
func heldTable() (t table, err error) {
	t.add("a person says", "what follows")
	for _, r := range resolutions {
		cell, err := scene{"held", held}.given(command{r.name, func(p *play) engine.Input {
			return engine.Resolve{Stamp: p.stamp(), Step: p.node("undo:b"), How: r.how}
		}})
		if err != nil {
			return nil, err
		}
		t.add(code(r.name), cell)
	}
	return t, nil
}

// given is what a command does to a run in a state, in words.
func (s scene) given(c command) (string, error) {
	p := newPlay(subject)
	if p.err == nil {
		s.play(p)
	}
	if p.err != nil {
		return "", p.err
	}
	facts, refused := p.feed(c.in(p))
	switch {
	case p.err != nil:
		return "", p.err
	case refused != nil:
		return "refused: " + code(refused.Code), nil
	case len(facts) == 0:
		return "nothing more", nil
	}
	return p.says(facts)
}

// says is the first of some facts in words: the others follow from it.
func (p *play) says(facts []engine.Fact) (string, error) {
	switch f := facts[0].(type) {
	case *engine.RunPaused:
		return "starts nothing new", nil
	case *engine.RunResumed:
		return "goes on", nil
	case *engine.RunEnded:
		return "ends, " + code(f.State.String()), nil
	case *engine.SignalReceived:
		return "kept, or consumed", nil
	case *engine.SetBack:
		return "its bad steps run again", nil
	case *engine.StopBegun:
		return stopSays(f), nil
	case *engine.UndoingBegun:
		if f.Target.To != "" {
			return "undoes what came behind it, then " + afterTarget[f.Target.Then], nil
		}
		return "is undone", nil
	case *engine.UndoRearmed:
		return "it runs again, with a fresh allowance of attempts", nil
	case *engine.UndoSettled:
		return "it has ended, " + settled[f.How] + "; what waited for it goes on", nil
	}
	return "", fmt.Errorf("the page has no words for %s", reflect.TypeOf(facts[0]))
}

var afterTarget = map[dag.Then]string{dag.ThenPause: "pauses there", dag.ThenRetry: "goes on from there", dag.ThenFail: "is `failed`"}

var settled = map[engine.Settlement]string{engine.SettledSkipped: "left as it is", engine.SettledDone: "undone by hand"}

func stopSays(f *engine.StopBegun) string {
	switch {
	case f.Handlers:
		return "stops its handlers too"
	case f.Target.To != "":
		return "stops, undoes what came behind it, then " + afterTarget[f.Target.Then]
	case f.Rollback:
		return "stops, then is undone"
	}
	return "stops"
}
