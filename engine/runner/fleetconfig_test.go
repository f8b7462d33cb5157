package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// filesOf are pools.yaml and timeouts.yaml as a test writes them.
type filesOf struct {
	mu              sync.Mutex
	pools, timeouts string
	err             error
}

func (f *filesOf) set(change func(*filesOf)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *filesOf) Pools() ([]byte, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []byte(f.pools), "pools.yaml", f.err
}

func (f *filesOf) Timeouts() ([]byte, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []byte(f.timeouts), "timeouts.yaml", f.err
}

// underFiles plays a story with configuration files that it can change.
func underFiles(t *testing.T, files *filesOf, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Fleet = files
		w.start()
		story(t, w)
	})
}

func pool(w *world, name string) (runner.PoolView, bool) {
	for _, p := range w.r.Pools(context.Background(), ann) {
		if p.Name == name {
			return p, true
		}
	}
	return runner.PoolView{}, false
}

// TestFleetFilesAreReloaded: a change is in force within the interval, what is wrong leaves the old in force and says so.
func TestFleetFilesAreReloaded(t *testing.T) {
	files := &filesOf{pools: "pools: {a: {max_jobs: 1}}"}
	underFiles(t, files, func(t *testing.T, w *world) {
		limit := func() int { p, _ := pool(w, "a"); return p.MaxJobs }
		if limit() != 1 {
			t.Fatalf("the file says 1, in force is %d", limit())
		}
		if said, err := w.r.ConfigDocument(context.Background(), runner.TimeoutsDoc); err != nil || len(said.Sources) != 1 || !said.Sources[0].Empty {
			t.Errorf("a file that is not there is told as %+v, %v", said.Sources, err)
		}
		files.set(func(f *filesOf) { f.pools = "pools: {a: {max_jobs: 2}}" })
		time.Sleep(runner.DefaultFleetReload + time.Second)
		if limit() != 2 {
			t.Errorf("after the interval %d is in force", limit())
		}
		for _, bad := range []string{"pools: {a: {max_jbs: 3}}", "pools: {"} {
			files.set(func(f *filesOf) { f.pools = bad })
			time.Sleep(runner.DefaultFleetReload + time.Second)
			said, err := w.r.ConfigDocument(context.Background(), runner.PoolsDoc)
			if err != nil || limit() != 2 || len(said.Sources) != 1 || !strings.Contains(said.Sources[0].Problem, "pools.yaml:1:") {
				t.Errorf("%q: %d is in force, %+v, %v", bad, limit(), said.Sources, err)
			}
		}
		files.set(func(f *filesOf) { f.pools, f.err = "", errors.New("disk gone") })
		time.Sleep(runner.DefaultFleetReload + time.Second)
		if limit() != 2 {
			t.Errorf("without the file %d is in force", limit())
		}
		files.set(func(f *filesOf) { f.err = nil })
		time.Sleep(runner.DefaultFleetReload + time.Second)
		if _, there := pool(w, "a"); there {
			t.Error("an emptied file is not in force")
		}
	})
}

// TestDocumentOverFile: of what both name the document counts, at once and over a restart; a refused one changes nothing.
func TestDocumentOverFile(t *testing.T) {
	files := &filesOf{pools: "pools: {a: {max_jobs: 1}, b: {max_jobs: 1}}"}
	underFiles(t, files, func(t *testing.T, w *world) {
		ctx := context.Background()
		put := func(text string, match *string) (runner.FleetConfig, error) {
			return w.r.PutConfigDocument(ctx, ann, runner.PoolsDoc, text, match)
		}
		first, err := put("pools: {a: {max_jobs: 9}}\ntopics: {job.t.work: [b]}", nil)
		if err != nil {
			t.Fatal(err)
		}
		look := func(when string) {
			a, _ := pool(w, "a")
			b, _ := pool(w, "b")
			if a.MaxJobs != 9 || b.MaxJobs != 1 || len(b.Topics) != 1 {
				t.Errorf("%s: %+v, %+v", when, a, b)
			}
		}
		look("after the put")
		for _, bad := range []string{"pools: 3", "topics: {job.x: [nope]}"} {
			var invalid *runner.InvalidError
			if _, err := put(bad, nil); !errors.As(err, &invalid) || invalid.Code != "invalid_config" {
				t.Errorf("%q is answered %v", bad, err)
			}
		}
		look("after refusals")
		stale := strings.Repeat("0", 64)
		if _, err := put("pools: {}", &stale); !errors.Is(err, runner.ErrConflict) {
			t.Errorf("a stale ETag is answered %v", err)
		}
		w.restart()
		look("after a restart")
		if _, err := put("", &first.ETag); err != nil {
			t.Fatal(err)
		}
		if a, _ := pool(w, "a"); a.MaxJobs != 1 {
			t.Errorf("without the document %+v is in force", a)
		}
		_, err = w.r.PutConfigDocument(ctx, ann, "other", "a: 1", nil)
		is(t, err, runner.ErrNotFound)
	})
}

