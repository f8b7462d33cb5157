package gateway

import (
	"context"
	"net/http"

	"cordum.dev/cordum/engine/runner"
)

// LogLines are a part of what jobs wrote.
type LogLines struct {
	Items     []runner.LogLine `json:"items"`
	NextAfter string           `json:"next_after,omitempty" doc:"There is more by now: ask with it as after"`
}

type logsInput struct {
	ByID
	Step    string `query:"step" maxLength:"200" doc:"Only this step's: a path, or a step's id for all its iterations"`
	Attempt int    `query:"attempt" minimum:"0" maximum:"1000000" doc:"Only this attempt's"`
	After   string `query:"after" maxLength:"400" doc:"next_after of the page before; or a number: of each attempt the lines behind that one"`
	Limit   int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
}

func (g *Gateway) runLogs(ctx context.Context, in *logsInput) (*reply[LogLines], error) {
	return g.logs(ctx, runner.LogQuery{Run: in.ID, Step: in.Step, Attempt: in.Attempt, After: in.After, Limit: in.Limit})
}

type jobLogsInput struct {
	ByID
	Attempt int    `query:"attempt" minimum:"0" maximum:"1000000" doc:"Only this attempt's"`
	After   string `query:"after" maxLength:"400" doc:"next_after of the page before; or a number: of each attempt the lines behind that one"`
	Limit   int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
}

func (g *Gateway) jobLogs(ctx context.Context, in *jobLogsInput) (*reply[LogLines], error) {
	return g.logs(ctx, runner.LogQuery{Job: in.ID, Attempt: in.Attempt, After: in.After, Limit: in.Limit})
}

func (g *Gateway) logs(ctx context.Context, q runner.LogQuery) (*reply[LogLines], error) {
	page, err := g.engine.Logs(ctx, caller(ctx, ""), q)
	if err != nil {
		return nil, err
	}
	return &reply[LogLines]{LogLines{Items: append([]runner.LogLine{}, page.Lines...), NextAfter: page.Next}}, nil
}

func logRoutes() []Route {
	const doc = "Lines are in the order of jobs, attempts and their numbers. What was left out (too fast, too much, lost) is an item " +
		"that says how many lines it stands for. Lines of a running attempt are there as they come; the live stream has them, too."
	return []Route{
		{
			Method: http.MethodGet, Path: prefix + "/runs/{id}/logs", ID: "getRunLogs", Tag: "runs",
			Summary: "Read what the jobs of a run wrote", Doc: doc,
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).runLogs),
		},
		{
			Method: http.MethodGet, Path: prefix + "/jobs/{id}/logs", ID: "getJobLogs", Tag: "jobs",
			Summary: "Read what a job wrote", Doc: doc,
			Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).jobLogs),
		},
	}
}
