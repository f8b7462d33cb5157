package steps

import (
	"fmt"
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Schemas are the ids of the registered schemas that steps name in input_schema and output_schema, sorted, each once.
func (w *Workflow) Schemas() []string {
	var ids []string
	for i := range w.Steps {
		for _, s := range []*schema{w.Steps[i].input, w.Steps[i].output} {
			if s != nil && s.id != "" {
				ids = append(ids, s.id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// WithSchemas answers the same workflow with the schemas put in that its steps name; until then whatever is checked
// against one of them is refused. Find answers a schema by its id, nil when there is none. The error names an id that
// finds none, or one that is no JSON Schema.
func (w *Workflow) WithSchemas(find func(id string) *yamlx.Node) (*Workflow, error) {
	found := map[string]*schema{}
	for _, id := range w.Schemas() {
		n := find(id)
		if n == nil {
			return nil, fmt.Errorf("there is no registered schema %q", yamlx.Clip(id))
		}
		s, err := compileSchema(n)
		if err != nil {
			return nil, fmt.Errorf("the registered schema %q: %w", yamlx.Clip(id), err)
		}
		s.id = id
		found[id] = s
	}
	if len(found) == 0 {
		return w, nil
	}
	out := *w
	out.Steps = slices.Clone(w.Steps)
	for i := range out.Steps {
		for _, s := range []**schema{&out.Steps[i].input, &out.Steps[i].output} {
			if *s != nil && (*s).id != "" {
				*s = found[(*s).id]
			}
		}
	}
	return &out, nil
}
