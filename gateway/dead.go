package gateway

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// DeadLetterCalls are about jobs that ended badly for good, and compensations that are held.
type DeadLetterCalls interface {
	// DeadLetters lists those that fit, newest first; DeadGroups groups them by fingerprint, and more says that groups were left out.
	DeadLetters(ctx context.Context, c runner.Caller, f runner.DeadFilter, cursor string, limit int) ([]runner.DeadLetter, string, error)
	DeadGroups(ctx context.Context, c runner.Caller, f runner.DeadFilter, limit int) (groups []runner.DeadGroup, more bool, err error)
	// DeadLetter answers one with every field of its job.
	DeadLetter(ctx context.Context, c runner.Caller, job string) (runner.DeadLetter, error)
	// RetryDead has one done again in its run; [runner.ErrConflict] says what to do where that cannot be.
	RetryDead(ctx context.Context, c runner.Caller, job string) (runner.DeadRetried, error)
	DeleteDead(ctx context.Context, c runner.Caller, job string) error
	// PurgeDead deletes those that fit, or counts them.
	PurgeDead(ctx context.Context, c runner.Caller, f runner.DeadFilter, dryRun bool) (runner.Purged, error)
	// StartRedrive begins to retry those that fit, or counts them; [runner.ErrConflict] names the one under way.
	StartRedrive(ctx context.Context, c runner.Caller, req runner.RedriveRequest) (runner.Redrive, error)
	Redrive(ctx context.Context, c runner.Caller, redrive string) (runner.Redrive, error)
	// Redrives are the one under way and those that are remembered, newest first.
	Redrives(ctx context.Context, c runner.Caller) ([]runner.Redrive, error)
	StopRedrive(ctx context.Context, c runner.Caller, redrive string) (runner.Redrive, error)
}

// DeadQuery is a filter of dead letters in the address.
type DeadQuery struct {
	Workflow    string    `query:"workflow" maxLength:"200"`
	Topic       string    `query:"topic" maxLength:"200"`
	Step        string    `query:"step" maxLength:"200" doc:"Id of a step, or the path of one job, like each[2]"`
	Reason      string    `query:"reason" maxLength:"200" doc:"Whole, or what stands before its colon: timeout, failed"`
	Fingerprint string    `query:"fingerprint" maxLength:"64" doc:"Of a group"`
	State       string    `query:"state" enum:"dead,retrying"`
	Since       time.Time `query:"since" doc:"Died then or later"`
	Until       time.Time `query:"until" doc:"Died before then"`
}

func (q *DeadQuery) filter() runner.DeadFilter {
	return runner.DeadFilter{
		Workflow: q.Workflow, Topic: q.Topic, Step: q.Step, Reason: q.Reason, Fingerprint: q.Fingerprint, State: q.State,
		Since: q.Since.UTC(), Until: q.Until.UTC(),
	}
}

