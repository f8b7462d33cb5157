package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cordum.dev/cordum/engine/runner"
)

// Batch gives one command to every run that a filter names.
type Batch struct {
	Reason
	Filter   BatchFilter `json:"filter" doc:"Which runs; every field that is given must fit, and one must be given"`
	Action   string      `json:"action" enum:"cancel,pause,resume,retry,rollback"`
	Rollback bool        `json:"rollback,omitempty" doc:"With cancel: undo what the runs did"`
	DryRun   bool        `json:"dry_run,omitempty" doc:"Only count the runs"`
	Cursor   string      `json:"cursor,omitempty" maxLength:"512" doc:"cursor of the batch before: go on behind it"`
	Limit    int         `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"How many runs at most; 1000 by default"`
}

// BatchFilter says which runs a batch is about.
type BatchFilter struct {
	Workflow     string            `json:"workflow,omitempty" maxLength:"200"`
	State        string            `json:"state,omitempty" enum:"pending,running,waiting,paused,faulted,succeeded,failed,cancelled,timed_out"`
	Compensation string            `json:"compensation,omitempty" enum:"none,running,held,done"`
	StartedBy    string            `json:"started_by,omitempty" maxLength:"200"`
	Labels       map[string]string `json:"labels,omitempty" maxProperties:"64"`
}

// BatchResult says what a batch did.
type BatchResult struct {
	Matched int           `json:"matched" doc:"How many runs the filter named"`
	Runs    []string      `json:"runs" doc:"Their ids, newest first"`
	Done    int           `json:"done" doc:"How many of them took the command; none in a dry run"`
	Failed  []BatchFailed `json:"failed" doc:"Those that did not"`
	Cursor  string        `json:"cursor,omitempty" doc:"Send it for the runs that are left; absent when there are none"`
}

