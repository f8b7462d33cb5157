package order

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Overlay writes the changed files, and overlay.json that has the go command take them instead of its own, into a folder that is
// there, and answers the name of that file. The texts are those of the Go that a go command in the current folder builds with.
//
// beside are more files to be replaced, by what; nil: none. An error says what could not be changed: then nothing is to be laid over.
func Overlay(ctx context.Context, dir string, beside map[string]string) (file string, err error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("ask where Go's sources are: %w", err)
	}
	replace, err := write(filepath.Join(strings.TrimSpace(string(out)), "src"), dir)
	if err != nil {
		return "", err
	}
	maps.Copy(replace, beside)
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o644)
}

// write writes each changed file of Go's sources into one folder, and answers what replaces what.
func write(from, to string) (replace map[string]string, err error) {
	texts := map[string]string{}
	for _, c := range changes {
		text, read := texts[c.file]
		if !read {
			raw, err := os.ReadFile(filepath.Join(from, c.file))
			if err != nil {
				return nil, fmt.Errorf("read Go's sources: %w", err)
			}
			text = string(raw)
		}
		if n := strings.Count(text, c.old); n != 1 {
			return nil, fmt.Errorf("%s has %d times, not once: %q", filepath.Join(from, c.file), n, c.old)
		}
		texts[c.file] = strings.Replace(text, c.old, c.new, 1)
	}
	replace = make(map[string]string, len(texts))
	for name, text := range texts {
		changed := filepath.Join(to, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(changed, []byte(text), 0o644); err != nil {
			return nil, err
		}
		replace[filepath.Join(from, filepath.FromSlash(name))] = changed
	}
	return replace, nil
}
