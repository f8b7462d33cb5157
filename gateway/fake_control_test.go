package gateway

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// inspected is the definition of the run that Inspect shows, whatever was started.
const inspected = `
id: order
on_failure: rollback
steps:
  - {id: reserve, topic: job.stock.reserve, compensate: {topic: job.stock.release}}
  - {id: big, depends_on: [reserve], type: approval, when: input.amount > 100}
  - {id: charge, depends_on: [reserve, big], topic: job.billing.charge}
`

func (f *fakeEngine) Inspect(_ context.Context, c runner.Caller, id string, show func(*engine.Run, []runner.EngineFact) error) error {
	unlock := f.lock(c)
	_, err := f.find(c, id)
	unlock()
	if err != nil {
		return err
	}
	w, _ := steps.Load([]byte(inspected), yamlx.YAML, false)
	run := engine.New(id, w)
	var log []runner.EngineFact
	at := engine.Stamp{At: time.Unix(0, 0).UTC(), Actor: "user:dev"}
	for _, in := range []engine.Input{
		engine.Submit{Stamp: at, Tenant: c.Tenant, Workflow: w.Def.ID, Input: engine.Payload{Data: []byte(`{"amount":7}`)}},
		engine.Outcome{Stamp: at, Step: run.Find("reserve"), Attempt: 1, Result: engine.ResultSucceeded, Answered: true},
	} {
		facts, err := engine.Decide(run, in)
		if err != nil {
			return err
		}
		for _, fact := range facts {
			log = append(log, runner.EngineFact{Seq: uint64(len(log) + 1), At: at, Fact: fact})
		}
	}
	return show(run, log)
}

func (f *fakeEngine) Fork(_ context.Context, c runner.Caller, id string, req runner.ForkRequest) (runner.Forked, error) {
	defer f.lock(c)()
	run, err := f.find(c, id)
	if err != nil {
		return runner.Forked{}, err
	}
	run.forked = req
	out := runner.Forked{ForkOf: id, Digest: run.view.Digest, Reused: []string{}, Edited: []string{}, Rerun: []string{req.From}}
	if !req.Preview {
		out.RunID = runID(8000)
	}
	return out, nil
}

// Held lists two compensations of each run, in pages.
func (f *fakeEngine) Held(_ context.Context, c runner.Caller, cursor string, limit int) ([]runner.HeldView, string, error) {
	defer f.lock(c)()
	var all []runner.HeldView
	for _, id := range f.order {
		if f.runs[c.Tenant+"/"+id] != nil {
			all = append(all, runner.HeldView{RunID: id, Step: "charge"}, runner.HeldView{RunID: id, Step: "reserve"})
		}
	}
	return cut(all, cursor, limit)
}

func (f *fakeEngine) Iterations(_ context.Context, c runner.Caller, id, step, cursor string, limit int) ([]runner.StepView, string, error) {
	defer f.lock(c)()
	if _, err := f.find(c, id); err != nil {
		return nil, "", err
	}
	all := make([]runner.StepView, 3)
	for i := range all {
		all[i].Path = fmt.Sprintf("%s[%d]", step, i)
	}
	return cut(all, cursor, limit)
}

func cut[T any](all []T, cursor string, limit int) ([]T, string, error) {
	from := 0
	if cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n > len(all) {
			return nil, "", runner.ErrInvalidCursor
		}
		from = n
	}
	if to := from + limit; to < len(all) {
		return all[from:to], strconv.Itoa(to), nil
	}
	return all[from:], "", nil
}
