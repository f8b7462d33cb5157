package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/redis"
)

func newBackupExport(a *app) *cobra.Command {
	var at storeFlags
	var from string
	cmd := &cobra.Command{
		Use:   "export --data-dir DIR | --store REDIS | --backup FOLDER [-o FILE]",
		Short: "Write everything a store keeps as lines of JSON",
		Long: "Writes everything that a stopped server's data folder or Redis, or a backup, keeps: a header, a line for each record, entry of\n" +
			"a log and blob, and a last one with a digest of all before. Any kind of store can be made of it. It holds every tenant's\n" +
			"data. Nothing is changed; no server may use the store meanwhile.",
		Example: "  cordum backup export --data-dir /var/lib/cordum -o store.jsonl\n  cordum backup export --store redis://10.0.0.5:6379 -o store.jsonl\n" +
			"  cordum backup export --backup /backup/cordum/20261121T100000Z-k3x9qa | zstd > store.jsonl.zst",
		Args:        wantArgs(),
		Annotations: moreOutputs(anyFile),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("output") && slices.Contains(outputNames, a.flags.output) {
				return usagef("-o is the file that an export goes to, and it has one form only: for a file called so write -o ./%s; without -o it goes to stdout", a.flags.output)
			}
			if from == "" {
				return a.exportStore(cmd.Context(), &at)
			}
			if cmd.Flags().Changed(dirFlag) || cmd.Flags().Changed("store") {
				return usagef("give one of --data-dir, --store and --backup")
			}
			if err := folderThere(from); err != nil {
				return err
			}
			if _, err := backup.ReadManifest(from); err != nil {
				return notBackup(err)
			}
			if err := cmd.Flags().Set(dirFlag, filepath.Join(from, "data")); err != nil {
				return err
			}
			return a.exportStore(cmd.Context(), &at)
		},
	}
	at.add(cmd, "", "the data folder of a server that is stopped")
	cmd.Flags().StringVar(&from, "backup", "", "the folder of a backup")
	return cmd
}

func (a *app) exportStore(ctx context.Context, at *storeFlags) error {
	s, err := at.open(ctx, a, true)
	if err != nil {
		return err
	}
	defer s.Close()
	var counts backup.Counts
	write := func(w io.Writer) (err error) {
		counts, err = backup.Export(ctx, s, crashingWriter(w), a.about())
		return err
	}
	if slices.Contains(outputNames, a.flags.output) {
		err = write(a.out)
	} else {
		err = a.intoFile(a.flags.output, write)
	}
	if err == nil {
		fmt.Fprintf(a.errOut, "exported %d runs, %d facts, %d blobs\n", counts.Runs, counts.Facts, counts.Blobs)
	}
	return err
}

func newBackupImport(a *app) *cobra.Command {
	var at storeFlags
	cmd := &cobra.Command{
		Use:   "import FILE --data-dir DIR | --store REDIS",
		Short: "Make a store of an export",
		Long: "Makes a data folder, which must be empty or not there, or a store in Redis, where none may be under the prefix, of what\n" +
			"cordum backup export wrote; - reads it from stdin. An export that was cut off or changed makes nothing. The store is in a\n" +
			"new generation, as after cordum backup restore.",
		Example: "  cordum backup import store.jsonl --data-dir /var/lib/cordum\n  cordum backup import store.jsonl --store redis://10.0.0.5:6379\n" +
			"  zstd -dc store.jsonl.zst | cordum backup import - --data-dir /var/lib/cordum",
		Args: wantArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			remote, err := at.redis(a)
			if err != nil {
				return err
			}
			if remote == nil && at.dir == "" {
				return usagef("give one of --data-dir, the folder to make, and --store, or set REDIS_URL")
			}
			in := a.in
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usagef("%w", err)
				}
				defer f.Close()
				in = f
			}
			if remote != nil {
				return a.importRedis(cmd.Context(), in, remote)
			}
			who, _, err := backup.ImportFolder(cmd.Context(), in, at.dir, a.about())
			if err != nil {
				return notBackup(err)
			}
			return a.showIdentity("data folder", at.dir, "cordum serve --data-dir "+at.dir, who)
		},
	}
	at.add(cmd, "", "the data folder to make: empty, or not there")
	return cmd
}

// importRedis fills a store that nobody else can open before it is whole.
func (a *app) importRedis(ctx context.Context, in io.Reader, remote *storeSettings) error {
	conf, err := offlineRedis(remote)
	if err != nil {
		return err
	}
	conf.Logger = a.warnings()
	var s *redis.Store
	who, _, err := backup.ImportStore(ctx, in, a.about(), func(who store.Identity, partitions int) (store.Store, error) {
		conf.Identity, conf.Partitions = &who, partitions
		made, err := redis.Create(ctx, conf)
		if err != nil {
			return nil, remote.wrap(err)
		}
		s = made
		return s, nil
	})
	if s != nil {
		if err == nil {
			err = crashStep(backup.CrashFilled)
		}
		if err == nil {
			err = s.Filled(ctx)
		}
		if err == nil {
			err = crashStep(backup.CrashSettled)
		}
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		return notBackup(err)
	}
	return a.showIdentity("store at", remote.withoutPassword(), "cordum serve --store "+remote.withoutPassword(), who)
}
