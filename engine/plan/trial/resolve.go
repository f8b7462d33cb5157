package trial

import (
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// unknownNames says which names of a case name no step: a stub that is written wrong would otherwise pass unseen.
func (c *Case) unknownNames(plan *steps.Workflow, plans map[string]*steps.Workflow) (why []string) {
	used := map[string]bool{}
	for name := range c.Stubs {
		used[name] = true
	}
	for name := range c.Replies {
		used[name] = true
	}
	e := &c.Expect
	for _, m := range []map[string]string{e.Steps, e.Reasons} {
		for name := range m {
			used[name] = true
		}
	}
	for name := range e.Attempts {
		used[name] = true
	}
	for name := range e.Inputs {
		used[name] = true
	}
	for _, list := range slices.Concat(e.Order, e.Together) {
		for _, name := range list {
			used[name] = true
		}
	}
	for _, after := range c.moments() {
		used[after] = true
	}
	for _, name := range yamlx.SortedKeys(used) {
		if message := resolve(name, plan, plans); message != "" {
			why = append(why, fmt.Sprintf("%s:%d: %s", c.File, c.Line, message))
		}
	}
	return why
}

// moments are the names that signals and orders come after.
func (c *Case) moments() (out []string) {
	for i := range c.Signals {
		out = append(out, c.Signals[i].After)
	}
	for i := range c.Orders {
		out = append(out, c.Orders[i].After)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == AtStart || s == AtEnd })
}

// resolve says why a name names no step, or "". A sub-workflow whose definition the case does not have may have any steps.
func resolve(name string, plan *steps.Workflow, plans map[string]*steps.Workflow) string {
	scope := 0
	for _, p := range parts(name) {
		i, known := plan.ByID[p.id]
		if !known || plan.Def.Steps[i].Scope != scope {
			message := fmt.Sprintf("%s names no step: there is no %s there", yamlx.Clip(name), yamlx.Clip(p.id))
			if near := yamlx.Nearest(p.id, idsOf(plan, scope)); near != "" {
				message += "; did you mean " + strings.Replace(name, p.id, near, 1) + "?"
			}
			return message
		}
		def := &plan.Def.Steps[i]
		if def.Inner > 0 {
			scope = def.Inner
			continue
		}
		child := plans[workflowOf(&plan.Steps[i])]
		if child == nil {
			return ""
		}
		plan, scope = child, 0
	}
	return ""
}

func workflowOf(s *steps.Step) string {
	if sub, is := s.Spec.(steps.Subworkflow); is {
		return sub.Child().Workflow
	}
	return ""
}

func idsOf(plan *steps.Workflow, scope int) (out []string) {
	for i := range plan.Def.Steps {
		if plan.Def.Steps[i].Scope == scope {
			out = append(out, plan.Def.Steps[i].ID)
		}
	}
	return out
}
