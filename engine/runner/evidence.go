package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store/audit"
)

// Evidence answers what a run did and was allowed, with the proof of it, as it is now. That it was asked for is recorded. When
// no kept head covers the run's newest record, one is taken.
func (r *Runner) Evidence(ctx context.Context, c Caller, run string) (AuditEvidence, error) {
	e, err := readRun(ctx, r, c.Tenant, run, func(lr *live) (audit.Evidence, error) { return lr.evidence(), nil })
	if err != nil {
		return e, err
	}
	if err := r.ChangeDocs(ctx, c, string(audit.Export), "evidence of run "+run); err != nil {
		return e, err
	}
	e.At, e.Store = r.now(), r.storeID()
	if err := r.prove(ctx, &e); err != nil {
		return e, err
	}
	if err := r.evidenceFacts(ctx, &e); err != nil {
		return e, err
	}
	return e, e.Sign(r.audit.signer)
}

// evidence is the run with its effects.
func (lr *live) evidence() audit.Evidence {
	run := lr.run
	e := audit.Evidence{
		Definition: string(lr.plan.Def.Canonical),
		Decisions:  []audit.EvidenceFact{}, Approvals: []audit.EvidenceFact{}, Overrides: []audit.EvidenceFact{},
		Results: []audit.EvidenceFact{}, Effects: []audit.EvidenceEffect{},
		Run: audit.EvidenceRun{
			ID: lr.id, Tenant: run.Tenant, Workflow: run.Workflow, Digest: lr.plan.Def.Digest, State: run.Status(),
			Compensation: run.Compensation().String(), Seq: lr.committed, StartedBy: run.StartedBy, StartedAt: run.StartedAt,
			EndedAt: optional(run.EndedAt),
		},
	}
	for i := range run.Steps {
		if node := int32(i); lr.jobs[node] != nil {
			e.Effects = append(e.Effects, lr.effect(node))
		}
	}
	return e
}

// effect is what is known of what a node's job did.
func (lr *live) effect(node int32) audit.EvidenceEffect {
	s := &lr.run.Steps[node]
	out := audit.EvidenceEffect{
		Step: lr.run.Name(node), JobID: lr.jobID(node), Effect: effectName(lr.run.Spec(node).Effect), State: s.State.String(),
		Attempts: int(s.Attempt), Outcome: "none", Key: lr.effectKey(node), Worker: lr.jobs[node].Worker,
	}
	if lr.run.IsUndo(node) {
		out.Undoes = lr.run.Name(s.Target)
	}
	switch {
	case s.State == engine.StepSucceeded || lr.run.HadEffect(node):
		out.Outcome = "had"
	case lr.unknownEffect(node):
		out.Outcome = "unknown"
	}
	return out
}

func (lr *live) unknownEffect(node int32) bool {
	for attempt := int32(1); attempt <= lr.run.Steps[node].Attempt; attempt++ {
		if lr.run.UnknownAttempt(node, attempt) {
			return true
		}
	}
	return false
}

// prove finds a head that covers the run's newest record, or takes one, and the proof that leads there.
func (r *Runner) prove(ctx context.Context, e *audit.Evidence) error {
	chain := audit.Chain{Partition: r.partOf(e.Run.ID), Tenant: e.Run.Tenant}
	head, err := r.signHead(ctx, false)
	if err != nil {
		return err
	}
	place := head.Of(chain)
	if place == nil {
		return fmt.Errorf("audit records of run %s: %w", e.Run.ID, ErrNotFound)
	}
	e.Head = head.Only(chain)
	e.Proof, err = audit.Prove(ctx, r.store, e.Run.ID, e.Run.StartedAt, place)
	switch {
	case errors.Is(err, audit.ErrNoRecords):
		return fmt.Errorf("audit records of run %s: retention has removed them: %w", e.Run.ID, ErrNotFound)
	case errors.Is(err, audit.ErrProofTooLong):
		return fmt.Errorf("evidence of run %s: %w: %w", e.Run.ID, err, ErrConflict)
	case err != nil:
		return fmt.Errorf("evidence of run %s: %w", e.Run.ID, errors.Join(ErrUnavailable, err))
	}
	return nil
}

