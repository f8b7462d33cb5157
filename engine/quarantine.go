package engine

import (
	"encoding/json"

	"cordum.dev/cordum/internal/codec"
)

// A result that the output policy holds in quarantine is a success that nobody sees yet. Its step waits for people, and nothing
// of its attempt goes on: the worker has done its work. What it did it did: it is undone like a success.

// CodeOutputDenied is why a step is denied whose result the output policy refused.
const CodeOutputDenied = "output_denied"

// OutputHeld: a step's output is held until people release it. Nobody but its compensation sees it.
type OutputHeld struct {
	Step    int32
	Output  Payload
	Settles bool // the worker's word; of an idempotent step it speaks for the attempts before
}

// OutputJudged: what the output policy said of an attempt's result, where one of its rules did. It changes nothing: what follows
// from it follows as facts of its own.
type OutputJudged struct {
	Step    int32
	Attempt int32
	Judged
}

// Judged is an answer of the output policy. It holds nothing of the output.
type Judged struct {
	Verdict  string // ALLOW, REDACT, QUARANTINE or DENY
	Rule     string // bundle/id
	Reason   string
	Rules    []string // all that matched
	Findings json.RawMessage
	Snapshot string // digest of the policy
}

// Kind is the fact's stored number.
func (*OutputJudged) Kind() FactKind { return KindOutputJudged }

// Fields describes the stored form.
func (f *OutputJudged) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Verdict)
	c.String(&f.Rule)
	c.String(&f.Reason)
	codec.List(c, &f.Rules, (*codec.Codec).String)
	codec.Raw(c, &f.Findings)
	c.String(&f.Snapshot)
}

// Kind is the fact's stored number.
func (*OutputHeld) Kind() FactKind { return KindOutputHeld }

// Fields describes the stored form.
func (f *OutputHeld) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Output.fields(c)
	c.Bool(&f.Settles)
}

func (r *Run) applyHeld(f *OutputHeld) {
	r.applyAnswer(f.Step, r.Steps[f.Step].Failure, true, f.Output, f.Settles)
	r.moveStep(f.Step, StepWaiting)
}

// Quarantined tells whether a node waits for people to release its output.
func (r *Run) Quarantined(i int32) bool {
	if i < 0 || int(i) >= len(r.Steps) {
		return false
	}
	s := &r.Steps[i]
	return s.State == StepWaiting && s.effect
}

// hold keeps an output back. A compensation's nobody reads: it is dropped, and what was to be undone is undone. What stops does
// not wait for people any more.
func (d *decision) hold(in Outcome) {
	r, i := d.run, in.Step
	if r.IsUndo(i) {
		d.accept(i, Payload{})
		return
	}
	d.fact(&OutputHeld{Step: i, Output: in.Output, Settles: in.Answered})
	if d.err == nil && r.stops(i) {
		d.stopNode(i)
	}
}

// released ends a step whose output people have seen to.
func (d *decision) released(in Answer) error {
	switch in.Result {
	case ResultSucceeded:
		d.accept(in.Step, d.run.Steps[in.Step].Output)
	case ResultSentBack:
		return d.sendBack(in)
	case ResultRejected:
		f := in.Reject
		f.Attempt = d.run.Steps[in.Step].Attempt
		d.failed(in.Step, badEnd{state: StepDenied, failure: f, rollback: in.Rollback})
	default:
		return &Refusal{"unknown_answer", "an output is released or refused"}
	}
	return nil
}
