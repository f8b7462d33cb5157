package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cordum.dev/cordum/sdk/go"
)

// failing is the name of the only tool that can be told to fail.
const failing = "migrate"

// errBroken is how a migration ends that was told to fail.
var errBroken = cordum.Fatal("migration_broken", errors.New("the migration broke in the middle, as it was told to (-fail "+failing+")"))

// breakHalfway is a migration that goes wrong as they do in earnest: half of the orders are written in the new format, the
// rest is lost, an invoice is gone and another one is spoilt. Only the backups can mend that.
func (t *tools) breakHalfway(ctx context.Context, job cordum.Job, orders []string) error {
	t.files.Lock()
	defer t.files.Unlock()
	half := orders[:len(orders)/2]
	err := replaceFile(filepath.Join(t.data, dataFile), func(w io.Writer) error {
		if _, err := io.WriteString(w, "version: 2\n"); err != nil {
			return err
		}
		return t.inChunks(ctx, job, "migrated", len(half), func(from, to int) error { return writeNewOrders(w, half[from:to]) })
	})
	if err != nil {
		return err
	}
	if err := t.spoilFiles(); err != nil {
		return err
	}
	return errBroken
}

// spoilFiles removes the first file in files/ and overwrites the second.
func (t *tools) spoilFiles() error {
	root, err := os.OpenRoot(filepath.Join(t.data, "files"))
	if err != nil {
		return err
	}
	defer root.Close()
	names, err := regularFiles(root.FS())
	if err != nil || len(names) < 2 {
		return err
	}
	return errors.Join(root.Remove(names[0]), root.WriteFile(names[1], []byte("spoilt by a migration\n"), 0o644))
}

// checkFail refuses a tool that cannot be told to fail.
func checkFail(tool string) error {
	if tool != "" && tool != failing {
		return fmt.Errorf("-fail %s: only %s can be told to fail", tool, failing)
	}
	return nil
}

// checkBreakable refuses to break the migration of a data file that is migrated already: nothing would be done, so that nothing
// would break.
func (t *tools) checkBreakable() error {
	if t.fail != failing {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(t.data, dataFile))
	if err != nil {
		return err
	}
	if version, _, err := parse(content); err != nil || version == 1 {
		return err
	}
	return fmt.Errorf("-fail %s: %s in %s is migrated already, so that nothing would break: give another folder with -data", failing, dataFile, t.data)
}
