package cputime

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Of does f on a thread of its own and answers for how long that was running, in the system and out of it. Where the system does not
// say, it is the time that passed. f may end its goroutine, as a failing test does.
func Of(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, known := running()
	began := time.Now()
	f()
	after, still := running()
	if !known || !still {
		return time.Since(began)
	}
	return after - before
}

// threadClock is CLOCK_THREAD_CPUTIME_ID of linux/time.h. It is exact, while what getrusage tells of a thread may be counted in ticks.
const threadClock = 3

// running is for how long this thread has been.
func running() (time.Duration, bool) {
	var at syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&at)), 0) //nolint:gosec // the system writes there
	return time.Duration(at.Nano()), errno == 0
}
