//go:build linux

package cputime

import (
	"runtime"
	"testing"
	"time"
)

// TestOf: work counts, and waiting does not, neither for a clock nor for a core that others use.
func TestOf(t *testing.T) {
	busy := func(most time.Duration) (passed time.Duration) {
		for began := time.Now(); passed < most; passed = time.Since(began) {
		}
		return passed
	}
	var slept time.Duration
	if took := Of(func() { began := time.Now(); time.Sleep(100 * time.Millisecond); slept = time.Since(began) }); took > slept/2 {
		t.Errorf("sleeping for %v took %v", slept, took)
	}
	for range 4 * runtime.NumCPU() {
		go busy(200 * time.Millisecond)
	}
	var passed time.Duration
	if took := Of(func() { passed = busy(100 * time.Millisecond) }); took <= 0 || took > passed+20*time.Millisecond {
		t.Errorf("%v of a core in %v", took, passed)
	}
}
