package main

import (
	"time"

	"cordum.dev/cordum/engine/runner"
)

// maxDeadDays is how long dead letters can be kept: ten years.
const maxDeadDays = 3650

// deadSettings are what a server can be told about its dead letters.
type deadSettings struct {
	Days int // they are kept; default 30
	Cap  int // of one tenant; default 100,000
}

func defaultDeadSettings() deadSettings {
	return deadSettings{Days: int(runner.DefaultDeadTTL / (24 * time.Hour)), Cap: runner.DefaultDeadCap}
}

func deadRows() []setting {
	return []setting{
		whole("dlq-entry-ttl-days", "CORDUM_DLQ_ENTRY_TTL_DAYS", "how many days dead letters are kept", 1, maxDeadDays, func(c *serveConfig) *int { return &c.Dead.Days }),
		whole("dlq-max-entries", "CORDUM_DLQ_MAX_ENTRIES", "how many dead letters of one tenant are kept; the oldest go", 1, 10_000_000, func(c *serveConfig) *int { return &c.Dead.Cap }),
	}
}

func (s deadSettings) config() runner.DeadLetterConfig {
	return runner.DeadLetterConfig{TTL: time.Duration(s.Days) * 24 * time.Hour, Cap: s.Cap}
}
