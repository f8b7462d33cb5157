package dag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/internal/yamlx"
)

func TestCyclesNameTheirPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		edges string // "a:b,c" means a depends on b and c
		paths []string
	}{
		{"a:a", []string{"a → a"}},
		{"a:c b:a c:a", []string{"a → c → a"}},
		{"root: a:root,c b:a c:b", []string{"a → c → b → a"}},
		{"a:b b:a c:d d:c", []string{"a → b → a", "c → d → c"}},
		{"a:b b:c c:b", []string{"b → c → b"}},
	}
	for _, tt := range tests {
		_, list := dag.Parse([]byte(fromEdges(tt.edges)), yamlx.YAML)
		if len(list) != len(tt.paths) {
			t.Errorf("%s: %v", tt.edges, list)
			continue
		}
		for i, path := range tt.paths {
			if list[i].Rule != dag.RuleCycle || !strings.HasSuffix(list[i].Message, ": "+path) {
				t.Errorf("%s: %v, want %s", tt.edges, list[i], path)
			}
		}
	}
}

func fromEdges(edges string) string {
	var b strings.Builder
	b.WriteString("id: wf\nsteps:\n")
	for edge := range strings.FieldsSeq(edges) {
		id, on, _ := strings.Cut(edge, ":")
		fmt.Fprintf(&b, "  - {id: %s, topic: job.x, depends_on: [%s]}\n", id, on)
	}
	return b.String()
}

func TestLongCycle(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "s%d:s%d ", i, (i+1)%10_000)
	}
	var list []dag.Diagnostic
	if took := cputime.Of(func() { _, list = dag.Parse([]byte(fromEdges(b.String())), yamlx.YAML) }); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if len(list) != 1 || list[0].Rule != dag.RuleCycle || len(list[0].Message) > 300 {
		t.Errorf("got %v", list)
	}
}

// drawDefinition makes a definition whose step i depends on some of those before it, under shuffled names.
func drawDefinition(t *rapid.T) *dag.Definition {
	n := rapid.IntRange(1, 30).Draw(t, "steps")
	name := rapid.Permutation(ids(n)).Draw(t, "names")
	var edges []string
	for i := range n {
		var on []string
		for d := range i {
			if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				on = append(on, name[d])
			}
		}
		edges = append(edges, name[i]+":"+strings.Join(on, ","))
	}
	def, list := dag.Parse([]byte(fromEdges(strings.Join(edges, " "))), yamlx.YAML)
	if def == nil {
		t.Fatalf("%v", list)
	}
	return def
}

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("s%d", i)
	}
	return out
}

// The graph agrees with the plainest possible answers.
func TestGraphAgreesWithTheObvious(t *testing.T) {
	t.Parallel()
	rapid.Check(t, checkGraph)
}

func FuzzDAGToposort(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkGraph)) }

func checkGraph(t *rapid.T) {
	def := drawDefinition(t)
	g, list := dag.NewGraph(def)
	if g == nil {
		t.Fatal(list)
	}
	n := len(def.Steps)
	above := closure(def)
	up := g.Upstream()
	for a := range n {
		for b := range n {
			if up.Is(a, b) != above[b][a] {
				t.Fatalf("Is(%d, %d) = %v", a, b, up.Is(a, b))
			}
			if slices.Contains(g.Ancestors(b), int32(a)) != above[b][a] || slices.Contains(g.Descendants(a), int32(b)) != above[b][a] {
				t.Fatalf("ancestors and descendants of %d and %d disagree", a, b)
			}
		}
	}
	checkOrder(t, def, g)
}

// closure is by definition: what the dependencies are, and what is above them.
func closure(def *dag.Definition) [][]bool {
	n := len(def.Steps)
	above := make([][]bool, n)
	for i := range above {
		above[i] = make([]bool, n)
		for _, d := range def.Steps[i].DependsOn {
			above[i][d] = true
		}
	}
	for k := range n {
		for i := range n {
			for j := range n {
				above[i][j] = above[i][j] || (above[i][k] && above[k][j])
			}
		}
	}
	return above
}

