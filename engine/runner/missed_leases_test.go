package runner

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"cordum.dev/cordum/store"
)

// TestMissedLeasesAreOneLine: a store that is away is one line, whatever number of partitions it holds.
func TestMissedLeasesAreOneLine(t *testing.T) {
	var log bytes.Buffer
	var missed missedLeases
	missed.tell(slog.New(slog.NewTextHandler(&log, nil)), "leases not renewed")
	if log.Len() > 0 {
		t.Errorf("nothing was missed: %s", &log)
	}
	for p := range store.Partition(16) {
		missed.add(15-p, errors.New("the store is away"))
	}
	missed.tell(slog.New(slog.NewTextHandler(&log, nil)), "leases not renewed")
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "count=16") || !strings.Contains(text, "[0 1 2") || !strings.Contains(text, "away") {
		t.Error(text)
	}
}

// TestATakeOverIsOneLine: what came and what was lost is a line each, with all partitions, and is told once.
func TestATakeOverIsOneLine(t *testing.T) {
	var log bytes.Buffer
	var c comings
	for p := range store.Partition(8) {
		c.take(p)
		c.lose(8+p, "its lease ran out")
	}
	for range 2 {
		c.tell(slog.New(slog.NewTextHandler(&log, nil)), 8)
	}
	text := log.String()
	if strings.Count(text, "\n") != 2 || strings.Count(text, "count=8") != 2 || !strings.Contains(text, "partitions taken") || !strings.Contains(text, "its lease ran out") {
		t.Error(text)
	}
}
