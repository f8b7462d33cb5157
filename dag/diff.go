package dag

import (
	"bytes"
	"encoding/json"
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Difference is what changed from one definition to another, by meaning: spelling, order and comments do not count.
// Lists are sorted, by id or by name of the field, and never nil.
type Difference struct {
	Workflow []FieldChange  `json:"workflow"` // fields of the workflow itself
	Added    []StepSummary  `json:"steps_added"`
	Removed  []StepSummary  `json:"steps_removed"`
	Changed  []StepChange   `json:"steps_changed"`
	Edges    EdgeChanges    `json:"edges"`
	Effects  []EffectChange `json:"effects"`
	Undo     CoverageChange `json:"undo"`
}

// StepSummary is a step that is there on one side only.
type StepSummary struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Effect string `json:"effect"` // the default applied
}

// StepChange is a step that is there on both sides, with the fields that differ. Its dependencies are edges; the steps
// inside a loop are steps of their own; "loop" stands for the loop that the step is inside of.
type StepChange struct {
	ID     string        `json:"id"`
	Fields []FieldChange `json:"fields"`
}

// FieldChange is a field with its two values, normalised; nil where it is not said.
type FieldChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// EdgeChanges are the dependencies that came and went, those of steps that came or went included.
type EdgeChanges struct {
	Added   []Edge `json:"added"`
	Removed []Edge `json:"removed"`
}

// Edge says that To depends on From.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// EffectChange is a step that does something else to the world than before, defaults applied; "" where the step does
// not exist.
type EffectChange struct {
	ID     string `json:"id"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// CoverageChange is how much can be undone on each side.
type CoverageChange struct {
	Before Coverage `json:"before"`
	After  Coverage `json:"after"`
}

// Empty says that both definitions mean the same.
func (d *Difference) Empty() bool {
	return len(d.Workflow)+len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.Edges.Added)+len(d.Edges.Removed) == 0
}

// Diff compares two definitions as Parse answered them. Ids say which steps are the same: one under another id is a
// step removed and one added.
func Diff(a, b *Definition) *Difference {
	d := &Difference{
		Added: []StepSummary{}, Removed: []StepSummary{}, Changed: []StepChange{}, Effects: []EffectChange{},
		Edges:    EdgeChanges{Added: newEdges(a, b), Removed: newEdges(b, a)},
		Workflow: fieldChanges(headOf(a), headOf(b)),
		Undo:     CoverageChange{Before: coverage(a), After: coverage(b)},
	}
	before, after := byID(a), byID(b)
	for _, id := range yamlx.SortedKeys(union(before, after)) {
		d.step(a, before[id], b, after[id])
	}
	return d
}

// step compares one step with what became of it; one of the two may be nil.
func (d *Difference) step(a *Definition, old *Step, b *Definition, now *Step) {
	switch {
	case old == nil:
		d.Added = append(d.Added, summary(now))
		d.effect(now.ID, EffectUnsaid, effectOf(now))
		return
	case now == nil:
		d.Removed = append(d.Removed, summary(old))
		d.effect(old.ID, effectOf(old), EffectUnsaid)
		return
	}
	if fields := fieldChanges(fieldsOf(a, old), fieldsOf(b, now)); len(fields) > 0 {
		d.Changed = append(d.Changed, StepChange{ID: now.ID, Fields: fields})
	}
	d.effect(now.ID, effectOf(old), effectOf(now))
}

// effect notes a change of what happens to the world. That a step comes or goes which changes nothing is none.
func (d *Difference) effect(id string, before, after Effect) {
	harmless := func(e Effect) bool { return e == EffectUnsaid || e == EffectNone || e == EffectRead }
	if before == after || ((before == EffectUnsaid || after == EffectUnsaid) && harmless(before) && harmless(after)) {
		return
	}
	d.Effects = append(d.Effects, EffectChange{ID: id, Before: before.String(), After: after.String()})
}

func summary(s *Step) StepSummary {
	out := StepSummary{ID: s.ID, Type: s.Type, Effect: effectOf(s).String()}
	if out.Type == "" {
		out.Type = "worker"
	}
	return out
}

func coverage(def *Definition) Coverage {
	g, cyclic := NewGraph(def)
	if g == nil { // Parse refuses cycles
		panic("dag: " + cyclic[0].Message)
	}
	return UndoCoverage(def, g)
}

func byID(def *Definition) map[string]*Step {
	out := make(map[string]*Step, len(def.Steps))
	for i := range def.Steps {
		out[def.Steps[i].ID] = &def.Steps[i]
	}
	return out
}

func union(a, b map[string]*Step) map[string]bool {
	out := make(map[string]bool, len(a))
	for id := range a {
		out[id] = true
	}
	for id := range b {
		out[id] = true
	}
	return out
}

// headOf are the workflow's fields in canonical form, its steps left out.
func headOf(def *Definition) map[string]any {
	head := *def
	head.Steps, head.Scopes = nil, []Scope{{Loop: -1}}
	out := canonical(&head)
	delete(out, "steps")
	return out
}

// fieldsOf are a step's fields in canonical form, as StepChange wants them.
func fieldsOf(def *Definition, s *Step) map[string]any {
	alone := *s
	alone.DependsOn, alone.Inner = nil, 0
	out := canonicalStep(def, &alone)
	if s.Type == kindLoop {
		delete(out, "steps")
	}
	if loop := def.Scopes[s.Scope].Loop; loop >= 0 {
		out["loop"] = def.Steps[loop].ID
	}
	return out
}

func fieldChanges(a, b map[string]any) []FieldChange {
	names := make(map[string]bool, len(a))
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	out := []FieldChange{}
	for _, name := range yamlx.SortedKeys(names) {
		before, after := valueText(a, name), valueText(b, name)
		if !bytes.Equal(before, after) {
			out = append(out, FieldChange{Field: name, Before: before, After: after})
		}
	}
	return out
}

// valueText is a field as canonical JSON; nil when it is not said.
func valueText(fields map[string]any, name string) json.RawMessage {
	v, said := fields[name]
	if !said {
		return nil
	}
	text, err := yamlx.AppendCanonical(nil, v)
	if err != nil { // it was written once already, for the digest
		panic("dag: " + err.Error())
	}
	return text
}

// newEdges are the dependencies of b that a does not have, sorted.
func newEdges(a, b *Definition) []Edge {
	had := make(map[Edge]bool)
	for i := range a.Steps {
		for _, on := range a.Steps[i].DependsOn {
			had[Edge{From: a.Steps[on].ID, To: a.Steps[i].ID}] = true
		}
	}
	out := []Edge{}
	for i := range b.Steps {
		for _, on := range b.Steps[i].DependsOn {
			if e := (Edge{From: b.Steps[on].ID, To: b.Steps[i].ID}); !had[e] {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, compareEdges)
	return out
}
