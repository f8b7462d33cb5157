package config

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const pools = `
topics:
  job.sre-investigator.collect.k8s:
    - sre-investigator-pool
  job.mail.>: {pools: [mail], rate: 100/1m, max_jobs: 20}
  job.mail.urgent.*: mail
  job.default:
    - default-pool
pools:
  sre-investigator-pool:
    requires: [kubectl, "network:egress"]
  mail: {max_jobs: 50, draining: true}
  default-pool:
    requires: []
tenants:
  acme: {weight: 3, max_jobs: 1000}
`

func TestParseFleet(t *testing.T) {
	f, err := ParseFleet([]byte(pools), "pools.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]string{
		"job.sre-investigator.collect.k8s": "sre-investigator-pool", "job.mail.send": "mail", "job.mail.urgent.now": "mail",
		"job.mail": "default-pool", "job.other": "default-pool",
	} {
		got, ok := f.Topic(topic)
		if !ok || len(got.Pools) != 1 || got.Pools[0] != want {
			t.Errorf("%s is served by %v, want %s", topic, got.Pools, want)
		}
	}
	if got, _ := f.Topic("job.mail.send"); got.Rate != (Rate{100, time.Minute}) || got.MaxJobs != 20 {
		t.Errorf("job.mail.> says %+v", got)
	}
	if got, _ := f.Topic("job.mail.urgent.now"); got.MaxJobs != 0 {
		t.Errorf("the longer pattern has its own limits, got %+v", got)
	}
	if p := f.Pools["mail"]; p.MaxJobs != 50 || !p.Draining {
		t.Errorf("pool mail is %+v", p)
	}
	if f.Weight("acme") != 3 || f.Weight("nobody") != 1 {
		t.Errorf("weights are %d and %d", f.Weight("acme"), f.Weight("nobody"))
	}
	if empty, err := ParseFleet(nil, "pools.yaml"); err != nil || empty.Mapped() {
		t.Errorf("an empty file is %+v, %v", empty, err)
	}
}

// TestFleetProblems: each text is refused for the reason given, with its place.
func TestFleetProblems(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"topics: {job.a: [nope]}\npools: {nop: {}}", `pools.yaml:1:17: topic "job.a": there is no pool "nope" (did you mean nop?)`},
		{"topics: {a.b: [p]}\npools: {p: {}}", `pools.yaml:1:10: "a.b" is no topic`},
		{"topics: {job.a>: [p]}\npools: {p: {}}", `"job.a>" is no topic`},
		{"topics: {job.>.a: [p]}\npools: {p: {}}", `is no topic`},
		{"topics: {job.a: []}", `a list of pools is expected`},
		{"topics: {job.a: {rate: 3}}", `rate: expected COUNT/TIME`},
		{"topics: {job.a: {max_jobs: 3}}", `say which pools serve it`},
		{"pools: {p: {max_job: 3}}", `unknown key "max_job" (did you mean max_jobs?)`},
		{"pools: {p: {max_jobs: -1}}", `whole number from 1`},
		{"pools: {p: {requires: [1]}}", `requires: expected a name`},
		{"pools: {\"p q\": {}}", `no name of a pool`},
		{"tenants: {a: {weight: 101}}", `weight: expected a whole number from 1 to 100`},
		{"pools: [a]", `pools: expected NAME: VALUE`},
		{"[]", `expected KEY: VALUE`},
		{"pools: {p: 1, p: 2}", `pools.yaml:1:15`},
		{"pools: {", `pools.yaml:`},
		{strings.Repeat(" ", MaxBytes+1), "at most"},
	} {
		_, err := ParseFleet([]byte(c.source), "pools.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v, want %q", c.source, err, c.want)
		}
	}
}

func TestParseTimeouts(t *testing.T) {
	const source = `
topics:
  job.sre-investigator.collect.k8s: {dispatch_timeout: 30s, execution_timeout: 300s}
  job.slow.>: {timeout_seconds: 7200, max_retries: 2}
  job.default: {dispatch_timeout: 10s, execution_timeout: 120s}
workflows:
  sre-investigator.full-investigation: {step_timeout: 600s, run_timeout: 3600s}
  old: {child_timeout_seconds: 60, total_timeout_seconds: 90, max_retries: 0}
reconciler: {dispatch_timeout_seconds: 300, scan_interval_seconds: 30}
`
	got, err := ParseTimeouts([]byte(source), "timeouts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]TopicTimeouts{
		"job.sre-investigator.collect.k8s": {Dispatch: 30 * time.Second, Execution: 5 * time.Minute},
		"job.slow.report.year":             {Execution: 2 * time.Hour, MaxAttempts: 3},
		"job.anything":                     {Dispatch: 10 * time.Second, Execution: 2 * time.Minute},
	} {
		if now := got.Topic(topic); now != want {
			t.Errorf("%s has %+v, want %+v", topic, now, want)
		}
	}
	if w := got.Workflows["old"]; w != (WorkflowTimeouts{Step: time.Minute, Run: 90 * time.Second, MaxAttempts: 1}) {
		t.Errorf("old has %+v", w)
	}
	if j := got.Job("job.slow.x", "old"); j.Execution != 2*time.Hour || j.MaxAttempts != 3 {
		t.Errorf("the topic goes before the workflow, got %+v", j)
	}
	delete(got.Topics, DefaultTopic)
	if j := got.Job("job.x", "old"); j.Execution != time.Minute || j.MaxAttempts != 1 {
		t.Errorf("where the topic says nothing the workflow does, got %+v", j)
	}
}

