package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// maxKeptRuns is how many runs a limit of their number can keep: finding the last of them reads as many rows.
const maxKeptRuns = 100_000_000

// retainSettings are what a server can be told about what has ended.
type retainSettings struct {
	Runs, Jobs runner.Keep   // default: everything, for ever
	Every      time.Duration // between two looks; default runner.DefaultRetainEvery
}

func retainRows() []setting {
	return []setting{
		keptFor("run-retention", "CORDUM_RUN_RETENTION", "runs of workflows that ended longer ago are removed, such as 90d or 36h; 0 keeps them for ever",
			func(c *serveConfig) *time.Duration { return &c.Retain.Runs.Age }),
		whole("run-retention-count", "CORDUM_RUN_RETENTION_COUNT", "how many ended runs of workflows of one tenant are kept, those that began last; 0 keeps all", 0, maxKeptRuns,
			func(c *serveConfig) *int { return &c.Retain.Runs.Count }),
		keptFor("job-retention", "CORDUM_JOB_RETENTION", "the same as --run-retention for single jobs",
			func(c *serveConfig) *time.Duration { return &c.Retain.Jobs.Age }),
		whole("job-retention-count", "CORDUM_JOB_RETENTION_COUNT", "the same as --run-retention-count for single jobs", 0, maxKeptRuns,
			func(c *serveConfig) *int { return &c.Retain.Jobs.Count }),
		duration("retention-interval", "CORDUM_RETENTION_INTERVAL", "between two looks for what is not kept any longer",
			func(c *serveConfig) *time.Duration { return &c.Retain.Every }),
	}
}

// keptFor is a row for an age: a duration, which may be in days, or 0 for none.
func keptFor(flag, env, doc string, at func(*serveConfig) *time.Duration) setting {
	s := duration(flag, env, doc, at)
	s.set = func(c *serveConfig, v string) error {
		d, err := ageOf(v)
		if err != nil {
			return err
		}
		*at(c) = d
		return nil
	}
	s.get = func(c *serveConfig) string {
		if *at(c) == 0 {
			return "0"
		}
		return at(c).String()
	}
	return s
}

// ageOf reads an age: 0, a number of days such as 90d, or a duration such as 36h.
func ageOf(v string) (time.Duration, error) {
	const day = 24 * time.Hour
	if v == "0" {
		return 0, nil
	}
	if days, is := strings.CutSuffix(v, "d"); is {
		n, err := strconv.Atoi(days)
		if err == nil && n > 0 && n <= maxDeadDays {
			return time.Duration(n) * day, nil
		}
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is neither 0 nor an age such as 90d or 36h, at most %dd", v, maxDeadDays)
	}
	return d, nil
}

func (s retainSettings) config() runner.RetentionConfig {
	return runner.RetentionConfig{Runs: s.Runs, Jobs: s.Jobs, Every: s.Every}
}
