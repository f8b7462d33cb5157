// Command tests counts the tests of a run of everything, and keeps a record of them when all have passed.
//
//	go run ./internal/proof/tests .build/*.json .build/test-*.txt
//	go run ./internal/proof/tests -record 'make test' .build/test.json …
//
// It reads what `go test -json` wrote (.json), and what Python's unittest and Node's test runner say at their ends (.txt). Its last
// line counts them. It ends with 1 when a record was asked for and a test has failed, none has run, or a file is missing.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/internal/proof"
)

func main() {
	command := flag.String("record", "", "keep a record under this command, when every test has passed; by default none is kept")
	flag.Parse()
	total, stages, err := countAll(flag.Args())
	if err == nil && *command != "" {
		err = keep(*command, total, stages)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	fmt.Printf("%d passed, %d failed\n", total.passed, total.failed)
	if err != nil {
		os.Exit(1)
	}
}

// stage is what one file tells.
type stage struct {
	name string
	tally
}

// countAll counts the tests of all files. It goes on behind a file that it cannot read.
func countAll(files []string) (total tally, stages []stage, err error) {
	total.figures = map[string]int{}
	for _, path := range files {
		read := countText
		if filepath.Ext(path) == ".json" {
			read = countEvents
		}
		one, failed := readFile(path, read)
		if failed != nil {
			err = failed
			continue
		}
		name := filepath.Base(path)
		stages = append(stages, stage{strings.TrimSuffix(name, filepath.Ext(name)), one})
		total.add(one)
	}
	return total, stages, err
}

// goals of figures that tests tell.
var goals = map[string]int{"power cuts on Pebble's crashable file system": 200}

// keep writes the record.
func keep(command string, total tally, stages []stage) error {
	if total.failed > 0 || total.passed == 0 {
		return fmt.Errorf("no record is kept of a run with %d tests that passed and %d that failed", total.passed, total.failed)
	}
	number := func(name string, n int) proof.Figure { return proof.Figure{Name: name, Value: fmt.Sprint(n)} }
	figures := []proof.Figure{number("passed", total.passed), proof.Count("failed", total.failed, 0), number("skipped", total.skipped)}
	for _, name := range slices.Sorted(maps.Keys(goals)) {
		figures = append(figures, proof.AtLeast(name, total.figures[name], goals[name]))
	}
	var took time.Duration
	for _, s := range stages {
		took += s.took
		figures = append(figures, proof.Figure{
			Name:  "of them " + s.name,
			Value: fmt.Sprintf("%d passed, %d skipped, %.0f s", s.passed, s.skipped, s.took.Seconds()),
		})
	}
	return proof.Write(".", proof.Record{Name: "tests", Command: command, Took: took.Seconds(), Figures: figures})
}
