package runner

import (
	"context"
	"fmt"

	"cordum.dev/cordum/engine"
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
	h, err := r.header(ctx, c.Tenant, run)
	if err != nil {
		return asUnavailable(err)
	}
	plan, err := r.defs.plan(ctx, c.Tenant, h.Digest)
	if err != nil {
		return asUnavailable(err)
	}
	state := engine.New(run, plan)
	state.Tenant = c.Tenant
	var facts []EngineFact
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
			if err := r.foldFact(ctx, c.Tenant, state, s.at, fact); err != nil {
				return fmt.Errorf("log of run %s: %w", run, asUnavailable(err))
			}
			facts = append(facts, EngineFact{Seq: s.seq, At: s.at, Fact: fact})
		}
	}
	return f(state, facts)
}

// foldFact applies one fact of the log, with its payloads. A fact that the engine cannot apply costs the reader an error.
func (r *Runner) foldFact(ctx context.Context, tenant string, state *engine.Run, at engine.Stamp, fact engine.Fact) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	fill := func(p *engine.Payload) error { return r.fill(ctx, r.partOf(state.ID), tenant, p) }
	if err := engine.Payloads(fact, fill); err != nil {
		return err
	}
	return engine.Apply(state, at, fact)
}
