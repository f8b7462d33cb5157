package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
)

// keepingWorld is a world that keeps runs that have ended only for a while.
func keepingWorld(t *testing.T, keep runner.RetentionConfig) *world {
	t.Helper()
	w := stillWorld(t)
	w.cfg.Retention = keep
	w.start()
	return w
}

// left counts what the store keeps, by what it is; records of the audit log have a rule of their own.
func (w *world) left() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	w.walk(func(i store.Item) {
		switch {
		case i.Entry != nil:
			out["entries"]++
		case i.Blob != nil:
			out["blobs"]++
		case i.Record.Key.Table != store.TableAudit && i.Record.Key.Table != store.TableAuditHead && !strings.Contains(i.Record.Key.ID, "/audit."):
			out[fmt.Sprintf("table %d", i.Record.Key.Table)]++
		}
	})
	return out
}

func (w *world) walk(visit func(store.Item)) {
	w.t.Helper()
	for p := range w.store.Partitions() {
		err := w.store.(store.Walker).Walk(context.Background(), store.Partition(p), func(i store.Item) error {
			visit(i)
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// mentions are the places in the store that say a word, but for the audit log and what callers were answered under a key.
func (w *world) mentions(word string) (places []string) {
	w.walk(func(i store.Item) {
		switch {
		case i.Entry != nil && i.Entry.Log.Run == word:
			places = append(places, fmt.Sprintf("entry %d", i.Entry.First))
		case i.Record == nil:
		case i.Record.Key.Table == store.TableAudit || i.Record.Key.Table == store.TableCommand:
		case strings.Contains(i.Record.Key.ID, word):
			places = append(places, fmt.Sprintf("table %d %s", i.Record.Key.Table, i.Record.Key.ID))
		}
	})
	return places
}

func (w *world) isThere(run string) bool {
	w.t.Helper()
	_, err := w.r.View(context.Background(), ann, run)
	if err != nil && !errors.Is(err, runner.ErrNotFound) {
		w.t.Fatal(err)
	}
	return err == nil
}

const retainedFlows = `
id: %s
steps:
  - {id: a, %s}
`

// retained is one run of the game below, and what the game knows of it.
type retained struct {
	id, kind, parent string
	ended            time.Time
	live, held, dead bool
}

// flows puts the definitions of the game.
func (w *world) flows() {
	for name, step := range map[string]string{
		"work": "topic: job.t.work, effect: none", "fails": "topic: job.t.fails, effect: none", "gate": "type: approval",
		"nap": "type: delay, for: 2000h", "child": "topic: job.t.work, effect: none", "parent": "type: subworkflow, workflow: child",
	} {
		w.put(sprintf(retainedFlows, name, step))
	}
	w.put(sprintf(undoable, ", retry: {max_attempts: 1}"))
}

// weighty is an input that is kept as a blob.
func weighty(n int) string {
	text := strings.Repeat("x", 40_000)
	return fmt.Sprintf(`{"n":%d,"texts":[%q,%q]}`, n, text, text)
}

// play starts a run of some kind and brings it as far as it goes.
func (w *world) play(rnd *rand.Rand) []*retained {
	big := weighty(rnd.IntN(3)) // several runs have the same
	name := []string{"work", "work", "big", "fails", "gate", "asked", "nap", "parent", "job", "job", "chain", "law"}[rnd.IntN(12)]
	switch name {
	case "job":
		v := w.submitEnded(runner.JobRequest{Topic: "job.t.work", Priority: []string{"batch", "critical"}[rnd.IntN(2)], Input: json.RawMessage(big)})
		return []*retained{{id: v.RunID, kind: "job"}}
	case "big":
		return []*retained{{id: w.ended(w.run("work", big)).ID}}
	case "fails":
		return []*retained{{id: w.ended(w.run("fails", `{}`)).ID, dead: true}}
	case "gate", "asked":
		run := w.run("gate", `{}`)
		if name == "asked" {
			return []*retained{{id: run, live: true}}
		}
		w.until("it asks", func() bool { _, err := w.r.Approval(context.Background(), ann, run+".a~0"); return err == nil })
		if _, err := w.r.Decide(context.Background(), ann, run+".a~0", runner.Decision{Approve: true}); err != nil {
			w.t.Fatal(err)
		}
		return []*retained{{id: w.ended(run).ID}}
	case "nap":
		return []*retained{{id: w.run("nap", `{}`), live: true}}
	case "parent":
		run := w.ended(w.run("parent", `{}`)).ID
		return []*retained{{id: run}, {id: w.node(run, "a").ChildRun, parent: run}}
	case "chain": // its compensation is held
		run := w.run("chain", `{}`)
		w.compensation(run, "held")
		return []*retained{{id: run, live: true}}
	case "law":
		run := w.ended(w.run("work", `{}`)).ID
		if _, err := w.r.SetLegalHold(context.Background(), runner.Caller{Tenant: "default", Actor: "user:ann", Reason: "case"}, run); err != nil {
			w.t.Fatal(err)
		}
		return []*retained{{id: run, held: true}}
	}
	return []*retained{{id: w.ended(w.run(name, `{}`)).ID}}
}

// TestRetentionRemovesWhatItMay plays runs of all kinds over hours: what is gone then is exactly what is old enough and needed by
// nobody, and nothing of it is left.
func TestRetentionRemovesWhatItMay(t *testing.T) {
	const age = 40 * time.Minute
	for seed := range seeds(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 7))
				w := keepingWorld(t, runner.RetentionConfig{Runs: runner.Keep{Age: age}, Jobs: runner.Keep{Age: age / 2}, BlobRest: age / 4})
				w.flows()
				w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
					if j.StepId == "c" {
						return fatal()
					}
					return succeed(j)
				}, "job.t.work")
				w.newWorker("w2", func(*wire.JobRequest) *wire.JobResult { return fatal() }, "job.t.fails", "job.t.undo")
				var all []*retained
				for range 40 {
					all = append(all, w.play(rnd)...)
					time.Sleep(time.Duration(rnd.IntN(200)) * time.Second)
					if rnd.IntN(10) == 0 {
						w.restart()
					}
				}
				for _, r := range all {
					if w.isThere(r.id) && !r.live {
						v := w.view(r.id)
						r.live, r.ended = v.EndedAt == nil, time.Time{}
						if v.EndedAt != nil {
							r.ended = *v.EndedAt
						}
						r.dead = r.dead || v.State == "failed"
					}
				}
				w.checkRetained(all, age)
			})
		})
	}
}

