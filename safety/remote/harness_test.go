package remote

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// rules is a policy with something of everything that an answer can say.
const rules = `
default: ALLOW
name: test
rules:
  - {id: deny-drop, match: {tool: drop}, decision: DENY, reason: nothing is dropped}
  - id: two-people
    match: {tags: {env: production}}
    decision: REQUIRE_APPROVAL
    reason: production is looked at twice
    approval: {approvers: ["role:sre", "user:ann"], quorum: 2, expires: 4h, on_expiry: escalate, four_eyes: true,
      escalate: [{after: 1h, to: ["role:lead"]}]}
  - id: limits
    match: {pack: "compute.*"}
    decision: ALLOW_WITH_CONSTRAINTS
    constraints: [{type: MaxTimeout, value: 60}, {type: EgressAllowlist, value: [a.example, b.example], prove: true},
      {type: RateLimit, value: {key: tenant, per: 1m, limit: 5}}, {type: Budget, value: {unit: usd, per_run: 1.5}},
      {type: Sandbox, value: {isolated: true, fs_read_only: [/data]}}]
  - {id: small, match: {pack: compute.small, when: "input.n > 3"}, decision: DENY, reason: too many}
  - {id: asks-the-input, match: {tool: ask, when: "input.missing.field == 1"}, decision: ALLOW}
`

func policy(t testing.TB, text string) *safety.Snapshot {
	t.Helper()
	root, err := yamlx.Parse([]byte(text), yamlx.Auto)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := safety.ParsePolicy(root, "test.yaml")
	if safety.Refused(problems) {
		t.Fatal(problems)
	}
	return s
}

// inForce is a snapshot that a test changes.
type inForce struct {
	atomic.Pointer[safety.Snapshot]
}

func force(s *safety.Snapshot) *inForce {
	f := &inForce{}
	f.Store(s)
	return f
}

// serve runs a server until the test ends, or until stop is called, and answers its address.
func serve(t testing.TB, cfg ServerConfig, at string) (addr string, stop func()) {
	t.Helper()
	server, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, server, at)
}

// run runs a server as serve does.
func run(t testing.TB, server *Server, at string) (addr string, stop func()) {
	t.Helper()
	if at == "" {
		at = "127.0.0.1:0"
	}
	on, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, on) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended: %v", err)
		}
	}
	t.Cleanup(stop)
	return on.Addr().String(), stop
}

// ask runs a client until the test ends.
func ask(t testing.TB, cfg ClientConfig) *Client {
	t.Helper()
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the client ended: %v", err)
		}
	})
	return c
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// known waits until a client knows a snapshot.
func known(t testing.TB, c *Client, s *safety.Snapshot) {
	t.Helper()
	eventually(t, "the client knows the snapshot", func() bool { return c.Active() == s.Digest() })
}
