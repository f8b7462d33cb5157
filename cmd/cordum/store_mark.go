package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cordum.dev/cordum/store/redis"
)

// markFile is where a server keeps in its data folder how far a store in Redis had come when it saw it last.
func markFile(dir string) string { return filepath.Join(dir, "store-seen.json") }

// readMark answers nil where a server never was.
func readMark(dir string) (*redis.Mark, error) {
	raw, err := os.ReadFile(markFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what is known of the store: %w", err)
	}
	var m redis.Mark
	if err := json.Unmarshal(raw, &m); err != nil || m.Store == "" {
		return nil, fmt.Errorf("%s does not decode: if it was changed by hand, remove it", markFile(dir))
	}
	return &m, nil
}

// writeMark replaces what is kept, wholly or not at all.
func writeMark(dir string, m redis.Mark) error {
	raw, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep what is known of the store: %w", err)
	}
	f, err := os.CreateTemp(dir, ".store-seen-*")
	if err != nil {
		return fmt.Errorf("keep what is known of the store: %w", err)
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), markFile(dir))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is told already that there is none
		return fmt.Errorf("keep what is known of the store: %w", err)
	}
	return nil
}
