package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// content is every file of the worker's folder but the backups, by name.
func content(t *testing.T, w *tools) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(w.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == "backups" {
				return filepath.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	}))
	return all
}

// TestRestoreAfterABrokenMigration makes both backups, breaks the migration, and restores both: every file is as it was.
func TestRestoreAfterABrokenMigration(t *testing.T) {
	w := sample(t)
	before := content(t, w)
	db, err := w.backup(t.Context(), cordum.Job{ID: "db"}, struct{}{})
	must(t, err)
	files, err := w.snapshot(t.Context(), cordum.Job{ID: "files"}, struct{}{})
	must(t, err)

	w.fail = failing
	_, err = w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v2.0"})
	wantCode(t, err, "migration_broken")
	broken := content(t, w)
	if len(broken) != len(before)-1 || broken[filepath.Join(w.data, dataFile)] == before[filepath.Join(w.data, dataFile)] {
		t.Fatalf("the migration did no harm: %d files, %d before", len(broken), len(before))
	}
	must(t, os.WriteFile(filepath.Join(w.data, "files", "new.txt"), []byte("written meanwhile"), 0o600))

	for range 2 { // the second time changes nothing
		out, err := w.restore(t.Context(), cordum.Job{}, restoreInput{Backup: db.File, SHA256: db.SHA256})
		must(t, err)
		if out != (restoreOutput{Restored: true, Files: 1, Bytes: db.Bytes}) {
			t.Errorf("restored %+v", out)
		}
		out, err = w.restoreFiles(t.Context(), cordum.Job{}, restoreInput{Backup: files.File})
		must(t, err)
		if !out.Restored || out.Files != sampleFiles {
			t.Errorf("restored %+v", out)
		}
		if after := content(t, w); !reflect.DeepEqual(after, before) {
			t.Errorf("the files are not as they were: %d of %d", len(after), len(before))
		}
	}
	wantNoLeftovers(t, w)
}

// TestRestoreRefusesAnotherBackup: what is not the backup that was made changes nothing.
func TestRestoreRefusesAnotherBackup(t *testing.T) {
	w := sample(t)
	before := content(t, w)
	db, err := w.backup(t.Context(), cordum.Job{ID: "db"}, struct{}{})
	must(t, err)
	files, err := w.snapshot(t.Context(), cordum.Job{ID: "files"}, struct{}{})
	must(t, err)
	whole := read(t, w, files.File)
	must(t, os.WriteFile(filepath.Join(w.data, files.File), []byte(whole[:len(whole)/2]), 0o600))

	_, err = w.restore(t.Context(), cordum.Job{}, restoreInput{Backup: db.File, SHA256: "another"})
	wantCode(t, err, "bad_backup")
	_, err = w.restoreFiles(t.Context(), cordum.Job{}, restoreInput{Backup: files.File})
	wantCode(t, err, "bad_backup")
	for _, name := range []string{"backups/none.db", "orders.db", "../../etc/passwd", "/etc/passwd"} {
		_, err = w.restore(t.Context(), cordum.Job{}, restoreInput{Backup: name})
		if err == nil {
			t.Errorf("%s was restored", name)
		}
	}
	_, err = w.restore(t.Context(), cordum.Job{}, restoreInput{Backup: "backups/none.db"})
	wantCode(t, err, "no_backup")
	if after := content(t, w); !reflect.DeepEqual(after, before) {
		t.Error("something was changed")
	}
}

// TestNothingToRestore: a backup that nobody knows of is no reason to touch anything.
func TestNothingToRestore(t *testing.T) {
	w := &tools{data: t.TempDir()}
	for _, restore := range []func(context.Context, cordum.Job, restoreInput) (restoreOutput, error){w.restore, w.restoreFiles} {
		if out, err := restore(t.Context(), cordum.Job{}, restoreInput{}); err != nil || out.Restored {
			t.Errorf("%+v, %v", out, err)
		}
	}
}

func TestCancelledRestoreLeavesNothing(t *testing.T) {
	w := sample(t)
	db, err := w.backup(t.Context(), cordum.Job{ID: "db"}, struct{}{})
	must(t, err)
	before := content(t, w)
	w.pace = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.restore(ctx, cordum.Job{}, restoreInput{Backup: db.File, SHA256: db.SHA256}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if after := content(t, w); !reflect.DeepEqual(after, before) {
		t.Error("something was left")
	}
}

func TestOnlyTheMigrationFails(t *testing.T) {
	for tool, ok := range map[string]bool{"": true, failing: true, "backup": false} {
		if err := checkFail(tool); (err == nil) != ok {
			t.Errorf("-fail %q: %v", tool, err)
		}
	}
}
