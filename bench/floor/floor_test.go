package floor

import (
	"context"
	"testing"
	"time"
)

// TestMeasure runs both sides in one process for a moment: steps are counted and have a length.
func TestMeasure(t *testing.T) {
	start := func(url string) (func(), error) {
		ctx, cancel := context.WithCancel(context.Background())
		ready, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- RunWorker(ctx, url, func() { close(ready) }) }()
		select {
		case <-ready:
			return func() { cancel(); <-ended }, nil
		case err := <-ended:
			cancel()
			return nil, err
		}
	}
	got, err := Measure(t.Context(), Load{InFlight: 4, For: 300 * time.Millisecond, Dir: t.TempDir()}, start)
	if err != nil {
		t.Fatal(err)
	}
	if got.StepsPerSecond <= 0 || got.Median <= 0 {
		t.Errorf("got %+v", got)
	}
}
