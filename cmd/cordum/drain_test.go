package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestDrainHasAnEnd stops parts of which one never ends.
func TestDrainHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d drain
		var notes diary
		stuck := make(chan struct{})
		parts := d.watch([]part{
			notes.part("store", 0, nil),
			{"engine", func(context.Context) error { <-stuck; return nil }},
			notes.part("gateway", time.Second, nil),
		})
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		begun := time.Now()
		err := d.within(ctx, 20*time.Second, func() error { return runAll(ctx, parts) })
		if err == nil || !strings.Contains(err.Error(), "20s") || !strings.Contains(err.Error(), "engine") || strings.Contains(err.Error(), "gateway") {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(begun) - time.Hour; took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
		close(stuck)
	})
}

// TestDrainAnswersWhatBecameOfIt is silent about time when there was enough of it.
func TestDrainAnswersWhatBecameOfIt(t *testing.T) {
	for name, want := range map[string]error{"well": nil, "not well": errors.New("disk full")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d drain
				var notes diary
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				err := d.within(ctx, time.Minute, func() error { return runAll(ctx, d.watch([]part{notes.part("engine", time.Second, want)})) })
				if !errors.Is(err, want) {
					t.Errorf("the error is %v, want %v", err, want)
				}
			})
		})
	}
}
