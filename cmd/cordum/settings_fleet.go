package main

import (
	"time"

	"cordum.dev/cordum/engine/runner"
)

// fleetSettings are what a server can be told about how its workers are set up.
type fleetSettings struct {
	Pools    string        // a file; default config/pools.yaml, if it is there
	Timeouts string        // a file; default config/timeouts.yaml, if it is there
	Reload   time.Duration // between two looks at them; default 30 s
}

// The files that are read when nobody names others.
const (
	defaultPools    = "config/pools.yaml"
	defaultTimeouts = "config/timeouts.yaml"
)

func defaultFleetSettings() fleetSettings {
	return fleetSettings{Pools: defaultPools, Timeouts: defaultTimeouts, Reload: runner.DefaultFleetReload}
}

func fleetRows() []setting {
	return []setting{
		str("pools", "POOL_CONFIG_PATH", "a file that says which pools serve which topics, and what tenants may have at once", func(c *serveConfig) *string { return &c.Fleet.Pools }),
		str("timeouts", "TIMEOUT_CONFIG_PATH", "a file that says how long jobs and runs may take that do not say so themselves", func(c *serveConfig) *string { return &c.Fleet.Timeouts }),
		duration("config-reload-interval", "SCHEDULER_CONFIG_RELOAD_INTERVAL", "between two looks at those files", func(c *serveConfig) *time.Duration { return &c.Fleet.Reload }),
	}
}

// files are where the fleet's configuration is read. A file that somebody named must be there.
func (s *fleetSettings) files() *fleetFiles {
	return &fleetFiles{
		pools:    fleetFile{path: s.Pools, wanted: s.Pools != defaultPools},
		timeouts: fleetFile{path: s.Timeouts, wanted: s.Timeouts != defaultTimeouts},
	}
}
