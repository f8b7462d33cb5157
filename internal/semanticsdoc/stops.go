package main

import (
	"fmt"
	"reflect"

	"cordum.dev/cordum/engine"
)

// stopped is a workflow in which something of every kind is under way when the run is told to stop; boom fails as the run's
// on_failure says.
const stopped = `
id: w
on_failure: %s
steps:
  - {id: boom, topic: job.boom}
  - {id: first, topic: job.first}
  - {id: pending, topic: job.p, depends_on: [first]}
  - {id: job, topic: job.j}
  - {id: delay, type: delay, for: 1h}
  - {id: retrying, topic: job.r, retry: {max_attempts: 3}}
  - {id: each, topic: job.e, for_each: "[1, 2, 3]", max_parallel: 1}
  - {id: loop, type: loop, until: "false", steps: [{id: inner, topic: job.i}, {id: next, topic: job.n, depends_on: [inner]}]}
  - {id: child, type: subworkflow, workflow: other}
  - {id: handler, topic: job.h, depends_on: [first], join: all_done}
`

// ends are the ways to stop a run.
var ends = []struct {
	name, policy string
	play         func(*play) []engine.Fact
}{
	{"`halt`", "halt", broken},
	{"`rollback`", "rollback", broken},
	{"cancel, timeout", "halt", func(p *play) []engine.Fact {
		facts, refused := p.feed(engine.Cancel{Stamp: p.stamp()})
		if refused != nil {
			p.err = refused
		}
		return facts
	}},
}

func broken(p *play) []engine.Fact {
	return p.end("boom", engine.ResultFailed, engine.Failure{Code: "broken"})
}

var bystanders = []struct{ node, says string }{
	{"pending", "a step that is not decided"},
	{"job", "a job that is queued or with a worker"},
	{"retrying", "a step between attempts"},
	{"delay", "a delay, a wait, an approval"},
	{"each[1]", "an iteration that has not begun"},
	{"each[0]", "an iteration with a worker"},
	{"inner", "a step in a loop's round"},
	{"child", "a sub-workflow"},
	{"handler", "a handler that is not decided (`all_done`, `any_failed`)"},
}

// stopTable stops the run in each way and looks at what becomes of each step.
func stopTable() (t table, err error) {
	head := []string{"there is"}
	for _, e := range ends {
		head = append(head, e.name)
	}
	t.add(head...)
	for _, b := range bystanders {
		row := []string{b.says}
		for _, e := range ends {
			cell, err := becomes(b.node, fmt.Sprintf(stopped, e.policy), e.play)
			if err != nil {
				return nil, fmt.Errorf("%s under %s: %w", b.node, e.name, err)
			}
			row = append(row, cell)
		}
		t.add(row...)
	}
	return t, nil
}

// becomes is what a stop does to one node.
func becomes(name, definition string, stop func(*play) []engine.Fact) (string, error) {
	p := newPlay(definition)
	if p.err == nil {
		p.start(false)
	}
	p.end("retrying", engine.ResultFailed, engine.Failure{Code: "busy", Retryable: true})
	at := p.node(nodeOf(name))
	facts := stop(p)
	if p.err != nil {
		return "", p.err
	}
	for _, f := range facts {
		if about(f) == at {
			return p.stopCell(f)
		}
	}
	switch state := p.run.Steps[at].State; {
	case state.Final():
		return "ends, " + code(state.String()), nil
	case state == engine.StepPending:
		return "still runs, in its time", nil
	}
	return "is left to finish", nil
}

// nodeOf is the name of a node: an inner step stands in its loop's first round.
func nodeOf(name string) string {
	if name == "inner" {
		return "loop[0]/inner"
	}
	return name
}

// about is the node that a fact is about, or -1.
func about(f engine.Fact) int32 {
	if at := reflect.ValueOf(f).Elem().FieldByName("Step"); at.IsValid() && at.Kind() == reflect.Int32 {
		return int32(at.Int())
	}
	return -1
}

func (p *play) stopCell(f engine.Fact) (string, error) {
	switch f := f.(type) {
	case *engine.StepSkippedFact:
		return "is skipped, " + code(f.Reason.String()), nil
	case *engine.StepEnded:
		if f.Failure.Code == "busy" {
			return "takes its last failure", nil
		}
		return "ends, " + code(f.State.String()), nil
	case *engine.JobStopAsked:
		if f.Force {
			return "is cancelled, also by its worker", nil
		}
		return "is `cancelled` if no worker has it, else left to finish", nil
	case *engine.ChildStopAsked:
		return "is cancelled", nil
	}
	return "", fmt.Errorf("the page has no words for %s", reflect.TypeOf(f))
}