func TestTimeoutProblems(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"topics: {job.a: {dispatch_timeout: 30}}", "dispatch_timeout: expected a time such as 30s"},
		{"topics: {job.a: {dispatch_timeout: -3s}}", "expected a time"},
		{"topics: {job.a: {dispatch_timeout: 1.5s}}", "expected a time"},
		{"topics: {job.a: {dispatch_timeout: 0s}}", "expected a time"},
		{"topics: {job.a: {execution_timeout: 367d}}", "expected a time"},
		{"topics: {job.a: {execution_timeout: 1s, timeout_seconds: 1}}", "say the same"},
		{"topics: {job.a: {timeout_seconds: 1s}}", "timeout_seconds: expected a whole number"},
		{"topics: {job.a: {max_retries: -1}}", "max_retries: expected a whole number from 0"},
		{"workflows: {w: {run_timeot: 1s}}", "did you mean run_timeout?"},
		{"workflow: {}", "did you mean workflows?"},
	} {
		_, err := ParseTimeouts([]byte(c.source), "timeouts.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.source, err, c.want)
		}
	}
}

// TestCovers compares with what a pattern means, token by token.
func TestCovers(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "*", ">"})
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SliceOfN(token, 1, 4).Draw(t, "pattern")
		topic := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 4).Draw(t, "topic")
		if got, want := Covers(strings.Join(pattern, "."), strings.Join(topic, ".")), naive(pattern, topic); got != want {
			t.Fatalf("%v covers %v: %v, want %v", pattern, topic, got, want)
		}
	})
}

func naive(pattern, topic []string) bool {
	switch {
	case len(pattern) == 0:
		return len(topic) == 0
	case pattern[0] == ">" && len(pattern) == 1:
		return len(topic) > 0
	case len(topic) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == topic[0]) && naive(pattern[1:], topic[1:])
}

// FuzzParse: no text makes a reader panic, and what is accepted is within bounds.
func FuzzParse(f *testing.F) {
	f.Add(pools)
	f.Add("topics: {job.a: {dispatch_timeout: 30s}}")
	f.Fuzz(func(t *testing.T, source string) {
		if fleet, err := ParseFleet([]byte(source), "f"); err == nil {
			for name, topic := range fleet.Topics {
				for _, pool := range topic.Pools {
					if _, ok := fleet.Pools[pool]; !ok {
						t.Fatalf("topic %q names the pool %q, which there is not", name, pool)
					}
				}
			}
			for _, tenant := range fleet.Tenants {
				if tenant.Weight < 0 || tenant.Weight > MaxWeight {
					t.Fatalf("weight %d", tenant.Weight)
				}
			}
		}
		if timeouts, err := ParseTimeouts([]byte(source), "t"); err == nil {
			for _, topic := range timeouts.Topics {
				if topic.Dispatch < 0 || topic.Execution < 0 || topic.Execution > maxSeconds*time.Second {
					t.Fatalf("%+v", topic)
				}
			}
		}
	})
}

// The longest pattern that covers a topic is found as by looking at each.
func TestTopicIsFoundAsByLookingAtEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SampledFrom([]string{"a", "b", "cc", "*"})
		topics := map[string]Topic{}
		for range rapid.IntRange(0, 12).Draw(t, "entries") {
			tokens := append([]string{"job"}, rapid.SliceOfN(token, 1, 3).Draw(t, "tokens")...)
			if rapid.Bool().Draw(t, "rest") {
				tokens = append(tokens, ">")
			}
			topics[strings.Join(tokens, ".")] = Topic{MaxJobs: len(topics) + 1}
		}
		if rapid.Bool().Draw(t, "default") {
			topics[DefaultTopic] = Topic{MaxJobs: 99}
		}
		f := &Fleet{Topics: topics, patterns: indexPatterns(topics)}
		name := "job." + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "cc"}), 1, 4).Draw(t, "topic"), ".")
		got, ok := f.Topic(name)
		want, wantOK := entry(topics, name)
		if got.MaxJobs != want.MaxJobs || ok != wantOK {
			t.Fatalf("%s among %v: %v %t, not %v %t", name, topics, got, ok, want, wantOK)
		}
		var ownOK bool
		for pattern := range topics {
			ownOK = ownOK || pattern != DefaultTopic && Covers(pattern, name)
		}
		if _, ok := f.Own(name); ok != ownOK {
			t.Fatalf("%s among %v: it is said %t", name, topics, ok)
		}
	})
}

// entry finds what is said of a topic by looking at every pattern.
func entry[T any](topics map[string]T, name string) (T, bool) {
	if t, ok := topics[name]; ok {
		return t, true
	}
	best := ""
	for pattern := range topics {
		if isPattern(pattern) && Covers(pattern, name) && (len(pattern) > len(best) || len(pattern) == len(best) && pattern < best) {
			best = pattern
		}
	}
	if best == "" {
		best = DefaultTopic
	}
	t, ok := topics[best]
	return t, ok
}
