package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store/pebble"
)

const wideFan = `
id: fan
steps:
  - {id: each, topic: job.t.work, effect: none, for_each: "0..(input.n - 1)", input: {it: "${item}"}}
  - {id: end, type: transform, depends_on: [each], input: {}}
`

// fanOut runs a fan-out of n items with a worker that answers at once, on a real disk, and answers how much time of
// the processors it took and how much memory was in use at most.
func fanOut(t testing.TB, n int) (took time.Duration, heap uint64) {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: t.TempDir(), FS: vfs.Default, Partitions: 1, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := bus.NewMemory()
	defer m.Close()
	r, err := runner.New(runner.Config{Owner: "scale", Policy: safety.NewSnapshot(safety.Allow), Logger: quiet()}, s, m)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for r.Health(ctx) != nil {
		time.Sleep(time.Millisecond)
	}
	echoWorker(t, m)
	if _, err := r.PutWorkflow(ctx, ann, []byte(wideFan), runner.FormatYAML); err != nil {
		t.Fatal(err)
	}
	peak := watchHeap(ctx)
	began := cpuTime(t)
	started, err := r.Start(ctx, ann, runner.StartRequest{Workflow: "fan", Input: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))})
	if err != nil {
		t.Fatal(err)
	}
	ends, err := r.Watch(ctx, ann, runner.WatchRequest{Workflow: "fan"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ends.Close()
	for {
		m, err := ends.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header != nil && m.Header.EndedAt != nil {
			break
		}
	}
	took = cpuTime(t) - began
	v, err := r.View(ctx, ann, started.RunID)
	if err != nil || v.State != "succeeded" || *v.Steps[0].Iterations != (runner.CountsView{Total: n, Succeeded: n}) {
		t.Fatalf("%s %+v %+v, %v", v.State, v.Error, v.Steps, err)
	}
	return took, peak.Load()
}

// cpuTime is what the process has used of the processors: unlike the clock it does not depend on what else the machine does.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchHeap notes how much memory is in use at most, until ctx ends.
func watchHeap(ctx context.Context) *atomic.Uint64 {
	var peak atomic.Uint64
	runtime.GC()
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			<-tick.C
		}
	}()
	return &peak
}

// TestWideFanOut: 100,000 items cost as much each as 1,000 do, and less than a GiB together.
func TestWideFanOut(t *testing.T) {
	const few, many = 1_000, 100_000
	if testing.Short() {
		t.Log("only the small one: the large one takes its time")
		fanOut(t, few)
		return
	}
	base := time.Hour
	for range 5 {
		took, _ := fanOut(t, few)
		base = min(base, took/few)
	}
	took, heap := fanOut(t, many)
	each := took / many
	t.Logf("%s for each of %d items, %s for each of %d; %d MiB at most", base, few, each, many, heap>>20)
	if each > base*5/4 {
		t.Errorf("an item costs %s among %d and %s among %d", each, many, base, few)
	}
	if heap >= 1<<30 {
		t.Errorf("%d MiB were in use", heap>>20)
	}
}
