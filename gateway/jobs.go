package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// JobSubmit asks for a job: by pack and tool, or by topic. What a client of public Cordum sends is taken too: its
// prompt becomes the input.
type JobSubmit struct {
	Pack              string            `json:"pack,omitempty" maxLength:"200" doc:"With tool: the topic is job.PACK.TOOL" example:"infra.kubectl"`
	Tool              string            `json:"tool,omitempty" maxLength:"200" example:"apply"`
	Topic             string            `json:"topic,omitempty" maxLength:"200" doc:"Instead of pack and tool"`
	Input             json.RawMessage   `json:"input,omitempty" doc:"Any JSON value; {} by default"`
	Prompt            string            `json:"prompt,omitempty" doc:"Short for the input {\"prompt\": …}"`
	Context           json.RawMessage   `json:"context,omitempty" doc:"Object; requires, preferred_worker_id and preferred_pool in it place the job, resource_lock is the lock that it holds"`
	Labels            map[string]string `json:"labels,omitempty" maxProperties:"64"`
	Requires          []string          `json:"requires,omitempty" maxItems:"64" doc:"Capabilities the worker must have"`
	PreferredWorkerID string            `json:"preferred_worker_id,omitempty" maxLength:"200"`
	PreferredPool     string            `json:"preferred_pool,omitempty" maxLength:"200"`
	ResourceLock      json.RawMessage   `json:"resource_lock,omitempty" doc:"The lock that the job holds while it runs: its name, or {name, mode: exclusive or shared}"`
	Priority          string            `json:"priority,omitempty" enum:"batch,interactive,critical"`
	TimeoutSec        int               `json:"timeout_sec,omitempty" minimum:"0" maximum:"31622400" doc:"Seconds one attempt may take"`
	MaxAttempts       int               `json:"max_attempts,omitempty" minimum:"0" maximum:"1000"`
	Idempotent        *bool             `json:"idempotent,omitempty" doc:"A second execution does no harm; true by default"`
}

// JobAccepted answers a submit.
type JobAccepted struct {
	runner.JobView
	JobID string `json:"job_id" doc:"The same as id"`
}

type submitInput struct {
	Body JobSubmit
}

func (g *Gateway) submitJob(ctx context.Context, in *submitInput) (*created[JobAccepted], error) {
	req, err := in.Body.request()
	if err != nil {
		return nil, err
	}
	req.IdempotencyKey = requestOf(ctx).command
	job, seen, err := g.engine.Submit(ctx, creator(ctx), req)
	if err != nil {
		return nil, jobError(err)
	}
	return &created[JobAccepted]{
		Status: http.StatusAccepted, Location: jobPath(job.ID), Replayed: replayed(seen),
		Body: JobAccepted{JobView: job, JobID: job.ID},
	}, nil
}

// jobError says about the body what the engine says about the definition that it made of the job.
func jobError(err error) error {
	var invalid *runner.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Diagnostics) == 0 {
		return err
	}
	p := newProblem("invalid_job", "")
	for _, d := range invalid.Diagnostics {
		d.Line, d.Col = 0, 0
		item := diagnosticItem(d)
		item.Location = strings.TrimPrefix(d.Pointer, "/steps/0")
		p.Errors = append(p.Errors, item)
	}
	p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
	return p
}

func jobPath(id string) string { return prefix + "/jobs/" + url.PathEscape(id) }

// request turns both spellings into one.
func (b *JobSubmit) request() (runner.JobRequest, error) {
	switch {
	case b.Topic == "" && (b.Pack == "" || b.Tool == ""):
		return runner.JobRequest{}, newProblem("invalid_body", "Say what to do: pack and tool, or topic.")
	case b.Topic != "" && (b.Pack != "" || b.Tool != ""):
		return runner.JobRequest{}, newProblem("invalid_body", "Send pack and tool, or topic, not both.")
	case b.Prompt != "" && b.Input != nil:
		return runner.JobRequest{}, newProblem("invalid_body", "Send input or prompt, not both.")
	}
	req := runner.JobRequest{
		Topic: b.Topic, Pack: b.Pack, Tool: b.Tool, Input: b.Input, Context: b.Context, Labels: b.Labels,
		Requires: b.Requires, PreferredWorkerID: b.PreferredWorkerID, PreferredPool: b.PreferredPool, Priority: b.Priority,
		TimeoutSec: b.TimeoutSec, MaxAttempts: b.MaxAttempts, Idempotent: b.Idempotent,
	}
	if b.Prompt != "" {
		req.Input, _ = json.Marshal(map[string]string{"prompt": b.Prompt}) // strings always marshal
	}
	if req.Input == nil {
		req.Input = json.RawMessage("{}")
	}
	lock, err := placeByContext(&req)
	if err != nil {
		return req, err
	}
	if b.ResourceLock != nil {
		lock = b.ResourceLock
	}
	return req, lockJob(&req, lock)
}

