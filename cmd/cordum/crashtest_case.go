package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// readCase reads a case of a test file, or makes one of a workflow.
func (f *crashFlags) readCase(a *app, file string) (*trial.Case, error) {
	source, err := a.readFile(file)
	if err != nil {
		return nil, err
	}
	root, err := yamlx.ParseAll(source, yamlx.Auto)
	if err != nil {
		return nil, &coded{exitDefinition, fmt.Errorf("%s: %w", file, err)}
	}
	var c *trial.Case
	if len(root) > 0 && root[0].Get("steps") == nil && (root[0].Get("expect") != nil || root[0].Get("cases") != nil) {
		c, err = f.pick(a, trial.File{Path: file, Text: source})
	} else {
		c = &trial.Case{ID: file, File: file, Workflow: &trial.Text{File: file, Source: source}, Children: map[string]*trial.Text{}}
		c.Input, err = a.jsonValue("input", f.input)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range f.with {
		source, err := a.readFile(name)
		if err != nil {
			return nil, err
		}
		c.Children[name] = &trial.Text{File: name, Source: source}
	}
	return c, nil
}

// pick finds the case of a test file that is to be played.
func (f *crashFlags) pick(a *app, file trial.File) (*trial.Case, error) {
	if f.input != "" {
		return nil, usagef("--input goes with a workflow: the cases of %s say theirs", file.Path)
	}
	cases, problems := trial.Parse(file, a.readFile)
	for _, c := range cases {
		if f.caseID != "" && c.ID != f.caseID {
			continue
		}
		switch {
		case c.Workflow == nil || !c.Runs():
			continue // it is about lint
		case len(c.Orders) > 0 || c.Policy != nil:
			return nil, usagef("the case %q has verbs or a policy, which a crash test does not play: name another one with --case", c.ID)
		}
		return c, nil
	}
	if len(problems) > 0 {
		return nil, &coded{exitDefinition, errors.New(problems[0].String())}
	}
	return nil, usagef("%s has no such case", file.Path)
}

// crashNeeds is what a workflow, and those that it starts, need of the world.
type crashNeeds struct {
	id      string
	topics  []string                   // of its jobs and compensations
	signals []string                   // that it waits for
	outputs map[string]json.RawMessage // of steps whose declared output is not met by {}, by id
}

func crashNeedsOf(c *trial.Case) (*crashNeeds, error) {
	needs := &crashNeeds{outputs: map[string]json.RawMessage{}}
	w, err := needs.read(c.Workflow)
	if err != nil {
		return nil, err
	}
	if needs.id = w.Def.ID; needs.id == "" {
		needs.id = crashTrialID
		if c.Workflow, err = named(c.Workflow, needs.id); err != nil {
			return nil, err
		}
	}
	for _, name := range yamlx.SortedKeys(c.Children) {
		w, err := needs.read(c.Children[name])
		if err != nil {
			return nil, err
		}
		if w.Def.ID == "" {
			return nil, &coded{exitDefinition, fmt.Errorf("%s: it has no id, by which another workflow could start it", c.Children[name].File)}
		}
	}
	slices.Sort(needs.topics)
	if needs.topics = slices.Compact(needs.topics); len(needs.topics) == 0 {
		needs.topics = []string{steps.ToolTopic(steps.NotifyPack, steps.NotifyTool)} // a worker serves something
	}
	return needs, nil
}

// crashTrialID is the id of a workflow that has none: one without would be run at once when it is stored.
const crashTrialID = "crashtest"

// named is a definition with an id.
func named(t *trial.Text, id string) (*trial.Text, error) {
	root, err := yamlx.ParseAll(t.Source, yamlx.Auto)
	if err != nil || len(root) == 0 {
		return nil, &coded{exitDefinition, fmt.Errorf("%s: it cannot be given an id: %w", t.File, err)}
	}
	def, ok := root[0].Value().(map[string]any)
	if !ok {
		return nil, &coded{exitDefinition, fmt.Errorf("%s: a definition is an object", t.File)}
	}
	def["id"] = id
	source, err := json.Marshal(def)
	return &trial.Text{File: t.File, Source: source}, err
}

// read compiles a workflow and notes what it needs.
func (n *crashNeeds) read(t *trial.Text) (*steps.Workflow, error) {
	w, diags := steps.Load(t.Source, yamlx.Auto, true)
	for _, d := range diags {
		if d.Severity == dag.Error {
			return nil, &coded{exitDefinition, fmt.Errorf("%s:%s", t.File, d)}
		}
	}
	for i := range w.Steps {
		s := &w.Steps[i]
		n.ask(s)
		if s.Undo != nil {
			n.ask(s.Undo)
		}
		if schema := s.Def.OutputSchema; schema != nil && schema.Kind == yamlx.Map {
			if raw, err := json.Marshal(leastOf(schema)); err == nil {
				n.outputs[s.Def.ID] = raw
			}
		}
	}
	return w, nil
}

// ask notes what starting a step asks for. The fields of http and notify steps cannot be rendered here; their topics are known.
func (n *crashNeeds) ask(s *steps.Step) {
	switch s.Kind {
	case "http":
		n.topics = append(n.topics, steps.ToolTopic(steps.HTTPPack, steps.HTTPTool))
		return
	case "notify":
		n.topics = append(n.topics, steps.ToolTopic(steps.NotifyPack, steps.NotifyTool))
		return
	}
	asked, err := s.Spec.Start(&expr.Env{})
	if err != nil {
		return // it asks for no worker
	}
	switch asked := asked.(type) {
	case steps.Job:
		n.topics = append(n.topics, asked.Topic)
	case steps.Wait:
		n.signals = append(n.signals, asked.Signal)
	}
}

// leastOf is a value that a JSON Schema takes, for the schemas that people write for outputs: types, what is required, fixed
// values and least numbers. Of others it is a guess, and the run says so.
func leastOf(schema *yamlx.Node) any {
	if fixed := schema.Get("const"); fixed != nil {
		return fixed.Value()
	}
	for _, name := range []string{"enum", "examples"} {
		if list := schema.Get(name); list != nil && len(list.Items) > 0 {
			return list.Items[0].Value()
		}
	}
	kind := "object"
	if word := schema.Get("type"); word != nil && word.Str != "" {
		kind = word.Str
	}
	switch kind {
	case "string":
		if least := schema.Get("minLength"); least != nil {
			return strings.Repeat("x", int(min(least.Int, 1024)))
		}
		return ""
	case "integer", "number":
		if least := schema.Get("minimum"); least != nil {
			return least.Value()
		}
		return 0
	case "boolean":
		return false
	case "array":
		return []any{}
	case "null":
		return nil
	}
	value := map[string]any{}
	if required := schema.Get("required"); required != nil {
		for _, name := range required.Items {
			value[name.Str] = nil
			if of := schema.Get("properties"); of != nil && of.Get(name.Str) != nil {
				value[name.Str] = leastOf(of.Get(name.Str))
			}
		}
	}
	return value
}
