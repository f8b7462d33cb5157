package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
)

const misspelt = "id: wf\nsteps:\n  - {id: pack, topic: job.x}\n  - id: ship\n    topic: job.x\n    depends_on: [pak]\n"

func TestText(t *testing.T) {
	t.Parallel()
	got := plan.Text(plan.Lint([]byte(misspelt), yamlx.YAML, plan.Options{File: "flow.yaml"}))
	want := `flow.yaml:6:18 error CW036 there is no step "pak" to depend on (did you mean "pack"?)
  6 |     depends_on: [pak]
    |                  ^
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What a file holds never reaches a terminal as anything but text, and lines of any length stay readable.
func TestTextOfHostileFiles(t *testing.T) {
	t.Parallel()
	long := `{"id": "wf", "name": "` + strings.Repeat("x", 100_000) + `", "steps": [{"id": "\u001b[2J", "topic": "job.x"}]}`
	for _, src := range []string{long, "id: wf\n# \x1b[2J \u202e\nsteps: [\x1b[2J]\n", "\xff\xfe", "id: \"a\x7f\"\nsteps: 1"} {
		text := plan.Text(lint(src))
		if text == "" || len(text) > 8<<10 {
			t.Errorf("%.40q: %d bytes", src, len(text))
		}
		for _, bad := range []string{"\x1b", "\x7f", "\u202e", "\t"} {
			if strings.Contains(text, bad) {
				t.Errorf("%.40q: %q comes through", src, bad)
			}
		}
	}
}

// The fields that the format's schema requires are there, and the places count as it says.
func TestSARIF(t *testing.T) {
	t.Parallel()
	found := plan.Lint([]byte(misspelt), yamlx.YAML, plan.Options{File: "a b/flow.yaml"})
	found = append(found, plan.Lint(nil, yamlx.YAML, plan.Options{File: "empty.yaml"})...)
	out, err := plan.SARIF(found, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct{ ID, HelpURI string }
				}
			}
			ColumnKind string
			Results    []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           *struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "sarif-schema-2.1.0") || run.Tool.Driver.Name != "cordum" || run.ColumnKind != "unicodeCodePoints" {
		t.Errorf("%s", out)
	}
	if len(run.Results) != 2 || len(run.Tool.Driver.Rules) != 2 {
		t.Fatalf("%s", out)
	}
	for _, r := range run.Results {
		if rule := run.Tool.Driver.Rules[r.RuleIndex]; rule.ID != r.RuleID || !strings.HasPrefix(rule.HelpURI, "https://") || r.Message.Text == "" || r.Level != "error" {
			t.Errorf("%+v with rule %+v", r, rule)
		}
	}
	at := run.Results[0].Locations[0].PhysicalLocation
	if at.ArtifactLocation.URI != "a%20b/flow.yaml" || at.Region.StartLine != 6 || at.Region.StartColumn != 18 {
		t.Errorf("%+v", at)
	}
	if run.Results[1].Locations[0].PhysicalLocation.Region != nil {
		t.Error("an empty file has no place")
	}
}

func TestSARIFWithoutFindings(t *testing.T) {
	t.Parallel()
	out, err := plan.SARIF(nil, "")
	if err != nil || !strings.Contains(string(out), `"results": []`) || !strings.Contains(string(out), `"rules": []`) {
		t.Errorf("%s, %v", out, err)
	}
}
