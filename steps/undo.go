package steps

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

// UndoAttempts is how often a compensation is tried that does not say (SEMANTICS, "Saga").
const UndoAttempts = 5

// compensation compiles how a step is undone, as a step of its own: it sees what the step itself may read, and the step.
func (c *compiler) compensation(i int, out *Step) {
	undo := out.Def.Compensate
	if undo == nil || undo.Do == nil {
		return
	}
	def := *undo.Do
	if def.Retry == nil {
		def.Retry = &dag.Retry{MaxAttempts: UndoAttempts}
	}
	k, ok := kindNamed(def.Type)
	if !ok {
		return // reported when the definition was read
	}
	at := dag.Place{Pointer: def.Pointer, Pos: def.Pos}
	r := c.reading(&def, dag.NewObject(def.Own, at, c.report), c.undoScope(i))
	r.Only(undoable[k.name], nil)
	done := c.plain(&def, k)
	done.Effect, done.Idempotent = dag.EffectWrite, def.Idempotent != nil && *def.Idempotent
	c.content(&done, r, k)
	out.Undo = &done
	switch undo.WhenUnknown {
	case dag.UnknownUnsaid:
		out.HoldUnknown = !done.Idempotent
	case dag.UnknownHold:
		out.HoldUnknown = true
	}
}

// undoScope are the names in scope in the compensation of a step, which sees one iteration of it.
func (c *compiler) undoScope(i int) expr.Scope {
	scope := c.scope(i)
	own := c.w.Def.Steps[i].ID
	scope.Item, scope.ItemType = c.items[i].seen, c.items[i].item
	scope.Own = own
	scope.IsDownstream = func(id string) bool { return c.upstream.Is(i, c.w.ByID[id]) }
	scope.Output = func(id string) *expr.Schema {
		if id == own {
			return c.outputs[i]
		}
		return c.output(id)
	}
	return scope
}
