package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeSynced writes a file that is on disk when it returns.
func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// settle gives a folder that is whole its name.
func settle(partial, dir string) error {
	if err := syncDir(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// digestFiles lists the files of a store's folder with their digests, by name.
func digestFiles(ctx context.Context, dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		if e.Name() == lockName {
			continue
		}
		if !e.Type().IsRegular() || !fileName.MatchString(e.Name()) {
			return nil, fmt.Errorf("%s holds %q, which is no file of a store", dir, e.Name())
		}
		f, err := digestFile(ctx, filepath.Join(dir, e.Name()), io.Discard)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// digestFile reads a file, hands it to w, and says what it is.
func digestFile(ctx context.Context, name string, w io.Writer) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, w), readUntil{ctx, f})
	return File{Name: filepath.Base(name), Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// copyFile copies a file that must be as want says. The copy is on disk when it returns.
func copyFile(ctx context.Context, from, to string, want File) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	got, err := digestFile(ctx, from, f)
	if err == nil && got != want {
		err = fmt.Errorf("%s: %w: its %d bytes are not those that were saved", from, ErrDamaged, got.Bytes)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// readUntil reads until a context ends.
type readUntil struct {
	ctx context.Context
	r   io.Reader
}

func (r readUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// mustBeFree refuses a folder in which something is.
func mustBeFree(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%w: %s holds %q; name a folder that is empty or not there", ErrNotEmpty, dir, entries[0].Name())
	}
	return nil
}

// Errors about folders and what is in them.
var (
	// ErrNotEmpty says that something is where a store is to be put.
	ErrNotEmpty = errors.New("the folder is not empty")
	// ErrDamaged says that what is there is not what was written.
	ErrDamaged = errors.New("damaged")
)
