package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"cordum.dev/cordum/engine/plan/trial"
)

// suites are the cases that are played: those beside the repository, and trial's own.
var suites = []struct {
	name, files string
	atLeast     int // cases with a run
}{
	{"conformance", "../../../shared/conformance/*.json", 304},
	{"stories", "../../engine/plan/trial/testdata/*.yaml", 850},
}

// punctual are cases with two things less far apart than a server that comes back waits for workers to say what they have:
// the order of the two is another one when the server is away in between.
var punctual = map[string]bool{"a delay until a time gone by is over at once": true}

// To look further than the tests do by themselves: every case with the same outages.
var (
	every = flag.Int("every", -1, "in every case the server is away after so many facts, and again after so many more; 0: never")
	kill  = flag.Bool("kill", false, "with -every: it dies, in place of being stopped")
	once  = flag.Bool("once", false, "with -every: only once")
)

// awayIn is how the server is away while the i-th case is played: in a third of them it is not, in a third it is stopped in
// good order, in a third it dies.
func awayIn(i int, c *trial.Case) outage {
	if strings.HasSuffix(c.File, "semantics_unknown.yaml") {
		return outage{} // they count attempts, and one that was noted as sent and never left costs one
	}
	switch {
	case punctual[c.ID]:
		return outage{}
	case *every >= 0:
		return outage{every: *every, kill: *kill, once: *once}
	case i%3 == 0:
		return outage{}
	}
	return outage{every: 1 + i/3%20, kill: i%3 == 2}
}

// TestCases plays every case on the real server.
func TestCases(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.name, func(t *testing.T) {
			cases := read(t, suite.files)
			played := 0
			var outages atomic.Int64
			t.Run("cases", func(t *testing.T) {
				for i, c := range cases {
					if testing.Short() && i%5 > 0 {
						continue
					}
					played++
					t.Run(c.ID, func(t *testing.T) {
						t.Parallel()
						apart(t, c)
						why, n := play(t, c, awayIn(i, c))
						outages.Add(int64(n))
						if len(why) > 0 {
							t.Errorf("%s:%d: the server was away %d times\n%s", c.File, c.Line, n, strings.Join(why, "\n"))
						}
					})
				}
			})
			if len(cases) < suite.atLeast {
				t.Errorf("%d cases; want at least %d", len(cases), suite.atLeast)
			}
			t.Logf("%d of %d cases played, the server was away %d times", played, len(cases), outages.Load())
			if n := outages.Load(); n < int64(played/4) && *every < 0 {
				t.Errorf("the server was away only %d times in %d cases", n, played)
			}
		})
	}
}

// TestPlayFails checks that each way in which a case can go wrong is seen: the same run, and one thing that it is not.
func TestPlayFails(t *testing.T) {
	const world = `
id: x
workflow:
  id: w
  on_failure: rollback
  steps:
    - {id: a, topic: job.t.a, input: {n: 1}, compensate: {topic: job.t.u}}
    - {id: b, depends_on: [a], topic: job.t.b}
stubs: {b: [{fail: {code: boom, fatal: true}}]}
`
	for expect, want := range map[string]string{
		"{status: succeeded}":   "status: expected succeeded, it is failed",
		"{compensation: held}":  "compensation: expected held, it is done",
		"{attempts: {b: 2}}":    "attempts of b: expected 2, it is 1",
		"{inputs: {a: {n: 2}}}": `input of a: expected {"n":2}, it is {"n":1}`,
		"{order: [[b, a]]}":     "b did not end before a started",
		"{compensated: []}":     "compensated: expected [], it is [a]",
		"{held: [a]}":           "held: expected [a], it is []",
		"{waiting: [a]}":        "waiting: expected [a], it is []",
		"{status: failed}\ndo: [{after: $end, verb: retry}]":                  "retry after $end was refused",
		"{status: failed}\ndo: [{after: $start, verb: pause, refused: true}]": "it must be refused",
		"{status: failed}\nsignals: [{after: \"undo:b\", name: go}]":          "never came",
	} {
		t.Run(expect, func(t *testing.T) {
			cases, problems := trial.Parse(trial.File{Path: "x.yaml", Text: []byte(world + "expect: " + expect + "\n")}, nil)
			if len(cases) != 1 {
				t.Fatal(problems)
			}
			if why, _ := play(t, cases[0], outage{}); !strings.Contains(strings.Join(why, "\n"), want) {
				t.Errorf("%s, want %q", strings.Join(why, "\n"), want)
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
