// Command gen writes docs/lint.md, the page of the rules of lint. It is run by go generate in the folder above.
package main

import (
	"flag"
	"fmt"
	"os"

	"cordum.dev/cordum/engine/plan"
)

func main() {
	out := flag.String("out", "../../docs/lint.md", "file to write")
	flag.Parse()
	if err := os.WriteFile(*out, []byte(plan.Page()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
