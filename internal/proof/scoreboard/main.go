// Command scoreboard prints one page of the figures that are kept in bench/results.
//
//	go run ./internal/proof/scoreboard         the page
//	go run ./internal/proof/scoreboard -docs   writes the table of docs/guarantees.md anew
//	go run ./internal/proof/scoreboard -check  says whether that table is what the records say
//
// It ends with 1 when a record cannot be read, or the table says what is not in one. A goal that was missed is said on the page and is
// no error; nor is a record that was made since the table was written.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"cordum.dev/cordum/internal/proof"
)

func main() {
	docs := flag.Bool("docs", false, "write the table of "+proof.Page)
	look := flag.Bool("check", false, "compare the table of "+proof.Page+" with the records")
	flag.Parse()
	do := show
	switch {
	case *docs:
		do = func() error { return proof.Renew(".") }
	case *look:
		do = check
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func show() error {
	records, err := proof.Read(".")
	if err != nil {
		return err
	}
	good, err := proof.Print(os.Stdout, records)
	if err == nil && !good {
		fmt.Println("\nNot everything was measured, or a goal was missed: the lines above say which.")
	}
	return err
}

func check() error {
	records, err := proof.Read(".")
	if err != nil {
		return err
	}
	page, err := os.ReadFile(proof.Page)
	if err != nil {
		return err
	}
	behind, err := proof.Check(string(page), records)
	if len(behind) > 0 {
		fmt.Printf("note: newer than the table of %s: %s; write it anew: make scoreboard-docs\n", proof.Page, strings.Join(behind, ", "))
	}
	return err
}
