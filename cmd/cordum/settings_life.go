package main

import "time"

const (
	// defaultDrain is what orchestrators give a process by default before they end it.
	defaultDrain = 30 * time.Second
	// drainShare of the whole time is what each of the three that take theirs gets, one after another: requests in flight, what the
	// built-in worker does, partitions given away. What is left of it is for commits and for closing.
	drainShare = 0.3
)

func lifeRows() []setting {
	return []setting{
		duration("drain-timeout", "CORDUM_DRAIN_TIMEOUT", "how long stopping may take after SIGTERM; what is not done then is cut off, and nothing that was acknowledged is lost",
			func(c *serveConfig) *time.Duration { return &c.Drain }),
	}
}

// drainPart is how long one of those that stop may take.
func (c *serveConfig) drainPart() time.Duration {
	return max(time.Millisecond, time.Duration(float64(c.Drain)*drainShare))
}
