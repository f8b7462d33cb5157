package proof

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMeasuredIsInTheRecords: what the page of this checkout says was measured is in the records that are committed with it. A
// record that was made since is said, and no failure.
func TestMeasuredIsInTheRecords(t *testing.T) {
	records, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, Page))
	if err != nil {
		t.Fatal(err)
	}
	behind, err := Check(string(page), records)
	if err != nil {
		t.Error(err)
	}
	if len(behind) > 0 {
		t.Logf("newer than the page: %q; make scoreboard-docs", behind)
	}
}

// TestCheckFindsLies changes what a page says, and what there is to say.
func TestCheckFindsLies(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	crash := Record{Name: "crash", At: made, Commit: "abc", Figures: []Figure{
		{Name: "cells passed / run", Value: "7 / 8", Goal: "all"},
		Count("acknowledged starts lost", 0, 0),
	}}
	page := "text\n" + pageBegin + "\n\n" + Table([]Record{crash}) + "\n" + pageEnd + "\nmore"
	later, earlier, other := crash, crash, crash
	later.At, earlier.At = made.Add(time.Hour), made.Add(-time.Hour)
	other.Figures = []Figure{Count("acknowledged starts lost", 3, 0)}
	for name, c := range map[string]struct {
		page    string
		records []Record
		behind  int
		lies    bool
	}{
		"as it is":                      {page, []Record{crash}, 0, false},
		"a newer record":                {page, []Record{later}, 1, false},
		"a record of what was not made": {page, []Record{crash, {Name: "many", At: made, Figures: []Figure{{Name: "lag of all", Value: "1 s"}}}}, 1, false},
		"no record":                     {page, nil, 0, true},
		"an older record":               {page, []Record{earlier}, 0, true},
		"other figures":                 {page, []Record{other}, 0, true},
		"another value":                 {strings.Replace(page, "7 / 8", "8 / 8", 1), []Record{crash}, 0, true},
		"a goal met":                    {strings.Replace(page, ": **missed**", "", 1), []Record{crash}, 0, true},
		"a line less":                   {strings.Replace(page, lineOf(page, "starts lost"), "", 1), []Record{crash}, 0, true},
		"a line of nothing":             {strings.Replace(page, pageEnd, "| all | said | 1 | 1 | `make it` | now |\n"+pageEnd, 1), []Record{crash}, 0, true},
		"measured, and not":             {strings.Replace(page, "laws broken | not measured", "laws broken | 0", 1), []Record{crash}, 0, true},
		"no table":                      {"text", []Record{crash}, 0, true},
	} {
		behind, err := Check(c.page, c.records)
		if len(behind) != c.behind || (err != nil) != c.lies {
			t.Errorf("%s: behind %q, error %v", name, behind, err)
		}
	}
}

func lineOf(text, words string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, words) {
			return line
		}
	}
	return ""
}

// TestRenewWritesTheTable: a record that is written is on the page, and what stands around its table stays.
func TestRenewWritesTheTable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Page)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("before\n"+pageBegin+"\nold\n"+pageEnd+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, Record{Name: "mutants", Figures: []Figure{Count("found", 41, 41)}}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, want := range []string{"before\n" + pageBegin, "| found | 41 | 41 | `make mutants` |", "faults planted | not measured", pageEnd + "\nafter\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	records, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if behind, err := Check(text, records); err != nil || len(behind) > 0 {
		t.Errorf("behind %q, %v", behind, err)
	}
}
