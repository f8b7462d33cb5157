package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// Source is a store that can be copied while it is in use.
type Source interface {
	// Checkpoint makes a copy, as the store is at one moment, in a folder that is not there yet.
	Checkpoint(ctx context.Context, dir string) error
}

// About says who takes a backup, or puts one back, when, and why.
type About struct {
	At     time.Time
	By     string // as user:ann
	Reason string
	Server string // version of the program
	// Crash is called at the places that are named beside CrashCopying; tests end the process there. Default: nothing.
	Crash func(point string) error
}

// partialPrefix begins the name of what is not whole yet.
const partialPrefix = ".partial-"

// NewName is a name for a backup that is taken at a time: names are in the order of time, and no two are the same.
func NewName(at time.Time) string {
	return at.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:6])
}

// Create copies a store into a new folder below shelf, which is made when it is not there, and answers what it holds. It reads the
// copy once, whole, to count and to digest. What is left of one that was broken off, by anything, is removed by the next.
func Create(ctx context.Context, src Source, shelf, name string, about About) (Manifest, error) {
	if err := os.MkdirAll(shelf, 0o700); err != nil {
		return Manifest{}, fmt.Errorf("make a folder for backups: %w", err)
	}
	if err := sweep(shelf); err != nil {
		return Manifest{}, fmt.Errorf("remove an unfinished backup: %w", err)
	}
	partial := filepath.Join(shelf, partialPrefix+name)
	m, err := create(ctx, src, partial, name, about)
	if err == nil {
		err = settle(partial, filepath.Join(shelf, name))
	}
	if err != nil {
		return Manifest{}, errors.Join(fmt.Errorf("take a backup: %w", err), os.RemoveAll(partial))
	}
	return m, nil
}

// sweep removes what was left unfinished.
func sweep(shelf string) error {
	left, err := filepath.Glob(filepath.Join(shelf, partialPrefix+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

func create(ctx context.Context, src Source, dir, name string, about About) (Manifest, error) {
	m := Manifest{
		Format: formatName, Version: version, Name: name, TakenAt: about.At.UTC(), By: about.By, Reason: about.Reason, Server: about.Server,
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return m, err
	}
	data := filepath.Join(dir, dataName)
	if err := src.Checkpoint(ctx, data); err != nil {
		return m, err
	}
	if err := m.describe(ctx, data); err != nil {
		return m, err
	}
	var err error
	if m.Files, err = digestFiles(ctx, data); err != nil {
		return m, err
	}
	return m, m.write(dir)
}

// describe opens a copy and says which store it is of and what it holds.
func (m *Manifest) describe(ctx context.Context, data string) error {
	s, err := openCopy(data)
	if err != nil {
		return err
	}
	who := s.Identity()
	m.Store, m.Generation, m.Level, m.Partitions = who.ID, who.Generation, s.Level(), s.Partitions()
	for p := range store.Partition(m.Partitions) {
		if err = s.Walk(ctx, p, func(i store.Item) error { m.Counts.add(i); return nil }); err != nil {
			break
		}
	}
	return errors.Join(err, s.Close(), os.Remove(filepath.Join(data, lockName)))
}

// openCopy opens the store of a backup, for reading only.
func openCopy(data string) (*pebble.Store, error) {
	return pebble.Open(pebble.Config{Dir: data, ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
}
