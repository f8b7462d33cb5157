package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

const (
	published = "../../docs/semantics.md"
	joinFile  = "../../engine/testdata/joins.txt"
)

// TestPageIsCurrent: what the code says is what docs/semantics.md shows.
func TestPageIsCurrent(t *testing.T) {
	want, err := render(joinFile)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/semantics.md is not current: run make gen")
	}
}

// TestExamplesOfThePage: every definition on the page, or list of steps, is a workflow.
func TestExamplesOfThePage(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 5 {
		t.Fatalf("only %d examples were found", len(blocks))
	}
	for _, b := range blocks {
		src := b[1]
		if strings.HasPrefix(src, "- ") {
			src = "id: wf\nsteps:\n" + src
		}
		if w, diags := steps.Load([]byte(src), yamlx.YAML, false); w == nil {
			t.Errorf("%v in\n%s", diags, src)
		}
	}
}

// TestWordsAreComplete: a reason or a cell that nobody has words for stops the generator, instead of leaving a hole.
func TestWordsAreComplete(t *testing.T) {
	says := skipSays["halted"]
	delete(skipSays, "halted")
	defer func() { skipSays["halted"] = says }()
	if _, err := skipTable(); err == nil {
		t.Error("a reason without a sentence was written")
	}
	if _, err := newPlay(subject).says([]engine.Fact{new(engine.Swept)}); err == nil {
		t.Error("a fact without words was written")
	}
	if _, err := joinTable("none.txt"); err == nil {
		t.Error("a join table that is not there was written")
	}
}
