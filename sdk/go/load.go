package cordum

import (
	"os"
	"strconv"
	"strings"
)

// cpuMeter tells how busy the machine's processors are, where the kernel says so.
type cpuMeter struct {
	busy, all uint64  // as of the last reading that counted
	said      float32 // by it
}

// leastTicks is how many ticks two readings are apart at least, of all processors together: a second of one. A share of fewer
// says little, and heartbeats that follow each other would tell it for as long as nothing better comes.
const leastTicks = 100

// load is the share of time since an earlier call in which the processors worked, in percent; 0 where nobody knows, and before
// enough time has passed since the first call.
func (m *cpuMeter) load() float32 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	busy, all, ok := readCPU(string(text))
	if !ok {
		return 0
	}
	return m.note(busy, all)
}

// note takes a reading.
func (m *cpuMeter) note(busy, all uint64) float32 {
	before := *m
	if before.all != 0 && all >= before.all && all < before.all+leastTicks {
		return before.said
	}
	*m = cpuMeter{busy: busy, all: all}
	if before.all != 0 && all > before.all && busy >= before.busy {
		m.said = float32(100 * float64(busy-before.busy) / float64(all-before.all))
	}
	return m.said
}

// readCPU reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, in ticks since the start.
func readCPU(stat string) (busy, all uint64, ok bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, false
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, 0, false
		}
		all += n
		if i != 3 && i != 4 {
			busy += n
		}
	}
	return busy, all, true
}
