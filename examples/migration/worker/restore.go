package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cordum.dev/cordum/sdk/go"
)

// Both restores put a backup back as it was made, and may run again: the second time they find the same and write the same.

type restoreInput struct {
	Backup string `json:"backup"` // as the backup's output names it; "" when nobody knows what became of the backup
	SHA256 string `json:"sha256"` // of the data file's backup
}

type restoreOutput struct {
	Restored bool `json:"restored"`
	Files    int  `json:"files"`
	Bytes    int  `json:"bytes"`
	Removed  int  `json:"removed"` // files that the backup does not have
}

// restore puts the data file back from its backup, whose checksum it looks at first.
func (t *tools) restore(ctx context.Context, job cordum.Job, in restoreInput) (restoreOutput, error) {
	if in.Backup == "" {
		return restoreOutput{}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	content, err := t.openBackup(in.Backup)
	if err != nil {
		return restoreOutput{}, err
	}
	if sum := sha256.Sum256(content); in.SHA256 != hex.EncodeToString(sum[:]) {
		return restoreOutput{}, cordum.Fatal("bad_backup", fmt.Errorf("%s is not the backup that was made: its checksum is %x", in.Backup, sum))
	}
	out := restoreOutput{Restored: true, Files: 1, Bytes: len(content)}
	return out, replaceFile(filepath.Join(t.data, dataFile), func(w io.Writer) error {
		return t.inChunks(ctx, job, "restored", len(content), func(from, to int) error {
			_, err := w.Write(content[from:to])
			return err
		})
	})
}

// restoreFiles puts the folder files/ back from its snapshot. Files that came after it are removed.
func (t *tools) restoreFiles(ctx context.Context, job cordum.Job, in restoreInput) (restoreOutput, error) {
	if in.Backup == "" {
		return restoreOutput{}, nil
	}
	t.files.Lock()
	defer t.files.Unlock()
	content, err := t.openBackup(in.Backup)
	if err != nil {
		return restoreOutput{}, err
	}
	packed, err := readArchive(content)
	if err != nil {
		return restoreOutput{}, cordum.Fatal("bad_backup", fmt.Errorf("%s: %w", in.Backup, err))
	}
	out := restoreOutput{Restored: true, Files: len(packed)}
	for i, f := range packed {
		if err := t.rest(ctx); err != nil {
			return out, err
		}
		if err := t.putBack(f); err != nil {
			return out, err
		}
		out.Bytes += len(f.content)
		if err := job.Progress((i+1)*100/len(packed), "restored "+f.name, nil); err != nil {
			return out, err
		}
	}
	out.Removed, err = t.removeOthers(packed)
	return out, err
}

// openBackup reads a file in backups/, which no name leads out of.
func (t *tools) openBackup(name string) ([]byte, error) {
	folder, err := os.OpenRoot(filepath.Join(t.data, "backups"))
	if err != nil {
		return nil, noBackup(err)
	}
	defer folder.Close()
	inside, err := filepath.Rel("backups", name)
	if err != nil {
		return nil, cordum.Fatal("no_backup", err)
	}
	content, err := folder.ReadFile(inside)
	if err != nil {
		return nil, noBackup(err)
	}
	return content, nil
}

// noBackup tells a backup that is not there, which waiting does not mend, from one that cannot be read now.
func noBackup(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrInvalid) {
		return cordum.Fatal("no_backup", err)
	}
	return cordum.Retryable("cannot_read", err)
}

// packedFile is one file of a snapshot.
type packedFile struct {
	name    string
	content []byte
}

// readArchive reads a whole snapshot before anything is written: one that is cut short changes nothing.
func readArchive(content []byte) (files []packedFile, err error) {
	compressed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name) {
			return nil, fmt.Errorf("%q is no file of a snapshot", header.Name)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		files = append(files, packedFile{header.Name, content})
	}
}

func (t *tools) putBack(f packedFile) error {
	return replaceFile(filepath.Join(t.data, "files", f.name), func(w io.Writer) error {
		_, err := w.Write(f.content)
		return err
	})
}

// removeOthers removes the files in files/ that a snapshot does not have, and answers how many.
func (t *tools) removeOthers(packed []packedFile) (removed int, err error) {
	keep := make(map[string]bool, len(packed))
	for _, f := range packed {
		keep[f.name] = true
	}
	root, err := os.OpenRoot(filepath.Join(t.data, "files"))
	if err != nil {
		return 0, err
	}
	defer root.Close()
	names, err := regularFiles(root.FS())
	for _, name := range names {
		if err == nil && !keep[name] {
			err = root.Remove(name)
			removed++
		}
	}
	return removed, err
}
