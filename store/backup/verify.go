package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"cordum.dev/cordum/store"
)

// Report is what a check of a backup found.
type Report struct {
	OK       bool     `json:"ok"`
	Manifest Manifest `json:"manifest"`
	Findings []string `json:"findings"`
	More     int      `json:"more,omitempty"` // findings beyond those
}

func (r *Report) find(format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// Check looks at what the records of a store mean, and tells what does not fit together. Its error says that the store could not
// be read.
type Check func(ctx context.Context, s store.Store, found func(says string)) error

// Verify checks the backup in a folder: its files are those that were saved, every record, log and blob of the store decodes, logs
// have no gaps, blobs have their digests, there are as many as were counted, and check, unless nil, finds nothing. It changes
// nothing. The error says that the backup could not be read at all, never what is wrong with it.
func Verify(ctx context.Context, dir string, check Check) (Report, error) {
	r := Report{Findings: []string{}}
	var err error
	if r.Manifest, err = ReadManifest(dir); err != nil {
		return r, err
	}
	data := filepath.Join(dir, dataName)
	if err := r.compareFiles(ctx, data); err != nil {
		return r, err
	}
	if len(r.Findings) == 0 { // else the store is not what it was, and opening it may go anywhere
		if err := r.readStore(ctx, data, check); err != nil {
			return r, err
		}
	}
	r.OK = len(r.Findings) == 0
	return r, nil
}

func (r *Report) compareFiles(ctx context.Context, data string) error {
	files, err := digestFiles(ctx, data)
	if err != nil {
		return err
	}
	there := make(map[string]File, len(files))
	for _, f := range files {
		there[f.Name] = f
	}
	for _, want := range r.Manifest.Files {
		switch got, is := there[want.Name]; {
		case !is:
			r.find("%s: the file is gone", want.Name)
		case got.Bytes != want.Bytes:
			r.find("%s: the file has %d bytes, not %d", want.Name, got.Bytes, want.Bytes)
		case got != want:
			r.find("%s: the file has changed", want.Name)
		}
		delete(there, want.Name)
	}
	for name := range there {
		r.find("%s: nobody saved this file", name)
	}
	return nil
}

// readStore reads everything that the store of the backup keeps.
func (r *Report) readStore(ctx context.Context, data string, check Check) (err error) {
	_, statErr := os.Stat(filepath.Join(data, lockName))
	s, err := openCopy(data)
	if err != nil {
		r.find("the store does not open: %v", err)
		return nil
	}
	defer func() {
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
		if os.IsNotExist(statErr) { // opening made it
			_ = os.Remove(filepath.Join(data, lockName))
		}
	}()
	m := &r.Manifest
	if who := s.Identity(); who.ID != m.Store || who.Generation != m.Generation || s.Level() != m.Level || s.Partitions() != m.Partitions {
		r.find("the store is %s in generation %d, not %s in generation %d", who.ID, who.Generation, m.Store, m.Generation)
	}
	var counts Counts
	for p := range store.Partition(s.Partitions()) {
		w := watcher{report: r}
		if err := s.Walk(ctx, p, func(i store.Item) error { counts.add(i); w.look(i); return nil }); err != nil {
			if ctx.Err() != nil {
				return err
			}
			r.find("%v", err)
		}
	}
	if counts != m.Counts {
		r.find("the store holds %+v, not %+v as was counted", counts, m.Counts)
	}
	if check == nil {
		return nil
	}
	return check(ctx, s, func(says string) { r.find("%s", says) })
}

// watcher looks at what a partition keeps, in the order of a walk.
type watcher struct {
	report *Report
	log    store.LogID
	next   uint64 // fact of log
}

func (w *watcher) look(i store.Item) {
	switch {
	case i.Entry != nil:
		if i.Entry.Log != w.log {
			w.log, w.next = i.Entry.Log, 1
		}
		if i.Entry.First != w.next {
			w.report.find("log of run %s: fact %d follows fact %d", w.log.Run, i.Entry.First, w.next-1)
		}
		w.next = i.Entry.First + uint64(i.Entry.Count)
	case i.Blob != nil:
		if sum := sha256.Sum256(i.Blob.Data); store.DigestPrefix+hex.EncodeToString(sum[:]) != i.Blob.Digest {
			w.report.find("blob %s: its %d bytes do not have this digest", i.Blob.Digest, len(i.Blob.Data))
		}
	}
}
