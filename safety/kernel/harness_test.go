package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/safety"
)

// world is a policy store over documents in memory.
type world struct {
	t    testing.TB
	docs *Memory
	*Kernel
	reg *prometheus.Registry
}

var (
	admin = Who{Tenant: "default", Actor: "user:ann", Roles: []string{"admin"}, ActorType: "human"}
	ctx   = context.Background()
)

// newWorld makes a store and publishes what its configuration asks for, as Run would.
func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	w := openWorld(t, NewMemory(), change)
	w.look(ctx)
	if !w.Ready() {
		t.Fatalf("nothing is in force: %+v", w.Status())
	}
	return w
}

// openWorld makes a store over documents that may have a history, and loads it.
func openWorld(t testing.TB, docs *Memory, change func(*Config)) *world {
	t.Helper()
	reg := prometheus.NewRegistry()
	cfg := Config{Documents: docs, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registry: reg}
	if change != nil {
		change(&cfg)
	}
	k, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Load(ctx); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, docs: docs, Kernel: k, reg: reg}
}

// bundle is a bundle of one rule about a topic.
func bundle(name, topic, decision string, more ...string) string {
	return fmt.Sprintf("name: %s\nrules:\n  - {id: r, match: {topics: [%q]}, decision: %s}\n%s", name, topic, decision, strings.Join(more, ""))
}

func (w *world) put(text string) Draft {
	w.t.Helper()
	d, _, err := w.PutDraft(ctx, admin, Put{Text: []byte(text)})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) publish(names ...string) Published {
	w.t.Helper()
	p, err := w.Publish(ctx, admin, Publish{Bundles: names})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// says is the verdict on a topic.
func (w *world) says(topic string) string {
	w.t.Helper()
	s := w.Snapshot()
	if s == nil {
		return "nothing"
	}
	return safety.Evaluate(s, safety.Request{Topic: topic}).Verdict.String()
}

func (w *world) want(topic, verdict string) {
	w.t.Helper()
	if got := w.says(topic); got != verdict {
		w.t.Errorf("%s is %s, want %s", topic, got, verdict)
	}
}

// metric is the value of a metric, and the value of its first label.
func (w *world) metric(name string) (value float64, label string) {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		m := f.GetMetric()[0]
		if len(m.GetLabel()) > 0 {
			label = m.GetLabel()[0].GetValue()
		}
		return m.GetCounter().GetValue() + m.GetGauge().GetValue(), label
	}
	return 0, ""
}

func (w *world) alerts() float64 {
	n, _ := w.metric("cordum_policy_alerts_total")
	return n
}

// acts are those of the documents' audit, by name.
func (w *world) acts() []string {
	var names []string
	for _, a := range w.docs.Acts() {
		names = append(names, a.Act)
	}
	return names
}

func wantErr(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
}

func ptr[T any](v T) *T { return &v }

// policyFile writes a file that a store watches.
func policyFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, text)
	return path
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// flaky are documents that fail when they are told to.
type flaky struct {
	*Memory
	mu sync.Mutex
	// reads and writes fail with these; a write that is lost is made first.
	reads, writes error
	lost          bool
}

func (f *flaky) fail(reads, writes error, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads, f.writes, f.lost = reads, writes, lost
}

func (f *flaky) Doc(ctx context.Context, kind, name string) (Doc, error) {
	f.mu.Lock()
	err := f.reads
	f.mu.Unlock()
	if err != nil {
		return Doc{}, err
	}
	return f.Memory.Doc(ctx, kind, name)
}

func (f *flaky) ChangeDocs(ctx context.Context, who Who, act, subject string, changes ...Change) error {
	f.mu.Lock()
	err, lost := f.writes, f.lost
	f.mu.Unlock()
	if err != nil && !lost {
		return err
	}
	return errors.Join(f.Memory.ChangeDocs(ctx, who, act, subject, changes...), err)
}
