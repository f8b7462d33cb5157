package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/audit"
)

// fakeAudit is the audit log of a fakeEngine: one record for each call that asks for one.
type fakeAudit struct {
	records []runner.AuditRecord
	holds   []runner.LegalHold
	torn    uint64 // the fact behind which no dump goes on
}

func (f *fakeEngine) AuditRecords(_ context.Context, c runner.Caller, q runner.AuditQuery) ([]runner.AuditRecord, string, error) {
	defer f.lock(c)()
	if q.Cursor != "" && q.Cursor != "more" {
		return nil, "", runner.ErrInvalidCursor
	}
	var out []runner.AuditRecord
	for _, r := range f.audit.records {
		if r.Tenant == c.Tenant && (q.Act == "" || q.Act == r.Act) {
			out = append(out, r)
		}
	}
	if q.Forward || len(out) > q.Limit {
		return out[:min(len(out), q.Limit)], "more", nil
	}
	return out, "", nil
}

func (f *fakeEngine) VerifyAudit(_ context.Context, c runner.Caller) (runner.AuditReport, error) {
	defer f.lock(c)()
	return runner.AuditReport{OK: true, Records: uint64(len(f.audit.records))}, nil
}

func (f *fakeEngine) ExportAudit(_ context.Context, c runner.Caller, w io.Writer) error {
	defer f.lock(c)()
	if f.sick != nil {
		return f.sick
	}
	_, err := io.WriteString(w, "{\"cordum_audit\":{\"version\":1}}\n{\"end\":{\"records\":0}}\n")
	return err
}

func (f *fakeEngine) Dump(_ context.Context, c runner.Caller, q runner.DumpQuery, visit func(runner.DumpedFact) error) error {
	defer f.lock(c)()
	if f.sick != nil {
		return f.sick
	}
	if f.runs[c.Tenant+"/"+q.Run] == nil {
		return runner.ErrNotFound
	}
	for seq := max(q.From, 1); seq <= q.To || q.To == 0 && seq <= 3; seq++ {
		if err := visit(runner.DumpedFact{Seq: seq, Name: "RunStarted", Fact: json.RawMessage("{}")}); err != nil {
			return err
		}
		if seq == f.audit.torn {
			return errors.New("a record does not decode")
		}
	}
	return nil
}

func (f *fakeEngine) AuditHeads(_ context.Context, c runner.Caller, all bool, cursor string, _ int) ([]runner.AuditHead, string, error) {
	defer f.lock(c)()
	if cursor != "" {
		return nil, "", runner.ErrInvalidCursor
	}
	return []runner.AuditHead{f.head(c, all)}, "", nil
}

func (f *fakeEngine) head(c runner.Caller, all bool) runner.AuditHead {
	h := runner.AuditHead{Version: 1, Number: 1}
	for _, tenant := range []string{"default", "acme"} {
		place := audit.ChainHead{Chain: audit.Chain{Tenant: tenant}, Seq: 1, Hash: audit.Hash{1}, First: 1}
		h.Chains = append(h.Chains, place)
	}
	if !all {
		h = h.For(c.Tenant)
	}
	return h
}

func (f *fakeEngine) TakeAuditHead(_ context.Context, c runner.Caller, all bool) (runner.AuditHead, error) {
	defer f.lock(c)()
	return f.head(c, all), nil
}

func (f *fakeEngine) Evidence(_ context.Context, c runner.Caller, run string) (runner.AuditEvidence, error) {
	defer f.lock(c)()
	r := f.runs[c.Tenant+"/"+run]
	if r == nil {
		return runner.AuditEvidence{}, fmt.Errorf("run: %w", runner.ErrNotFound)
	}
	e := runner.AuditEvidence{Version: 1}
	e.Run.ID, e.Run.Tenant = run, c.Tenant
	return e, nil
}

func (f *fakeEngine) PlanRetention(_ context.Context, c runner.Caller, ask runner.RetentionAsk) (runner.RetentionPlan, error) {
	defer f.lock(c)()
	plan := runner.RetentionPlan{Rules: []runner.RetentionRule{}, Goes: []runner.RetentionPart{}, Stays: []runner.RetentionPart{}}
	for _, of := range []struct {
		kind  string
		age   *time.Duration
		count *int
	}{{"workflow", ask.RunAge, ask.RunCount}, {"job", ask.JobAge, ask.JobCount}} {
		rule := runner.RetentionRule{Kind: of.kind}
		if of.age != nil {
			rule.Age = of.age.String()
		}
		if of.count != nil {
			rule.Count = *of.count
		}
		if rule.Age != "" || rule.Count != 0 {
			plan.Rules = append(plan.Rules, rule)
		}
	}
	return plan, nil
}

func (f *fakeEngine) LegalHolds(_ context.Context, c runner.Caller) ([]runner.LegalHold, error) {
	defer f.lock(c)()
	return append([]runner.LegalHold{}, f.audit.holds...), nil
}

func (f *fakeEngine) SetLegalHold(_ context.Context, c runner.Caller, run string) (runner.LegalHold, error) {
	defer f.lock(c)()
	h := runner.LegalHold{ID: fmt.Sprintf("legal-%d", len(f.audit.holds)+1), Tenant: c.Tenant, Run: run, Reason: c.Reason, SetBy: c.Actor}
	f.audit.holds = append(f.audit.holds, h)
	return h, nil
}

func (f *fakeEngine) LiftLegalHold(_ context.Context, c runner.Caller, hold string) error {
	defer f.lock(c)()
	i := slices.IndexFunc(f.audit.holds, func(h runner.LegalHold) bool { return h.ID == hold })
	if i < 0 {
		return fmt.Errorf("hold: %w", runner.ErrNotFound)
	}
	f.audit.holds = slices.Delete(f.audit.holds, i, i+1)
	return nil
}
