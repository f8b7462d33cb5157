package backup_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/pebble"
)

// TestEveryLineOfAnExportCounts: a line that still reads well, and says something else than was exported, makes no store.
func TestEveryLineOfAnExportCounts(t *testing.T) {
	text := export(t, filled(t, t.TempDir()))
	lines := bytes.SplitAfter(text, []byte("\n"))
	record := strings.NewReplacer(`"tenant":"acme"`, `"tenant":"acmf"`, `"by":"user:ann"`, `"by":"user:bob"`)
	entry := strings.NewReplacer(`"value":"dHdv`, `"value":"dHdw`) // "two", "twp"
	for i, was := range lines[:len(lines)-2] {
		other := record
		if bytes.Contains(was, []byte(`"run":`)) {
			other = entry
		}
		bad := slices.Clone(lines)
		if bad[i] = []byte(other.Replace(string(was))); bytes.Equal(bad[i], was) {
			t.Fatalf("line %d has nothing to change: %s", i+1, was)
		}
		_, err := backup.Import(t.Context(), bytes.NewReader(bytes.Join(bad, nil)), func(backup.Header) (store.Store, error) {
			return open(t, pebble.Config{Dir: "db", FS: vfs.NewMem(), Partitions: 3}), nil
		})
		if !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("line %d was changed: %v", i+1, err)
		}
	}
}
