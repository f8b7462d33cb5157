// Command gen writes the files of package openapi into the current folder.
package main

import (
	"fmt"
	"os"

	"cordum.dev/cordum/openapi"
)

func main() {
	files, err := openapi.Files()
	if err == nil {
		for name, content := range files {
			if err = os.WriteFile(name, content, 0o644); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
