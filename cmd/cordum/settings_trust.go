package main

import (
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/steps/builtin"
)

// trustSettings are what a server asks of topics, jobs and workers.
type trustSettings struct {
	Schemas      string // off, warn or enforce; default off
	Attestation  string // the same
	Readiness    bool   // default false
	ReadinessTTL time.Duration
}

func defaultTrustSettings() trustSettings {
	return trustSettings{Schemas: string(runner.EnforceOff), Attestation: string(runner.EnforceOff), ReadinessTTL: runner.DefaultReadinessTTL}
}

func trustRows() []setting {
	words := []string{string(runner.EnforceOff), string(runner.EnforceWarn), string(runner.Enforce)}
	return []setting{
		oneOf("schema-enforcement", "SCHEMA_ENFORCEMENT", "off, warn or enforce: what becomes of jobs of topics that are not registered, and of inputs and outputs that do not fit their topic's schemas",
			words, func(c *serveConfig) *string { return &c.Trust.Schemas }),
		oneOf("worker-attestation", "WORKER_ATTESTATION", "off, warn or enforce: what becomes of workers that do not show a credential of their own",
			words, func(c *serveConfig) *string { return &c.Trust.Attestation }),
		boolean("worker-readiness-required", "WORKER_READINESS_REQUIRED", "give a worker jobs of a topic only while it says that it is ready for it",
			func(c *serveConfig) *bool { return &c.Trust.Readiness }),
		duration("worker-readiness-ttl", "WORKER_READINESS_TTL", "how long a worker's handshake is believed", func(c *serveConfig) *time.Duration { return &c.Trust.ReadinessTTL }),
	}
}

// ownWorkers are the workers of this process, for whom nobody else may speak.
func ownWorkers() []string { return []string{builtin.DefaultID} }

// trust is what the engine is told of them.
func (s *trustSettings) trust() runner.Trust {
	return runner.Trust{
		Schemas: runner.Enforcement(s.Schemas), Attestation: runner.Enforcement(s.Attestation), Readiness: s.Readiness, ReadinessTTL: s.ReadinessTTL,
		Workers: ownWorkers(),
	}
}

// ownSubjectsOnly tells whether who shows the shared worker credentials is kept from workers' own subjects: what comes there is
// proof then.
func (s *trustSettings) ownSubjectsOnly() bool { return s.Attestation == string(runner.Enforce) }
