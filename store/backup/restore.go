package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// RestoringSuffix ends the name of a folder that is being filled, beside the one it will be.
const RestoringSuffix = ".restoring"

// Restore makes a store of the backup in a folder, in another folder that must be empty or not there, and answers who it is now:
// the same store in a new generation. Each file is compared with its digest while it is copied. The folder gets its name when
// the store in it is whole. Broken off, it can be done again, and nobody opens what it left: see [Unfinished].
func Restore(ctx context.Context, from, into string, about About) (store.Identity, error) {
	m, err := ReadManifest(from)
	if err != nil {
		return store.Identity{}, err
	}
	var who store.Identity
	err = fill(into, about, func(partial string) error {
		if err := m.copyFiles(ctx, from, partial, about); err != nil {
			return err
		}
		how := store.Restored{
			At: about.At.UTC(), From: "backup " + m.Name, TakenAt: m.TakenAt, Before: m.Generation, By: about.By, Reason: about.Reason,
		}
		who = store.Identity{ID: m.Store, Generation: store.NextGeneration(m.Generation, how.At), Restored: &how}
		return pebble.Refence(pebble.Config{Dir: partial, Filling: true, Logger: slog.New(slog.DiscardHandler)}, who.Generation, how)
	})
	if err != nil {
		return store.Identity{}, fmt.Errorf("restore %s: %w", m.Name, err)
	}
	return who, nil
}

// copyFiles copies what a backup consists of.
func (m *Manifest) copyFiles(ctx context.Context, from, to string, about About) error {
	for i, f := range m.Files {
		if err := copyFile(ctx, filepath.Join(from, dataName, f.Name), filepath.Join(to, f.Name), f); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if err := about.reach(CrashCopying); err != nil {
			return err
		}
	}
	return about.reach(CrashCopied)
}

// fill makes a folder that must be empty or not there: make fills another one beside it, which takes its place when it is whole.
// From its first file until it is in its place a file in it says that it is not finished.
func fill(into string, about About, make func(partial string) error) error {
	into = filepath.Clean(into)
	partial := into + RestoringSuffix
	for _, dir := range []string{into, partial} {
		if err := vacate(dir); err != nil {
			return err
		}
	}
	err := mark(partial)
	if err == nil {
		err = make(partial)
	}
	if err == nil {
		err = about.reach(CrashFilled)
	}
	if err == nil {
		err = replace(into, partial)
	}
	if err != nil {
		return errors.Join(err, vacate(partial))
	}
	if err = about.reach(CrashPlaced); err == nil {
		err = unmark(into)
	}
	if err != nil {
		return errors.Join(err, vacate(into))
	}
	return about.reach(CrashSettled)
}

// vacate removes what was left unfinished in a folder, which else must be empty or not there. What says so goes last: this may be
// broken off, too.
func vacate(dir string) error {
	if !marked(dir) {
		return mustBeFree(dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != pebble.UnfinishedFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// mark makes a folder that says that it is not finished.
func mark(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(writeSynced(filepath.Join(dir, pebble.UnfinishedFile), nil), syncDir(dir))
}

// replace puts a folder into the place of one that is empty or not there.
func replace(dir, by string) error {
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return settle(by, dir)
}

// unmark says that a folder is whole.
func unmark(dir string) error {
	return errors.Join(os.Remove(filepath.Join(dir, pebble.UnfinishedFile)), syncDir(dir))
}

// marked tells whether a folder says that it is not finished.
func marked(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, pebble.UnfinishedFile))
	return err == nil
}

// Unfinished tells whether a restore or an import into a folder was broken off, or goes on, and which folder holds what there is of
// it. Whoever would make a new store in the folder asks first: what is to come there has been there before.
func Unfinished(dir string) (partial string, is bool) {
	dir = filepath.Clean(dir)
	if marked(dir) {
		return dir, true
	}
	partial = dir + RestoringSuffix
	if _, err := os.Lstat(partial); err != nil || mustBeFree(dir) != nil {
		return "", false
	}
	return partial, true
}
