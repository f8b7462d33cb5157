package safety

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/internal/yamlx"
)

// The figures that an evaluation is held to; `make bench` reports them beside the floor of the same run. Tests allow
// several times as much, as they share their machine.
const (
	slowdown      = 20
	goal50        = 500 * time.Nanosecond
	goal1000      = 2 * time.Microsecond
	goal10000     = 20 * time.Microsecond
	goalCompile   = 2 * time.Second
	compileFactor = 3
)

// exactRules are n rules that name values, of which two allow speedRequest.
func exactRules(t testing.TB, n int) *Snapshot {
	rules := make([]string, n)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{"id": "r%d", "match": {"tenants": "acme", "topics": "job.t%d"}, "decision": "ALLOW"}`, i, i)
		switch i % 3 {
		case 1:
			rules[i] = fmt.Sprintf(`{"id": "r%d", "match": {"pack": "pack%d", "tags": {"env": "production"}}, "decision": "DENY"}`, i, i)
		case 2:
			rules[i] = fmt.Sprintf(`{"id": "r%d", "match": {"roles": ["role%d", "sre"], "tool": "tool%d"}, "decision": "ALLOW"}`, i, i, i)
		}
	}
	return compileRules(t, rules)
}

// mixedRules are n rules of which a hundred have conditions, some nothing but one, and a fifth globs.
func mixedRules(t testing.TB, n int) *Snapshot {
	rules := make([]string, n)
	for i := range rules {
		match := []string{
			fmt.Sprintf(`{"topics": "job.t%d"}`, i), fmt.Sprintf(`{"pack": "pack%d", "effect": "write"}`, i),
			fmt.Sprintf(`{"tool": "tool%d.*"}`, i), fmt.Sprintf(`{"tags": {"team": "team%d"}}`, i), fmt.Sprintf(`{"roles": "role%d"}`, i),
		}[i%5]
		decision := "ALLOW"
		switch {
		case i%(n/100) == 7 && i%2 == 1:
			match, decision = fmt.Sprintf(`{"when": "input.amount > %d"}`, 1000+i), "DENY"
		case i%(n/100) == 7:
			match, decision = fmt.Sprintf(`{"when": "cost > %d and tags.env == 'production'", "sources": "step"}`, i), "DENY"
		}
		rules[i] = fmt.Sprintf(`{"id": "r%d", "match": %s, "decision": %q}`, i, match, decision)
	}
	return compileRules(t, rules)
}

func compileRules(t testing.TB, rules []string) *Snapshot {
	t.Helper()
	n, err := yamlx.Parse([]byte(`{"rules": [`+strings.Join(rules, ",")+`]}`), yamlx.JSON)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := ParsePolicy(n, "")
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

func speedRequest() Request {
	return Request{
		Tenant: "acme", Principal: "user:ann", Roles: []string{"dev", "sre"}, Source: SourceStep, Workflow: "deploy", Step: "apply", Pack: "infra",
		Tool: "tool5", Topic: "job.t3", Effect: "write", Labels: map[string]string{"env": "production", "team": "core"}, Input: []byte(`{"amount": 12, "to": "x"}`),
	}
}

// TestAllowingAllocatesNothing: the path that nearly every job takes leaves nothing to collect.
func TestAllowingAllocatesNothing(t *testing.T) {
	r := speedRequest()
	for name, s := range map[string]*Snapshot{
		"50 rules": exactRules(t, 50), "1,000 rules": exactRules(t, 1000), "no rules": NewSnapshot(Allow),
		"constraints": compileText(t, `{rules: [{id: a, match: {tenants: acme}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 9}, {type: Redact, value: [x]}]},
			{id: b, match: {tool: "tool*"}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 7}]}]}`),
	} {
		if d := Evaluate(s, r); !d.Verdict.MayStart() {
			t.Fatalf("%s: %+v", name, d)
		}
		if n := testing.AllocsPerRun(100, func() { Evaluate(s, r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestSpeed: what an evaluation costs grows with the rules that match, not with all.
func TestSpeed(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules *Snapshot
		goal  time.Duration
	}{
		{"50 rules", exactRules(t, 50), goal50},
		{"1,000 rules", exactRules(t, 1000), goal1000},
		{"10,000 rules with 100 conditions", mixedRules(t, 10_000), goal10000},
	} {
		r, best := speedRequest(), time.Hour
		for range 50 {
			best = min(best, cputime.Of(func() {
				for range 20 {
					Evaluate(c.rules, r)
				}
			})/20)
		}
		if best > slowdown*c.goal {
			t.Errorf("%s: %s", c.name, best)
		}
	}
}

// TestCompileIsQuick: a set of ten thousand rules is read, checked and indexed.
func TestCompileIsQuick(t *testing.T) {
	var s *Snapshot
	if took := cputime.Of(func() { s = mixedRules(t, 10_000) }); took > compileFactor*goalCompile || s.RuleCount() != 10_000 {
		t.Errorf("%d rules took %s", s.RuleCount(), took)
	}
}

func benchmarkEvaluate(b *testing.B, s *Snapshot) {
	r := speedRequest()
	b.ReportAllocs()
	for b.Loop() {
		Evaluate(s, r)
	}
}

func BenchmarkEvaluate50(b *testing.B)    { benchmarkEvaluate(b, exactRules(b, 50)) }
func BenchmarkEvaluate1000(b *testing.B)  { benchmarkEvaluate(b, exactRules(b, 1000)) }
func BenchmarkEvaluate10000(b *testing.B) { benchmarkEvaluate(b, mixedRules(b, 10_000)) }

// BenchmarkEvaluateAlways asks a hundred conditions that no index can leave out.
func BenchmarkEvaluateAlways(b *testing.B) {
	rules := make([]string, 100)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{"id": "r%d", "match": {"when": "input.amount + %d > 1000"}, "decision": "DENY"}`, i, i)
	}
	benchmarkEvaluate(b, compileRules(b, append(rules, `{"id": "a", "match": {"tenants": "*"}, "decision": "ALLOW"}`)))
}

func BenchmarkCompile10000(b *testing.B) {
	for b.Loop() {
		mixedRules(b, 10_000)
	}
}
