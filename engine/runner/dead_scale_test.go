package runner_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/engine/runner"
)

// TestManyDeadLetters: of 100,000 a page, a narrow filter and the groups come at once and in bounded memory, and every one is listed
// exactly once.
func TestManyDeadLetters(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 30_000
	}
	ctx := context.Background()
	w := stillWorld(t)
	newest, err := runner.SeedDead(ctx, w.store, ann.Tenant, n, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	quick := func(what string, most time.Duration, heap uint64, do func()) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		do()
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		t.Logf("%s: %s, %d KiB allocated", what, took, (after.TotalAlloc-before.TotalAlloc)>>10)
		if took > most {
			t.Errorf("%s took %s", what, took)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > heap {
			t.Errorf("%s allocated %d bytes", what, got)
		}
	}
	quick("a page", 20*time.Second, 8<<20, func() {
		page, next, err := w.r.DeadLetters(ctx, ann, runner.DeadFilter{}, "", 50)
		if err != nil || len(page) != 50 || next == "" || page[0].ID != newest {
			t.Errorf("%d, %q, %v", len(page), next, err)
		}
	})
	quick("a filter that nothing fits", 30*time.Second, 64<<20, func() {
		page, next, err := w.r.DeadLetters(ctx, ann, runner.DeadFilter{Workflow: "none"}, "", 50)
		if err != nil || len(page) != 0 || next == "" {
			t.Errorf("%d, %q, %v: a page looks at %d", len(page), next, err, runner.MaxLooked)
		}
	})
	quick("groups", time.Minute, 512<<20, func() {
		groups, more, err := w.r.DeadGroups(ctx, ann, runner.DeadFilter{}, 0)
		if err != nil || more || len(groups) != 10 || groups[0].Count != n/10 {
			t.Errorf("%d groups, %v, %v", len(groups), more, err)
		}
	})
	seen, last := 0, time.Now().Add(time.Hour)
	for cursor := ""; ; {
		page, next, err := w.r.DeadLetters(ctx, ann, runner.DeadFilter{Workflow: "w3"}, cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			if !v.DiedAt.Before(last) || v.Workflow != "w3" {
				t.Fatalf("%s of %s after %s", v.DiedAt, v.Workflow, last)
			}
			last = v.DiedAt
			seen++
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if seen != n/10 {
		t.Errorf("%d listed, want %d", seen, n/10)
	}
}

// TestFingerprints: numbers and ids do not count, words do.
func TestFingerprints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,8}`), 1, 6).Draw(t, "words")
		ids := rapid.SliceOfN(rapid.StringMatching(`[0-9][0-9a-zA-Z_-]{0,20}`), 2, 2).Draw(t, "ids")
		text := strings.Join(words, " ")
		if runner.Fingerprint(text+": "+ids[0]+" of "+ids[1]) != runner.Fingerprint(text+": "+ids[1]+" of "+ids[0]) {
			t.Errorf("%q differs by its ids %q", text, ids)
		}
		if runner.Fingerprint(text) == runner.Fingerprint(text+"x") {
			t.Errorf("%q is the same with an x", text)
		}
	})
}
