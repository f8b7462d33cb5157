package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
)

// EngineFact is a fact of the engine with its place in the log of its run.
type EngineFact struct {
	Seq  uint64
	At   engine.Stamp
	Fact engine.Fact
}

// Inspect folds a run from its log and hands it to f with the engine's facts, oldest first. Both are f's own: nothing that f
// does to them reaches the run. What is not durable yet is not seen.
func (r *Runner) Inspect(ctx context.Context, c Caller, run string, f func(*engine.Run, []EngineFact) error) error {
	in := NewInspection(run)
	if err := r.Record(ctx, c, run, in.Add); err != nil {
		return err
	}
	return in.Show(f)
}

// RecordPart is a part of what is stored of a run: first its definition, then each fact of the engine with its payloads.
type RecordPart struct {
	Tenant     string // of the first part, as Definition
	Definition []byte // canonical JSON

	Seq  uint64
	At   engine.Stamp
	Kind uint64 // its stored number
	Body []byte // its stored form
}

// Record hands the parts of a run to visit, oldest first. An error of visit ends it and is returned.
func (r *Runner) Record(ctx context.Context, c Caller, run string, visit func(RecordPart) error) error {
	h, err := r.header(ctx, c.Tenant, run)
	if err != nil {
		return asUnavailable(err)
	}
	plan, err := r.defs.plan(ctx, c.Tenant, h.Digest)
	if err != nil {
		return asUnavailable(err)
	}
	if err := visit(RecordPart{Tenant: c.Tenant, Definition: plan.Def.Canonical}); err != nil {
		return err
	}
	for after, more := uint64(0), true; more; {
		var page []stamped
		if page, more, err = r.facts(ctx, c.Tenant, run, after, maxTimeline); err != nil {
			return fmt.Errorf("log of run %s: %w", run, err)
		}
		for _, s := range page {
			after = s.seq
			fact, is := s.fact.(engine.Fact)
			if !is {
				continue
			}
			part, err := r.recordPart(ctx, c.Tenant, run, s, fact)
			if err != nil {
				return fmt.Errorf("log of run %s: %w", run, asUnavailable(err))
			}
			if err := visit(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordPart is a fact with its payloads in it, wherever they are kept.
func (r *Runner) recordPart(ctx context.Context, tenant, run string, s stamped, fact engine.Fact) (RecordPart, error) {
	part := RecordPart{Seq: s.seq, At: s.at, Kind: uint64(fact.Kind())}
	err := engine.Payloads(fact, func(p *engine.Payload) error {
		err := r.fill(ctx, r.partOf(run), tenant, p)
		p.Blob = ""
		return err
	})
	if err == nil {
		part.Body = codec.Append(nil, fact)
	}
	return part, err
}

// Inspection makes a run of its parts. Make one with NewInspection.
type Inspection struct {
	run   string
	state *engine.Run
	facts []EngineFact
}

// NewInspection begins a run of which nothing is known yet.
func NewInspection(run string) *Inspection { return &Inspection{run: run} }

// Add applies the next part. A fact that the engine cannot apply, or of a newer version, costs the reader an error.
func (in *Inspection) Add(part RecordPart) error {
	if in.state == nil {
		plan, diags := compile(part.Definition, FormatJSON)
		if plan == nil {
			return fmt.Errorf("stored definition of run %s no longer compiles: %s: %w", in.run, firstError(diags), ErrUnavailable)
		}
		in.state = engine.New(in.run, plan)
		in.state.Tenant = part.Tenant
		return nil
	}
	fact, is := newFact(part.Kind).(engine.Fact)
	if !is {
		return fmt.Errorf("log of run %s: %w", in.run, asUnavailable(fmt.Errorf("%w %d at fact %d", errUnknownFact, part.Kind, part.Seq)))
	}
	err := codec.Decode(part.Body, fact)
	if err == nil {
		err = foldFact(in.state, part.At, fact)
	}
	if err != nil {
		return fmt.Errorf("log of run %s: fact %d: %w", in.run, part.Seq, asUnavailable(err))
	}
	in.facts = append(in.facts, EngineFact{Seq: part.Seq, At: part.At, Fact: fact})
	return nil
}

// Show hands what was made to f.
func (in *Inspection) Show(f func(*engine.Run, []EngineFact) error) error {
	if in.state == nil {
		return fmt.Errorf("run %s: %w", in.run, errors.Join(errNoParts, ErrUnavailable))
	}
	return f(in.state, in.facts)
}

// errNoParts says that a record ended before it began.
var errNoParts = errors.New("its record has no parts")

// foldFact applies one fact of the log.
func foldFact(state *engine.Run, at engine.Stamp, fact engine.Fact) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	return engine.Apply(state, at, fact)
}
