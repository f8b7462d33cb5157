package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/store/backup"
)

func newBackup(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "backup",
		Short: "Take, check and restore backups of the store",
		Long: "A backup is a folder with the server's store as it was at one moment, and a manifest that names every file. It is taken\n" +
			"while the server runs. What is restored goes on where the backup was taken: every run that had not ended then goes on,\n" +
			"and what workers had in hand is taken from them. An export is the same as lines of JSON, for moving a store elsewhere.",
		Example: "  cordum backup create\n  cordum backup verify /backup/cordum/20261121T100000Z-k3x9qa\n" +
			"  cordum backup restore /backup/cordum/20261121T100000Z-k3x9qa --data-dir /var/lib/cordum --reason 'disk lost'",
	})
	cmd.AddCommand(newBackupCreate(a), newBackupList(a), newBackupVerify(a), newBackupRestore(a), newBackupExport(a), newBackupImport(a))
	return cmd
}

// backupView is how a backup looks.
var backupView = view[gateway.Backup]{
	name:   func(b gateway.Backup) string { return b.Name },
	header: []string{"BACKUP", "STATE", "TAKEN", "BY", "RUNS", "LIVE", "BYTES"},
	row: func(_ *printer, b gateway.Backup) []cell {
		n := gateway.BackupCounts{}
		if b.Counts != nil {
			n = *b.Counts
		}
		return []cell{
			text(b.Name), state(b.State), text(ago(b.BegunAt, time.Now())), text(b.By), text(fmt.Sprint(n.Runs)), text(fmt.Sprint(n.Live)), text(fmt.Sprint(b.Bytes)),
		}
	},
	detail: func(p *printer, b gateway.Backup) {
		p.fact("backup", text(b.Name))
		p.fact("state", state(b.State))
		p.fact("taken", text(b.BegunAt.Format(time.RFC3339)))
		p.fact("by", text(b.By))
		p.fact("error", cell{b.Error, bad})
		if b.Counts != nil {
			p.fact("runs", text(fmt.Sprintf("%d, of these %d have not ended", b.Counts.Runs, b.Counts.Live)))
			p.fact("bytes", text(fmt.Sprint(b.Bytes)))
			p.fact("store", text(fmt.Sprintf("%s, generation %d", b.Store, b.Generation)))
			p.fact("digest", text(b.Digest))
		}
	},
}

func newBackupCreate(a *app) *cobra.Command {
	var dir, to string
	cmd := &cobra.Command{
		Use:   "create [--data-dir DIR --to DIR]",
		Short: "Take a backup, of a running server or of a stopped one's folder",
		Long: "Asks the server for a backup and waits until it is done. The server goes on meanwhile; the backup lies in the folder of its\n" +
			"--backup-dir. With --data-dir the folder of a server that is stopped is copied, into a new folder below --to.\n\n" +
			"A store in Redis is copied by Redis (BGSAVE, or its append-only file); cordum backup export writes what is in it.\n\n" +
			"The digest that is printed names every byte of the backup: note it elsewhere. Copy the backup to another machine.",
		Example: "  cordum backup create --reason 'before the upgrade'\n  cordum backup create --data-dir /var/lib/cordum --to /backup/cordum",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (dir == "") != (to == "") {
				return usagef("--data-dir and --to go together; with neither the server is asked")
			}
			if dir != "" {
				return a.createOffline(cmd.Context(), dir, to)
			}
			return a.createOnline(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", "", "the data folder of a server that is stopped")
	cmd.Flags().StringVar(&to, "to", "", "the folder for backups")
	return cmd
}

// backupPoll is how often the server is asked whether a backup is done.
const backupPoll = 200 * time.Millisecond

func (a *app) createOnline(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var d doc[gateway.Backup]
	if err := c.post(ctx, "backups", gateway.Reason{Reason: a.flags.reason}, &d); err != nil {
		return err
	}
	for d.V.State == string(backup.Running) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backupPoll):
		}
		name := d.V.Name
		d = doc[gateway.Backup]{}
		if err := c.get(ctx, pathTo("backups", name), nil, &d); err != nil {
			return err
		}
	}
	if d.V.State != string(backup.Done) {
		return fmt.Errorf("backup %s %s: %s", d.V.Name, d.V.State, d.V.Error)
	}
	return showOne(a, backupView, d)
}

// createOffline copies the folder of a stopped server.
func (a *app) createOffline(ctx context.Context, dir, to string) error {
	if within(to, dir) {
		return usagef("--to %s is in the data folder: name one beside it", to)
	}
	s, err := openOffline(dir, true) // it is one, and nobody has it: else opening it for writing might make one
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = openOffline(dir, false); err != nil {
		return err
	}
	name := backup.NewName(time.Now())
	m, err := backup.Create(ctx, crashingSource(s), to, name, a.about())
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	fmt.Fprintln(a.errOut, "wrote "+filepath.Join(to, name))
	return a.showBackup(backup.Entry{Name: name, State: backup.Done, BegunAt: m.TakenAt, Manifest: &m})
}

func (a *app) showBackup(e backup.Entry) error {
	return showOne(a, backupView, doc[gateway.Backup]{V: backupOf(e)})
}

// about says who does something with a backup on this machine.
func (a *app) about() backup.About {
	return backup.About{At: time.Now(), By: localUser(), Reason: a.flags.reason, Server: versionName(), Crash: crashStep}
}

func newBackupList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the backups of the server, newest first",
		Long:    "Lists the backups in the folder of the server's --backup-dir, and the one that is being taken or that failed last.",
		Example: "  cordum backup list\n  cordum backup list -o name",
		Args:    wantArgs(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return list(cmd.Context(), a, "backups", nil, backupView) },
	}
}
