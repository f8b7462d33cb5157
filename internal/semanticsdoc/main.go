package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
)

//go:embed page.md
var page string

func main() {
	out := flag.String("out", "docs/semantics.md", "file to write")
	joins := flag.String("joins", "engine/testdata/joins.txt", "the cells of the join table")
	flag.Parse()
	text, err := render(*joins)
	if err == nil {
		err = os.WriteFile(*out, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "semanticsdoc:", err)
		os.Exit(1)
	}
}

// tables are what page.md may ask for, by name.
func tables(joins string) map[string]func() (table, error) {
	return map[string]func() (table, error){
		"joins":   func() (table, error) { return joinTable(joins) },
		"skips":   skipTable,
		"undo":    undoTable,
		"control": controlTable,
		"held":    heldTable,
		"stops":   stopTable,
		"retries": retryTable,
		"limits":  limitTable,
	}
}

// place is where page.md wants a table.
var place = regexp.MustCompile(`(?m)^<!-- table: ([a-z]+) -->$`)

// render is the whole page. A table that the page does not ask for is an error, as is one that nobody makes.
func render(joins string) (string, error) {
	var failed error
	makers := tables(joins)
	text := place.ReplaceAllStringFunc(page, func(mark string) string {
		name := place.FindStringSubmatch(mark)[1]
		maker, known := makers[name]
		if !known {
			failed = fmt.Errorf("page.md asks for the table %q, which nobody makes", name)
			return mark
		}
		delete(makers, name)
		t, err := maker()
		if err != nil && failed == nil {
			failed = fmt.Errorf("table %s: %w", name, err)
		}
		return strings.TrimSuffix(t.String(), "\n")
	})
	for name := range makers {
		if failed == nil {
			failed = fmt.Errorf("page.md does not ask for the table %q", name)
		}
	}
	return text, failed
}

// table is a table of the page: rows of cells, the first row its head.
type table [][]string

func (t *table) add(cells ...string) { *t = append(*t, cells) }

// String is the table in Markdown.
func (t table) String() string {
	var b strings.Builder
	for i, row := range t {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}

// code sets a word of the language.
func code(word string) string { return "`" + word + "`" }
