package pebble_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

func wantOpenError(t *testing.T, cfg pebble.Config, want error, words ...string) {
	t.Helper()
	cfg.Logger = quiet()
	s, err := pebble.Open(cfg)
	if err == nil {
		_ = s.Close()
		t.Fatal("Open succeeded")
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("Open: %v, want %v", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Open: %q does not say %q", err, w)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	wantOpenError(t, pebble.Config{}, nil, "Config.Dir")
	wantOpenError(t, pebble.Config{Dir: t.TempDir(), Partitions: 257}, nil, "257 partitions", "1 to 256")
	wantOpenError(t, pebble.Config{Dir: t.TempDir(), Partitions: -1}, nil, "1 to 256")
}

func TestOpenRefusesForeignFolder(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, pebble.Config{Dir: dir}, pebble.ErrForeign, dir, "thesis.txt")
	if left, err := os.ReadFile(name); err != nil || string(left) != "mine" {
		t.Errorf("the file is now %q, %v", left, err)
	}
	wantOpenError(t, pebble.Config{Dir: name}, nil, name)
}

// rawPut writes into a folder with Pebble alone.
func rawPut(t *testing.T, fs vfs.FS, key, value string) {
	t.Helper()
	db, err := pebbledb.Open("db", &pebbledb.Options{FS: fs, FormatMajorVersion: pebbledb.FormatTableFormatV6})
	if err == nil {
		err = errors.Join(db.Set([]byte(key), []byte(value), pebbledb.Sync), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesOtherData(t *testing.T) {
	fs := vfs.NewMem()
	rawPut(t, fs, "somebody", "else")
	wantOpenError(t, pebble.Config{Dir: "db", FS: fs}, pebble.ErrForeign, "another program")
}

func TestOpenReadsItsDescription(t *testing.T) {
	for raw, want := range map[string]error{
		`{"format":"cordum-store","level":99,"partitions":4,"id":"x"}`:  store.ErrNewer,
		`{"format":"cordum-store","level":0,"partitions":4,"id":"x"}`:   pebble.ErrForeign,
		`{"format":"cordum-store","level":1,"partitions":300,"id":"x"}`: pebble.ErrForeign,
		`{"format":"cordum-store","level":1,"partitions":4}`:            pebble.ErrForeign,
		`{"format":"other","level":1,"partitions":4,"id":"x"}`:          pebble.ErrForeign,
		`not json`: pebble.ErrForeign,
	} {
		fs := vfs.NewMem()
		rawPut(t, fs, "\xff\xffmeta", raw)
		wantOpenError(t, pebble.Config{Dir: "db", FS: fs}, want, "db")
	}
	fs := vfs.NewMem()
	rawPut(t, fs, "\xff\xffmeta", `{"format":"cordum-store","level":1,"partitions":4,"id":"x"}`)
	if s := open(t, pebble.Config{Dir: "db", FS: fs, Partitions: 9}); s.Partitions() != 4 || s.ID() != "x" {
		t.Errorf("opened with %d partitions, id %q", s.Partitions(), s.ID())
	}
}

func TestOpenRefusesNewerPebble(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, pebble.Config{Dir: "db", FS: fs})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.format-version.") {
			if err := fs.Rename("db/"+name, "db/marker.format-version.000099.999"); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantOpenError(t, pebble.Config{Dir: "db", FS: fs}, store.ErrNewer)
}

// TestOpenTakesUpHalfMadeFolder: a first start that was killed before the store described itself leaves an empty
// Pebble behind.
func TestOpenTakesUpHalfMadeFolder(t *testing.T) {
	fs := vfs.NewMem()
	db, err := pebbledb.Open("db", &pebbledb.Options{FS: fs, FormatMajorVersion: pebbledb.FormatTableFormatV6})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if s := open(t, pebble.Config{Dir: "db", FS: fs}); s.Partitions() != pebble.DefaultPartitions {
		t.Errorf("%d partitions, want %d", s.Partitions(), pebble.DefaultPartitions)
	}
}

func TestOpenTwiceInOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, pebble.Config{Dir: dir})
	wantOpenError(t, pebble.Config{Dir: dir}, store.ErrLocked, dir, "stop the other process")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, pebble.Config{Dir: dir})
	if s.ID() == "" || again.ID() != s.ID() {
		t.Errorf("id %q, opened again %q", s.ID(), again.ID())
	}
	fs := vfs.NewMem()
	open(t, pebble.Config{Dir: "db", FS: fs})
	wantOpenError(t, pebble.Config{Dir: "db", FS: fs}, store.ErrLocked)
}

// lockedDir tells the test binary, started again as another process, which folder to open.
const lockedDir = "CORDUM_TEST_LOCKED_DIR"

func TestOpenInSecondProcess(t *testing.T) {
	if dir := os.Getenv(lockedDir); dir != "" {
		_, err := pebble.Open(pebble.Config{Dir: dir, Logger: quiet()})
		fmt.Printf("locked=%v\n", errors.Is(err, store.ErrLocked))
		return
	}
	dir := t.TempDir()
	open(t, pebble.Config{Dir: dir})
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenInSecondProcess$")
	cmd.Env = append(os.Environ(), lockedDir+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "locked=true") {
		t.Errorf("second process: %v\n%s", err, out)
	}
}

func TestOpenRefusesReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root may write everywhere on the disk; the same refusal comes from a file system that denies.
		wantOpenError(t, pebble.Config{Dir: "db", FS: denying{vfs.NewMem()}}, os.ErrPermission, "db", "cannot be written")
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, pebble.Config{Dir: dir}, os.ErrPermission, dir, "cannot be written")
}

// denying lets nobody make the lock file, as a folder of another user does.
type denying struct{ vfs.FS }

func (d denying) Lock(name string) (io.Closer, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrPermission}
}
