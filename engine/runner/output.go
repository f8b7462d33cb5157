package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/scan"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is the output policy: what becomes of a result before it is accepted. The lane says what the result is of; what
// costs by its size, looking at it and keeping a large one, is done outside the lane; then the lane takes it with what was
// said of it.

// arrival is a worker's result on its way.
type arrival struct {
	reply   string
	res     *wire.JobResult
	outcome engine.Outcome
	state   scheduler.JobState

	spoilt   bool // a success whose output nobody can read
	screened bool // it was looked at, or nobody has to
	judged   *safety.OutputDecision
	asked    safety.Request
	at       time.Time
}

// astray tells whether a result names another attempt than the one that its token was given with.
func (a *arrival) astray() bool { return !givenWith(a.res.Token, a.res.JobId) }

// screens sends a result away to be looked at and kept, where that is needed. It answers false when the lane goes on with it
// at once.
func (t *turn) screens(step int32, a *arrival) bool {
	r := t.lane.r
	if a.screened || a.astray() || t.live.run.Fault != "" {
		return false
	}
	topic := t.outputTopic(step, a)
	check, known := t.outputCheck(step, a)
	if !known {
		r.metrics.unavailable.Inc()
		r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "the policy is not known: keep the result")
		return true
	}
	places := r.checking
	switch {
	case a.large():
		places = r.keeping
	case check == nil && topic == nil:
		return false
	}
	select {
	case places <- struct{}{}:
	default:
		r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "too many results at a time")
		return true
	}
	r.work.Go(func() {
		defer func() { <-places }()
		if topic != nil {
			r.fit(a, topic)
		}
		if check != nil {
			r.screen(a, check)
		}
		if r.keepResult(a) {
			a.screened = true
			r.receive(a)
		}
	})
	return true
}

// large tells whether a result's output is kept as a blob.
func (a *arrival) large() bool { return len(a.outcome.Output.Data) > inlinePayload }

// outputCheck is what is to be asked about a result.
type outputCheck struct {
	snapshot *safety.Snapshot
	request  safety.Request
	fields   []string // that the job's constraints remove
	undo     bool     // it is a compensation's
}

// outputCheck says what to ask of the output policy about a result; nil when there is nothing to ask. It is not known when
// nobody knows the policy. Only the running attempt's result is asked about: any other changes nothing, or is seen by nobody
// but a compensation.
func (t *turn) outputCheck(step int32, a *arrival) (_ *outputCheck, known bool) {
	lr := t.live
	if j := lr.jobs[step]; !j.Mine(a.res.Token) {
		return nil, true
	}
	s := t.lane.r.kernel.Snapshot()
	if s == nil {
		return nil, false
	}
	c := &outputCheck{snapshot: s, fields: lr.removedFields(step), undo: lr.run.IsUndo(step)}
	if !s.ChecksOutput() && len(c.fields) == 0 {
		return nil, true
	}
	if c.request = lr.request(step); len(c.fields) == 0 && !s.ChecksOutputOf(c.request) {
		return nil, true
	}
	return c, true
}

// removedFields are those that the constraints of a job's decision remove from its output.
func (lr *live) removedFields(step int32) []string {
	list, _ := lr.constraints(step)
	for i := range list {
		if list[i].Type == safety.Redact {
			return list[i].List
		}
	}
	return nil
}

// screen asks the output policy, and makes of the result what may come of it. A policy that panics has not decided: it denies.
func (r *Runner) screen(a *arrival, c *outputCheck) {
	began := r.now()
	r.metrics.outputs.phase("queue", began.Sub(a.at))
	out := safety.Output{Data: a.outcome.Output.Data, Redact: c.fields}
	if a.outcome.Result != engine.ResultSucceeded {
		out = safety.Output{Data: failureDocument(a.outcome.Failure), Failed: true, Code: a.outcome.Failure.Code, Redact: c.fields}
	}
	d := r.checkOutput(c, out)
	r.metrics.outputs.checked(&d, r.now().Sub(began))
	if len(d.Rules) > 0 || d.Verdict != safety.OutputAllow {
		a.judged = &d
		a.outcome.Judged = judgedOf(d)
	}
	if out.Failed {
		a.screenFailure(d)
	} else {
		a.screenSuccess(d, c.undo)
	}
	r.metrics.outputs.phase("check", r.now().Sub(began))
}

func (r *Runner) checkOutput(c *outputCheck, out safety.Output) (d safety.OutputDecision) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Logger.Error("the output policy panicked", "panic", fmt.Sprintf("%T", p)) // its text may hold what it looked at
			d = safety.OutputDecision{Rule: safety.RuleDefault, Reason: "the output policy failed", Snapshot: c.snapshot.Digest()}
		}
	}()
	return safety.CheckOutput(c.snapshot, c.request, out)
}

// judgedOf is a decision as the run's log has it.
func judgedOf(d safety.OutputDecision) *engine.Judged {
	out := &engine.Judged{Verdict: d.Verdict.String(), Rule: d.Rule, Reason: d.Reason, Rules: d.Rules, Snapshot: d.Snapshot}
	if len(d.Findings) > 0 {
		out.Findings, _ = json.Marshal(d.Findings) // texts and numbers
	}
	return out
}

