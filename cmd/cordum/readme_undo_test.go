package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestReadmeBreakIt does what the README says of a migration that breaks: both backups are restored side by side, every file is
// as it was, and the exit code says so.
func TestReadmeBreakIt(t *testing.T) {
	blocks := readmeBlocks(t)
	p := newProcess(t)
	p.start()
	p.checkout()
	lines := strings.Split(strings.TrimSpace(block(t, blocks, "bin/migration-worker -fail migrate")), "\n")
	migrated := filepath.Join(p.dir, "migration-data") // whoever reads from the top has migrated this already
	if err := errors.Join(os.Mkdir(migrated, 0o700), os.WriteFile(filepath.Join(migrated, "orders.db"), []byte("version: 2\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	p.startMigrationWorker(strings.Fields(lines[0])[1:]...)
	p.until("the worker is there", func() bool { return strings.Contains(p.shell("bin/cordum worker list -o name"), "migration") })
	before := p.migrationFiles("migration-to-break")

	out := p.shell(lines[1] + ` || echo "exit code $?"`)
	if !strings.HasSuffix(out, "exit code 6\n") {
		t.Errorf("the run did not end as failed and compensated:\n%s", out)
	}
	if after := p.migrationFiles("migration-to-break"); !reflect.DeepEqual(after, before) {
		t.Errorf("the files are not as they were: %d of %d", len(after), len(before))
	}
	run := strings.TrimSpace(p.shell("bin/cordum run list -o name"))
	checkUndo(t, p.timeline(run))

	explained := strings.ReplaceAll(block(t, blocks, "bin/cordum run explain"), "RUN_ID", run)
	out = p.shell(explained)
	for _, want := range []string{"notify is skipped", "migrate is failed", "undo:backup-db is succeeded"} {
		if !strings.Contains(out, want) {
			t.Errorf("the explanation does not speak of %s:\n%s", want, out)
		}
	}
}

// checkUndo looks at the order of things: the failure, then both restores together, then the end of the compensation.
func checkUndo(t *testing.T, events []runner.Event) {
	t.Helper()
	before := orderOf(t, events)
	before("step_failed migrate", "compensation_started ")
	for _, one := range []string{"undo:backup-db", "undo:backup-files"} {
		before("compensation_started ", "step_started "+one)
		for _, other := range []string{"undo:backup-db", "undo:backup-files"} {
			before("step_started "+one, "step_succeeded "+other)
		}
		before("step_succeeded "+one, "compensation_ended ")
	}
}

// migrationFiles is what the example's worker has in a folder, but for the backups.
func (p *process) migrationFiles(folder string) map[string]string {
	p.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(p.dir, folder), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "backups":
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	})
	if err != nil || len(all) == 0 {
		p.t.Fatalf("%d files of the migration: %v", len(all), err)
	}
	return all
}

// TestReadmeKnowItBeforehand runs the commands that need no server.
func TestReadmeKnowItBeforehand(t *testing.T) {
	p := newProcess(t)
	p.checkout()
	out := p.shell(block(t, readmeBlocks(t), "bin/cordum workflow plan"))
	for _, want := range []string{"refund", "release", "passed"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not speak of %q:\n%s", want, out)
		}
	}
}
