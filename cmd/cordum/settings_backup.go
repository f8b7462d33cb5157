package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/store/backup"
)

// backupSettings are what a server can be told about backups of its store.
type backupSettings struct {
	Dir string // the folder they are written into; default none: it takes none
}

func backupRows() []setting {
	return []setting{
		str("backup-dir", "CORDUM_BACKUP_DIR", "backups that are asked for (cordum backup create) are written into this folder; best on another disk", func(c *serveConfig) *string { return &c.Backup.Dir }),
	}
}

// refuseBackup keeps backups out of the folder that they are to outlive, where they would also be taken for something foreign.
func (c *serveConfig) refuseBackup(say func(string, ...any)) {
	if c.Backup.Dir != "" && within(c.Backup.Dir, c.DataDir) {
		say("--backup-dir (CORDUM_BACKUP_DIR) is in the data folder %s: name one beside it, best on another disk", c.DataDir)
	}
}

// within tells whether a folder is another one, or below it.
func within(dir, parent string) bool {
	a, err := filepath.Abs(dir)
	b, err2 := filepath.Abs(parent)
	if err != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(b, a)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// openShelf makes what takes backups, when the server is told where.
func (s *server) openShelf() {
	source, is := s.store.(backup.Source)
	if !is || s.cfg.Backup.Dir == "" {
		return
	}
	s.shelf = backup.NewShelf(backup.ShelfConfig{Dir: s.cfg.Backup.Dir, Source: s.cfg.crash.sourceOf(source), Server: versionName(), Logger: s.log})
}

// backups is what the gateway asks for backups; nil when there is no folder for them.
func (s *server) backups() gateway.Backups {
	if s.shelf == nil {
		return nil
	}
	return shelved{s.shelf}
}

func (s *server) shelfParts() []part {
	if s.shelf == nil {
		return nil
	}
	return []part{{"backups", s.shelf.Run}}
}

// shelved says a shelf in the gateway's words.
type shelved struct{ shelf *backup.Shelf }

func (s shelved) Begin(by, reason string, record func(string) error) (gateway.Backup, error) {
	e, err := s.shelf.Begin(by, reason, record)
	if err != nil {
		return gateway.Backup{}, backupError(err)
	}
	b := backupOf(e)
	b.By, b.Reason = by, reason
	return b, nil
}

func (s shelved) Backup(name string) (gateway.Backup, error) {
	e, err := s.shelf.Get(name)
	return backupOf(e), backupError(err)
}

func (s shelved) Backups() ([]gateway.Backup, error) {
	all, err := s.shelf.List()
	out := make([]gateway.Backup, len(all))
	for i, e := range all {
		out[i] = backupOf(e)
	}
	return out, backupError(err)
}

func backupOf(e backup.Entry) gateway.Backup {
	b := gateway.Backup{Name: e.Name, State: string(e.State), BegunAt: e.BegunAt}
	if e.Err != nil {
		b.Error = e.Err.Error()
	}
	if m := e.Manifest; m != nil {
		b.By, b.Reason, b.Store, b.Generation, b.Level = m.By, m.Reason, m.Store, m.Generation, int(m.Level)
		b.Counts = &gateway.BackupCounts{Runs: m.Counts.Runs, Live: m.Counts.Live, Facts: m.Counts.Facts, Blobs: m.Counts.Blobs}
		b.Bytes, b.Digest = m.Bytes(), m.Digest
	}
	return b
}

func backupError(err error) error {
	switch {
	case errors.Is(err, backup.ErrBusy):
		return fmt.Errorf("%w: %w", err, runner.ErrConflict)
	case errors.Is(err, backup.ErrNoSuch):
		return fmt.Errorf("%w: %w", err, runner.ErrNotFound)
	}
	return err
}
