package safety

import (
	"encoding/json"
	"testing"
)

func TestProven(t *testing.T) {
	files := Constraint{Type: MaxDiffFiles, Max: 3}
	hosts := Constraint{Type: EgressAllowlist, List: []string{"*.example.com", "localhost"}}
	none := Constraint{Type: EgressAllowlist, List: []string{}}
	paths := Constraint{Type: DenyPaths, List: []string{"secrets/*"}}
	sandbox := Constraint{Type: SandboxType, Sandbox: &Sandbox{Isolated: true}}
	for _, c := range []struct {
		name       string
		constraint Constraint
		evidence   string
		proven     bool
	}{
		{"nothing", files, ``, false},
		{"null", sandbox, `null`, false},
		{"false", sandbox, `false`, false},
		{"no JSON", sandbox, `{`, false},
		{"a word for it", sandbox, `{"runtime":"gvisor"}`, true},
		{"a number within", files, `3`, true},
		{"a number above", files, `3.5`, false},
		{"a number as text", files, `"3"`, false},
		{"a word for a number", files, `true`, false},
		{"hosts that are listed", hosts, `["api.example.com","localhost"]`, true},
		{"a host that is not", hosts, `["api.example.com","example.org"]`, false},
		{"a host that is no text", hosts, `[1]`, false},
		{"no host at all", none, `[]`, true},
		{"a host where none is allowed", none, `["localhost"]`, false},
		{"paths that are free", paths, `["src/a.go"]`, true},
		{"a path that is denied", paths, `["src/a.go","secrets/key"]`, false},
	} {
		if err := c.constraint.Proven(json.RawMessage(c.evidence)); (err == nil) != c.proven {
			t.Errorf("%s: error %v, proven should be %t", c.name, err, c.proven)
		}
	}
}