func checkOrder(t *rapid.T, def *dag.Definition, g *dag.Graph) {
	at := make([]int, len(def.Steps))
	for i, s := range g.Topo {
		at[s] = i
	}
	if len(g.Topo) != len(def.Steps) {
		t.Fatal("steps are missing from the order")
	}
	for i := range def.Steps {
		layer := 0
		for _, d := range def.Steps[i].DependsOn {
			if at[d] >= at[i] {
				t.Fatalf("step %d comes before its dependency %d", i, d)
			}
			layer = max(layer, g.Layer(d)+1)
		}
		if g.Layer(i) != layer || int(g.InDegree[i]) != len(def.Steps[i].DependsOn) {
			t.Fatalf("step %d is in layer %d with %d dependencies", i, g.Layer(i), g.InDegree[i])
		}
	}
	path := g.CriticalPath()
	for i, s := range path {
		if g.Layer(int(s)) != i || (i > 0 && !slices.Contains(def.Steps[s].DependsOn, int(path[i-1]))) {
			t.Fatalf("%v is no path", path)
		}
	}
	for i := range def.Steps {
		if g.Layer(i) >= len(path) {
			t.Fatalf("step %d lies beyond the longest path", i)
		}
	}
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	def, _ := dag.Parse([]byte("id: wf\nsteps:\n  a: {topic: job.x}\n  b: {type: approval}\n  c: {topic: job.x, depends_on: [a, b], join: any_success}\n"), yamlx.YAML)
	g, _ := dag.NewGraph(def)
	for got, want := range map[string]string{
		g.Text(def):    "a\nb (approval)\n  c  after a, b  join any_success\n",
		g.Mermaid(def): "flowchart TD\n  s0[\"a\"]\n  s1[\"b (approval)\"]\n  s2[\"c\"]\n  s0 --> s2\n  s1 --> s2\n",
		g.Dot(def):     "digraph \"wf\" {\n  rankdir=TB;\n  node [shape=box];\n  \"a\" [label=\"a\"];\n  \"b\" [label=\"b (approval)\"];\n  \"c\" [label=\"c\"];\n  \"a\" -> \"c\";\n  \"b\" -> \"c\";\n}\n",
	} {
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

func TestDrawingsOfLoops(t *testing.T) {
	t.Parallel()
	def, list := dag.Parse([]byte(`
id: wf
steps:
  a: {topic: job.x}
  poll:
    type: loop
    depends_on: [a]
    steps:
      ask: {topic: job.x}
      tell: {type: notify, depends_on: [ask]}
      again: {type: loop, depends_on: [tell], steps: {inner: {topic: job.x}}}
  z: {topic: job.x, depends_on: [poll]}
`), yamlx.YAML)
	if def == nil {
		t.Fatal(list)
	}
	g, _ := dag.NewGraph(def)
	for got, want := range map[string]string{
		g.Text(def): `a
  poll (loop)  after a
  | ask
  |   tell (notify)  after ask
  |     again (loop)  after tell
  |     | inner
    z  after poll
`,
		g.Mermaid(def): `flowchart TD
  s0["a"]
  subgraph s1["poll (loop)"]
    subgraph s3["again (loop)"]
      s6["inner"]
    end
    s4["ask"]
    s5["tell (notify)"]
  end
  s2["z"]
  s0 --> s1
  s1 --> s2
  s5 --> s3
  s4 --> s5
`,
		g.Dot(def): `digraph "wf" {
  rankdir=TB;
  node [shape=box];
  "a" [label="a"];
  subgraph "cluster_poll" {
    "poll" [label="poll (loop)", shape=ellipse];
    subgraph "cluster_again" {
      "again" [label="again (loop)", shape=ellipse];
      "inner" [label="inner"];
    }
    "ask" [label="ask"];
    "tell" [label="tell (notify)"];
  }
  "z" [label="z"];
  "a" -> "poll";
  "poll" -> "z";
  "tell" -> "again";
  "ask" -> "tell";
}
`,
	} {
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}
