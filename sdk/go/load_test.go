package cordum

import "testing"

// TestReadCPU: the first line of /proc/stat, and nothing else.
func TestReadCPU(t *testing.T) {
	busy, all, ok := readCPU("cpu  10 1 4 80 5 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1\n")
	if !ok || busy != 15 || all != 100 {
		t.Errorf("busy %d of %d, %v", busy, all, ok)
	}
	for _, text := range []string{"", "cpu", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8 9", "cpu a b c d e f g h"} {
		if _, _, ok := readCPU(text); ok {
			t.Errorf("%q was read", text)
		}
	}
	m := cpuMeter{busy: 1, all: 1}
	if l := m.load(); l < 0 || l > 100 {
		t.Errorf("the load is %f", l)
	}
}

// TestLoadOfTooShortATime: of two heartbeats right after each other the second says what the first said.
func TestLoadOfTooShortATime(t *testing.T) {
	var m cpuMeter
	for i, step := range []struct {
		busy, all uint64
		want      float32
	}{
		{500, 1_000, 0}, {510, 1_010, 0}, // ten ticks, all of them busy
		{550, 1_200, 25}, {553, 1_203, 25}, {750, 1_400, 100},
	} {
		if got := m.note(step.busy, step.all); got != step.want {
			t.Errorf("reading %d is %g, want %g", i, got, step.want)
		}
	}
}
