package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// PastDecision is a decision as it was recorded, with what it was about.
type PastDecision struct {
	Run, Workflow string
	Step          string // what people call it
	Job           string
	Attempt       int
	At            time.Time
	Request       safety.Request // as it was

	Verdict, Rule, Snapshot string
	// Shadow is what the snapshot said that was evaluated beside; empty: there was none.
	Shadow, ShadowRule, ShadowSnapshot string
}

// Decisions hands every recorded decision of the newest runs to visit: newest run first, within a run oldest first. Filter
// narrows to a workflow and to Limit runs. An error of visit ends it and is returned. A run that cannot be read is left out,
// and logged.
func (r *Runner) Decisions(ctx context.Context, c Caller, f Filter, visit func(PastDecision) error) error {
	left := f.Limit
	if left <= 0 || left > maxReplayed {
		left = maxReplayed
	}
	for {
		f.Limit = min(left, maxLimit)
		rows, next, err := r.Runs(ctx, c, f)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := r.decisionsOf(ctx, c.Tenant, row.ID, visit); err != nil {
				return err
			}
		}
		left -= len(rows)
		if next == "" || left <= 0 {
			return nil
		}
		f.Cursor = next
	}
}

// decisionsOf hands the decisions of a run to visit.
func (r *Runner) decisionsOf(ctx context.Context, tenant, run string, visit func(PastDecision) error) error {
	return r.eachDecision(ctx, tenant, run, func(lr *live, at time.Time, d *scheduler.JobDecided) error {
		return visit(lr.pastDecision(at, d))
	})
}

// eachDecision folds a run's log from its first fact and stops at each decision.
func (r *Runner) eachDecision(ctx context.Context, tenant, run string, visit func(*live, time.Time, *scheduler.JobDecided) error) error {
	h, err := r.header(ctx, tenant, run)
	if err != nil {
		return asUnavailable(err)
	}
	plan, err := r.defs.plan(ctx, tenant, h.Digest)
	if err != nil {
		return asUnavailable(err)
	}
	lr, err := newLive(run, plan)
	if err != nil {
		return err
	}
	lr.run.Tenant = tenant
	var stop error
	err = r.replay(ctx, tenant, lr, func(f stamped) error {
		d, is := f.fact.(*scheduler.JobDecided)
		if !is {
			return nil
		}
		stop = visit(lr, f.at.At, d)
		return stop
	})
	switch {
	case stop != nil:
		return stop
	case err != nil && transient(err):
		return fmt.Errorf("decisions of run %s: %w", run, err)
	case err != nil:
		r.cfg.Logger.Warn("decisions of a run cannot be read", "run_id", run, "error", err)
	}
	return nil
}

func (lr *live) pastDecision(at time.Time, d *scheduler.JobDecided) PastDecision {
	p := PastDecision{
		Run: lr.id, Workflow: lr.run.Workflow, Step: lr.run.Name(d.Step), Job: lr.jobID(d.Step), Attempt: int(lr.jobs[d.Step].Attempt),
		At: at, Request: lr.request(d.Step), Verdict: d.Verdict, Rule: d.Rule, Snapshot: d.Snapshot,
	}
	if said := strings.Split(d.Shadow, " "); len(said) == 3 {
		p.Shadow, p.ShadowRule, p.ShadowSnapshot = said[0], said[1], said[2]
	}
	return p
}

// DecisionView is one answer of the policy on a job.
type DecisionView struct {
	At          time.Time       `json:"at"`
	Attempt     int             `json:"attempt"`
	Decision    string          `json:"decision"`
	Rule        string          `json:"rule_id,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Snapshot    string          `json:"snapshot"`
	Hash        string          `json:"job_hash" doc:"Of what was decided about"`
	Rules       []string        `json:"rules,omitempty" doc:"All that matched or failed to evaluate"`
	Constraints json.RawMessage `json:"constraints,omitempty"`
}

// JobDecisions lists what the policy answered on a job, oldest first. What was under way when the log became unreadable is left
// out.
func (r *Runner) JobDecisions(ctx context.Context, c Caller, jobID string) ([]DecisionView, error) {
	job, err := r.Job(ctx, c, jobID)
	if err != nil {
		return nil, err
	}
	out := []DecisionView{}
	err = r.eachDecision(ctx, c.Tenant, job.RunID, func(lr *live, at time.Time, d *scheduler.JobDecided) error {
		if lr.jobID(d.Step) == job.ID {
			out = append(out, DecisionView{
				At: at, Attempt: int(lr.jobs[d.Step].Attempt), Decision: d.Verdict, Rule: d.Rule, Reason: d.Reason, Snapshot: d.Snapshot,
				Hash: d.Hash, Rules: d.Rules, Constraints: d.Constraints,
			})
		}
		return nil
	})
	return out, err
}
