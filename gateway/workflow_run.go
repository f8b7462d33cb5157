package gateway

import (
	"context"
	"encoding/json"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// WorkflowRun is a run as clients of public Cordum expect it: other names, and the steps as a map by id.
type WorkflowRun struct {
	ID          string                     `json:"id"`
	WorkflowID  string                     `json:"workflow_id"`
	Status      string                     `json:"status"`
	Input       json.RawMessage            `json:"input,omitempty"`
	Output      json.RawMessage            `json:"output,omitempty"`
	Error       *runner.ErrorView          `json:"error,omitempty"`
	Labels      map[string]string          `json:"labels,omitempty"`
	RerunOf     string                     `json:"rerun_of,omitempty"`
	StartedAt   time.Time                  `json:"started_at"`
	CompletedAt *time.Time                 `json:"completed_at,omitempty"`
	Steps       map[string]WorkflowRunStep `json:"steps"`
}

// WorkflowRunStep is a step of a [WorkflowRun].
type WorkflowRunStep struct {
	StepID      string            `json:"step_id"`
	Status      string            `json:"status"`
	JobID       string            `json:"job_id,omitempty"`
	Attempts    int               `json:"attempts,omitempty"`
	StartedAt   *time.Time        `json:"started_at,omitempty"`
	CompletedAt *time.Time        `json:"completed_at,omitempty"`
	Output      json.RawMessage   `json:"output,omitempty"`
	Error       *runner.ErrorView `json:"error,omitempty"`
}

func (g *Gateway) getWorkflowRun(ctx context.Context, in *getRunInput) (*reply[WorkflowRun], error) {
	view, err := g.readRun(ctx, in)
	if err != nil {
		return nil, err
	}
	run := WorkflowRun{
		ID: view.ID, WorkflowID: view.Workflow, Status: view.State, Input: view.Input, Output: view.Output,
		Error: view.Error, Labels: view.Labels, RerunOf: view.RerunOf, StartedAt: view.StartedAt, CompletedAt: view.EndedAt,
		Steps: make(map[string]WorkflowRunStep, len(view.Steps)),
	}
	for _, s := range view.Steps {
		name := s.Path // that of a step of the workflow itself is its id
		if name == "" {
			name = s.ID
		}
		run.Steps[name] = WorkflowRunStep{
			StepID: s.ID, Status: s.State, JobID: s.JobID, Attempts: s.Attempt,
			StartedAt: s.StartedAt, CompletedAt: s.EndedAt, Output: s.Output, Error: s.Error,
		}
	}
	return &reply[WorkflowRun]{run}, nil
}
