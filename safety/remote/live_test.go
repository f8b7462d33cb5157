package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/bus/wire/kernel"
	"cordum.dev/cordum/safety"
)

const token = "0123456789abcdef0123456789abcdef"

// The client and the rules agree, and the client's own copy of the rules is the kernel's.
func TestClientDecidesAsTheRulesDo(t *testing.T) {
	s := policy(t, rules)
	addr, _ := serve(t, ServerConfig{Snapshot: force(s).Load, Token: token}, "")
	c := ask(t, ClientConfig{Addr: addr, Token: token})
	known(t, c, s)
	for _, r := range []safety.Request{
		{},
		{Tool: "drop"},
		{Pack: "compute.small", Input: json.RawMessage(`{"n":1}`)},
		{Pack: "compute.small", Input: json.RawMessage(`{"n":5}`)},
		{Labels: map[string]string{"env": "production"}, Pack: "compute.large"},
		{Tool: "ask", Input: json.RawMessage(`{"missing":1}`)},
	} {
		got, err := c.Evaluate(t.Context(), r)
		want := safety.Evaluate(s, r)
		if err != nil || got.Verdict != want.Verdict || got.Rule != want.Rule || got.Reason != want.Reason || got.Snapshot != want.Snapshot {
			t.Errorf("%+v: %+v, %v, want %+v", r, got, err, want)
		}
		if own := safety.Evaluate(c.Snapshot(), r); own.Verdict != want.Verdict || own.Snapshot != want.Snapshot {
			t.Errorf("%+v: the copy says %+v, want %+v", r, own, want)
		}
	}
	if err := c.Health(); err != nil {
		t.Error(err)
	}
}

// A new snapshot is gone by from the first answer that cites it on; none is refused for being news.
func TestNewRulesAreLearnt(t *testing.T) {
	now := force(policy(t, "default: ALLOW"))
	addr, _ := serve(t, ServerConfig{Snapshot: now.Load}, "")
	c := ask(t, ClientConfig{Addr: addr})
	known(t, c, now.Load())
	for i := range 20 {
		next := policy(t, fmt.Sprintf("default: ALLOW\nname: n%d\nrules: [{id: r, match: {tool: x}, decision: DENY}]", i))
		now.Store(next)
		d, err := c.Evaluate(t.Context(), safety.Request{Tool: "x"})
		if err != nil || d.Verdict != safety.Deny || d.Snapshot != next.Digest() {
			t.Fatalf("%+v, %v", d, err)
		}
	}
}

// While the kernel has no policy, or is away, there is no answer; when it is back there is one. Nothing is ever allowed
// meanwhile.
func TestAwayIsNoPermission(t *testing.T) {
	s := policy(t, "default: ALLOW")
	now := force(nil)
	addr, stop := serve(t, ServerConfig{Snapshot: now.Load}, "")
	c := ask(t, ClientConfig{Addr: addr, Timeout: 300 * time.Millisecond})
	refused := func(what string) {
		t.Helper()
		if d, err := c.Evaluate(t.Context(), safety.Request{}); !errors.Is(err, ErrUnavailable) || d.Verdict != safety.Deny {
			t.Errorf("%s: %+v, %v", what, d, err)
		}
	}
	refused("no policy")
	now.Store(s)
	known(t, c, s)
	stop()
	refused("stopped")
	eventually(t, "the client knows that it does not know", func() bool { return c.Active() == "" && c.Snapshot() == nil })
	if err := c.Health(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("health: %v", err)
	}
	serve(t, ServerConfig{Snapshot: now.Load}, addr)
	known(t, c, s)
	if d, err := c.Evaluate(t.Context(), safety.Request{}); err != nil || d.Verdict != safety.Allow {
		t.Errorf("back: %+v, %v", d, err)
	}
}

