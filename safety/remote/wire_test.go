package remote

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
)

// everyField draws a value of every field of a struct, so that a field that is added and not carried is seen.
func everyField(t *rapid.T, v reflect.Value) {
	word := rapid.StringMatching(`[a-z0-9.:*-]{1,8}`)
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch f.Interface().(type) {
		case string:
			f.SetString(word.Draw(t, name))
		case []string:
			f.Set(reflect.ValueOf(rapid.SliceOfN(word, 1, 3).Draw(t, name)))
		case map[string]string:
			f.Set(reflect.ValueOf(rapid.MapOfN(word, word, 1, 3).Draw(t, name)))
		case float64:
			f.SetFloat(rapid.Float64Range(0, 1e9).Draw(t, name))
		case json.RawMessage:
			f.Set(reflect.ValueOf(json.RawMessage(`{"n":` + rapid.StringMatching(`[1-9]`).Draw(t, name) + `}`)))
		case safety.MCP:
			everyField(t, f)
		default:
			t.Fatalf("a request has the field %s of a kind that the wire's test does not know: %s", name, f.Type())
		}
	}
}

// cross sends a message through its encoding.
func cross[M proto.Message](t interface{ Fatal(...any) }, in, out M) M {
	raw, err := proto.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(raw, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestQuestionIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sent safety.Request
		everyField(t, reflect.ValueOf(&sent).Elem())
		read, err := readQuestion(cross(t, question(&sent), &wire.PolicyCheckRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(read, sent) || read.Hash() != sent.Hash() {
			t.Fatalf("read  %+v\nsent %+v", read, sent)
		}
	})
}

// A request of an engine is taken as it is: what it leaves out is not made up of what CAP has for it.
func TestNativeQuestionIsNotCompleted(t *testing.T) {
	sent := safety.Request{Topic: "job.compute.small", Labels: map[string]string{"mcp.server": "db"}}
	read, err := readQuestion(cross(t, question(&sent), &wire.PolicyCheckRequest{}))
	if err != nil || !reflect.DeepEqual(read, sent) {
		t.Errorf("read %+v, %v", read, err)
	}
}

func TestQuestionOfCAP(t *testing.T) {
	q := &wire.PolicyCheckRequest{
		Topic: "job.compute.small", Priority: wire.JobPriority_JOB_PRIORITY_CRITICAL, EstimatedCost: 2,
		Labels: map[string]string{"env": "production", "mcp.server": "db", "mcp.tool": "query", "mcp.resource": "r", "mcp.action": "read"},
		Meta: &wire.JobMetadata{
			TenantId: "acme", ActorId: "user:ann", ActorType: wire.ActorType_ACTOR_TYPE_HUMAN, Capability: "gpu",
			RiskTags: []string{"pii"}, Requires: []string{"kubectl"}, Labels: map[string]string{"env": "test", "team": "a"},
		},
		InputContent: []byte("drop it"), InputContentType: "text/plain",
	}
	want := safety.Request{
		Tenant: "acme", Principal: "user:ann", ActorType: "human", Source: "api", Pack: "compute", Tool: "small",
		Topic: "job.compute.small", Capability: "gpu", RiskTags: []string{"pii"}, Requires: []string{"kubectl"},
		Priority: "critical", Cost: 2, MCP: safety.MCP{Server: "db", Tool: "query", Resource: "r", Action: "read"},
		Labels: map[string]string{
			"env": "production", "team": "a", "mcp.server": "db", "mcp.tool": "query", "mcp.resource": "r", "mcp.action": "read",
		},
		Input: json.RawMessage(`"drop it"`),
	}
	read, err := readQuestion(cross(t, q, &wire.PolicyCheckRequest{}))
	if err != nil || !reflect.DeepEqual(read, want) {
		t.Errorf("read %+v, %v\nwant %+v", read, err, want)
	}
	for name, q := range map[string]*wire.PolicyCheckRequest{
		"cost":  {EstimatedCost: math.NaN()},
		"input": {InputContent: []byte("{")},
	} {
		if _, err := readQuestion(q); !errors.Is(err, errQuestion) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is decided is read back as it was: verdict, constraints and approvals.
func TestAnswerIsReadBack(t *testing.T) {
	s := policy(t, rules)
	seen := map[safety.Verdict]bool{}
	rapid.Check(t, func(t *rapid.T) {
		word := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		r := safety.Request{
			Tenant: "t", Pack: word("pack", "", "compute.small", "compute.large"), Tool: word("tool", "", "drop", "ask"),
			Labels: map[string]string{"env": word("env", "", "production")}, Input: json.RawMessage(`{"n":` + word("n", "1", "5") + `}`),
		}
		decided := safety.Evaluate(s, r)
		seen[decided.Verdict] = true
		a, err := answer(&decided, r.Hash())
		if err != nil {
			t.Fatal(err)
		}
		read, err := readAnswer(cross(t, a, &wire.PolicyCheckResponse{}), r.Hash())
		if err != nil {
			t.Fatalf("%v of %+v", err, decided)
		}
		if got, want := inWords(t, read), inWords(t, decided); got != want {
			t.Fatalf("read %s\nsent %s", got, want)
		}
	})
	if testing.Short() { // too few are drawn
		return
	}
	for _, v := range []safety.Verdict{safety.Allow, safety.Deny, safety.RequireApproval, safety.AllowWithConstraints} {
		if !seen[v] {
			t.Errorf("nothing was decided %s", v)
		}
	}
}

// inWords writes a decision so that two can be compared: an absent list is as an empty one.
func inWords(t *rapid.T, d safety.Decision) string {
	type plain safety.Decision // every field, whatever the decision's own JSON leaves out
	text, err := json.Marshal(plain(d))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "[]", "null")
}

// usable is an answer that can be gone by.
func usable() *wire.PolicyCheckResponse {
	return &wire.PolicyCheckResponse{
		Decision: wire.DecisionType_DECISION_TYPE_REQUIRE_HUMAN, RuleId: "b/r", PolicySnapshot: strings.Repeat("a", 64), JobHash: "h",
		Approvals: []*wire.PolicyApproval{{Rule: "b/r", Quorum: 1, DenyQuorum: 1, OnExpiry: "deny"}},
	}
}

func TestUnusableAnswersAreRefused(t *testing.T) {
	if d, err := readAnswer(usable(), "h"); err != nil || d.Verdict != safety.RequireApproval {
		t.Fatalf("%+v, %v", d, err)
	}
	for name, spoil := range map[string]func(*wire.PolicyCheckResponse){
		"no decision":            func(a *wire.PolicyCheckResponse) { a.Decision = 0 },
		"an unknown decision":    func(a *wire.PolicyCheckResponse) { a.Decision = 99 },
		"throttle":               func(a *wire.PolicyCheckResponse) { a.Decision = wire.DecisionType_DECISION_TYPE_THROTTLE },
		"quarantine":             func(a *wire.PolicyCheckResponse) { a.Decision = wire.DecisionType_DECISION_TYPE_QUARANTINE },
		"another job":            func(a *wire.PolicyCheckResponse) { a.JobHash = "g" },
		"no job":                 func(a *wire.PolicyCheckResponse) { a.JobHash = "" },
		"no snapshot":            func(a *wire.PolicyCheckResponse) { a.PolicySnapshot = "" },
		"a strange snapshot":     func(a *wire.PolicyCheckResponse) { a.PolicySnapshot = strings.Repeat("A", 64) },
		"no rule":                func(a *wire.PolicyCheckResponse) { a.RuleId = "" },
		"no approvals":           func(a *wire.PolicyCheckResponse) { a.Approvals = nil },
		"an approval by nobody":  func(a *wire.PolicyCheckResponse) { a.Approvals[0].Quorum = 0 },
		"an endless approval":    func(a *wire.PolicyCheckResponse) { a.Approvals[0].ExpiresNs = -1 },
		"an approving expiry":    func(a *wire.PolicyCheckResponse) { a.Approvals[0].OnExpiry = "approve" },
		"expired already":        func(a *wire.PolicyCheckResponse) { a.ExpiresNs = -1 },
		"allowed, yet approvals": func(a *wire.PolicyCheckResponse) { a.Decision = wire.DecisionType_DECISION_TYPE_ALLOW },
		"constraints, but none": func(a *wire.PolicyCheckResponse) {
			a.Decision, a.Approvals = wire.DecisionType_DECISION_TYPE_ALLOW_WITH_CONSTRAINTS, nil
		},
		"allowed, yet constraints": func(a *wire.PolicyCheckResponse) {
			a.Decision, a.Approvals = wire.DecisionType_DECISION_TYPE_ALLOW, nil
			a.ConstraintList = []byte(`[{"type":"MaxTimeout","value":1}]`)
		},
		"unknown constraints": func(a *wire.PolicyCheckResponse) { a.ConstraintList = []byte(`[{"type":"MaxJoy","value":1}]`) },
		"no JSON":             func(a *wire.PolicyCheckResponse) { a.ConstraintList = []byte(`[`) },
		"failed, yet allowed": func(a *wire.PolicyCheckResponse) { a.Failures = []*wire.PolicyFailure{{Rule: "b/f"}} },
	} {
		a := usable()
		spoil(a)
		if d, err := readAnswer(a, "h"); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// No field of a decision or of what it is made of is left out by the wire. The lists name what answer.go carries.
func TestAnswerKnowsEveryField(t *testing.T) {
	for of, want := range map[reflect.Type]string{
		reflect.TypeFor[safety.Decision]():         "Verdict Rule Reason Rules Failures Constraints Approvals Expires Snapshot",
		reflect.TypeFor[safety.Failure]():          "Rule Message",
		reflect.TypeFor[safety.RequiredApproval](): "Rule Reason Approvers Quorum DenyQuorum Expires OnExpiry Escalate FourEyes ExcludeAuthor",
		reflect.TypeFor[safety.Escalation]():       "After To",
	} {
		var names []string
		for i := range of.NumField() {
			names = append(names, of.Field(i).Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s has %s, the wire carries %s", of, got, want)
		}
	}
}

// A CAP client is told constraints in its own words, and denied what it could not keep.
func TestConstraintsOfCAP(t *testing.T) {
	told := &safety.Decision{Verdict: safety.AllowWithConstraints, Constraints: []safety.Constraint{
		{Type: safety.MaxTimeout, Max: 60},
		{Type: safety.MaxRetries, Max: math.MaxInt64},
		{Type: safety.MaxArtifactBytes, Max: 5},
		{Type: safety.MaxDiffLines, Max: 7},
		{Type: safety.DenyPaths, List: []string{"/etc/*"}},
		{Type: safety.AllowedTools, List: []string{"git"}},
		{Type: safety.Redact, List: []string{"strict"}},
		{Type: safety.RequireIdempotencyKey},
		{Type: safety.SandboxType, Sandbox: &safety.Sandbox{Isolated: true, Network: []string{"a.example"}}},
	}}
	a := &wire.PolicyCheckResponse{Decision: wire.DecisionType_DECISION_TYPE_ALLOW_WITH_CONSTRAINTS}
	narrowForCAP(a, told, &wire.JobMetadata{IdempotencyKey: "k"})
	want := &wire.PolicyConstraints{
		Budgets:   &wire.BudgetConstraints{MaxRuntimeMs: 60_000, MaxRetries: math.MaxInt32, MaxArtifactBytes: 5},
		Sandbox:   &wire.SandboxProfile{Isolated: true, NetworkAllowlist: []string{"a.example"}},
		Toolchain: &wire.ToolchainConstraints{AllowedTools: []string{"git"}},
		Diff:      &wire.DiffConstraints{MaxLines: 7, DenyPathGlobs: []string{"/etc/*"}}, RedactionLevel: "strict",
	}
	if a.Decision != wire.DecisionType_DECISION_TYPE_ALLOW_WITH_CONSTRAINTS || !proto.Equal(a.Constraints, want) {
		t.Errorf("%v", a)
	}
	for _, c := range []safety.Constraint{
		{Type: safety.MaxTimeout}, // 0 is no limit there
		{Type: safety.AllowedTools},
		{Type: safety.SandboxType, Sandbox: &safety.Sandbox{Network: []string{}}},
		{Type: safety.Redact, List: []string{"a", "b"}},
		{Type: safety.RequireIdempotencyKey},
		{Type: safety.EgressAllowlist, List: []string{"a.example"}},
		{Type: safety.RateLimitType, Rate: &safety.RateLimit{Key: "tenant", Per: time.Minute, Limit: 1}},
		{Type: safety.BudgetType, Budget: &safety.Budget{Unit: "usd"}},
		{Type: safety.MaxOutputBytes, Max: 1},
	} {
		a := &wire.PolicyCheckResponse{Decision: wire.DecisionType_DECISION_TYPE_ALLOW_WITH_CONSTRAINTS}
		narrowForCAP(a, &safety.Decision{Verdict: safety.AllowWithConstraints, Constraints: []safety.Constraint{c}}, nil)
		if a.Decision != wire.DecisionType_DECISION_TYPE_DENY || !strings.Contains(a.Reason, c.Type) {
			t.Errorf("%s: %v", c.Type, a)
		}
	}
}
