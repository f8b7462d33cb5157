package kernel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/safety"
)

// replica is one more process over the documents of a world, with a file of its own.
func replica(t *testing.T, docs *Memory, text string, change func(*Config)) (w *world, path string) {
	path = policyFile(t, text)
	w = openWorld(t, docs, func(c *Config) {
		c.Base, c.Shared = File{Path: path}, true
		if change != nil {
			change(c)
		}
	})
	return w, path
}

// A file that is new to the installation speaks up, whichever process has it; one that was superseded does not come back by
// a process that was not given the new one yet.
func TestOfDifferingFilesTheNewestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := NewMemory()
		a, aPath := replica(t, docs, allowFile, nil)
		a.look(ctx)
		b, bPath := replica(t, docs, allowFile, nil)
		b.look(ctx)
		b.want("job.a", "ALLOW")

		write(t, bPath, denyFile) // rolled out to one after the other
		b.look(ctx)
		b.want("job.a", "DENY")
		for range 3 {
			a.look(ctx)
			b.look(ctx)
		}
		a.want("job.a", "DENY")
		if v := a.Status(); v.Version.Version != 2 || v.Alert == nil {
			t.Errorf("version %d, alert %v: want 2, and it is said that this file does not count", v.Version.Version, v.Alert)
		}
		// A process that starts with the old file does not bring it back, and does not wait for it.
		late, _ := replica(t, docs, allowFile, nil)
		late.want("job.a", "DENY")
		late.look(ctx)
		late.want("job.a", "DENY")

		write(t, aPath, denyFile)
		a.look(ctx)
		if v := a.Status(); v.Version.Version != 2 || v.Alert != nil {
			t.Errorf("version %d, alert %v: want 2 and none", v.Version.Version, v.Alert)
		}
		write(t, aPath, allowFile) // on purpose, before the eyes of a process
		a.look(ctx)
		a.want("job.a", "ALLOW")
		b.look(ctx)
		b.want("job.a", "ALLOW")
		if v := b.Status().Version.Version; v != 3 {
			t.Errorf("version %d, want 3", v)
		}
	})
}

// What a process allows by default never widens what another one has denied.
func TestADefaultOfTheEnvironmentOnlyTightens(t *testing.T) {
	docs := NewMemory()
	const rules = "name: base\nrules:\n  - {id: no, match: {topics: [job.no]}, decision: DENY}\n"
	strict, _ := replica(t, docs, rules, nil)
	strict.look(ctx)
	strict.want("job.a", "DENY")
	loose, _ := replica(t, docs, rules, func(c *Config) { c.Default = safety.Allow })
	for range 2 {
		loose.look(ctx)
		strict.look(ctx)
	}
	loose.want("job.a", "DENY")
	if v := strict.Status().Version.Version; v != 1 {
		t.Errorf("version %d, want 1", v)
	}
}

// Following answers for this process alone, and not before it goes by what was published.
func TestFollowPutsInForceWhatAnotherPublished(t *testing.T) {
	docs := NewMemory()
	var published, followed int
	a := openWorld(t, docs, func(c *Config) { c.Shared = true })
	a.look(ctx)
	b := openWorld(t, docs, func(c *Config) {
		c.Shared = true
		c.Changed = func(context.Context) error { published++; return nil }
		c.Followed = func(context.Context) error { followed++; return nil }
	})
	a.put(bundle("more", "job.b", "ALLOW"))
	a.publish()
	b.want("job.b", "DENY")
	if err := b.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	if b.want("job.b", "ALLOW"); published != 0 || followed != 1 {
		t.Errorf("published %d, followed %d times", published, followed)
	}
	if err := b.Follow(ctx); err != nil || followed != 1 {
		t.Errorf("followed %d times, %v", followed, err)
	}
	// While a change of its own is under way it cannot say so; when that has come to the same, it can.
	<-b.turn
	a.put(bundle("more", "job.b", "DENY"))
	a.publish()
	soon, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	if err := b.Follow(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("followed in the middle of a change: %v", err)
	}
	if err := b.read(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.Follow(ctx); err != nil {
		t.Error(err)
	}
	b.turn <- struct{}{}
}
