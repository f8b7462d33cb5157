package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/backup"
)

// localUser is who runs this command, as records name them.
func localUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "user:" + u.Username
	}
	return "user:unknown"
}

func newBackupVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Find out whether a backup is whole and sound",
		Long: "Compares every file with its digest, opens the store for reading, decodes every record, folds the log of every run and\n" +
			"compares what lists and recovery say of it, checks the digests of blobs, and follows the chains of the audit log.\n" +
			"Nothing in it is changed; no server is needed. What is found ends with exit code 9.",
		Example: "  cordum backup verify /backup/cordum/20261121T100000Z-k3x9qa",
		Args:    wantArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := folderThere(args[0]); err != nil {
				return err
			}
			r, err := backup.Verify(cmd.Context(), args[0], soundStore)
			if err != nil {
				return a.showNoBackup(notBackup(err))
			}
			return a.showBackupReport(r)
		},
	}
}

// notBackup ends what was given and is no backup, or not whole, as what was changed ends.
func notBackup(err error) error {
	if errors.Is(err, backup.ErrNotBackup) || errors.Is(err, backup.ErrDamaged) {
		return &coded{exitTampered, err}
	}
	return err
}

// folderThere answers a usage error for a folder that is not there, which is no word about what was in it.
func folderThere(name string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return usagef("there is no folder %s", name)
	}
	return nil
}

// showNoBackup prints, where a program reads, that what was given is no backup, or not whole.
func (a *app) showNoBackup(err error) error {
	if exitCode(err) != exitTampered || a.flags.output == "table" || a.flags.output == "name" {
		return err
	}
	return errors.Join(a.encode(a.printer(), backup.Report{Findings: []string{err.Error()}}), err)
}

// soundStore looks at what the records of a store mean.
func soundStore(ctx context.Context, s store.Store, found func(string)) error {
	if err := runner.CheckStore(ctx, s, found); err != nil {
		return err
	}
	report, err := audit.Verify(ctx, audit.StoreSource{Reader: s}, audit.Against{})
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		found("audit: " + f.String())
	}
	return nil
}

func (a *app) showBackupReport(r backup.Report) error {
	p := a.printer()
	if a.flags.output != "table" && a.flags.output != "name" {
		return errors.Join(a.encode(p, r), verdict(r.OK))
	}
	for _, f := range r.Findings {
		_ = p.line(p.paint(oneLine(f), bad)) // kept in p.err
	}
	if r.More > 0 {
		_ = p.line(fmt.Sprintf("and %d more findings", r.More)) // as above
	}
	m := &r.Manifest
	p.fact("backup", text(m.Name))
	p.fact("taken", text(m.TakenAt.Format(time.RFC3339)))
	p.fact("store", text(fmt.Sprintf("%s, generation %d, level %d", m.Store, m.Generation, m.Level)))
	p.fact("holds", text(fmt.Sprintf("%d runs, %d of them not ended, %d facts, %d blobs", m.Counts.Runs, m.Counts.Live, m.Counts.Facts, m.Counts.Blobs)))
	p.fact("digest", text(m.Digest))
	if r.OK {
		_ = p.line(p.paint("it is whole and sound", good)) // as above
	} else {
		_ = p.line(p.paint("it is NOT sound: "+counted(len(r.Findings)+r.More, "finding", "findings"), bad)) // as above
	}
	return errors.Join(p.err, verdict(r.OK))
}

func newBackupRestore(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "restore FOLDER --data-dir DIR",
		Short: "Make a data folder of a backup",
		Long: "Copies a backup into a data folder that is empty or not there, comparing every file with its digest; the backup stays as it\n" +
			"is. Broken off, give the command again: until it is whole no server starts on the folder (exit code 9). Start a server on the folder then. The store is in a new generation: what workers have of before the restore is\n" +
			"refused, what they had in hand when the backup was taken has an unknown outcome or is done again, and the audit log\n" +
			"says that it was restored, by whom and why. What came after the backup is gone: look at cordum run effects.",
		Example: "  cordum backup restore /backup/cordum/20261121T100000Z-k3x9qa --data-dir /var/lib/cordum --reason 'disk lost'",
		Args:    wantArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usagef("--data-dir is missing: name the folder to make")
			}
			if err := folderThere(args[0]); err != nil {
				return err
			}
			who, err := backup.Restore(cmd.Context(), args[0], dir, a.about())
			if err != nil {
				return notBackup(err)
			}
			return a.showIdentity("data folder", dir, "cordum serve --data-dir "+dir, who)
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", "", "the data folder to make: empty, or not there")
	return cmd
}

// showIdentity says which store is where now, and what starts a server on it.
func (a *app) showIdentity(kind, where, next string, who store.Identity) error {
	p := a.printer()
	if a.flags.output != "table" && a.flags.output != "name" {
		return a.encode(p, who)
	}
	p.fact(kind, text(where))
	p.fact("store", text(fmt.Sprintf("%s, generation %d", who.ID, who.Generation)))
	p.fact("of", text(fmt.Sprintf("%s, taken %s in generation %d", who.Restored.From, who.Restored.TakenAt.Format(time.RFC3339), who.Restored.Before)))
	_ = p.line("next: " + next) // kept in p.err
	return p.err
}
