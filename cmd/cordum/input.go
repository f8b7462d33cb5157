package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxInput is how much is read of a file or of stdin: more than a server takes, so that the server says what is too much.
const maxInput = 8 << 20

// jsonValue reads a flag that holds JSON: the value itself, @FILE, or - for stdin. Empty is absent.
func (a *app) jsonValue(flag, value string) (json.RawMessage, error) {
	if value == "" {
		return nil, nil
	}
	raw := []byte(value)
	if value == "-" || strings.HasPrefix(value, "@") {
		var err error
		if raw, err = a.readFile(strings.TrimPrefix(value, "@")); err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
	}
	var checked json.RawMessage
	if err := json.Unmarshal(raw, &checked); err != nil {
		return nil, usagef("--%s is not valid JSON: %w (write JSON, @FILE, or - for stdin)", flag, err)
	}
	return checked, nil
}

// readFile reads a file, or stdin for "-".
func (a *app) readFile(name string) ([]byte, error) {
	from := a.in
	if name != "-" {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("%w", err)
		}
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > maxInput {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxInput>>20)
	}
	return raw, nil
}

// isJSONFile tells how a definition is written: by its name, else by its first character.
func isJSONFile(name string, source []byte) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		return true
	case ".yaml", ".yml":
		return false
	}
	return strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(string(source), "\ufeff"), " \t\r\n"), "{")
}

// labels reads --label NAME=VALUE flags.
func labels(given []string) (map[string]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(given))
	for _, label := range given {
		name, value, ok := strings.Cut(label, "=")
		if !ok || name == "" {
			return nil, usagef("--label %q: write NAME=VALUE", label)
		}
		out[name] = value
	}
	return out, nil
}
