package steps

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// head compiles what belongs to no step.
func (c *compiler) head() {
	def := c.w.Def
	output := expr.Scope{Steps: c.ids, IsUpstream: c.atTop, Input: c.input, Output: c.output}
	c.w.Output = c.headTemplate("/output", def.Output, output)
	c.start()
	if def.InputSchema != nil {
		schema, err := compileSchema(def.InputSchema)
		if err != nil {
			c.report.Errorf(dag.RuleBadValue, dag.Place{Pointer: "/input", Pos: def.InputSchema.Pos}, "input: %v", err)
		}
		c.w.input = schema
	}
	for i := range def.Steps {
		c.mark(i)
	}
}

// atTop says whether a step is one of the workflow itself; what is inside a loop is seen through the loop's output.
func (c *compiler) atTop(id string) bool { return c.w.Def.Steps[c.w.ByID[id]].Scope == 0 }

func (c *compiler) mark(i int) {
	s := &c.w.Def.Steps[i]
	if s.Pivot {
		c.w.Pivots = append(c.w.Pivots, int32(i))
	}
	if s.Checkpoint != "" {
		if c.w.Checkpoint == nil {
			c.w.Checkpoint = map[string]int{}
		}
		c.w.Checkpoint[s.Checkpoint] = i
	}
}

// start compiles what is rendered once when a run starts, each seeing what is known by then. No step has run.
func (c *compiler) start() {
	def := c.w.Def
	if t := c.headTemplate("/context", def.ContextNode, c.startScope("steps", "ctx", "labels")); !t.Static() {
		c.w.Context = t
	}
	if def.LabelsNode != nil {
		c.labels(def.LabelsNode)
	}
	if def.Concurrency != nil {
		c.w.Key = c.headTemplate("/concurrency/key", def.Concurrency.Key, c.startScope("steps"))
	}
}

func (c *compiler) labels(n *yamlx.Node) {
	for _, f := range n.Fields {
		if !dag.HasTemplate(c.w.Def.Labels[f.Key]) {
			continue
		}
		at := dag.Place{Pointer: "/labels"}.Below(f.Key, f.Value.Pos)
		if c.w.Labels == nil {
			c.w.Labels = map[string]*expr.Template{}
		}
		c.w.Labels[f.Key] = c.headTemplate(at.Pointer, f.Value, c.startScope("steps", "labels"))
	}
}

func (c *compiler) startScope(hidden ...string) expr.Scope {
	return expr.Scope{Input: c.input, Hidden: hidden}
}

func (c *compiler) headTemplate(pointer string, n *yamlx.Node, scope expr.Scope) *expr.Template {
	if n == nil {
		return nil
	}
	t, err := expr.CompileTemplate(n, scope)
	if err != nil {
		reportExpr(c.report, dag.Place{Pointer: pointer, Pos: n.Pos}, err)
		return nil
	}
	return t
}
