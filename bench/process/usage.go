package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrUnknown says that the system does not tell what a process uses.
var ErrUnknown = errors.New("process: what it uses is not known on this system")

// Resident reads the child's resident memory in bytes (Linux: VmRSS of /proc).
func (p *Process) Resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			return kib << 10, nil
		}
	}
	return 0, ErrUnknown
}

// tick is the unit of /proc's times: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPU reads how long the child has had a processor, in its own code and in the kernel (Linux: utime and stime of /proc).
func (p *Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	// The program's name may hold anything; the state, field 3, is behind its last parenthesis. utime and stime are 14 and 15.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, ErrUnknown
	}
	var all time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		all += time.Duration(n) * tick
	}
	return all, nil
}