func (w *world) checkRetained(all []*retained, age time.Duration) {
	w.t.Helper()
	time.Sleep(3 * time.Minute) // several looks
	gone := 0
	for _, r := range all {
		keep := age
		if r.kind == "job" {
			keep = age / 2
		}
		old := r.ended.IsZero() || time.Since(r.ended) > keep
		overdue := r.ended.IsZero() || time.Since(r.ended) > keep+3*time.Minute // it is looked every minute
		switch there := w.isThere(r.id); {
		case there && overdue && !r.live && !r.held && !r.dead && (r.parent == "" || !w.isThere(r.parent)):
			w.t.Errorf("run %+v is still there", *r)
		case !there && (!old || r.live || r.held || r.dead):
			w.t.Errorf("run %+v is gone", *r)
		case !there:
			gone++
			if places := w.mentions(r.id); len(places) > 0 {
				w.t.Errorf("run %s is gone, and left %q", r.id, places)
			}
		}
	}
	if gone == 0 {
		w.t.Error("nothing went: the game shows nothing")
	}
	w.checkBlobs()
}

// checkBlobs: when they had time to go, the blobs that are left are those that runs name.
func (w *world) checkBlobs() {
	w.t.Helper()
	time.Sleep(40 * time.Minute)
	named := map[string]bool{}
	w.walk(func(i store.Item) {
		if r := i.Record; r != nil && r.Key.Table == store.TableBlobUse && strings.HasPrefix(r.Key.ID, "blob/") {
			named[r.Key.Tenant+r.Key.ID[len("blob/"):strings.LastIndex(r.Key.ID, "/")]] = true
		}
	})
	w.walk(func(i store.Item) {
		if b := i.Blob; b != nil && !named[b.Tenant+b.Digest] {
			w.t.Errorf("blob %s is left, and no run names it", b.Digest)
		}
	})
}

// TestRetentionByCount: of many runs those that began last stay, over all partitions, and of each kind by itself.
func TestRetentionByCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keepingWorld(t, runner.RetentionConfig{Runs: runner.Keep{Count: 20}, Jobs: runner.Keep{Count: 5}})
		w.flows()
		w.newWorker("w1", succeed, "job.t.work")
		asleep := w.run("nap", `{}`)
		var runs, jobs []string
		for range 50 {
			runs = append(runs, w.ended(w.run("work", `{}`)).ID)
			jobs = append(jobs, w.submitEnded(runner.JobRequest{Topic: "job.t.work"}).RunID)
			time.Sleep(time.Second)
		}
		time.Sleep(3 * time.Minute)
		for i, run := range runs {
			if want := i >= len(runs)-20; w.isThere(run) != want {
				t.Errorf("run %d of %d: there %v", i, len(runs), !want)
			}
		}
		for i, run := range jobs {
			if want := i >= len(jobs)-5; w.isThere(run) != want {
				t.Errorf("job %d of %d: there %v", i, len(jobs), !want)
			}
		}
		if !w.isThere(asleep) {
			t.Error("a run that has not ended is gone")
		}
	})
}

// TestRetentionPlateau: a server that works for ever does not grow.
func TestRetentionPlateau(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keepingWorld(t, runner.RetentionConfig{Runs: runner.Keep{Age: 10 * time.Minute}, Jobs: runner.Keep{Age: 10 * time.Minute}, BlobRest: 4 * time.Minute, DefinitionRest: 4 * time.Minute})
		w.flows()
		w.newWorker("w1", succeed, "job.t.work")
		early, late := 0, 0
		const rounds = 50
		for round := range rounds {
			w.ended(w.run("work", weighty(round)))
			w.ended(w.run("parent", `{}`))
			w.submitEnded(runner.JobRequest{Topic: "job.t.work", ResourceLock: fmt.Sprintf("lock-%d", round), IdempotencyKey: fmt.Sprint(round)})
			time.Sleep(2 * time.Minute)
			n := 0
			for what, count := range w.left() {
				if what != fmt.Sprintf("table %d", store.TableCommand) && what != fmt.Sprintf("table %d", store.TableDedupe) { // 24 h
					n += count
				}
			}
			if round < rounds/2 {
				early = max(early, n)
			} else {
				late = max(late, n)
			}
		}
		if late > early+rounds/10 { // what goes a minute later counts once more
			t.Errorf("the store had up to %d records in the first half, %d in the second: %v", early, late, w.left())
		}
	})
}
