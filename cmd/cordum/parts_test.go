package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary notes who stopped when.
type diary struct {
	mu    sync.Mutex
	ended []string
}

func (d *diary) part(name string, takes time.Duration, err error) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(takes)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ended = append(d.ended, name)
		return err
	}}
}

func TestPartsStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := runAll(ctx, []part{d.part("store", 0, nil), d.part("engine", 3*time.Second, nil), d.part("gateway", 5*time.Second, nil)})
		if err != nil {
			t.Error(err)
		}
		if want := []string{"gateway", "engine", "store"}; !slices.Equal(d.ended, want) {
			t.Errorf("stopped in the order %v, want %v", d.ended, want)
		}
	})
}

func TestOnePartThatEndsStopsAll(t *testing.T) {
	for name, cause := range map[string]error{"with an error": errors.New("disk full"), "without one": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d diary
				broken := part{"engine", func(context.Context) error { return cause }}
				err := runAll(t.Context(), []part{d.part("store", 0, nil), broken, d.part("gateway", 0, errors.New("late"))})
				if err == nil || !strings.HasPrefix(err.Error(), "engine: ") || !strings.Contains(err.Error(), "stopping the gateway: late") {
					t.Errorf("%v", err)
				}
				if !slices.Equal(d.ended, []string{"gateway", "store"}) {
					t.Errorf("stopped %v", d.ended)
				}
			})
		})
	}
}
