package backup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/pebble"
)

var about = backup.About{At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), By: "user:ann", Reason: "test", Server: "v1"}

func open(t testing.TB, cfg pebble.Config) *pebble.Store {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := pebble.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// filled is a store with a little of everything.
func filled(t testing.TB, dir string) *pebble.Store {
	t.Helper()
	s := open(t, pebble.Config{Dir: dir, Partitions: 3})
	for p := range store.Partition(3) {
		l, err := s.Acquire(t.Context(), p, "o", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutBlob(t.Context(), p, "acme", []byte(fmt.Sprint("blob ", p))); err != nil {
			t.Fatal(err)
		}
		prev := uint64(0)
		for n := range uint64(4) {
			key := store.Key{Table: store.TableHeader, Tenant: "acme", ID: fmt.Sprint("run", n)}
			tx := store.Tx{
				Partition: p, Epoch: l.Epoch, ID: fmt.Sprint(n), Puts: []store.Put{{Key: key, Value: []byte{byte(n)}}},
				Appends: []store.Append{{Log: store.LogID{Tenant: "acme", Run: "run0"}, Prev: prev, First: 2*n + 1, Count: 2, Value: []byte("two facts")}},
			}
			prev = 2*n + 1
			if err := s.Commit(t.Context(), tx)[0]; err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// contents is everything that a store keeps, as text.
func contents(t testing.TB, s store.Walker, partitions int) []string {
	t.Helper()
	var out []string
	for p := range store.Partition(partitions) {
		err := s.Walk(context.Background(), p, func(i store.Item) error {
			raw, err := json.Marshal(i)
			out = append(out, fmt.Sprint(p, " ", string(raw)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func create(t testing.TB, s backup.Source, shelf string) (string, backup.Manifest) {
	t.Helper()
	name := backup.NewName(about.At)
	m, err := backup.Create(t.Context(), s, shelf, name, about)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(shelf, name), m
}

func TestBackupIsPutBack(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir+"/data")
	want := contents(t, s, 3)
	at, m := create(t, s, dir+"/deep/shelf")
	if m.Counts.Runs != 12 || m.Counts.Facts != 24 || m.Counts.Blobs != 3 || m.Store != s.ID() || m.Generation != 1 || len(m.Files) == 0 {
		t.Errorf("manifest %+v", m)
	}
	var asked int
	r, err := backup.Verify(t.Context(), at, func(_ context.Context, s store.Store, found func(string)) error {
		asked = s.Partitions()
		return nil
	})
	if err != nil || !r.OK || asked != 3 {
		t.Fatalf("verify: %+v, %v, check saw %d partitions", r, err, asked)
	}
	if err := os.Mkdir(dir+"/new", 0o700); err != nil { // an empty folder will do
		t.Fatal(err)
	}
	who, err := backup.Restore(t.Context(), at, dir+"/new", about)
	if err != nil {
		t.Fatal(err)
	}
	back := open(t, pebble.Config{Dir: dir + "/new"})
	if got := back.Identity(); got.ID != s.ID() || got.Generation != uint64(about.At.Unix()) || got.Generation != who.Generation ||
		got.Restored == nil || got.Restored.From != "backup "+m.Name || got.Restored.By != "user:ann" {
		t.Errorf("restored it is %+v %+v", got, got.Restored)
	}
	if got := contents(t, back, 3); !slices.Equal(got, want) {
		t.Errorf("restored %q\nwant %q", got, want)
	}
	if r, err := backup.Verify(t.Context(), at, nil); err != nil || !r.OK {
		t.Errorf("the backup has changed: %+v, %v", r.Findings, err)
	}
	if _, err := backup.Restore(t.Context(), at, dir+"/new", about); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("into a folder with a store: %v", err)
	}
}

// Whatever is changed in a backup is found, and is not put back.
func TestDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	at, m := create(t, filled(t, dir+"/data"), dir+"/shelf")
	raw := map[string][]byte{}
	for _, f := range m.Files {
		b, err := os.ReadFile(filepath.Join(at, "data", f.Name))
		if err != nil {
			t.Fatal(err)
		}
		raw[f.Name] = b
	}
	for _, f := range m.Files {
		if f.Bytes == 0 { // a marker, whose name says it all
			continue
		}
		name := filepath.Join(at, "data", f.Name)
		bad := bytes.Clone(raw[f.Name])
		bad[len(bad)/2] ^= 1
		for what, change := range map[string]func() error{
			"flipped": func() error { return os.WriteFile(name, bad, 0o600) },
			"cut":     func() error { return os.WriteFile(name, bad[:len(bad)-1], 0o600) },
			"gone":    func() error { return os.Remove(name) },
		} {
			if err := os.Remove(name); err != nil { // the live store has the same file by another name
				t.Fatal(err)
			}
			if err := os.WriteFile(name, raw[f.Name], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if r, err := backup.Verify(t.Context(), at, nil); err == nil && r.OK {
				t.Errorf("%s %s: nothing found", f.Name, what)
			}
			if _, err := backup.Restore(t.Context(), at, dir+"/new", about); err == nil {
				t.Fatalf("%s %s: restored", f.Name, what)
			}
			if left, _ := filepath.Glob(dir + "/new*"); len(left) > 0 {
				t.Fatalf("%s %s: %q is left", f.Name, what, left)
			}
			if err := os.WriteFile(name, raw[f.Name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(at, "data", "000099.sst"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := backup.Verify(t.Context(), at, nil); err != nil || r.OK || !strings.Contains(r.Findings[0], "000099.sst") {
		t.Errorf("a file too many: %+v, %v", r, err)
	}
	text, err := os.ReadFile(filepath.Join(at, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"live": 0`), []byte(`"live": 1`), 1)
	if err := os.WriteFile(filepath.Join(at, "manifest.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Verify(t.Context(), at, nil); !errors.Is(err, backup.ErrNotBackup) {
		t.Errorf("a manifest that was changed: %v", err)
	}
}

// half is a source that dies in the middle of its work.
type half struct{ backup.Source }

func (h half) Checkpoint(ctx context.Context, dir string) error {
	if err := h.Source.Checkpoint(ctx, dir); err != nil {
		return err
	}
	panic("the power is gone")
}

// What is broken off leaves nothing that looks like a backup, and the next one removes what it left.
func TestBrokenOff(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir+"/data")
	shelf := dir + "/shelf"
	func() {
		defer func() { _ = recover() }()
		_, _ = backup.Create(t.Context(), half{s}, shelf, backup.NewName(about.At), about)
	}()
	if left, _ := os.ReadDir(shelf); len(left) != 1 || !strings.HasPrefix(left[0].Name(), ".partial-") {
		t.Fatalf("left is %v", left)
	}
	if all, err := backup.List(shelf); err != nil || len(all) != 0 {
		t.Errorf("listed %v, %v", all, err)
	}
	at, m := create(t, s, shelf)
	if left, _ := os.ReadDir(shelf); len(left) != 1 || left[0].Name() != m.Name {
		t.Errorf("left is %v", left)
	}
	if err := os.MkdirAll(dir+"/new.restoring/x", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), at, dir+"/new", about); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("what no restore left would be removed: %v", err)
	}
	if err := os.WriteFile(dir+"/new.restoring/"+pebble.UnfinishedFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), at, dir+"/new", about); err != nil {
		t.Error(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := backup.Restore(stopped, at, dir+"/newer", about); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if left, _ := filepath.Glob(dir + "/newer*"); len(left) > 0 {
		t.Errorf("left is %q", left)
	}
}

// A restore that is broken off anywhere leaves nothing that opens, says so, and can be given again.
func TestRestoreBrokenOffAnywhere(t *testing.T) {
	dir := t.TempDir()
	at, m := create(t, filled(t, dir+"/data"), dir+"/shelf")
	for _, point := range []string{backup.CrashCopying, backup.CrashCopied, backup.CrashFilled, backup.CrashPlaced} {
		into := dir + "/" + point
		dying := about
		dying.Crash = func(p string) error {
			if p == point {
				panic(p) // nothing runs behind it, as in a process that is killed
			}
			return nil
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was not passed", point)
				}
			}()
			_, _ = backup.Restore(t.Context(), at, into, dying)
		}()
		partial, is := backup.Unfinished(into)
		if !is {
			t.Fatalf("%s: nothing says that it is not whole", point)
		}
		for _, readOnly := range []bool{true, false} {
			if s, err := pebble.Open(pebble.Config{Dir: partial, ReadOnly: readOnly}); !errors.Is(err, pebble.ErrUnfinished) {
				t.Errorf("%s: it opens: %v, %v", point, s, err)
			}
		}
		who, err := backup.Restore(t.Context(), at, into, about)
		if err != nil {
			t.Fatalf("%s: again: %v", point, err)
		}
		if partial, is := backup.Unfinished(into); is {
			t.Errorf("%s: done again, %s says that it is not whole", point, partial)
		}
		s := open(t, pebble.Config{Dir: into})
		if got := s.Identity(); got.Generation != who.Generation || got.Generation <= m.Generation {
			t.Errorf("%s: it is %+v", point, got)
		}
		if left, _ := filepath.Glob(into + ".*"); len(left) > 0 {
			t.Errorf("%s: left is %q", point, left)
		}
	}
}

func export(t testing.TB, s store.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := backup.Export(context.Background(), s, &out, about); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestExportIsImported(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir+"/data")
	text := export(t, s)
	who, in, err := backup.ImportFolder(t.Context(), bytes.NewReader(text), dir+"/new", about)
	if err != nil {
		t.Fatal(err)
	}
	back := open(t, pebble.Config{Dir: dir + "/new"})
	if got := back.Identity(); got.ID != s.ID() || got.Generation != who.Generation || got.Generation <= 1 || in.Counts.Facts != 24 {
		t.Errorf("imported it is %+v, %+v", got, in)
	}
	if got, want := contents(t, back, 3), contents(t, s, 3); !slices.Equal(got, want) {
		t.Errorf("imported %q\nwant %q", got, want)
	}
	l, err := back.Acquire(t.Context(), 0, "o", time.Hour)
	if err != nil || l.Epoch/1_000_000 != store.Epoch(who.Generation) {
		t.Errorf("epoch %d, %v", l.Epoch, err)
	}
}

// An export that was cut off or changed anywhere makes no store.
func TestExportThatWasChanged(t *testing.T) {
	dir := t.TempDir()
	text := export(t, filled(t, dir+"/data"))
	rapid.Check(t, func(rt *rapid.T) {
		bad := bytes.Clone(text)
		switch at := rapid.IntRange(0, len(bad)-1).Draw(rt, "at"); rapid.IntRange(0, 2).Draw(rt, "change") {
		case 0:
			bad = bad[:at]
		case 1:
			bad[at] ^= byte(1 << rapid.IntRange(0, 7).Draw(rt, "bit"))
		case 2:
			lines := bytes.SplitAfter(bad, []byte("\n"))
			i := at % (len(lines) - 1)
			bad = bytes.Join(slices.Delete(lines, i, i+1), nil)
		}
		_, err := backup.Import(t.Context(), bytes.NewReader(bad), func(h backup.Header) (store.Store, error) {
			if h.Partitions != 3 {
				return nil, errors.New("other partitions")
			}
			return open(t, pebble.Config{Dir: "db", FS: vfs.NewMem(), Partitions: 3}), nil
		})
		if err == nil {
			rt.Fatal("imported")
		}
	})
	shouted := bytes.Replace(text, []byte(`"sha256":`), []byte(`"SHA256":`), 1)
	if _, _, err := backup.ImportFolder(t.Context(), bytes.NewReader(shouted), dir+"/new", about); !errors.Is(err, backup.ErrDamaged) || bytes.Equal(shouted, text) {
		t.Errorf("another name for the same: %v", err)
	}
	if _, _, err := backup.ImportFolder(t.Context(), bytes.NewReader(text[:len(text)-2]), dir+"/new", about); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("cut off: %v", err)
	}
	if left, _ := filepath.Glob(dir + "/new*"); len(left) > 0 {
		t.Errorf("left is %q", left)
	}
	if _, _, err := backup.ImportFolder(t.Context(), strings.NewReader("{}\n"), dir+"/new", about); !errors.Is(err, backup.ErrNotBackup) {
		t.Errorf("no export: %v", err)
	}
	if _, err := backup.Export(t.Context(), plain{}, io.Discard, about); !errors.Is(err, backup.ErrCannotWalk) {
		t.Errorf("a store that cannot be walked: %v", err)
	}
}

// plain is a store that can do no more than it must.
type plain struct{ store.Store }

// TestImportedBlobs: a blob of which the store did not say when it was put, as an older version wrote it, does not look as if it were
// put now and forgotten, whatever rows name it; one of which it did does. An export that does not say has none.
func TestImportedBlobs(t *testing.T) {
	s := filled(t, t.TempDir())
	l, err := s.Acquire(t.Context(), 1, "o", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	old, err := s.PutBlob(t.Context(), 1, "acme", []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	tx := store.Tx{
		Partition: 1, Epoch: l.Epoch, ID: "old", Deletes: []store.Key{store.BlobKey("acme", old)},
		Puts: []store.Put{{Key: store.Key{Table: store.TableBlobUse, Tenant: "acme", ID: store.BlobUse(old) + "run0"}, Value: []byte{1}}},
	}
	if err := s.Commit(t.Context(), tx)[0]; err != nil {
		t.Fatal(err)
	}
	text := export(t, s)
	all := notes(t, s)
	if len(all) != 3 {
		t.Fatalf("noted are %q", all)
	}
	for _, c := range []struct {
		text []byte
		want []string
	}{{text, all}, {withoutNotes(t, text), nil}} {
		into := t.TempDir() + "/into"
		if _, _, err := backup.ImportFolder(t.Context(), bytes.NewReader(c.text), into, about); err != nil {
			t.Fatal(err)
		}
		if got := notes(t, open(t, pebble.Config{Dir: into})); !slices.Equal(got, c.want) {
			t.Errorf("%q look as if they may be swept, want %q", got, c.want)
		}
	}
}

// notes are the blobs that may be swept when nothing names them.
func notes(t *testing.T, s store.Store) (ids []string) {
	t.Helper()
	for p := range store.Partition(3) {
		page, err := s.Scan(t.Context(), p, store.Range{Table: store.TableBlob, Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range page.Records {
			ids = append(ids, rec.Key.ID)
		}
	}
	return ids
}

// withoutNotes is an export as an older version wrote it.
func withoutNotes(t *testing.T, text []byte) []byte {
	t.Helper()
	end := bytes.LastIndexByte(bytes.TrimSpace(text), '\n') + 1
	sum := func(b []byte) []byte { s := sha256.Sum256(b); return []byte(hex.EncodeToString(s[:])) }
	before := bytes.ReplaceAll(text[:end], []byte(`,"noted":true`), nil)
	if len(before) == end {
		t.Fatal("nothing is noted")
	}
	return append(before, bytes.Replace(text[end:], sum(text[:end]), sum(before), 1)...)
}
