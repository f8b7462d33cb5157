package exec

import (
	"fmt"
	"syscall"
	"unsafe"
)

// attributes put a program into a process group of its own, and end it when the thread that started it ends: its starter holds
// on to that thread.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Numbers of limits (getrlimit(2)).
const (
	rlimitCPU   = 0
	rlimitFsize = 1
	rlimitCore  = 4
	rlimitNproc = 6
	rlimitFiles = 7
	rlimitAS    = 9
)

// restrict sets a process's limits, which what it starts inherits.
func restrict(pid int, l Limits) error {
	limits := []struct {
		number int
		value  uint64
	}{
		{rlimitCPU, l.CPUSeconds}, {rlimitAS, l.MemoryBytes}, {rlimitFsize, l.FileBytes}, {rlimitFiles, l.OpenFiles}, {rlimitNproc, l.Processes},
	}
	set := func(number int, value uint64) error {
		limit := syscall.Rlimit{Cur: value, Max: value}
		//nolint:gosec // the kernel reads the limit and keeps nothing
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(number), uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
		if errno != 0 && errno != syscall.ESRCH { // it has ended
			return fmt.Errorf("limit %d of a process: %w", number, errno)
		}
		return nil
	}
	if err := set(rlimitCore, 0); err != nil { // what is in its memory is in no file
		return err
	}
	for _, limit := range limits {
		if limit.value == 0 {
			continue
		}
		if err := set(limit.number, limit.value); err != nil {
			return err
		}
	}
	return nil
}
