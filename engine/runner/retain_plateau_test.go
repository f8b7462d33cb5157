package runner_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/pebble"
)

const (
	plateauDays  = 3
	plateauEvery = 2 * time.Hour // between two rounds
	plateauKeep  = 12 * time.Hour
	plateauWide  = 120 // jobs of a round's fan-out, each with records in the audit log
)

// TestRetentionPlateauOverDays: over days no table grows: neither runs, nor records of the audit log, which go by whole segments, nor
// ids of commands and idempotency keys, which are remembered for a day. Signed heads are left out: their number is bounded by itself.
func TestRetentionPlateauOverDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.store = oneChain(t)         // else each partition's chain keeps a segment that is not full
		w.cfg.FleetReload = time.Hour // what is of no matter here costs time
		w.cfg.Audit = runner.AuditConfig{Key: auditKey, Every: 10 * time.Minute, Keep: plateauKeep}
		rest := time.Hour
		w.cfg.Retention = runner.RetentionConfig{Runs: runner.Keep{Age: rest}, Jobs: runner.Keep{Age: rest}, BlobRest: rest / 2, DefinitionRest: rest / 2, Every: rest / 4}
		w.start()
		w.flows()
		w.put("id: wide\nsteps:\n  - {id: a, topic: job.t.work, effect: none, for_each: \"input.items\"}\n")
		w.newWorker("w1", succeed, "job.t.work")
		var days [plateauDays]map[string]int // the most that was there of each thing
		recorded := 0                        // in one round
		for round := range int(plateauDays * 24 * time.Hour / plateauEvery) {
			w.ended(w.run("work", weighty(round)))
			w.ended(w.run("wide", `{"items":[`+strings.Repeat("1,", plateauWide-1)+`1]}`))
			w.submitEnded(runner.JobRequest{Topic: "job.t.work", ResourceLock: fmt.Sprintf("lock-%d", round), IdempotencyKey: fmt.Sprint(round)})
			if round == 0 {
				recorded = w.kept()["audit records"]
			}
			time.Sleep(plateauEvery)
			day := time.Duration(round) * plateauEvery / (24 * time.Hour)
			if days[day] == nil {
				days[day] = map[string]int{}
			}
			for what, n := range w.kept() {
				days[day][what] = max(days[day][what], n)
			}
		}
		checkPlateau(t, days[:], int(plateauKeep/plateauEvery+1)*recorded+2*audit.SegmentRecords)
	})
}

// checkPlateau compares the last two days; mostRecords is how many records of the audit log may be there.
func checkPlateau(t *testing.T, days []map[string]int, mostRecords int) {
	t.Helper()
	last := days[len(days)-1]
	for what, n := range last {
		if before := days[len(days)-2][what]; n > before+before/10 {
			t.Errorf("%s: %d on the day before the last one, then %d", what, before, n)
		}
	}
	if n := last["audit records"]; n == 0 || n > mostRecords {
		t.Errorf("%d records of the audit log are kept, want some and at most %d", n, mostRecords)
	}
	t.Log(days)
	if last[fmt.Sprintf("table %d", store.TableDedupe)] == 0 {
		t.Error("no key is remembered: the test shows nothing of them")
	}
}

// oneChain is a store of one partition.
func oneChain(t *testing.T) store.Store {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: 1, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// kept counts everything that the store has but for signed heads: by table, and records of the audit log, of which a row has many.
func (w *world) kept() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	w.walk(func(i store.Item) {
		switch {
		case i.Entry != nil:
			out["entries"]++
		case i.Blob != nil:
			out["blobs"]++
		case strings.Contains(i.Record.Key.ID, "audit.head"):
		case i.Record.Key.Table == store.TableAudit:
			row, err := audit.ReadRow(i.Record.Value)
			if err != nil {
				w.t.Error(err)
			}
			out["audit records"] += len(row.Records)
		default:
			out[fmt.Sprintf("table %d", i.Record.Key.Table)]++
		}
	})
	return out
}

// TestSignedHeadsAreBounded: the oldest go when there are too many.
func TestSignedHeadsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for range audit.MaxHeads + 5 {
			if _, err := w.r.TakeAuditHead(context.Background(), ann, true); err != nil {
				t.Fatal(err)
			}
		}
		heads := 0
		w.walk(func(i store.Item) {
			if i.Record != nil && i.Record.Key.Table == store.TableDocIndex && strings.Contains(i.Record.Key.ID, "audit.head") {
				heads++
			}
		})
		if heads != audit.MaxHeads {
			t.Errorf("%d signed heads are kept, want %d", heads, audit.MaxHeads)
		}
	})
}
