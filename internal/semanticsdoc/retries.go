package main

import (
	"fmt"

	"cordum.dev/cordum/engine"
)

// attempts are the ways in which an attempt does not succeed.
var attempts = []struct {
	says   string
	result engine.Result
	f      engine.Failure
}{
	{"an error that its worker calls retryable, or does not classify", engine.ResultFailed, engine.Failure{Code: "busy", Retryable: true}},
	{"an error that its worker calls fatal", engine.ResultFailed, engine.Failure{Code: "broken"}},
	{"`timeout` of the attempt", engine.ResultTimedOut, engine.Failure{Code: engine.CodeTimeout, Retryable: true, Unknown: true}},
	{"`queue_timeout`", engine.ResultTimedOut, engine.Failure{Code: engine.CodeQueueTimeout, Retryable: true}},
	{"its worker is lost after it had begun", engine.ResultLost, engine.Failure{Code: engine.CodeWorkerLost, Retryable: true, Unknown: true}},
	{"an output that does not fit `output_schema`", engine.ResultSucceeded, engine.Failure{}},
	{"denied by the policy", engine.ResultDenied, engine.Failure{Code: engine.CodeDenied}},
	{"rejected by people", engine.ResultRejected, engine.Failure{Code: engine.CodeRejected}},
}

// retried are the steps that the table's columns are about.
var retried = []struct{ says, fields string }{
	{"no `retry`", ""},
	{"no `retry`, idempotent", "idempotent: true"},
	{"`max_attempts: 4`", "retry: {max_attempts: 4}"},
	{"`max_attempts: 4`, idempotent", "retry: {max_attempts: 4}, idempotent: true"},
	{"`max_attempts: 4, on: [queue_timeout]`", "retry: {max_attempts: 4, on: [queue_timeout]}"},
}

// retryTable ends every attempt of a step in one way and counts how many it has.
func retryTable() (t table, err error) {
	head := []string{"each attempt ends with"}
	for _, r := range retried {
		head = append(head, r.says)
	}
	t.add(head...)
	for _, a := range attempts {
		row := []string{a.says}
		for _, r := range retried {
			n, err := attemptsOf(r.fields, a.result, a.f)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.says, err)
			}
			row = append(row, fmt.Sprint(n))
		}
		t.add(row...)
	}
	return t, nil
}

// attemptsOf is how many attempts a step has each of which ends in the same way.
func attemptsOf(fields string, result engine.Result, f engine.Failure) (int32, error) {
	if fields != "" {
		fields = ", " + fields
	}
	p := newPlay("id: w\nsteps:\n  - {id: a, topic: job.a, output_schema: {type: object, required: [it]}" + fields + "}\n")
	if p.err == nil {
		p.start(false)
	}
	for range 10 { // more than any column allows
		p.end("a", result, f)
		if p.err != nil || p.run.State.Final() {
			break
		}
		p.must(engine.TimerDue{Stamp: p.stamp(), Timer: engine.TimerRetry, Step: 0})
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.run.Steps[0].Attempt, nil
}