// screenSuccess makes of an output what the policy says. What a compensation gives nobody reads: it is left out, and what was
// to be undone is undone.
func (a *arrival) screenSuccess(d safety.OutputDecision, undo bool) {
	o := &a.outcome
	if d.Redacted != nil {
		o.Output.Data = d.Redacted
	}
	switch {
	case d.Verdict == safety.OutputAllow, d.Verdict == safety.OutputRedact:
	case undo:
		o.Output = engine.Payload{}
	case d.Verdict == safety.OutputQuarantine:
		o.Result = engine.ResultQuarantined
	default:
		o.Result, o.Effect, a.state = engine.ResultDenied, true, scheduler.JobFailed
		o.Failure = engine.Failure{Code: engine.CodeOutputDenied, Message: cutText(outputDenial(d), maxMessage)}
	}
}

// outputDenial says which rule refuses an output, and why.
func outputDenial(d safety.OutputDecision) string {
	text := "the output policy denies this output: rule " + d.Rule
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	return text
}

// failureText is what of a failure a worker writes.
type failureText struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details,omitempty"`
}

func failureDocument(f engine.Failure) json.RawMessage {
	doc, err := json.Marshal(failureText{f.Code, f.Message, f.Details})
	if err != nil {
		return nil // details are JSON that was read before
	}
	return doc
}

// screenFailure hides in a failure, or withholds all that it says. That its attempt failed stays.
func (a *arrival) screenFailure(d safety.OutputDecision) {
	f := &a.outcome.Failure
	said := failureText{Code: f.Code, Message: f.Message, Details: f.Details}
	if d.Redacted != nil && json.Unmarshal(d.Redacted, &said) != nil {
		said = failureText{} // the constraints removed a whole part of it
	}
	switch d.Verdict {
	case safety.OutputAllow, safety.OutputRedact:
		f.Message, f.Details = said.Message, said.Details
	default:
		f.Message, f.Details = "what it says is withheld by the output policy: rule "+d.Rule, nil
	}
	if said.Code != f.Code || codeTells(f.Code) {
		f.Code = "error"
	}
}

// codeTells tells whether a worker's code of an error holds what no code should.
func codeTells(code string) bool { return len(scan.Of(scan.Scanners...).Text([]byte(code))) > 0 }

// keepResult writes a large output's blob before the commit that names it, and tells whether the result can go on. The
// subscription does not wait for that, Run does.
func (r *Runner) keepResult(a *arrival) bool {
	out := &a.outcome.Output
	if !a.large() {
		return true
	}
	began := r.now()
	ref, err := id.ParseJob(a.res.JobId)
	tenant := tenantOf(a.res.Token)
	if err != nil || tenant == "" || ref.Partition >= len(r.epochs) {
		r.ack(a.reply, wire.AckCode_ACK_CODE_STALE, "no such job")
		return false
	}
	out.Blob, err = r.store.PutBlob(context.Background(), store.Partition(ref.Partition), tenant, out.Data)
	if err != nil {
		r.cfg.Logger.Error("result could not be kept", "job_id", clip(a.res.JobId), "error", err)
		r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "the result could not be kept")
		return false
	}
	r.metrics.outputs.phase("keep", r.now().Sub(began))
	return true
}

// askRelease asks people whether an output that is held may be seen, in the commit that holds it. They are shown what was found
// and where, not the output.
func (t *turn) askRelease(at engine.Stamp, step int32) {
	lr, d := t.live, t.judged
	switch {
	case !lr.run.Quarantined(step):
		return // what stops does not wait for people
	case d == nil || len(d.Approvals) == 0:
		t.err = errors.New("an output is held and nobody knows who may release it")
		return
	}
	asks := safety.Decision{Verdict: safety.RequireApproval, Approvals: d.Approvals, Snapshot: d.Snapshot}
	a := lr.approvals[step]
	if a == nil {
		a = &safety.Approval{}
		lr.setApproval(step, a)
	}
	o := t.opened(step)
	o.Source, o.Snapshot, o.Needs = safety.OfOutput, d.Snapshot, safety.NeedsOf(asks, t.lane.r.cfg.FourEyes)
	o.Title, o.Subject = "May the output of "+lr.run.Name(step)+" be seen?", lr.subject(step, o.Needs)
	o.Context = heldContext(lr.attemptID(step), d)
	o.Expire(asks, t.now)
	o.Hash = safety.ShownHash(o.Title, o.Context, nil, o.Needs)
	t.record(at, o)
	t.saveApproval(step)
}

// heldContext is what people are shown of a held output.
func heldContext(attempt string, d *safety.OutputDecision) json.RawMessage {
	shown, err := json.Marshal(struct {
		Attempt  string         `json:"attempt"`
		Decision string         `json:"decision"`
		Rule     string         `json:"rule"`
		Reason   string         `json:"reason,omitempty"`
		Findings []scan.Finding `json:"findings,omitempty"`
	}{attempt, d.Verdict.String(), d.Rule, d.Reason, d.Findings})
	if err != nil {
		return nil // texts and numbers
	}
	return shown
}
