package sim

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"cordum.dev/cordum/engine/plan/trial"
)

// suites are the cases that are played: those beside the repository, and trial's own.
var suites = []struct {
	name, files string
	cases       int // with a run
	left        int // of them: those that need what the runner does not have
}{
	{"conformance", "../../../shared/conformance/*.json", 304, 2},
	{"stories", "../../engine/plan/trial/testdata/*.yaml", 841, 14},
}

// awayIn is how the server is away while the i-th case is played: in a third of them it is not, in a third it is stopped in
// good order, in a third it dies.
func awayIn(i int) outage {
	if e := os.Getenv("SIM_EVERY"); e != "" {
		every, _ := strconv.Atoi(e)
		return outage{every: every, kill: os.Getenv("SIM_KILL") != "", once: os.Getenv("SIM_ONCE") != ""}
	}
	if i%3 == 0 {
		return outage{}
	}
	return outage{every: 1 + i/3%20, kill: i%3 == 2}
}

func TestCases(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.name, func(t *testing.T) {
			cases := read(t, suite.files)
			left, played := 0, 0
			var restarts atomic.Int64
			t.Run("cases", func(t *testing.T) {
				for i, c := range cases {
					if needsMore(c) {
						left++
						continue
					}
					played++
					t.Run(c.ID, func(t *testing.T) {
						t.Parallel()
						apart(t, c)
						why, n := play(t, c, awayIn(i))
						restarts.Add(int64(n))
						if len(why) > 0 {
							t.Errorf("%s:%d: away %d times\n%s", c.File, c.Line, n, strings.Join(why, "\n"))
						}
					})
				}
			})
			if len(cases) != suite.cases || left != suite.left {
				t.Errorf("%d cases, of which %d were left out; there were %d and %d", len(cases), left, suite.cases, suite.left)
			}
			if n := restarts.Load(); n < int64(played/8) {
				t.Errorf("the server was restarted in only %d of %d cases", n, played)
			}
		})
	}
}

// read reads every case that has a run.
func read(t *testing.T, files string) (out []*trial.Case) {
	t.Helper()
	paths, err := filepath.Glob(files)
	if err != nil || len(paths) == 0 {
		t.Fatalf("the cases are needed in %s: %v", files, err)
	}
	for _, p := range paths {
		if filepath.Base(p) == "policy.json" { // cases of another command
			continue
		}
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		cases, problems := trial.Parse(trial.File{Path: p, Text: text}, nil)
		for _, problem := range problems {
			t.Error(problem)
		}
		for _, c := range cases {
			if c.Runs() {
				out = append(out, c)
			}
		}
	}
	return out
}

// needsMore tells whether a case needs what the runner does not have: jobs that the policy lets start only with leave, or
// under constraints, and answers with values.
func needsMore(c *trial.Case) bool {
	for _, list := range c.Replies {
		for _, r := range list {
			if r.Values != nil {
				return true
			}
		}
	}
	if c.Policy == nil {
		return false
	}
	rules := c.Policy.Get("rules")
	if rules == nil {
		return false
	}
	for _, rule := range rules.Items {
		if d := rule.Get("decision"); (d != nil && d.Str == "REQUIRE_APPROVAL") || rule.Get("constraints") != nil {
			return true
		}
	}
	return false
}
