package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"cordum.dev/cordum/store"
)

const (
	// formatName marks a folder as a backup, version its form.
	formatName = "cordum-backup"
	version    = 1

	manifestName = "manifest.json"
	dataName     = "data" // the folder with the store
	lockName     = "LOCK" // made by whoever opens a store; no part of it
)

// ErrNotBackup says that a folder is no backup, or not whole.
var ErrNotBackup = errors.New("this is no backup")

// Manifest says what a backup holds. It is JSON, so that a person can read it.
type Manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Name    string    `json:"name" doc:"Its folder's, and what it is called"`
	TakenAt time.Time `json:"taken_at" doc:"Everything that was acknowledged before is in it"`
	By      string    `json:"by,omitempty" doc:"Who asked for it"`
	Reason  string    `json:"reason,omitempty"`
	Server  string    `json:"server,omitempty" doc:"Version of the program that took it"`

	Store      string      `json:"store" doc:"Random name that the store got when it was made"`
	Generation uint64      `json:"generation" doc:"Rises each time the store is restored"`
	Level      store.Level `json:"level" doc:"Of the stored format"`
	Partitions int         `json:"partitions"`

	Counts Counts `json:"counts"`
	Files  []File `json:"files" doc:"What it consists of"`
	// Digest is that of the manifest with an empty one: SHA-256 of its JSON, in hexadecimal.
	Digest string `json:"digest" doc:"SHA-256 of everything above, which names every file's; note it elsewhere"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Counts are what a store holds.
type Counts struct {
	Runs    int   `json:"runs" doc:"Runs and single jobs, ended or not"`
	Live    int   `json:"live" doc:"Of these, those that have not ended"`
	Records int   `json:"records" doc:"Rows of all tables"`
	Entries int   `json:"entries" doc:"Entries of the logs: what one commit wrote to one run"`
	Facts   int   `json:"facts" doc:"Facts in them"`
	Blobs   int   `json:"blobs"`
	Bytes   int64 `json:"bytes" doc:"Of all values"`
}

// add counts one thing.
func (c *Counts) add(i store.Item) {
	switch {
	case i.Record != nil:
		c.Records++
		c.Bytes += int64(len(i.Record.Value))
		switch i.Record.Key.Table {
		case store.TableHeader:
			c.Runs++
		case store.TableLive:
			c.Live++
		}
	case i.Entry != nil:
		c.Entries++
		c.Facts += int(i.Entry.Count)
		c.Bytes += int64(len(i.Entry.Value))
	case i.Blob != nil:
		c.Blobs++
		c.Bytes += int64(len(i.Blob.Data))
	}
}

// Bytes is how much all files of the backup hold.
func (m *Manifest) Bytes() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// digest is the manifest's, whatever Digest says.
func (m Manifest) digest() (string, error) {
	m.Digest = ""
	raw, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// write seals the manifest and puts it into a folder.
func (m *Manifest) write(dir string) error {
	var err error
	if m.Digest, err = m.digest(); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, manifestName), append(raw, '\n'))
}

// fileName is what files of an embedded store are called: nothing that leads out of the folder.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// ReadManifest reads what the backup in a folder says of itself, and that nobody changed it by accident. It answers ErrNotBackup
// for what is none.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	f, err := os.Open(filepath.Join(dir, manifestName))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%s: %w: it has no %s", dir, ErrNotBackup, manifestName)
	}
	if err != nil {
		return m, fmt.Errorf("read a backup: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return m, fmt.Errorf("read a backup: %w", err)
	}
	if len(raw) > maxManifest {
		return m, fmt.Errorf("%s: %w: its %s has more than %d bytes", dir, ErrNotBackup, manifestName, maxManifest)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("%s: %w: its %s does not decode: %w", dir, ErrNotBackup, manifestName, err)
	}
	if why := m.wrong(); why != "" {
		return m, fmt.Errorf("%s: %w: %s", dir, ErrNotBackup, why)
	}
	return m, nil
}

// wrong says why a manifest is none; "" when it is one.
func (m *Manifest) wrong() string {
	sum, err := m.digest()
	switch {
	case m.Format != formatName:
		return "it is something else"
	case m.Version != version:
		return fmt.Sprintf("version %d of the form is not known here; use a newer cordum", m.Version)
	case err != nil || !strings.EqualFold(sum, m.Digest):
		return "the manifest is not as it was written: its digest differs"
	case m.Level > store.CurrentLevel:
		return fmt.Sprintf("its store has level %d, this cordum knows levels up to %d; use a newer one", m.Level, store.CurrentLevel)
	case m.Store == "" || m.Generation == 0 || m.Partitions < 1:
		return "it does not say which store it is of"
	}
	for _, f := range m.Files {
		if !fileName.MatchString(f.Name) {
			return fmt.Sprintf("it names a file %q", f.Name)
		}
	}
	return ""
}
