package dag

import (
	"fmt"
	"strings"
)

// Mermaid draws the graph in the language of Mermaid's flowcharts.
func (g *Graph) Mermaid(def *Definition) string {
	var out strings.Builder
	out.WriteString("flowchart TD\n")
	for i := range def.Steps {
		fmt.Fprintf(&out, "  s%d[%q]\n", i, label(&def.Steps[i]))
	}
	for i := range def.Steps {
		for _, d := range g.dependsOn[i] {
			fmt.Fprintf(&out, "  s%d --> s%d\n", d, i)
		}
	}
	return out.String()
}

// Dot draws the graph in the language of Graphviz.
func (g *Graph) Dot(def *Definition) string {
	var out strings.Builder
	fmt.Fprintf(&out, "digraph %q {\n  rankdir=TB;\n  node [shape=box];\n", def.ID)
	for i := range def.Steps {
		fmt.Fprintf(&out, "  %q [label=%q];\n", def.Steps[i].ID, label(&def.Steps[i]))
	}
	for i := range def.Steps {
		for _, d := range g.dependsOn[i] {
			fmt.Fprintf(&out, "  %q -> %q;\n", def.Steps[d].ID, def.Steps[i].ID)
		}
	}
	out.WriteString("}\n")
	return out.String()
}

// Text draws the graph for a terminal: a line for each step in the order they can run, indented by its layer, with what
// it waits for.
func (g *Graph) Text(def *Definition) string {
	var out strings.Builder
	for _, s := range g.Topo {
		step := &def.Steps[s]
		fmt.Fprintf(&out, "%s%s", strings.Repeat("  ", int(g.layer[s])), label(step))
		if len(g.dependsOn[s]) > 0 {
			fmt.Fprintf(&out, "  after %s", strings.Join(names(def, g.dependsOn[s]), ", "))
		}
		if word := joinText(step.Join); word != "" {
			fmt.Fprintf(&out, "  join %s", word)
		}
		out.WriteByte('\n')
	}
	return out.String()
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
	return joinWord(j.Mode)
}