// TestTopicTimeouts: what the files say holds for steps that do not say it themselves.
func TestTopicTimeouts(t *testing.T) {
	files := &filesOf{timeouts: `
topics:
  job.t.queued: {dispatch_timeout: 30s}
  job.t.work: {execution_timeout: 2m, max_retries: 1}
workflows:
  brief: {run_timeout: 10m, step_timeout: 5m}
`}
	underFiles(t, files, func(t *testing.T, w *world) {
		w.put("id: queued\nsteps:\n  - {id: a, topic: job.t.queued}\n")
		if v := w.ended(w.run("queued", `{}`)); v.State != "failed" || v.Steps[0].Error.Code != "queue_timeout" {
			t.Errorf("nobody takes it: %s, %+v", v.State, v.Steps[0].Error)
		}
		k := w.newWorker("w1", nil, "job.t.work", "job.t.slow")
		w.put("id: timed\nsteps:\n  - {id: a, topic: job.t.work, effect: none}\n")
		run := w.run("timed", `{}`)
		for n := range 2 { // the second by max_retries
			job := k.next()
			if job.TimeoutMs != (2 * time.Minute).Milliseconds() {
				t.Errorf("attempt %d has %d ms", n+1, job.TimeoutMs)
			}
			k.accept(job)
			k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCode: "broken"})
		}
		if v := w.ended(run); v.State != "failed" || v.Steps[0].Attempt != 2 {
			t.Errorf("%s after %d attempts", v.State, v.Steps[0].Attempt)
		}
		w.put("id: own\nsteps:\n  - {id: a, topic: job.t.work, effect: write, timeout: 7s}\n")
		run = w.run("own", `{}`)
		job := k.next()
		if job.TimeoutMs != 7000 {
			t.Errorf("the step's own timeout goes first: %d ms", job.TimeoutMs)
		}
		k.accept(job)
		k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCode: "broken"})
		if v := w.ended(run); v.Steps[0].Attempt != 1 {
			t.Errorf("a step whose second execution would hurt was tried %d times", v.Steps[0].Attempt)
		}
		w.put("id: brief\nsteps:\n  - {id: a, topic: job.t.slow, effect: none}\n  - {id: b, type: delay, for: 1h}\n")
		began := time.Now()
		run = w.run("brief", `{}`)
		if job := k.next(); job.TimeoutMs != (5 * time.Minute).Milliseconds() {
			t.Errorf("the workflow's step timeout: %d ms", job.TimeoutMs)
		} else {
			k.done(job)
		}
		w.restart()
		if v := w.ended(run); v.State != "timed_out" || time.Since(began) > 12*time.Minute {
			t.Errorf("the run is %s after %s", v.State, time.Since(began))
		}
	})
}