// values is the filter as an address has it.
func (q *DeadQuery) values() url.Values {
	out := url.Values{}
	for name, value := range map[string]string{
		"workflow": q.Workflow, "topic": q.Topic, "step": q.Step, "reason": q.Reason, "fingerprint": q.Fingerprint, "state": q.State,
	} {
		if value != "" {
			out.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			out.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return out
}

type listDeadInput struct {
	Paging
	DeadQuery
}

func (g *Gateway) listDead(ctx context.Context, in *listDeadInput) (*pageReply[runner.DeadLetter], error) {
	query := in.values()
	l, err := in.listOf(ctx, "/dlq?"+query.Encode(), runner.Filter{})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.DeadLetters(ctx, caller(ctx, ""), in.filter(), l.Cursor, l.Limit)
	if err != nil {
		return nil, err
	}
	out := pageOf(l, items, next)
	if next != "" {
		query.Set("cursor", out.Body.NextCursor)
		query.Set("limit", strconv.Itoa(l.Limit))
		out.Link = "<" + prefix + "/dlq?" + query.Encode() + `>; rel="next"`
	}
	return out, nil
}

type groupDeadInput struct {
	DeadQuery
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"How many groups"`
}

// DeadGroups is a list of groups. It is made anew each time and has no pages.
type DeadGroups struct {
	Items []runner.DeadGroup `json:"items"`
	More  bool               `json:"more,omitempty" doc:"There are smaller groups, too"`
}

func (g *Gateway) groupDead(ctx context.Context, in *groupDeadInput) (*reply[DeadGroups], error) {
	groups, more, err := g.engine.DeadGroups(ctx, caller(ctx, ""), in.filter(), in.Limit)
	if err != nil {
		return nil, err
	}
	return &reply[DeadGroups]{DeadGroups{Items: groups, More: more}}, nil
}

func (g *Gateway) getDead(ctx context.Context, in *ByID) (*reply[runner.DeadLetter], error) {
	v, err := g.engine.DeadLetter(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.DeadLetter]{v}, nil
}

type changeDeadInput struct {
	ByID
	Body *Reason `required:"false"`
}

func (g *Gateway) retryDead(ctx context.Context, in *changeDeadInput) (*reply[runner.DeadRetried], error) {
	v, err := g.engine.RetryDead(ctx, caller(ctx, in.Body.text()), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.DeadRetried]{v}, nil
}

func (g *Gateway) deleteDead(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, g.engine.DeleteDead(ctx, caller(ctx, ""), in.ID)
}

// DeadPurge says which dead letters to delete.
type DeadPurge struct {
	Reason
	Filter runner.DeadFilter `json:"filter" doc:"Every field that is given must fit, and one must be given"`
	DryRun bool              `json:"dry_run,omitempty" doc:"Only count them"`
}

func (g *Gateway) purgeDead(ctx context.Context, in *struct{ Body DeadPurge }) (*reply[runner.Purged], error) {
	v, err := g.engine.PurgeDead(ctx, caller(ctx, in.Body.text()), in.Body.Filter, in.Body.DryRun)
	if err != nil {
		return nil, err
	}
	return &reply[runner.Purged]{v}, nil
}

// DeadRedrive says which dead letters to retry, and how fast.
type DeadRedrive struct {
	DeadPurge
	Rate float64 `json:"rate,omitempty" minimum:"0.01" maximum:"1000" doc:"Retries a second; 10 by default"`
}

// startRedrive answers 202 when it has begun, 200 to a dry run.
func (g *Gateway) startRedrive(ctx context.Context, in *struct{ Body DeadRedrive }) (*created[runner.Redrive], error) {
	b := &in.Body
	v, err := g.engine.StartRedrive(ctx, caller(ctx, b.text()), runner.RedriveRequest{Filter: b.Filter, Rate: b.Rate, DryRun: b.DryRun})
	if err != nil {
		return nil, err
	}
	if v.ID == "" {
		return &created[runner.Redrive]{Status: http.StatusOK, Body: v}, nil
	}
	return &created[runner.Redrive]{Status: http.StatusAccepted, Location: prefix + "/dlq/redrive/" + url.PathEscape(v.ID), Body: v}, nil
}

func (g *Gateway) listRedrives(ctx context.Context, _ *struct{}) (*reply[Page[runner.Redrive]], error) {
	all, err := g.engine.Redrives(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	return &reply[Page[runner.Redrive]]{Page[runner.Redrive]{Items: all}}, nil
}

func (g *Gateway) getRedrive(ctx context.Context, in *ByID) (*reply[runner.Redrive], error) {
	v, err := g.engine.Redrive(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.Redrive]{v}, nil
}

func (g *Gateway) stopRedrive(ctx context.Context, in *changeDeadInput) (*reply[runner.Redrive], error) {
	v, err := g.engine.StopRedrive(ctx, caller(ctx, in.Body.text()), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.Redrive]{v}, nil
}
