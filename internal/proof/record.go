package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Folder is where records are kept, below the module's root; they are committed.
const Folder = "bench/results"

// Record is what one run of a long check or measurement found.
type Record struct {
	Name    string    `json:"name"`    // of the check, as [Expected] names it; also its file
	Command string    `json:"command"` // what makes it again
	At      time.Time `json:"at"`
	Commit  string    `json:"commit"` // short, with -dirty when the tree had changes of anything but records and pages
	Machine string    `json:"machine"`
	Took    float64   `json:"took_s"`
	Figures []Figure  `json:"figures"`
}

// Figure is one line of a record.
type Figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`          // with its unit
	Goal  string `json:"goal,omitempty"` // empty: it has none
	// Met says whether the goal was met; it has no meaning without one.
	Met bool `json:"met,omitempty"`
}

// Count is a figure that must be a certain number.
func Count(name string, got, want int) Figure {
	return Figure{Name: name, Value: fmt.Sprint(got), Goal: fmt.Sprint(want), Met: got == want}
}

// AtLeast is a figure that must be no less than a number.
func AtLeast(name string, got, goal int) Figure {
	return Figure{Name: name, Value: fmt.Sprint(got), Goal: fmt.Sprintf("≥ %d", goal), Met: got >= goal}
}

// Write keeps a record in the module's folder of records; root is the module's root. It fills in when it was made, on
// what machine and of which commit. A record that stands there is replaced, and the table of [Page] written anew, if there is one.
func Write(root string, r Record) error {
	if r.Name == "" || strings.ContainsAny(r.Name, `/\. `) {
		return fmt.Errorf("proof: %q is no name of a record", r.Name)
	}
	if len(r.Figures) == 0 {
		return fmt.Errorf("proof: record %s has no figures", r.Name)
	}
	r.At = time.Now().UTC().Truncate(time.Second)
	r.Machine = fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	r.Commit = commit(root)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	folder := filepath.Join(root, Folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, r.Name+".json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := Renew(root); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// commit names the commit of a checkout. What other records and the pages say does not make it another: several are made in a row.
func commit(root string) string {
	git := func(args ...string) ([]byte, error) {
		return exec.Command("git", append([]string{"-C", root}, args...)...).Output()
	}
	name, err := git("rev-parse", "--short", "HEAD")
	if err != nil {
		return "unknown"
	}
	changed, err := git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!"+Folder, ":!docs")
	if err != nil || len(changed) > 0 {
		return strings.TrimSpace(string(name)) + "-dirty"
	}
	return strings.TrimSpace(string(name))
}

// Read answers all records, by name. One that cannot be read is an error: a page without it would say too little.
func Read(root string) ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(root, Folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var r Record
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if r.Name != strings.TrimSuffix(filepath.Base(file), ".json") || len(r.Figures) == 0 {
			return nil, fmt.Errorf("%s: %w", file, errNoRecord)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Record) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

var errNoRecord = errors.New("not a record of that name, or without figures")
