package proof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Page is the document that says what is promised, below the module's root. Between its two marks stands what was measured.
const (
	Page      = "docs/guarantees.md"
	pageBegin = "<!-- measured: written by make scoreboard-docs -->"
	pageEnd   = "<!-- measured: end -->"
)

// notMeasured stands in the place of the figure of a record that is not there.
const notMeasured = "not measured"

// measured says which figures stand on the page, and what each has to do with the promises: those of a record that have this name,
// in which a * stands for any words.
var measured = []struct{ promise, record, figure string }{
	{"I1, I8, I16: from outside", "outside", "kills"},
	{"I1, I8, I16: of them", "outside", "kills: *"},
	{"I1, I8, I16: cut off", "outside", "links cut, slowed or half open"},
	{"I1, I8, I16: cut off", "outside", "of them between network namespaces"},
	{"I1", "outside", "acknowledged writes"},
	{"I1", "outside", "lost"},
	{"I8, I21, I28", "outside", "accepted twice"},
	{"I10, I17", "outside", "stale accepted"},
	{"I1, I3: at each crash point", "crash", "cells passed / run"},
	{"I1", "crash", "acknowledged starts lost"},
	{"I1 to I32: whole systems", "simulation", "seeds played"},
	{"I1 to I32", "simulation", "laws broken"},
	{"I1, I6", "simulation", "servers killed*"},
	{"I1, I2", "simulation", "power cuts*"},
	{"a seed, the same history", "simulation", "replays*"},
	{"I1, I2: power cuts", "tests", "power cuts*"},
	{"all: tests", "tests", "passed"},
	{"all: tests", "tests", "failed"},
	{"all: what the tests are worth", "mutants", "faults planted"},
	{"all: what the tests are worth", "mutants", "found"},
	{"a dead engine", "replicas", "an engine is killed*"},
	{"a dead engine", "replicas", "the engine that gives jobs to workers is killed*"},
	{"two engines", "replicas", "*two engines against one"},
	{"a million runs", "many", "start with 1000000 runs*"},
	{"a million runs", "many", "a list of runs: the newest"},
	{"a million runs", "many", "a list of runs: behind*"},
	{"a million runs", "many", "a list of runs: in a common state"},
	{"a million runs", "many", "a list of runs: of a workflow in a state that none of it has"},
	{"a million runs", "many", "runs started*"},
	{"a million timers", "many", "start with 1000000 timers"},
	{"a million timers", "many", "lag of*"},
}

// rows are the lines of the table that a record has: of its figures, or that there are none. r is nil when there is no record.
func rows(name string, r *Record) (lines []string) {
	var command string
	for _, e := range Expected {
		if e.Name == name {
			command = e.Command
		}
	}
	for _, m := range measured {
		if m.record != name {
			continue
		}
		found := false
		for _, f := range figuresOf(r) {
			if matches(m.figure, f.Name) {
				lines, found = append(lines, row(m.promise, f.Name, f.Value, judged(f), command, stamp(r))), true
			}
		}
		if !found {
			lines = append(lines, row(m.promise, strings.Trim(strings.ReplaceAll(m.figure, "*", " … "), " "), notMeasured, "", command, stamp(r)))
		}
	}
	return lines
}

func matches(pattern, name string) bool {
	begin, end, open := strings.Cut(pattern, "*")
	if !open {
		return name == pattern
	}
	return len(name) >= len(begin)+len(end) && strings.HasPrefix(name, begin) && strings.HasSuffix(name, end)
}

func figuresOf(r *Record) []Figure {
	if r == nil {
		return nil
	}
	return r.Figures
}

func row(cells ...string) string {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", "/")
	}
	cells[4] = "`" + cells[4] + "`"
	return "| " + strings.Join(cells, " | ") + " |"
}

func judged(f Figure) string {
	if f.Goal != "" && !f.Met {
		return f.Goal + ": **missed**"
	}
	return f.Goal
}

const stampForm = "2006-01-02 15:04:05Z"

// stamp says which record a line is of.
func stamp(r *Record) string {
	if r == nil {
		return ""
	}
	return r.At.UTC().Format(stampForm) + ", " + r.Commit
}

// Table is what stands between the marks of the page.
func Table(records []Record) string {
	var b strings.Builder
	b.WriteString("| promise | figure | measured | goal | made again by | at, commit |\n|---|---|---|---|---|---|\n")
	for _, e := range Expected {
		for _, line := range rows(e.Name, named(records, e.Name)) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func named(records []Record, name string) *Record {
	if i := slices.IndexFunc(records, func(r Record) bool { return r.Name == name }); i >= 0 {
		return &records[i]
	}
	return nil
}

// Renew writes the table into the page of the checkout at root.
func Renew(root string) error {
	records, err := Read(root)
	if err != nil {
		return err
	}
	path := filepath.Join(root, Page)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, _, after, err := cutPage(string(text))
	if err != nil {
		return err
	}
	whole := before + pageBegin + "\n\n" + Table(records) + "\n" + pageEnd + after
	if whole == string(text) {
		return nil
	}
	return os.WriteFile(path, []byte(whole), 0o644)
}

// cutPage answers what stands before, between and behind the marks.
func cutPage(text string) (before, table, after string, err error) {
	before, rest, begins := strings.Cut(text, pageBegin)
	table, after, ends := strings.Cut(rest, pageEnd)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("%s: the marks %q and %q are not there", Page, pageBegin, pageEnd)
	}
	return before, table, after, nil
}

// errLies is what [Check] finds.
var errLies = errors.New("the page does not say what the records say; write its table anew: make scoreboard-docs")

// Check compares the table of a page with the records. What the page says of a record must be what is in it, or an error says
// where it is not. A record that was made since the page was written is no lie: it is named in behind.
func Check(page string, records []Record) (behind []string, err error) {
	_, table, _, err := cutPage(page)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, e := range Expected {
		want, got := rows(e.Name, named(records, e.Name)), linesOf(table, e.Command)
		switch {
		case slices.Equal(got, want):
		case older(got, named(records, e.Name)):
			behind = append(behind, e.Name)
		default:
			wrong = append(wrong, fmt.Errorf("%s: %w", e.Name, errLies))
		}
	}
	if n := strings.Count(table, "\n| ") - 1; n != countLines(table) {
		wrong = append(wrong, fmt.Errorf("%d lines of no record: %w", n-countLines(table), errLies))
	}
	return behind, errors.Join(wrong...)
}

// linesOf are the lines of a table that a command makes again.
func linesOf(table, command string) (lines []string) {
	for line := range strings.Lines(table) {
		if strings.Contains(line, " | `"+command+"` | ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// countLines counts those of all records.
func countLines(table string) (n int) {
	for _, e := range Expected {
		n += len(linesOf(table, e.Command))
	}
	return n
}

// older tells whether all lines are of one time before a record was made, or say that nothing was measured.
func older(lines []string, r *Record) bool {
	if r == nil || len(lines) == 0 {
		return false
	}
	for _, line := range lines {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		at, _, _ := strings.Cut(cells[len(cells)-1], ",")
		made, err := time.Parse(stampForm, at)
		unmade := strings.HasSuffix(line, "|  |") && strings.Contains(line, "| "+notMeasured+" |")
		if !unmade && (err != nil || !made.Before(r.At)) {
			return false
		}
	}
	return true
}