// TestDrain: what is drained gets nothing new and finishes what it has, over a restart, too.
func TestDrain(t *testing.T) {
	for _, of := range []string{"worker", "pool"} {
		t.Run(of, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				w.put("id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: none}\n")
				k := w.newWorker("w1", nil, "job.t.work")
				k.set(func(k *worker) { k.pool = "p1" })
				k.beat()
				synctest.Wait() // it is heard: who is in no pool is not drained with it
				first := w.run("plain", `{}`)
				job := k.next()
				k.accept(job)
				name := map[string]string{"worker": "w1", "pool": "p1"}[of]
				if _, err := w.r.SetDrain(ctx, ann, of, name); err != nil {
					t.Fatal(err)
				}
				second := w.run("plain", `{}`)
				k.none(time.Minute)
				k.done(job)
				w.ended(first)
				k.none(time.Minute)
				w.restart()
				k.none(time.Minute)
				if d := w.r.Drains(ctx, ann); len(d) != 1 || d[0].Name != name || d[0].SetBy != ann.Actor {
					t.Errorf("drains are %+v", d)
				}
				if err := w.r.LiftDrain(ctx, ann, of, name); err != nil {
					t.Fatal(err)
				}
				k.done(k.next())
				w.ended(second)
				is(t, w.r.LiftDrain(ctx, ann, of, name), runner.ErrNotFound)
			})
		})
	}
}

// TestJobsByState: the index lists each job under the state that it has, in pages, and a deleted one nowhere.
func TestJobsByState(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		k := w.newWorker("w1", nil, "job.t.work")
		ids := map[string]int{}
		submit := func(topic string) string {
			v, _, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: topic, Input: []byte(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			return v.ID
		}
		var ended []string
		for i := range 24 {
			job := submit("job.t.work")
			request := k.next()
			switch i % 3 {
			case 0:
				k.done(request)
				ended = append(ended, job)
			case 1:
				k.answer(request, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "x"})
			}
			ids[job] = i % 3
		}
		submit("job.nobody.serves")
		w.until("all are where they belong", func() bool { return len(w.jobsIn("running"))+len(w.jobsIn("dispatched")) == 8 })
		for state, want := range map[string]int{"succeeded": 8, "failed": 8, "cancelled": 0, "denied": 0} {
			if got := w.jobsIn(state); len(got) != want {
				t.Errorf("%d jobs are %s, want %d", len(got), state, want)
			}
		}
		if all := w.jobsIn(""); len(all) != 25 {
			t.Errorf("%d jobs in all", len(all))
		}
		w.restart()
		for _, job := range ended[:4] {
			if err := w.r.DeleteJob(ctx, ann, job); err != nil {
				t.Fatal(err)
			}
			_, err := w.r.Job(ctx, ann, job)
			is(t, err, runner.ErrNotFound)
			is(t, w.r.DeleteJob(ctx, ann, job), runner.ErrNotFound)
		}
		if got := w.jobsIn("succeeded"); len(got) != 4 || len(w.jobsIn("")) != 21 {
			t.Errorf("after the deletes %d succeeded of %d", len(got), len(w.jobsIn("")))
		}
		is(t, w.r.DeleteJob(ctx, eve, ended[5]), runner.ErrNotFound)
		for job, kind := range ids {
			if kind == 2 {
				is(t, w.r.DeleteJob(ctx, ann, job), runner.ErrConflict)
				break
			}
		}
		decisions, err := w.r.JobDecisions(ctx, ann, ended[5])
		if err != nil || len(decisions) != 1 || decisions[0].Decision != "ALLOW" || decisions[0].Hash == "" {
			t.Errorf("decisions %+v, %v", decisions, err)
		}
		w.put("id: plain\nsteps:\n  - {id: a, type: transform, input: 1}\n")
		run := w.run("plain", `{}`)
		w.ended(run)
		if rows, _, err := w.r.Runs(ctx, ann, runner.Filter{State: "succeeded"}); err != nil || len(rows) != 1 || rows[0].ID != run {
			t.Errorf("runs that succeeded: %+v, %v", rows, err)
		}
	})
}

// jobsIn lists the jobs in a state, over pages of three.
func (w *world) jobsIn(state string) (out []string) {
	w.t.Helper()
	for cursor := ""; ; {
		page, next, err := w.r.Jobs(context.Background(), ann, runner.Filter{State: state, Limit: 3, Cursor: cursor})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, j := range page {
			if state != "" && j.State != state {
				w.t.Fatalf("%s is listed as %s", fmt.Sprint(j), state)
			}
			out = append(out, j.ID)
		}
		if cursor = next; cursor == "" {
			return out
		}
	}
}
