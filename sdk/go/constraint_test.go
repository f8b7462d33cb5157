package cordum_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

// under sends one job under constraints and answers its result.
func under(t *testing.T, constraints string, tool func(context.Context, cordum.Job) error) *wire.JobResult {
	t.Helper()
	e := newEngine(t)
	startWorker(t, e, echo(tool))
	e.send(job("1", func(r *wire.JobRequest) { r.Constraints = []byte(constraints) }))
	return e.result()
}

func TestJobKnowsItsConstraintsAndProvesThem(t *testing.T) {
	r := under(t, `[{"type":"AllowedTools","value":["git","go"],"prove":true},{"type":"MaxDiffFiles","value":3,"prove":true},`+
		`{"type":"MaxTimeout","value":60,"prove":true},{"type":"MaxOutputBytes","value":100},{"type":"RequireIdempotencyKey","prove":true}]`,
		func(_ context.Context, j cordum.Job) error {
			tools, _ := j.Constraint("AllowedTools")
			list, ok := tools.List()
			files, _ := j.Constraint("MaxDiffFiles")
			most, is := files.Max()
			if _, has := j.Constraint("Sandbox"); has || !ok || strings.Join(list, " ") != "git go" || !is || most != 3 || len(j.Constraints()) != 5 {
				t.Errorf("constraints %+v", j.Constraints())
			}
			if _, is := tools.Max(); is {
				t.Error("a list is read as a number")
			}
			if _, is := files.List(); is {
				t.Error("a number is read as a list")
			}
			for _, err := range []error{
				j.Prove("AllowedTools", []string{"go", "git"}), j.Prove("AllowedTools", []string{"go"}), j.Prove("MaxDiffFiles", 2),
				j.Used("tokens", 7), j.Used("tokens", 0.5),
			} {
				must(t, err)
			}
			for what, err := range map[string]error{
				"evidence that is no JSON": j.Prove("Sandbox", func() {}), "evidence of nothing": j.Prove("", 1),
				"too much evidence": j.Prove("Sandbox", strings.Repeat("x", 64<<10)), "a negative amount": j.Used("tokens", -1),
				"no number": j.Used("tokens", math.NaN()), "no unit": j.Used("", 1),
			} {
				if err == nil {
					t.Errorf("%s: no error", what)
				}
			}
			return nil
		})
	var evidence map[string]any
	must(t, json.Unmarshal(r.GetEvidence(), &evidence))
	if took, is := evidence["MaxTimeout"].(float64); !is || took < 0 || took > 60 {
		t.Errorf("the time proved is %v", evidence["MaxTimeout"])
	}
	delete(evidence, "MaxTimeout")
	if got, _ := json.Marshal(evidence); string(got) != `{"AllowedTools":["go"],"MaxDiffFiles":2,"RequireIdempotencyKey":"1"}` {
		t.Errorf("evidence %s", got)
	}
	if string(r.GetUsage()) != `{"tokens":7.5}` {
		t.Errorf("usage %s", r.GetUsage())
	}
}

func TestPolicyLimitsTheTime(t *testing.T) {
	r := under(t, `[{"type":"MaxTimeout","value":0}]`, func(ctx context.Context, j cordum.Job) error {
		_ = j.Used("tokens", 1)
		<-ctx.Done()
		return ctx.Err()
	})
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_TIMEOUT || string(r.GetUsage()) != `{"tokens":1}` || len(r.GetEvidence()) > 0 {
		t.Errorf("result %v", r)
	}
}

// TestUnreadableConstraintsAllowNothing: what cannot be read is not "none".
func TestUnreadableConstraintsAllowNothing(t *testing.T) {
	r := under(t, `{"type":"MaxTimeout"`, func(context.Context, cordum.Job) error {
		t.Error("the tool was called")
		return nil
	})
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_FAILED_FATAL || r.GetErrorCode() != cordum.CodeInvalidConstraints {
		t.Errorf("result %v", r)
	}
}

func TestJobOfATestHasConstraints(t *testing.T) {
	j, err := cordum.JobUnder(cordum.Job{ID: "1"}, []byte(`[{"type":"MaxTimeout","value":3}]`))
	must(t, err)
	if c, ok := j.Constraint("MaxTimeout"); !ok || c.Prove {
		t.Errorf("constraints %+v", j.Constraints())
	}
	must(t, j.Prove("MaxTimeout", 1))
	must(t, j.Used("tokens", 1))
	if _, err := cordum.JobUnder(cordum.Job{}, []byte(`{`)); err == nil {
		t.Error("no error")
	}
}

// TestDecisionIsSigned: a worker that knows the server's key does nothing under constraints that the server did not sign, whatever
// of the decision was changed.
func TestDecisionIsSigned(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	signed := func(change func(*wire.JobRequest)) *wire.JobRequest {
		return job("1", func(r *wire.JobRequest) {
			r.Constraints, r.JobHash, r.DecisionSnapshot, r.DecisionRule = []byte(`[{"type":"AllowedTools","value":["git"]}]`), "h", "s", "base/one"
			r.DecisionSignature = ed25519.Sign(private, wire.DecisionMessage(r))
			if change != nil {
				change(r)
			}
		})
	}
	for name, c := range map[string]struct {
		change func(*wire.JobRequest)
		code   string
	}{
		"as it was signed":     {nil, ""},
		"not signed":           {func(r *wire.JobRequest) { r.DecisionSignature = nil }, cordum.CodeUnsignedDecision},
		"more tools":           {func(r *wire.JobRequest) { r.Constraints = []byte(`[{"type":"AllowedTools","value":["git","rm"]}]`) }, cordum.CodeUnsignedDecision},
		"of another job":       {func(r *wire.JobRequest) { r.JobHash = "x" }, cordum.CodeUnsignedDecision},
		"of another snapshot":  {func(r *wire.JobRequest) { r.DecisionSnapshot = "x" }, cordum.CodeUnsignedDecision},
		"of another tenant":    {func(r *wire.JobRequest) { r.TenantId = "x" }, cordum.CodeUnsignedDecision},
		"nothing was decided":  {func(r *wire.JobRequest) { r.Constraints, r.DecisionSignature = nil, nil }, ""},
		"the parts moved over": {func(r *wire.JobRequest) { r.JobHash, r.DecisionSnapshot = "hs", "" }, cordum.CodeUnsignedDecision},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			startWorker(t, e, echo(func(context.Context, cordum.Job) error { return nil }), func(cfg *cordum.WorkerConfig) { cfg.DecisionKey = public })
			e.send(signed(c.change))
			if r := e.result(); r.GetErrorCode() != c.code {
				t.Errorf("code %q, want %q", r.GetErrorCode(), c.code)
			}
		})
	}
}
