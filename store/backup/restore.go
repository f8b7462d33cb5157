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

// restoringSuffix ends the name of a folder that is being filled, beside the one it will be.
const restoringSuffix = ".restoring"

// Restore makes a store of the backup in a folder, in another folder that must be empty or not there, and answers who it is now:
// the same store in a new generation. Each file is compared with its digest while it is copied. The folder gets its name when
// the store in it is whole: broken off, it is as if nothing had been done, and can be done again.
func Restore(ctx context.Context, from, into string, about About) (store.Identity, error) {
	m, err := ReadManifest(from)
	if err != nil {
		return store.Identity{}, err
	}
	var who store.Identity
	err = fill(into, func(partial string) error {
		for _, f := range m.Files {
			if err := copyFile(ctx, filepath.Join(from, dataName, f.Name), filepath.Join(partial, f.Name), f); err != nil {
				return err
			}
		}
		how := store.Restored{
			At: about.At.UTC(), From: "backup " + m.Name, TakenAt: m.TakenAt, Before: m.Generation, By: about.By, Reason: about.Reason,
		}
		who = store.Identity{ID: m.Store, Generation: store.NextGeneration(m.Generation, how.At), Restored: &how}
		return pebble.Refence(pebble.Config{Dir: partial, Logger: slog.New(slog.DiscardHandler)}, who.Generation, how)
	})
	if err != nil {
		return store.Identity{}, fmt.Errorf("restore %s: %w", m.Name, err)
	}
	return who, nil
}

// fill makes a folder that must be empty or not there: make fills another one beside it, which takes its place when it is whole.
func fill(into string, make func(partial string) error) error {
	into = filepath.Clean(into)
	if err := mustBeFree(into); err != nil {
		return err
	}
	partial := into + restoringSuffix
	if err := os.RemoveAll(partial); err != nil { // of one that was broken off
		return err
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return err
	}
	err := make(partial)
	if err == nil {
		err = os.Remove(into)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = settle(partial, into)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	return nil
}
