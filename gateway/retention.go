package gateway

import (
	"context"
	"strconv"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// retentionRoutes are what is asked of retention, which removes by itself.
func retentionRoutes() []Route {
	return []Route{{
		Method: "GET", Path: prefix + "/retention/plan", ID: "planRetention", Tag: "system",
		Summary: "Say which runs that have ended would be removed, and why",
		Doc: "Of the caller's tenant, by the rules in force, or by those in the query: what the next look would remove, and what is " +
			"too old or too many and would stay all the same. Nothing is removed for it. It looks at some thousand runs of each kind " +
			"only, and says when there are more.",
		Role: RoleAdmin, Tenant: TenantCaller, bind: handle((*Gateway).planRetention),
	}}
}

type planRetentionInput struct {
	RunAge   string `query:"run_age" maxLength:"32" doc:"Runs that ended longer ago go, such as 2160h; 0 keeps them for ever"`
	RunCount string `query:"run_count" pattern:"^[0-9]{0,9}$" doc:"How many ended runs are kept, those that began last; 0 keeps all"`
	JobAge   string `query:"job_age" maxLength:"32" doc:"The same as run_age for single jobs"`
	JobCount string `query:"job_count" pattern:"^[0-9]{0,9}$" doc:"The same as run_count for single jobs"`
}

func (g *Gateway) planRetention(ctx context.Context, in *planRetentionInput) (*reply[runner.RetentionPlan], error) {
	var ask runner.RetentionAsk
	for _, age := range []struct {
		name, value string
		into        **time.Duration
	}{{"run_age", in.RunAge, &ask.RunAge}, {"job_age", in.JobAge, &ask.JobAge}} {
		if age.value == "" {
			continue
		}
		d, err := time.ParseDuration(age.value)
		if err != nil {
			return nil, newProblem("invalid_argument", "query."+age.name+": write a duration like 2160h, or 0.")
		}
		*age.into = &d
	}
	for value, into := range map[*string]**int{&in.RunCount: &ask.RunCount, &in.JobCount: &ask.JobCount} {
		if *value != "" {
			n, _ := strconv.Atoi(*value) // its pattern was checked
			*into = &n
		}
	}
	plan, err := g.engine.PlanRetention(ctx, caller(ctx, ""), ask)
	if err != nil {
		return nil, err
	}
	return &reply[runner.RetentionPlan]{plan}, nil
}
