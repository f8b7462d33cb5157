package engine

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
)

// joinCells are the semantics' join table, written by hand: dependencies as letters (s succeeded, b bad, c clean skip, u
// undecided) and what each join says: run, F upstream_failed, S upstream_skipped, N nothing_failed, - not yet. "1" and "2" are
// at_least with that k. docs/semantics.md shows the same file.
//
//go:embed testdata/joins.txt
var joinCells string

var joinColumns = []struct {
	yaml string
	join dag.Join
}{
	{"all_success", dag.Join{Mode: dag.AllSuccess}},
	{"none_failed", dag.Join{Mode: dag.NoneFailed}},
	{"all_done", dag.Join{Mode: dag.AllDone}},
	{"any_success", dag.Join{Mode: dag.AnySuccess}},
	{"any_failed", dag.Join{Mode: dag.AnyFailed}},
	{"{at_least: 1}", dag.Join{Mode: dag.AtLeast, K: 1}},
	{"{at_least: 2}", dag.Join{Mode: dag.AtLeast, K: 2}},
}

var cellWords = map[string]string{
	"run": "run", "F": "upstream_failed", "S": "upstream_skipped", "N": "nothing_failed", "-": "",
}

// eachCell visits the table.
func eachCell(visit func(deps string, column int, want string)) {
	for _, line := range strings.Split(strings.TrimSpace(joinCells), "\n")[1:] {
		cells := strings.Fields(line)
		for column, cell := range cells[1:] {
			if cell != "." {
				visit(cells[0], column, cellWords[cell])
			}
		}
	}
}

// TestJoinTable holds the counters and the naive reading against every cell.
func TestJoinTable(t *testing.T) {
	cells := 0
	eachCell(func(deps string, column int, want string) {
		cells++
		count := func(letter string) int32 { return int32(strings.Count(deps, letter)) }
		n := int32(len(deps))
		v := settle(joinColumns[column].join, n, n-count("u"), count("s"), count("b"))
		got := v.reason().String()
		if v == run {
			got = "run"
		}
		if got != want {
			t.Errorf("%s of %s says %q, want %q", joinColumns[column].yaml, deps, got, want)
		}
		words := map[rune]class{'s': didWell, 'b': isBad, 'c': isSkipped, 'u': isOpen}
		var classes []class
		for _, letter := range deps {
			classes = append(classes, words[letter])
		}
		if naive := joinSays(joinColumns[column].join, classes); naive != want {
			t.Errorf("the oracle's %s of %s says %q, want %q", joinColumns[column].yaml, deps, naive, want)
		}
	})
	if want := 34*7 - 4; cells != want {
		t.Errorf("%d cells, want %d", cells, want)
	}
}

// TestJoinTableInRuns brings the dependencies of a real run into each cell, in the order of the letters and backwards.
func TestJoinTableInRuns(t *testing.T) {
	eachCell(func(deps string, column int, want string) {
		for _, order := range []string{deps, backwards(deps)} {
			d := joinRun(t, order, joinColumns[column].yaml)
			state := states(d.run)["z"]
			got := map[string]string{"pending": "", "running": "run"}[state]
			if s, skipped := strings.CutPrefix(state, "skipped:"); skipped {
				got = s
			}
			if got != want {
				t.Errorf("%s after %s: z is %s, want %q", joinColumns[column].yaml, order, state, want)
			}
		}
	})
}

// joinRun runs z behind one dependency for each letter and ends them in order.
func joinRun(t *testing.T, deps, join string) *driver {
	t.Helper()
	var src, ids strings.Builder
	src.WriteString("id: join\non_failure: continue\nsteps:\n")
	for i, letter := range deps {
		fmt.Fprintf(&src, "  - {id: d%d, topic: job.t, when: %t}\n", i, letter != 'c')
		fmt.Fprintf(&ids, "d%d,", i)
	}
	fmt.Fprintf(&src, "  - {id: z, topic: job.t, depends_on: [%s], join: %s}\n", strings.TrimSuffix(ids.String(), ","), join)
	d := newDriver(t, load(t, src.String()))
	d.submit("{}")
	for i, letter := range deps {
		step := d.step(fmt.Sprintf("d%d", i))
		switch letter {
		case 's':
			d.end(step, ResultSucceeded, Failure{})
		case 'b':
			d.end(step, ResultFailed, Failure{Code: "broken"})
		}
	}
	return d
}

func backwards(s string) string {
	var out strings.Builder
	for i := len(s) - 1; i >= 0; i-- {
		out.WriteByte(s[i])
	}
	return out.String()
}

func TestNoDependenciesRunAtTheStart(t *testing.T) {
	for _, c := range joinColumns {
		if v := settle(c.join, 0, 0, 0, 0); v != run {
			t.Errorf("%s without dependencies says %d, want run", c.yaml, v)
		}
	}
}
