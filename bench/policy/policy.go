package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// Figure is what deciding costs with one set of rules.
type Figure struct {
	Name     string
	PerOp    float64 // nanoseconds
	Allocs   int64   // one decision
	Floor    float64 // nanoseconds, of the same run
	Goal     time.Duration
	NoAllocs bool // none is a goal too
}

// Goals that the project set itself.
const (
	Goal50    = 500 * time.Nanosecond
	Goal1000  = 2 * time.Microsecond
	Goal10000 = 20 * time.Microsecond
)

// Measure measures all sets, about a second each.
func Measure() ([]Figure, error) {
	floor := measureFloor()
	var out []Figure
	for _, f := range []struct {
		name    string
		rules   []string
		goal    time.Duration
		nothing bool
	}{
		{"policy: 50 rules of exact fields, allowed", exact(50), Goal50, true},
		{"policy: 1,000 rules of exact fields, allowed", exact(1_000), Goal1000, true},
		{"policy: 10,000 rules, 100 with expressions, allowed", mixed(10_000), Goal10000, false},
	} {
		s, err := compile(f.rules)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		r := request()
		if d := safety.Evaluate(s, r); !d.Verdict.MayStart() {
			return nil, fmt.Errorf("%s: the request is not allowed: %s", f.name, d.Rule)
		}
		result := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				safety.Evaluate(s, r)
			}
		})
		out = append(out, Figure{
			Name: f.name, PerOp: float64(result.T.Nanoseconds()) / float64(result.N),
			Allocs: result.AllocsPerOp(), Floor: floor, Goal: f.goal, NoAllocs: f.nothing,
		})
	}
	return out, nil
}

// fields is how many fields of a request the exact rules name: a value is looked up for each.
const fields = 5

// measureFloor looks a value of each field up and compares it once.
func measureFloor() float64 {
	values := make(map[string]string, 1_000)
	for i := range 1_000 {
		values[fmt.Sprintf("job.t%d", i)] = fmt.Sprintf("rule%d", i)
	}
	asked := [fields]string{"job.t3", "infra", "tool5", "job.t900", "sre"}
	found := 0
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			for _, value := range asked {
				if values[value] == "rule3" {
					found++
				}
			}
		}
	})
	if found == 0 { // keeps the loop from being left out
		return 0
	}
	return float64(result.T.Nanoseconds()) / float64(result.N)
}

func compile(rules []string) (*safety.Snapshot, error) {
	n, err := yamlx.Parse([]byte(`{"rules": [`+strings.Join(rules, ",")+`]}`), yamlx.JSON)
	if err != nil {
		return nil, err
	}
	s, problems := safety.ParsePolicy(n, "")
	if s == nil {
		return nil, fmt.Errorf("refused: %v", problems)
	}
	return s, nil
}

// exact are rules that name values, of which two allow the request.
func exact(n int) []string {
	rules := make([]string, n)
	for i := range rules {
		match, decision := fmt.Sprintf(`{"tenants": "acme", "topics": "job.t%d"}`, i), "ALLOW"
		switch i % 3 {
		case 1:
			match, decision = fmt.Sprintf(`{"pack": "pack%d", "tags": {"env": "production"}}`, i), "DENY"
		case 2:
			match = fmt.Sprintf(`{"roles": ["role%d", "sre"], "tool": "tool%d"}`, i, i)
		}
		rules[i] = rule(i, match, decision)
	}
	return rules
}

// mixed are rules of exact fields and globs; a hundred have an expression, and half of those nothing but it.
func mixed(n int) []string {
	rules := make([]string, n)
	for i := range rules {
		match, decision := []string{
			fmt.Sprintf(`{"topics": "job.t%d"}`, i), fmt.Sprintf(`{"pack": "pack%d", "effect": "write"}`, i),
			fmt.Sprintf(`{"tool": "tool%d.*"}`, i), fmt.Sprintf(`{"tags": {"team": "team%d"}}`, i), fmt.Sprintf(`{"roles": "role%d"}`, i),
		}[i%5], "ALLOW"
		if i%(n/100) == 7 {
			match, decision = fmt.Sprintf(`{"when": "input.amount > %d"}`, 1000+i), "DENY"
			if i/(n/100)%2 == 0 {
				match = fmt.Sprintf(`{"when": "cost > %d and tags.env == 'production'", "sources": "step"}`, i)
			}
		}
		rules[i] = rule(i, match, decision)
	}
	rules[0] = rule(0, `{"topics": "job.t3"}`, "ALLOW")
	return rules
}

func rule(i int, match, decision string) string {
	return fmt.Sprintf(`{"id": "r%d", "match": %s, "decision": %q}`, i, match, decision)
}

func request() safety.Request {
	return safety.Request{
		Tenant: "acme", Principal: "user:ann", Roles: []string{"dev", "sre"}, Source: safety.SourceStep, Workflow: "deploy", Step: "apply",
		Pack: "infra", Tool: "tool5", Topic: "job.t3", Effect: "write", Labels: map[string]string{"env": "production", "team": "core"},
		Input: []byte(`{"amount": 12, "to": "x"}`),
	}
}
