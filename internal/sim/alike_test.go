package sim

import (
	"runtime"
	"runtime/debug"
	"testing"
	"testing/cryptotest"
	"time"
)

// alike makes a game the same each time that it is played: ids and tokens are drawn from its seed, goroutines take turns, and nothing
// of the collector's comes between them. What is left is what the runtime leaves to chance. Built with that of package order
// little is left; as it is, timers of one instant and channels that are ready together. Only one game at a time can be played so.
func alike(t *testing.T, seed uint64) {
	cryptotest.SetGlobalRandom(t, seed)
	if *anyhow {
		return
	}
	procs, percent, limit := runtime.GOMAXPROCS(1), debug.SetGCPercent(-1), debug.SetMemoryLimit(tooMuch)
	t.Cleanup(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
		runtime.GOMAXPROCS(procs)
	})
	var heap runtime.MemStats
	if runtime.ReadMemStats(&heap); heap.HeapAlloc > enough {
		runtime.GC()
	}
}

// Bytes. enough are left lying between games, so that collecting them costs little; a game that has made too much is disturbed all the
// same.
const (
	enough  = 256 << 20
	tooMuch = 2 << 30
)

// stir begins a game in its bubble. The order of what is ready together is drawn from what happened before in the bubble, where the
// runtime is that of package order: other seeds are to see other orders from the first step on.
func stir(seed uint64) { time.NewTimer(time.Hour + time.Duration(seed)).Stop() }