// lockJob reads the lock that a job holds: a name, or an object with its mode.
func lockJob(req *runner.JobRequest, raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &req.ResourceLock) == nil {
		return nil
	}
	var lock struct {
		Name string `json:"name"`
		Mode string `json:"mode"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&lock); err != nil || lock.Name == "" || !slices.Contains([]string{"", "exclusive", "shared"}, lock.Mode) {
		const message = "a name is expected, or {name, mode: exclusive or shared}"
		p := newProblem("invalid_body", "/resource_lock: "+message)
		p.Errors = []ProblemItem{{Message: message, Location: "/resource_lock"}}
		return p
	}
	req.ResourceLock, req.LockShared = lock.Name, lock.Mode == "shared"
	return nil
}

// jobContext is the part of a job's context that says where it may run.
type jobContext struct {
	Requires          []string        `json:"requires"`
	PreferredWorkerID string          `json:"preferred_worker_id"`
	PreferredPool     string          `json:"preferred_pool"`
	ResourceLock      json.RawMessage `json:"resource_lock"`
}

// placeByContext reads the placement out of the context, and answers the lock that it names; what the body itself says goes
// first.
func placeByContext(req *runner.JobRequest) (lock json.RawMessage, err error) {
	if len(req.Context) == 0 || bytes.Equal(bytes.TrimSpace(req.Context), []byte("null")) {
		req.Context = nil
		return nil, nil
	}
	var c jobContext
	if err := json.Unmarshal(req.Context, &c); err != nil {
		p := newProblem("invalid_body", "/context: an object is expected; requires in it is a list of names, the preferred ones are names.")
		p.Errors = []ProblemItem{{Message: "an object is expected", Location: "/context"}}
		return nil, p
	}
	if req.Requires == nil {
		req.Requires = c.Requires
	}
	if req.PreferredWorkerID == "" {
		req.PreferredWorkerID = c.PreferredWorkerID
	}
	if req.PreferredPool == "" {
		req.PreferredPool = c.PreferredPool
	}
	return c.ResourceLock, nil
}

type listJobsInput struct {
	Paging
	Workflow string `query:"workflow" maxLength:"200"`
	State    string `query:"state" enum:"pending,approval_required,scheduled,dispatched,running,succeeded,failed,cancelled,timeout,denied"`
	Status   string `query:"status" maxLength:"32" doc:"The same as state, in any case"`
}

func (g *Gateway) listJobs(ctx context.Context, in *listJobsInput) (*pageReply[runner.JobView], error) {
	f := runner.Filter{Workflow: in.Workflow, State: in.State}
	if f.State == "" && in.Status != "" {
		var ok bool
		if f.State, ok = jobState(in.Status); !ok {
			return nil, newProblem("invalid_argument", "query.status: there is no such state of a job.")
		}
	}
	l, err := in.listOf(ctx, "/jobs", f)
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Jobs(ctx, caller(ctx, ""), l.Filter)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}

// jobState reads a state in the spellings of public Cordum: in capitals, and "completed" for what succeeded.
func jobState(s string) (string, bool) {
	s = strings.ToLower(s)
	if s == "completed" {
		s = "succeeded"
	}
	return s, slices.Contains(jobStates, s)
}

var jobStates = []string{
	"pending", "approval_required", "scheduled", "dispatched", "running", "succeeded", "failed", "cancelled", "timeout", "denied",
}

func (g *Gateway) getJob(ctx context.Context, in *ByID) (*reply[runner.JobView], error) {
	job, err := g.engine.Job(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.JobView]{job}, nil
}

func (g *Gateway) cancelJob(ctx context.Context, in *reasonInput) (*created[runner.JobView], error) {
	job, err := g.engine.CancelJob(ctx, caller(ctx, in.Body.text()), in.ID)
	if err != nil {
		return nil, err
	}
	return &created[runner.JobView]{Status: http.StatusAccepted, Location: jobPath(in.ID), Body: job}, nil
}

// DeletedJob answers a delete.
type DeletedJob struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

type deleteJobInput struct {
	ByID
	Reason string `header:"X-Reason" maxLength:"1024" doc:"Why; kept in the audit log"`
}

func (g *Gateway) deleteJob(ctx context.Context, in *deleteJobInput) (*reply[DeletedJob], error) {
	if err := g.engine.DeleteJob(ctx, caller(ctx, in.Reason), in.ID); err != nil {
		return nil, err
	}
	return &reply[DeletedJob]{DeletedJob{in.ID, true}}, nil
}

func (g *Gateway) jobDecisions(ctx context.Context, in *ByID) (*reply[Page[runner.DecisionView]], error) {
	all, err := g.engine.JobDecisions(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[Page[runner.DecisionView]]{Page[runner.DecisionView]{Items: all}}, nil
}
