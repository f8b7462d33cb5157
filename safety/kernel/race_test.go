package kernel

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/safety"
)

// Many publish and roll back at once, in two processes: every version is one that somebody published whole, versions have no
// gaps, and both processes end with the newest.
func TestPublishAndRollbackRace(t *testing.T) {
	one := newWorld(t, nil)
	two := openWorld(t, one.docs, nil)
	var lives sync.WaitGroup
	digests := map[string]bool{one.Snapshot().Digest(): true}
	var mu sync.Mutex
	for i := range 8 {
		w := []*world{one, two}[i%2]
		lives.Go(func() {
			for n := range 25 {
				who := Who{Tenant: "default", Actor: fmt.Sprintf("user:u%d", i)}
				var p Published
				var err error
				if n%3 == 2 {
					p, err = w.Rollback(ctx, who, Rollback{To: "1"})
				} else {
					_, _, err = w.PutDraft(ctx, who, Put{Text: []byte(bundle(fmt.Sprintf("b%d", i), fmt.Sprintf("job.%d", n), "ALLOW"))})
					if err == nil {
						p, err = w.Publish(ctx, who, Publish{})
					}
				}
				if err != nil {
					if !errors.Is(err, ErrConflict) {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				digests[p.Version.Digest] = true
				mu.Unlock()
				if s := w.Snapshot(); s == nil || safety.Evaluate(s, safety.Request{Topic: "none"}).Verdict != safety.Deny {
					t.Error("something else is in force")
				}
			}
		})
	}
	lives.Wait()
	one.follow(ctx)
	two.follow(ctx)
	if one.Snapshot().Digest() != two.Snapshot().Digest() || one.Status().Version.Version != two.Status().Version.Version {
		t.Error("the two have not the same in force")
	}
	newest := one.Status().Version.Version
	for n := newest; n > 0; n-- {
		v, err := one.Version(ctx, fmt.Sprint(n))
		if err != nil || !digests[v.Digest] {
			t.Fatalf("version %d: %+v, %v", n, v, err)
		}
		if _, err := one.Canonical(ctx, v.Digest); err != nil {
			t.Error(err)
		}
	}
}

// Whatever is drafted, published and rolled back, what is in force is what a plain model says, also for a store that has just
// started.
func TestHistoryModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := NewMemory()
		open := func() *Kernel {
			k, err := New(Config{Documents: docs})
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Load(ctx); err != nil {
				t.Fatal(err)
			}
			k.look(ctx)
			return k
		}
		k := open()
		topics := []string{"a", "b", "c"}
		drafts, inForce := map[string]string{}, map[string]string{}
		history := []map[string]string{{}}
		published := func(p Published, err error, next map[string]string) {
			if err != nil {
				t.Fatal(err)
			}
			if inForce = next; !p.Unchanged {
				history = append(history, next)
			}
			if int(p.Version.Version) != len(history) {
				t.Fatalf("version %d, want %d", p.Version.Version, len(history))
			}
		}
		copied := func(m map[string]string) map[string]string {
			out := map[string]string{}
			for name, v := range m {
				out[name] = v
			}
			return out
		}
		t.Repeat(map[string]func(*rapid.T){
			"draft": func(t *rapid.T) {
				name, decision := rapid.SampledFrom(topics).Draw(t, "name"), rapid.SampledFrom([]string{"ALLOW", "DENY"}).Draw(t, "decision")
				if _, _, err := k.PutDraft(ctx, admin, Put{Text: []byte(bundle(name, name, decision))}); err != nil {
					t.Fatal(err)
				}
				drafts[name] = decision
			},
			"delete": func(t *rapid.T) {
				name := rapid.SampledFrom(topics).Draw(t, "name")
				err := k.DeleteDraft(ctx, admin, name, nil)
				if _, there := drafts[name]; there != (err == nil) {
					t.Fatal(err)
				}
				delete(drafts, name)
			},
			"publish all": func(t *rapid.T) {
				p, err := k.Publish(ctx, admin, Publish{})
				published(p, err, copied(drafts))
			},
			"publish one": func(t *rapid.T) {
				name := rapid.SampledFrom(topics).Draw(t, "name")
				next := copied(inForce)
				delete(next, name)
				if d, there := drafts[name]; there {
					next[name] = d
				} else if _, there := inForce[name]; !there {
					return // there is none
				}
				p, err := k.Publish(ctx, admin, Publish{Bundles: []string{name}})
				published(p, err, next)
			},
			"rollback": func(t *rapid.T) {
				n := rapid.IntRange(1, len(history)).Draw(t, "version")
				p, err := k.Rollback(ctx, admin, Rollback{To: fmt.Sprint(n)})
				published(p, err, history[n-1])
			},
			"restart": func(*rapid.T) { k = open() },
			"": func(t *rapid.T) {
				for _, topic := range topics {
					want := inForce[topic]
					if want == "" {
						want = "DENY"
					}
					if d := safety.Evaluate(k.Snapshot(), safety.Request{Topic: topic}); d.Verdict.String() != want {
						t.Fatalf("%s is %s, want %s", topic, d.Verdict, want)
					}
				}
			},
		})
	})
}
