package sim

import (
	"bytes"
	"encoding/json"
	"testing"

	"cordum.dev/cordum/engine/plan/trial"
)

// apart gives every step of which a job is to wait for its worker a topic of its own. Workers of one topic take what was
// released first: a job can only wait longer than others of its topic when its worker is another one's. What is no step of the
// workflow itself stays where it is; it is said when that is not possible.
func apart(t *testing.T, c *trial.Case) {
	t.Helper()
	late := map[string]bool{}
	for name, stubs := range c.Stubs {
		for _, s := range stubs {
			late[name] = late[name] || s.Queued > 0
		}
		if !late[name] {
			delete(late, name)
		}
	}
	if len(late) == 0 {
		return
	}
	var doc map[string]any
	read := json.NewDecoder(bytes.NewReader(c.Workflow.Source))
	read.UseNumber()
	if err := read.Decode(&doc); err != nil {
		t.Fatalf("the workflow: %v", err)
	}
	move := func(id string, step any) {
		fields, _ := step.(map[string]any)
		if topic, is := fields["topic"].(string); is && late[id] {
			fields["topic"] = topic + ".apart." + id
		}
	}
	switch all := doc["steps"].(type) {
	case []any:
		for _, step := range all {
			fields, _ := step.(map[string]any)
			id, _ := fields["id"].(string)
			move(id, step)
		}
	case map[string]any:
		for id, step := range all {
			move(id, step)
		}
	}
	source, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	c.Workflow = &trial.Text{File: c.Workflow.File, Source: source}
}
