package scheduler

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestServes(t *testing.T) {
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"job.a", "job.a", true},
		{"job.a", "job.b", false},
		{"job.a", "job.a.b", false},
		{"job.a.b", "job.a", false},
		{"job.*", "job.a", true},
		{"job.*", "job", false},
		{"job.*", "job.a.b", false},
		{"job.*.backup", "job.postgres.backup", true},
		{"job.*.backup", "job.postgres.migrate", false},
		{"job.>", "job.a", true},
		{"job.>", "job.a.b.c", true},
		{"job.>", "job", false},
		{">", "job", true},
		{"*", "job", true},
		{">", "", false},
		{"job.>.a", "job.b.a", false},
		{"job.a*", "job.ab", false},
	} {
		if got := serves(c.pattern, c.topic); got != c.want {
			t.Errorf("serves(%q, %q) = %v, want %v", c.pattern, c.topic, got, c.want)
		}
	}
}

// naiveServes says the rule token by token.
func naiveServes(pattern, topic []string) bool {
	if len(pattern) == 1 && pattern[0] == ">" {
		return len(topic) > 0
	}
	if len(pattern) == 0 || len(topic) == 0 {
		return len(pattern) == len(topic)
	}
	return (pattern[0] == "*" || pattern[0] == topic[0]) && naiveServes(pattern[1:], topic[1:])
}

func TestServesAsTokenByToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 4).Draw(t, "topic")
		pattern := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*"}), 1, 4).Draw(t, "pattern")
		if rapid.Bool().Draw(t, "tail") {
			pattern = append(pattern, ">")
		}
		got := serves(strings.Join(pattern, "."), strings.Join(topic, "."))
		if want := naiveServes(pattern, topic); got != want {
			t.Fatalf("serves(%v, %v) = %v, want %v", pattern, topic, got, want)
		}
	})
}

func TestIsSubject(t *testing.T) {
	for name, want := range map[string]bool{
		"worker-1": true, "a.b": true, "größe": true,
		"": false, ".": false, "a.": false, ".a": false, "a..b": false, "a b": false, "a\n": false, "a*": false,
		"\xff": false, strings.Repeat("x", MaxNameBytes+1): false,
	} {
		if got := isSubject(name, true); got != want {
			t.Errorf("isSubject(%q) = %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]bool{"*": true, ">": true, "job.>": true, "job.*.x": true, "job.>.x": false} {
		if got := isSubject(name, true); got != want {
			t.Errorf("isSubject(%q, patterns) = %v, want %v", name, got, want)
		}
		if isSubject(name, false) {
			t.Errorf("isSubject(%q) = true without patterns", name)
		}
	}
}
