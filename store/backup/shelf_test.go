package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/store/backup"
)

// slow is a source whose copy takes until go on is closed, and then fails.
type slow struct{ goOn chan struct{} }

var errSlow = errors.New("the disk is full")

func (s slow) Checkpoint(context.Context, string) error {
	<-s.goOn
	return errSlow
}

// TestShelfTakesOneAtATime: what was recorded is taken, one at a time; what could not be recorded is not.
func TestShelfTakesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := slow{make(chan struct{})}
		s := backup.NewShelf(backup.ShelfConfig{Dir: t.TempDir(), Source: src, Logger: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		recorded := ""
		record := func(name string) error { recorded = name; return nil }
		refuse := errors.New("no record")

		if _, err := s.Begin("user:ann", "", func(string) error { return refuse }); !errors.Is(err, refuse) {
			t.Errorf("what could not be recorded: %v", err)
		}
		synctest.Wait()
		if all, err := s.List(); err != nil || len(all) != 0 {
			t.Errorf("what could not be recorded is there: %+v, %v", all, err)
		}
		first, err := s.Begin("user:ann", "", record)
		if err != nil || first.State != backup.Running || recorded != first.Name {
			t.Fatalf("%+v, recorded %q, %v", first, recorded, err)
		}
		synctest.Wait()
		if _, err := s.Begin("user:bob", "", record); !errors.Is(err, backup.ErrBusy) || recorded != first.Name {
			t.Errorf("a second one: %v, recorded %q", err, recorded)
		}
		if got, err := s.Get(first.Name); err != nil || got.State != backup.Running {
			t.Errorf("while it is taken: %+v, %v", got, err)
		}
		close(src.goOn)
		synctest.Wait()
		if got, err := s.Get(first.Name); err != nil || got.State != backup.Failed || !errors.Is(got.Err, errSlow) {
			t.Errorf("afterwards: %+v, %v", got, err)
		}
		time.Sleep(time.Second) // of the bubble: names have the second that they were begun in
		if next, err := s.Begin("user:bob", "", record); err != nil || next.Name == first.Name || recorded != next.Name {
			t.Errorf("the next: %+v, %v", next, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
