package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"cordum.dev/cordum/sdk/go"
)

type snapshotOutput struct {
	File  string `json:"file"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"` // of the archive
}

// snapshot packs the folder files/ into a tar.gz. Links and devices are left out.
func (t *tools) snapshot(ctx context.Context, job cordum.Job, _ struct{}) (snapshotOutput, error) {
	t.files.RLock()
	defer t.files.RUnlock()
	root, err := os.OpenRoot(filepath.Join(t.data, "files"))
	if err != nil {
		return snapshotOutput{}, cannotRead(err)
	}
	defer root.Close()
	names, err := regularFiles(root.FS())
	if err != nil {
		return snapshotOutput{}, cannotRead(err)
	}
	name := filepath.Join("backups", "files-"+inName(job.Key)+".tar.gz")
	path := filepath.Join(t.data, name)
	if err := replaceFile(path, func(w io.Writer) error { return t.pack(ctx, job, w, root.FS(), names) }); err != nil {
		return snapshotOutput{}, err
	}
	made, err := os.Stat(path)
	if err != nil {
		return snapshotOutput{}, err
	}
	return snapshotOutput{File: name, Files: len(names), Bytes: made.Size()}, nil
}

func regularFiles(folder fs.FS) (names []string, err error) {
	err = fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	return names, err
}

// pack writes the archive file by file and says how far it is.
func (t *tools) pack(ctx context.Context, job cordum.Job, w io.Writer, folder fs.FS, names []string) error {
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	for i, name := range names {
		if err := t.rest(ctx); err != nil {
			return err
		}
		if err := addFile(archive, folder, name); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
		if err := job.Progress((i+1)*100/len(names), "packed "+name, nil); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func addFile(archive *tar.Writer, folder fs.FS, name string) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	header.Name = name
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, f) // a file that changed its size meanwhile is an error of the archive
	return err
}
