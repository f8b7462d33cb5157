package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// sample is the tools on fresh sample data, without rests.
func sample(t *testing.T) *tools {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	must(t, makeSample(data))
	return &tools{data: data}
}

func TestBackupIsAnExactCopyWithItsChecksum(t *testing.T) {
	w := sample(t)
	out, err := w.backup(t.Context(), cordum.Job{ID: "07RUN.backup-db~0"}, struct{}{})
	must(t, err)
	original, copied := read(t, w, dataFile), read(t, w, out.File)
	if copied != original || out.Bytes != len(original) {
		t.Errorf("%d bytes copied of %d", len(copied), len(original))
	}
	sum := sha256.Sum256([]byte(original))
	want := hex.EncodeToString(sum[:]) + "  " + filepath.Base(out.File) + "\n"
	if got := read(t, w, out.File+".sha256"); got != want || out.SHA256 != want[:64] {
		t.Errorf("checksum file %q, want %q", got, want)
	}
	again, err := w.backup(t.Context(), cordum.Job{ID: "07RUN.backup-db~0"}, struct{}{})
	must(t, err)
	if again != out || len(listing(t, w, "backups")) != 2 {
		t.Errorf("the second attempt made more: %v", listing(t, w, "backups"))
	}
}

func TestSnapshotHoldsEveryFile(t *testing.T) {
	w := sample(t)
	must(t, os.MkdirAll(filepath.Join(w.data, "files", "deep", "er"), 0o755))
	must(t, os.WriteFile(filepath.Join(w.data, "files", "deep", "er", "x.txt"), []byte("x"), 0o600))
	must(t, os.Symlink("/etc/passwd", filepath.Join(w.data, "files", "link")))
	out, err := w.snapshot(t.Context(), cordum.Job{ID: "j"}, struct{}{})
	must(t, err)
	packed := unpack(t, filepath.Join(w.data, out.File))
	if len(packed) != sampleFiles+1 || out.Files != len(packed) {
		t.Errorf("%d files packed, %d said", len(packed), out.Files)
	}
	for name, content := range packed {
		if content != read(t, w, filepath.Join("files", name)) {
			t.Errorf("%s differs", name)
		}
	}
	if _, ok := packed["link"]; ok {
		t.Error("a link was followed")
	}
}

func TestMigrate(t *testing.T) {
	w := sample(t)
	must(t, os.WriteFile(filepath.Join(w.data, dataFile), []byte("version: 1\n7|Ada Byron|12.50\n8|Grace|0.09\n"), 0o600))
	out, err := w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v2.0"})
	must(t, err)
	if out != (migrateOutput{From: 1, To: 2, Orders: 2}) {
		t.Errorf("output %+v", out)
	}
	want := "version: 2\n7|Ada Byron|1250|EUR\n8|Grace|9|EUR\n"
	if got := read(t, w, dataFile); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	out, err = w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v2.0"})
	must(t, err)
	if !out.Done || read(t, w, dataFile) != want {
		t.Errorf("a second execution: %+v", out)
	}
}

func TestOnlyWhatIsNotMigratedCanBreak(t *testing.T) {
	w := sample(t)
	w.fail = failing
	must(t, w.checkBreakable())
	must(t, os.WriteFile(filepath.Join(w.data, dataFile), []byte("version: 2\n"), 0o600))
	if err := w.checkBreakable(); err == nil || !strings.Contains(err.Error(), "-data") {
		t.Errorf("a migrated file is to be broken: %v", err)
	}
	w.fail = ""
	must(t, w.checkBreakable())
}

// TestNoPasswordIsLogged runs the worker with an address that holds one.
func TestNoPasswordIsLogged(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, out, err := os.Pipe()
	must(t, err)
	was := os.Stderr
	os.Stderr = out
	time.AfterFunc(time.Second/10, cancel)
	_ = run(ctx, "nats://worker:open-sesame@127.0.0.1:1,nats://worker:open-sesame@127.0.0.1:2", "w", sample(t)) // it is the log that counts
	os.Stderr = was
	must(t, out.Close())
	log, err := io.ReadAll(r)
	must(t, err)
	if strings.Contains(string(log), "open-sesame") || !strings.Contains(string(log), "serving") {
		t.Errorf("logged: %s", log)
	}
}

