package trial

import (
	"os"
	"path/filepath"
	"testing"
)

// TestStories plays the cases of testdata: what the conformance suite leaves out, or says only once.
func TestStories(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"testdata/*.yaml", "testdata/sends/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no stories in %s: %v", pattern, err)
		}
		paths = append(paths, found...)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		cases, problems := Parse(File{Path: p, Text: text}, nil)
		for _, problem := range problems {
			t.Error(problem)
		}
		for _, c := range cases {
			t.Run(c.ID, func(t *testing.T) {
				for round := range uint64(rounds) {
					if result, _ := c.run(round); !result.OK {
						t.Fatalf("%s:%d: round %d:\n%s", c.File, c.Line, round, result.Why)
					}
				}
			})
		}
	}
}
