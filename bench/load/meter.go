package load

import (
	"context"
	"syscall"
	"time"

	"cordum.dev/cordum/bench/process"
)

// meter tells how much of the processor one part of a system has had since it began.
type meter struct {
	name string
	read func() (time.Duration, error)
}

// Used is how much of the processor a part of the system had while something was measured.
type Used struct {
	Name string
	CPU  time.Duration
}

// meterOf is a child's meter.
func meterOf(name string, p *process.Process) meter { return meter{name: name, read: p.CPU} }

// ownMeter is that of this process, which plays the clients.
func ownMeter() meter {
	return meter{name: "clients", read: func() (time.Duration, error) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return 0, err
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
	}}
}

// during reads meters at two moments and answers what was used in between. It returns after the second one, or when ctx ends.
func during(ctx context.Context, meters []meter, from, to time.Time) ([]Used, error) {
	pause(ctx, time.Until(from))
	used := make([]Used, len(meters))
	for i, m := range meters {
		at, err := m.read()
		if err != nil {
			return nil, err
		}
		used[i] = Used{Name: m.name, CPU: -at}
	}
	pause(ctx, time.Until(to))
	for i, m := range meters {
		at, err := m.read()
		if err != nil {
			return nil, err
		}
		used[i].CPU += at
	}
	return used, nil
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