func TestMigrateTheSample(t *testing.T) {
	w := sample(t)
	out, err := w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v2.0"})
	must(t, err)
	version, orders, err := parse([]byte(read(t, w, dataFile)))
	must(t, err)
	if out.Orders != sampleOrders || version != 2 || len(orders) != sampleOrders {
		t.Errorf("%+v; the file has version %d and %d orders", out, version, len(orders))
	}
}

func TestMigrateLeavesWhatItCannotReadAsItIs(t *testing.T) {
	for name, content := range map[string]string{
		"no version":     "7|Ada|12.50\n",
		"empty":          "",
		"newer":          "version: 3\n",
		"missing field":  "version: 1\n7|Ada\n",
		"no cents":       "version: 1\n7|Ada|12\n",
		"negative":       "version: 1\n7|Ada|-1.00\n",
		"bad last order": "version: 1\n" + strings.Repeat("7|Ada|1.00\n", 100) + "8|Bob|x.yz\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := sample(t)
			must(t, os.WriteFile(filepath.Join(w.data, dataFile), []byte(content), 0o600))
			_, err := w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v2.0"})
			wantCode(t, err, "bad_data_file")
			if read(t, w, dataFile) != content {
				t.Error("the file was changed")
			}
			wantNoLeftovers(t, w)
		})
	}
}

func TestToolsSayWhatIsMissing(t *testing.T) {
	w := &tools{data: t.TempDir()}
	_, err := w.backup(t.Context(), cordum.Job{}, struct{}{})
	wantCode(t, err, "no_data_file")
	_, err = w.snapshot(t.Context(), cordum.Job{}, struct{}{})
	wantCode(t, err, "no_data_file")
	_, err = w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v2.0"})
	wantCode(t, err, "no_data_file")
	_, err = w.migrate(t.Context(), cordum.Job{}, migrateInput{Version: "v3.0"})
	wantCode(t, err, "unknown_version")
}

// TestCancelLeavesNothing stops each tool in the middle.
func TestCancelLeavesNothing(t *testing.T) {
	w := sample(t)
	w.pace = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 3)
	go func() { _, err := w.backup(ctx, cordum.Job{ID: "b"}, struct{}{}); ended <- err }()
	go func() { _, err := w.snapshot(ctx, cordum.Job{ID: "s"}, struct{}{}); ended <- err }()
	go func() { _, err := w.migrate(ctx, cordum.Job{ID: "m"}, migrateInput{Version: "2"}); ended <- err }()
	cancel()
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if version, _, err := parse([]byte(read(t, w, dataFile))); version != 1 || err != nil {
		t.Errorf("the data file is of version %d, %v", version, err)
	}
	wantNoLeftovers(t, w)
	for _, name := range listing(t, w, "backups") {
		t.Errorf("left: %s", name)
	}
}

func TestSampleIsMadeOnce(t *testing.T) {
	w := sample(t)
	must(t, os.WriteFile(filepath.Join(w.data, dataFile), []byte("mine"), 0o600))
	must(t, makeSample(w.data))
	if read(t, w, dataFile) != "mine" {
		t.Error("the data of somebody was overwritten")
	}
}

func TestInName(t *testing.T) {
	if got := inName("../07RUN.backup-db~0"); got != "---07RUN-backup-db-0" {
		t.Errorf("got %q", got)
	}
}

func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	compressed, err := gzip.NewReader(f)
	must(t, err)
	archive, packed := tar.NewReader(compressed), map[string]string{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return packed
		}
		must(t, err)
		content, err := io.ReadAll(archive)
		must(t, err)
		packed[header.Name] = string(content)
	}
}

func read(t *testing.T, w *tools, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.data, name))
	must(t, err)
	return string(content)
}

func listing(t *testing.T, w *tools, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.data, folder))
	if !errors.Is(err, os.ErrNotExist) {
		must(t, err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantNoLeftovers(t *testing.T, w *tools) {
	t.Helper()
	for _, name := range append(listing(t, w, "."), listing(t, w, "backups")...) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("left: %s", name)
		}
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var coded *cordum.Error
	if !errors.As(err, &coded) || coded.Code != code || coded.Kind != cordum.KindFatal {
		t.Errorf("got %v, want the fatal code %s", err, code)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