// evidenceFacts puts in the facts that the proof has records of, as people see them.
func (r *Runner) evidenceFacts(ctx context.Context, e *audit.Evidence) error {
	acts := map[uint64][]audit.Act{}
	for _, link := range e.Proof.Links {
		if link.Record != nil && link.Record.FactSeq > 0 {
			acts[link.Record.FactSeq] = append(acts[link.Record.FactSeq], link.Record.Act)
		}
	}
	plan, err := r.defs.plan(ctx, e.Run.Tenant, e.Run.Digest)
	if err != nil {
		return asUnavailable(err)
	}
	for after, more := uint64(0), true; more; {
		var facts []stamped
		if facts, more, err = r.facts(ctx, e.Run.Tenant, e.Run.ID, after, maxTimeline); err != nil {
			return asUnavailable(err)
		}
		if len(facts) == 0 {
			return nil
		}
		called, err := r.namesFor(ctx, e.Run.Tenant, e.Run.ID, plan, facts)
		if err != nil {
			return err
		}
		for _, f := range facts {
			after = f.seq
			if err := addEvidence(e, acts[f.seq], event(e.Run.ID, called, f), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// addEvidence shows a fact under what its records say it was.
func addEvidence(e *audit.Evidence, acts []audit.Act, ev Event, f stamped) error {
	if len(acts) == 0 {
		return nil
	}
	out, err := evidenceFact(ev, f)
	for _, act := range acts {
		switch act {
		case audit.Decision, audit.Release:
			e.Decisions = append(e.Decisions, out)
		case audit.Approval:
			e.Approvals = append(e.Approvals, out)
		case audit.Override, audit.Signal, audit.RunStart:
			e.Overrides = append(e.Overrides, out)
		default:
			e.Results = append(e.Results, out)
		}
	}
	return err
}

func evidenceFact(ev Event, f stamped) (audit.EvidenceFact, error) {
	for _, payload := range []string{"output", "error"} {
		delete(ev.Data, payload)
	}
	shown, err := json.Marshal(ev)
	if err != nil {
		return audit.EvidenceFact{}, fmt.Errorf("encode fact %d: %w", f.seq, err)
	}
	out := audit.EvidenceFact{Seq: f.seq, Event: shown}
	if showable(f.fact) {
		_, out.Encoded = factHash(f.at, kindOf(f.fact), f.body, nil)
	}
	return out, nil
}

// showable tells whether a fact's bytes hold neither a payload nor a token.
func showable(f codec.Fielder) bool {
	switch f.(type) {
	case *scheduler.JobDecided, *engine.OutputJudged, *safety.ApprovalVoted, *safety.ApprovalClosed, *safety.ApprovalEscalated, *safety.ApprovalVoided,
		*safety.ApprovalDelegated, *safety.ApprovalConsumed:
		return true
	}
	return false
}

// VerifyEvidence checks evidence without a server, against a key and heads from elsewhere.
func VerifyEvidence(e *AuditEvidence, with audit.Against) audit.EvidenceReport {
	return e.Verify(with, sameFact)
}

// sameFact says what is wrong between a fact's bytes and what is shown of it.
func sameFact(shown audit.EvidenceFact) error {
	in := cursor{b: shown.Encoded}
	kind := in.uvarint()
	at := engine.Stamp{At: unixNano(in.varint()), Actor: in.str(), Reason: in.str()}
	fact := newFact(kind)
	if in.bad || fact == nil || kind > math.MaxUint8 {
		return fmt.Errorf("%w: its bytes are no fact that this version knows", codec.ErrCorrupt)
	}
	if err := codec.Decode(in.b, fact); err != nil {
		return err
	}
	var ev Event
	if err := json.Unmarshal(shown.Event, &ev); err != nil {
		return fmt.Errorf("what is shown of it: %w", err)
	}
	same := event(ev.RunID, func(int32) string { return ev.Step }, stamped{seq: shown.Seq, at: at, fact: fact})
	same.Step = ev.Step // its name is the run's own
	again, err := evidenceFact(same, stamped{seq: shown.Seq, at: at, fact: fact, body: in.b})
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, shown.Event); err != nil || !sameJSON(compact.Bytes(), again.Event) {
		return errors.New("what is shown of it is not what its bytes say")
	}
	return nil
}

// sameJSON compares two JSON texts by their values.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	one, err := json.Marshal(x)
	two, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(one, two)
}