// BatchFailed is a run that did not take the command of a batch.
type BatchFailed struct {
	Run     string `json:"run"`
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

type batchInput struct {
	Body Batch
}

// batchActions say in which states a run takes a command; one that fits none of them is left out, and a filter that names
// another state is a mistake.
var batchActions = map[string]struct {
	verb          runner.Verb
	states        []string
	compensations []string // nil: any
}{
	"cancel":   {runner.VerbCancel, []string{"pending", "running", "waiting", "paused"}, nil},
	"pause":    {runner.VerbPause, []string{"running", "waiting"}, nil},
	"resume":   {runner.VerbResume, []string{"paused", "faulted"}, nil},
	"retry":    {runner.VerbRetry, []string{"failed"}, []string{"none", "done"}},
	"rollback": {runner.VerbRollback, []string{"pending", "running", "waiting", "paused", "succeeded", "failed", "cancelled", "timed_out"}, []string{"none", "done"}},
}

func (g *Gateway) runBatch(ctx context.Context, in *batchInput) (*reply[BatchResult], error) {
	b := &in.Body
	if p := b.check(); p != nil {
		return nil, p
	}
	runs, cursor, err := g.batchRuns(ctx, b)
	if err != nil {
		return nil, err
	}
	out := BatchResult{Matched: len(runs), Runs: runs, Failed: []BatchFailed{}, Cursor: cursor}
	if !b.DryRun {
		out.Failed = append(out.Failed, g.commandAll(ctx, runs, b)...)
		out.Done = len(runs) - len(out.Failed)
	}
	return &reply[BatchResult]{out}, nil
}

// check refuses a filter that names everything, and one that names no run which could take the command.
func (b *Batch) check() *Problem {
	f, action := &b.Filter, batchActions[b.Action]
	switch {
	case f.Workflow == "" && f.State == "" && f.Compensation == "" && f.StartedBy == "" && len(f.Labels) == 0:
		return placedProblem("invalid_argument", "/filter", "Name at least one of workflow, state, compensation, started_by and labels: an empty filter never means all runs.")
	case f.State != "" && !slices.Contains(action.states, f.State):
		return placedProblem("impossible_filter", "/filter/state", "No run in this state takes "+b.Action+"; those do that are "+strings.Join(action.states, ", ")+".")
	case f.Compensation != "" && action.compensations != nil && !slices.Contains(action.compensations, f.Compensation):
		return placedProblem("impossible_filter", "/filter/compensation", "No run with this compensation takes "+b.Action+"; those do where it is "+strings.Join(action.compensations, " or ")+".")
	case b.Rollback && b.Action != "cancel":
		return placedProblem("conflicting_fields", "/rollback", "It goes with cancel only.")
	}
	return nil
}

// batchRuns are the runs of a batch, at most its limit, and where to go on.
func (g *Gateway) batchRuns(ctx context.Context, b *Batch) (runs []string, cursor string, err error) {
	limit := b.Limit
	if limit == 0 {
		limit = MaxBatch
	}
	scope, err := b.scope()
	if err != nil {
		return nil, "", err
	}
	page := Paging{Cursor: b.Cursor, Limit: limit}
	l, err := page.listOf(ctx, scope, runner.Filter{Workflow: b.Filter.Workflow, State: b.Filter.State, Kind: "workflow"})
	if err != nil {
		return nil, "", err
	}
	runs = []string{}
	for pages, read := 1, 0; ; pages++ {
		l.Limit = min(limit-len(runs), MaxBatch-read)
		headers, next, err := g.engine.Runs(ctx, caller(ctx, ""), l.Filter)
		if err != nil {
			return nil, "", err
		}
		for i := range headers {
			fits, err := g.batchTakes(ctx, b, &headers[i], &read)
			if err != nil {
				return nil, "", err
			}
			if fits {
				runs = append(runs, headers[i].ID)
			}
		}
		switch l.Cursor = next; {
		case next == "":
			return runs, "", nil
		case len(runs) >= limit || read >= MaxBatch || pages >= MaxBatchPages:
			return runs, l.mark() + next, nil
		case ctx.Err() != nil:
			return nil, "", ctx.Err()
		}
	}
}

// scope is what a cursor of the batch is good for: the same action on the same filter.
func (b *Batch) scope() (string, error) {
	text, err := json.Marshal(b.Filter)
	if err != nil {
		return "", fmt.Errorf("encode the filter of a batch: %w", err)
	}
	return "/batches " + b.Action + " " + string(text), nil
}

// batchTakes tells whether a run is one of a batch. Labels are not in a list: the run is read for them, which read counts.
func (g *Gateway) batchTakes(ctx context.Context, b *Batch, h *runner.RunHeader, read *int) (bool, error) {
	f, action := &b.Filter, batchActions[b.Action]
	switch {
	case !slices.Contains(action.states, h.State),
		action.compensations != nil && !slices.Contains(action.compensations, h.Compensation),
		f.Compensation != "" && f.Compensation != h.Compensation,
		f.StartedBy != "" && f.StartedBy != h.StartedBy:
		return false, nil
	case len(f.Labels) == 0:
		return true, nil
	}
	*read++
	view, err := g.engine.View(ctx, caller(ctx, ""), h.ID)
	if errors.Is(err, runner.ErrNotFound) {
		return false, nil
	}
	for name, value := range f.Labels {
		if have, has := view.Labels[name]; !has || have != value {
			return false, err
		}
	}
	return err == nil, err
}

// commandAll gives every run the command, several at a time, and answers those that did not take it, in order.
func (g *Gateway) commandAll(ctx context.Context, runs []string, b *Batch) []BatchFailed {
	refused := make([]*BatchFailed, len(runs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(BatchWorkers, len(runs)) {
		workers.Go(func() {
			for i := range next {
				refused[i] = g.commandOne(ctx, runs[i], b)
			}
		})
	}
	for i := range runs {
		next <- i
	}
	close(next)
	workers.Wait()
	var out []BatchFailed
	for _, f := range refused {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// commandOne answers nil when the run took the command. A panic stays with its run: nobody else catches one here.
func (g *Gateway) commandOne(ctx context.Context, run string, b *Batch) (failed *BatchFailed) {
	defer func() {
		if cause := recover(); cause != nil {
			p := g.fail(recordOf(ctx), fmt.Errorf("panic in a batch: %v", cause))
			failed = &BatchFailed{Run: run, Code: p.Code, Message: p.Detail}
		}
	}()
	cmd := runner.Command{Verb: batchActions[b.Action].verb, Rollback: b.Rollback}
	_, err := g.engine.Command(ctx, caller(ctx, b.text()), run, cmd)
	if err == nil {
		return nil
	}
	p := g.fail(recordOf(ctx), err)
	return &BatchFailed{Run: run, Code: p.Code, Message: p.Detail}
}
