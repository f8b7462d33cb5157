package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/proof"
)

const events = `{"Time":"2026-03-01T12:00:00Z","Action":"start","Package":"a"}
{"Time":"2026-03-01T12:00:01Z","Action":"output","Package":"a","Test":"TestA","Output":"{\"Action\":\"fail\",\"Test\":\"TestA\"}"}
{"Time":"2026-03-01T12:00:01Z","Action":"attr","Package":"a","Test":"TestA/x","Key":"figure","Value":"power cuts=20"}
{"Time":"2026-03-01T12:00:01Z","Action":"attr","Package":"a","Test":"TestA/y","Key":"figure","Value":"power cuts=22"}
{"Time":"2026-03-01T12:00:02Z","Action":"pass","Package":"a","Test":"TestA/x"}
{"Time":"2026-03-01T12:00:02Z","Action":"pass","Package":"a","Test":"TestA"}
{"Time":"2026-03-01T12:00:03Z","Action":"skip","Package":"a","Test":"TestB"}
{"Time":"2026-03-01T12:00:03Z","Action":"fail","Package":"a","Test":"TestC"}
{"Time":"2026-03-01T12:00:04Z","Action":"pass","Package":"a"}
{"Time":"2026-03-01T12:00:05Z","Action":"pass","Pack`

// TestCountEvents: tests are counted, packages are not, nor what a test prints, nor a line that was left half.
func TestCountEvents(t *testing.T) {
	got, err := countEvents(strings.NewReader(events))
	if err != nil || got.passed != 2 || got.failed != 1 || got.skipped != 1 || got.took != 4*time.Second {
		t.Errorf("%+v, %v", got, err)
	}
	if !maps.Equal(got.figures, map[string]int{"power cuts": 42}) {
		t.Errorf("figures %v", got.figures)
	}
	if _, err := countEvents(strings.NewReader(strings.Replace(events, "=20", "=some", 1))); err == nil {
		t.Error("a figure that is no number is taken")
	}
}

// TestCountText reads the ends of the SDKs' tests.
func TestCountText(t *testing.T) {
	for text, want := range map[string]tally{
		"Ran 93 tests in 12.500s\n\nOK\n":                                {passed: 93, took: 12500 * time.Millisecond},
		"Ran 93 tests in 2s\n\nOK (skipped=3)\n":                         {passed: 90, skipped: 3, took: 2 * time.Second},
		"Ran 9 tests in 1s\n\nFAILED (failures=2, errors=1, skipped=1)":  {passed: 5, failed: 3, skipped: 1, took: time.Second},
		"ℹ tests 8\nℹ pass 7\nℹ fail 1\nℹ skipped 2\nℹ duration_ms 1500": {passed: 7, failed: 1, skipped: 2, took: 1500 * time.Millisecond},
		"Traceback (most recent call last):\n":                           {},
	} {
		got, err := countText(strings.NewReader(text))
		if err != nil || got.passed != want.passed || got.failed != want.failed || got.skipped != want.skipped || got.took != want.took {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// TestKeep: a record is kept of a run without a failure, and of no other.
func TestKeep(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("test.json", []byte(events), 0o600); err != nil {
		t.Fatal(err)
	}
	total, stages, err := countAll([]string{"test.json"})
	if err != nil {
		t.Fatal(err)
	}
	if keep("make test", total, stages) == nil {
		t.Error("a record is kept of a run in which a test failed")
	}
	if keep("make test", tally{}, nil) == nil {
		t.Error("a record is kept of no tests")
	}
	if _, _, err := countAll([]string{"test.json", "none.json"}); err == nil {
		t.Error("a file that is missing is not said")
	}
	total.failed = 0
	if err := keep("make test", total, stages); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(proof.Folder, "tests.json"))
	if err != nil || !strings.Contains(string(text), `"name": "of them test"`) {
		t.Errorf("%s, %v", text, err)
	}
}
