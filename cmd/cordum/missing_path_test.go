package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/redisd"
)

// TestMissingPaths: a path that is not there is wrong use, not a word about what was recorded.
func TestMissingPaths(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, args := range [][]string{
		{"backup", "verify", none},
		{"backup", "restore", none, "--data-dir", t.TempDir()},
		{"backup", "export", "--backup", none},
		{"backup", "export", "--data-dir", none},
		{"backup", "import", none, "--data-dir", t.TempDir()},
		{"store", "dump", "x", "--data-dir", none},
		{"workflow", "crashtest", none},
		{"audit", "verify", none},
		{"store", "upgrade", "--data-dir", none},
	} {
		if r := cordum(t.Context(), "", nil, args...); r.code != exitUsage || !strings.Contains(r.errOut, none) || r.out != "" {
			t.Errorf("%v: %d, %s%s", args, r.code, r.out, r.errOut)
		}
	}
}

// TestNoBackupAsJSON: a program that asks for JSON gets it, also for what is no backup.
func TestNoBackupAsJSON(t *testing.T) {
	dir := t.TempDir()
	r := cordum(t.Context(), "", nil, "backup", "verify", dir, "-o", "json")
	var said struct {
		OK       *bool    `json:"ok"`
		Findings []string `json:"findings"`
	}
	if err := json.Unmarshal([]byte(r.out), &said); err != nil || said.OK == nil || *said.OK || len(said.Findings) != 1 || r.code != exitTampered {
		t.Errorf("%d, %v: %s%s", r.code, err, r.out, r.errOut)
	}
}

// TestImportSaysWhatWouldLoseIt: what is put into a Redis that loses it is no silent success.
func TestImportSaysWhatWouldLoseIt(t *testing.T) {
	p := newProcess(t)
	p.start()
	p.terminate()
	export := filepath.Join(t.TempDir(), "store.jsonl")
	if r := cordum(t.Context(), "", nil, "backup", "export", "--data-dir", filepath.Join(p.dir, "data"), "-o", export); r.code != 0 {
		t.Fatal(r.errOut)
	}
	if _, err := os.Stat(export); err != nil {
		t.Fatal(err)
	}
	url := "redis://" + redisd.Start(t).Addr
	for _, args := range [][]string{
		{"backup", "import", export, "--store", url},
		{"store", "refence", "--store", url, "--taken", "2026-11-21T03:00:00Z", "--reason", "test"},
	} {
		if r := cordum(t.Context(), "", nil, args...); r.code != 0 || !strings.Contains(r.errOut, "appendonly") {
			t.Errorf("%v: %d, %s", args, r.code, r.errOut)
		}
	}
}
