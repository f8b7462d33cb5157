package dag

import (
	"fmt"
	"strings"
)

// drawing is a graph with its definition, scope by scope.
type drawing struct {
	g     *Graph
	def   *Definition
	out   strings.Builder
	scope [][]int32 // by scope: its steps, in topological order
}

func (g *Graph) draw(def *Definition) *drawing {
	d := &drawing{g: g, def: def, scope: make([][]int32, len(g.scopes))}
	for _, s := range g.Topo {
		d.scope[g.scope[s]] = append(d.scope[g.scope[s]], s)
	}
	return d
}

// inside are the steps of a loop; a step of another kind has none.
func (d *drawing) inside(step int) []int32 {
	if inner := d.def.Steps[step].Inner; inner != 0 {
		return d.scope[inner]
	}
	return nil
}

// each goes through a scope by index, which is by id.
func (d *drawing) each(scope int, do func(step int)) {
	s := d.g.scopes[scope]
	for i := s.First; i < s.First+s.Count; i++ {
		do(i)
	}
}

// Mermaid draws the graph in the language of Mermaid's flowcharts; a loop is a subgraph.
func (g *Graph) Mermaid(def *Definition) string {
	d := g.draw(def)
	d.out.WriteString("flowchart TD\n")
	d.mermaidNodes(0, "  ")
	for i := range def.Steps {
		for _, on := range g.dependsOn[i] {
			fmt.Fprintf(&d.out, "  s%d --> s%d\n", on, i)
		}
	}
	return d.out.String()
}

func (d *drawing) mermaidNodes(scope int, indent string) {
	d.each(scope, func(i int) {
		s := &d.def.Steps[i]
		if s.Inner == 0 {
			fmt.Fprintf(&d.out, "%ss%d[%q]\n", indent, i, label(s))
			return
		}
		fmt.Fprintf(&d.out, "%ssubgraph s%d[%q]\n", indent, i, label(s))
		d.mermaidNodes(s.Inner, indent+"  ")
		fmt.Fprintf(&d.out, "%send\n", indent)
	})
}

// Dot draws the graph in the language of Graphviz; a loop is a cluster, with the loop itself in it.
func (g *Graph) Dot(def *Definition) string {
	d := g.draw(def)
	fmt.Fprintf(&d.out, "digraph %q {\n  rankdir=TB;\n  node [shape=box];\n", def.ID)
	d.dotNodes(0, "  ")
	for i := range def.Steps {
		for _, on := range g.dependsOn[i] {
			fmt.Fprintf(&d.out, "  %q -> %q;\n", def.Steps[on].ID, def.Steps[i].ID)
		}
	}
	d.out.WriteString("}\n")
	return d.out.String()
}

func (d *drawing) dotNodes(scope int, indent string) {
	d.each(scope, func(i int) {
		s := &d.def.Steps[i]
		if s.Inner == 0 {
			fmt.Fprintf(&d.out, "%s%q [label=%q];\n", indent, s.ID, label(s))
			return
		}
		fmt.Fprintf(&d.out, "%ssubgraph %q {\n", indent, "cluster_"+s.ID)
		fmt.Fprintf(&d.out, "%s  %q [label=%q, shape=ellipse];\n", indent, s.ID, label(s))
		d.dotNodes(s.Inner, indent+"  ")
		fmt.Fprintf(&d.out, "%s}\n", indent)
	})
}

// Text draws the graph for a terminal: a line for each step in the order they can run, indented by its layer, with what
// it waits for. What a loop repeats follows it, behind a bar.
func (g *Graph) Text(def *Definition) string {
	d := g.draw(def)
	if len(d.scope) > 0 {
		d.textLines(d.scope[0], "")
	}
	return d.out.String()
}

func (d *drawing) textLines(order []int32, indent string) {
	for _, i := range order {
		s := &d.def.Steps[i]
		at := indent + strings.Repeat("  ", int(d.g.layer[i]))
		fmt.Fprintf(&d.out, "%s%s", at, label(s))
		if on := d.g.dependsOn[i]; len(on) > 0 {
			fmt.Fprintf(&d.out, "  after %s", strings.Join(names(d.def, on), ", "))
		}
		if word := joinText(s.Join); word != "" {
			fmt.Fprintf(&d.out, "  join %s", word)
		}
		d.out.WriteByte('\n')
		d.textLines(d.inside(int(i)), at+"| ")
	}
}

// label is a step as its id, and its type where that is not the usual one. Neither holds quotes or line ends.
func label(s *Step) string {
	if s.Type == "" || s.Type == "worker" {
		return s.ID
	}
	return s.ID + " (" + s.Type + ")"
}

func names(def *Definition, steps []int32) []string {
	out := make([]string, len(steps))
	for i, s := range steps {
		out[i] = def.Steps[s].ID
	}
	return out
}

func joinText(j Join) string {
	switch j.Mode {
	case AllSuccess:
		return ""
	case AtLeast:
		return fmt.Sprintf("at_least %d", j.K)
	}
	return joinModeWords[j.Mode]
}