func TestClientThatDoesNotRun(t *testing.T) {
	c, err := NewClient(ClientConfig{Addr: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Evaluate(t.Context(), safety.Request{}); !errors.Is(err, ErrUnavailable) || c.Active() != "" {
		t.Errorf("%v, %q", err, c.Active())
	}
}

// A kernel that lies about what is in force is not gone by.
type liar struct {
	kernel.UnimplementedSafetyKernelServer
	mu       sync.Mutex
	answered *wire.PolicyCheckResponse
	listed   *wire.ListSnapshotsResponse
}

func (l *liar) Evaluate(_ context.Context, q *wire.PolicyCheckRequest) (*wire.PolicyCheckResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered, nil
}

func (l *liar) ListSnapshots(context.Context, *wire.ListSnapshotsRequest) (*wire.ListSnapshotsResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listed, nil
}

func (l *liar) say(a *wire.PolicyCheckResponse, s *wire.ListSnapshotsResponse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered, l.listed = a, s
}

func TestLiesAreRefused(t *testing.T) {
	s, other := policy(t, "default: ALLOW"), policy(t, rules)
	l := &liar{}
	r := safety.Request{Topic: "job.x"}
	allow := func(digest string) *wire.PolicyCheckResponse {
		return &wire.PolicyCheckResponse{
			Decision: wire.DecisionType_DECISION_TYPE_ALLOW, RuleId: "default", PolicySnapshot: digest, JobHash: r.Hash(),
		}
	}
	list := func(digest string, rules []byte) *wire.ListSnapshotsResponse {
		return &wire.ListSnapshotsResponse{Snapshots: []string{digest}, Rules: rules}
	}
	l.say(allow(s.Digest()), list(s.Digest(), s.Canonical()))
	c := ask(t, ClientConfig{Addr: serveRaw(t, l)})
	known(t, c, s)
	if d, err := c.Evaluate(t.Context(), r); err != nil || d.Verdict != safety.Allow {
		t.Fatalf("%+v, %v", d, err)
	}
	l.say(allow(other.Digest()), list(s.Digest(), nil))
	if d, err := c.Evaluate(t.Context(), r); !errors.Is(err, ErrAnswer) {
		t.Errorf("an unknown snapshot: %+v, %v", d, err)
	}
	for name, listed := range map[string]*wire.ListSnapshotsResponse{
		"nothing":        {},
		"other rules":    list(other.Digest(), s.Canonical()),
		"no rules":       list(other.Digest(), nil),
		"unusable rules": list(other.Digest(), []byte(`{"default":"MAYBE"}`)),
		"no digest":      list("x", s.Canonical()),
	} {
		l.say(allow(other.Digest()), listed)
		if d, err := c.Evaluate(t.Context(), r); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if c.Active() == other.Digest() {
			t.Errorf("%s: it is believed", name)
		}
	}
}

// serveRaw serves any implementation without the server's gate.
func serveRaw(t *testing.T, k kernel.SafetyKernelServer) string {
	t.Helper()
	on := listen(t)
	server := grpc.NewServer()
	kernel.RegisterSafetyKernelServer(server, k)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(on) }()
	t.Cleanup(func() { server.Stop(); <-ended })
	return on.Addr().String()
}

// A slow kernel costs the client its deadline and no more.
func TestSlowKernel(t *testing.T) {
	release := make(chan struct{})
	s := policy(t, "default: ALLOW")
	addr, _ := serve(t, ServerConfig{Snapshot: func() *safety.Snapshot { <-release; return s }}, "")
	defer close(release)
	c := ask(t, ClientConfig{Addr: addr, Timeout: 50 * time.Millisecond})
	eventually(t, "the client runs", func() bool { return c.conn.Load() != nil })
	began := time.Now()
	if _, err := c.Evaluate(t.Context(), safety.Request{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > maxCall/2 { // the server keeps a call for maxCall
		t.Errorf("it took %s", took)
	}
}

// A panic ends its call, and is told without the words that it had.
func TestPanicIsFenced(t *testing.T) {
	var log strings.Builder
	s := policy(t, "default: ALLOW")
	broken := true
	var mu sync.Mutex
	addr, _ := serve(t, ServerConfig{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Snapshot: func() *safety.Snapshot {
			mu.Lock()
			defer mu.Unlock()
			if broken {
				panic("canary-4711")
			}
			return s
		},
	}, "")
	k := kernel.NewSafetyKernelClient(dial(t, addr))
	_, err := k.Evaluate(t.Context(), &wire.PolicyCheckRequest{})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	mu.Lock()
	broken = false
	text := log.String()
	mu.Unlock()
	if !strings.Contains(text, "panicked") || strings.Contains(text, "canary-4711") {
		t.Errorf("log: %s", text)
	}
	if a, err := k.Evaluate(t.Context(), &wire.PolicyCheckRequest{}); err != nil || a.GetDecision() != wire.DecisionType_DECISION_TYPE_ALLOW {
		t.Errorf("%v, %v", a, err)
	}
}

func dial(t testing.TB, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Every method of the service answers a plain CAP client; Explain says what each rule says.
func TestMethods(t *testing.T) {
	s := policy(t, rules)
	addr, _ := serve(t, ServerConfig{Snapshot: force(s).Load}, "")
	k := kernel.NewSafetyKernelClient(dial(t, addr))
	q := &wire.PolicyCheckRequest{Topic: "job.db.drop"}
	for name, call := range map[string]func(context.Context, *wire.PolicyCheckRequest, ...grpc.CallOption) (*wire.PolicyCheckResponse, error){
		"Check": k.Check, "Evaluate": k.Evaluate, "Explain": k.Explain, "Simulate": k.Simulate,
	} {
		a, err := call(t.Context(), q)
		if err != nil || a.GetDecision() != wire.DecisionType_DECISION_TYPE_DENY || a.GetRuleId() != "test/deny-drop" || a.GetPolicySnapshot() != s.Digest() {
			t.Errorf("%s: %v, %v", name, a, err)
		}
		if name != "Explain" {
			if a.GetExplanation() != nil {
				t.Errorf("%s explains", name)
			}
			continue
		}
		var x struct {
			Rules []json.RawMessage `json:"rules"`
		}
		if err := json.Unmarshal(a.GetExplanation(), &x); err != nil || len(x.Rules) != s.RuleCount() {
			t.Errorf("%v: %s", err, a.GetExplanation())
		}
	}
	a, err := k.Check(t.Context(), &wire.PolicyCheckRequest{Labels: map[string]string{"env": "production"}})
	if err != nil || a.GetDecision() != wire.DecisionType_DECISION_TYPE_REQUIRE_HUMAN || !a.GetApprovalRequired() {
		t.Errorf("%v, %v", a, err)
	}
	list, err := k.ListSnapshots(t.Context(), &wire.ListSnapshotsRequest{})
	if err != nil || len(list.GetSnapshots()) != 1 || list.GetSnapshots()[0] != s.Digest() || list.GetRules() != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// The service is CAP's, by name.
func TestServiceOfCAP(t *testing.T) {
	desc := kernel.SafetyKernel_ServiceDesc
	names := make([]string, 0, len(desc.Methods))
	for _, m := range desc.Methods {
		names = append(names, m.MethodName)
	}
	if desc.ServiceName != "cordum.agent.v1.SafetyKernel" || strings.Join(names, " ") != "Check Evaluate Explain Simulate ListSnapshots" {
		t.Errorf("%s %v", desc.ServiceName, names)
	}
}

func TestHealth(t *testing.T) {
	now := force(nil)
	addr, stop := serve(t, ServerConfig{Snapshot: now.Load, Token: token}, "")
	h := healthpb.NewHealthClient(dial(t, addr)) // probes have no token
	for _, service := range []string{"", "cordum.agent.v1.SafetyKernel"} {
		now.Store(nil)
		check := func(want healthpb.HealthCheckResponse_ServingStatus) {
			t.Helper()
			if a, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service}); err != nil || a.GetStatus() != want {
				t.Errorf("%q: %v, %v, want %s", service, a, err, want)
			}
		}
		check(healthpb.HealthCheckResponse_NOT_SERVING)
		now.Store(policy(t, "default: ALLOW"))
		check(healthpb.HealthCheckResponse_SERVING)
	}
	if _, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
	watch, err := h.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		a, err := watch.Recv()
		if err != nil || a.GetStatus() != want {
			t.Fatalf("change %d: %v, %v, want %s", i, a, err, want)
		}
		now.Store(nil)
	}
	stop() // does not wait for those who watch
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("after the stop: %v", err)
	}
}
