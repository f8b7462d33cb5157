package gateway

import (
	"slices"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestRetentionPlanGoesByWhatIsAsked: the rules in the query reach the engine as they are written, and others are refused.
func TestRetentionPlanGoesByWhatIsAsked(t *testing.T) {
	a := newAPI(t, nil)
	var plan runner.RetentionPlan
	a.call("GET", prefix+"/retention/plan", "").want(200, "").json(&plan)
	if len(plan.Rules) > 0 {
		t.Errorf("nothing was asked for: %+v", plan)
	}
	for query, want := range map[string][]runner.RetentionRule{
		"run_age=2160h": {{Kind: "workflow", Age: "2160h0m0s"}},
		"run_count=10":  {{Kind: "workflow", Count: 10}},
		"job_age=1h":    {{Kind: "job", Age: "1h0m0s"}},
		"job_count=20":  {{Kind: "job", Count: 20}},
		"job_count=4&run_age=1h&job_age=3h&run_count=2": {{Kind: "workflow", Age: "1h0m0s", Count: 2}, {Kind: "job", Age: "3h0m0s", Count: 4}},
	} {
		plan = runner.RetentionPlan{}
		a.call("GET", prefix+"/retention/plan?"+query, "").want(200, "").json(&plan)
		if !slices.Equal(plan.Rules, want) {
			t.Errorf("%s: %+v, want %+v", query, plan.Rules, want)
		}
	}
	a.call("GET", prefix+"/retention/plan?run_age=90d", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/retention/plan?run_count=-1", "").want(400, "invalid_argument")
}
