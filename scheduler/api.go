package scheduler

import (
	"time"

	"cordum.dev/cordum/dag"
)

// Config shapes a Fleet. Zero and negative fields mean their default.
type Config struct {
	WorkerLease time.Duration // silence after which a worker is lost; default DefaultWorkerLease
	Ageing      time.Duration // head start of one priority over the next lower one; default DefaultAgeing
	PreferWait  time.Duration // how long to wait for a full preferred worker; default DefaultPreferWait
	Slots       int           // jobs at once of a worker that does not say; default DefaultSlots
	MaxWorkers  int           // workers remembered; default DefaultMaxWorkers
}

func (c Config) withDefaults() Config {
	if c.WorkerLease <= 0 {
		c.WorkerLease = DefaultWorkerLease
	}
	if c.Ageing <= 0 {
		c.Ageing = DefaultAgeing
	}
	if c.PreferWait <= 0 {
		c.PreferWait = DefaultPreferWait
	}
	if c.Slots <= 0 {
		c.Slots = DefaultSlots
	}
	if c.MaxWorkers <= 0 {
		c.MaxWorkers = DefaultMaxWorkers
	}
	return c
}

// Request is a released attempt that wants a worker.
type Request struct {
	Attempt string // the attempt's id, unique; what every other call names
	Tenant  string // whose turn it takes
	Topic   string // exact; workers may advertise patterns
	// Requires are capabilities that the worker must advertise, all of them.
	Requires []string
	// PreferredWorker gets the attempt if it can. While it is alive and full it is waited for, for Config.PreferWait
	// counted from Announce; then anybody does. If it is away, unable or draining, anybody does at once.
	PreferredWorker string
	// PreferredPool is a preference among workers with room; it is never waited for.
	PreferredPool string
	Priority      dag.Priority // unsaid counts as batch
	// ReleasedAt is when it was released: its place in line. Zero and future times mean now.
	ReleasedAt time.Time
}

// Beat is a worker's heartbeat. The Fleet keeps its slices and map: the caller must not change them afterwards.
type Beat struct {
	Worker string // the worker's id
	Pool   string // may be empty
	// Incarnation is new with every start of the worker's process; empty when the worker does not say.
	Incarnation  string
	Topics       []string // exact, or NATS patterns: "*" stands for one token, a last ">" for one or more
	Capabilities []string
	Labels       map[string]string // only shown
	Max          int               // jobs at once; 0 = not said
	Active       int               // jobs it says it runs
	CPU, GPU     float64           // load in percent; 0 or NaN = not said
	Direct       bool              // it listens on its own subject
	ListsJobs    bool              // Holds is everything it has, what it has finished but not had acknowledged included
	Draining     bool              // it takes nothing more
	Leaving      bool              // its last heartbeat
	Holds        []Hold
}

// Hold is an attempt that a worker says it has.
type Hold struct {
	Attempt string
}

// Change is what a call led to. The caller sends the grants and tells the lanes of the losses, in any order.
type Change struct {
	Grants []Grant // send these
	// Adopted were waiting here, or were sent to their topic, and a worker's heartbeat lists them: it has them, send
	// nothing.
	Adopted []Grant
	Lost    []LostJob // these have no worker any more, and the Fleet has forgotten them
	Gone    []string  // workers that left or fell silent
	// Refused says why a heartbeat was not taken; empty when it was, and for every other call.
	Refused string
}

// Grant gives an attempt to a worker.
type Grant struct {
	Attempt string
	Worker  string
	Topic   string
	// Direct: send it to the worker's own subject. Otherwise send it to its topic's, where the worker's queue group
	// may hand it to another of its members.
	Direct bool
}

// LostJob is an attempt whose worker no longer has it.
type LostJob struct {
	Attempt string
	Worker  string // who had it
	Reason  string // one of the Lost… constants
}

// Why an attempt was lost.
const (
	LostSilent    = "worker_lost"      // no heartbeat for a lease
	LostLeft      = "worker_left"      // its last heartbeat
	LostRestarted = "worker_restarted" // a newer incarnation does not list it
	LostUnlisted  = "worker_dropped"   // two heartbeats in a row did not list it
	// LostReturned: given back by its worker, and the Fleet does not know what it asks for, because it was only adopted. It was
	// not begun: announce it again as it is.
	LostReturned = "worker_returned"
)

// Why an attempt is where it is: the reasons of Fleet.Why.
const (
	WhyUnknown      = "unknown"               // neither waiting here nor given to a worker
	WhyGranted      = "granted"               // a worker has it
	WhyNoWorkers    = "no_workers"            // nobody alive serves the topic and takes work
	WhyCapability   = "capability_mismatch"   // who serves the topic lacks a required capability
	WhyOverloaded   = "pool_overloaded"       // everybody eligible is full
	WhyPreferBusy   = "preferred_worker_busy" // waiting for the preferred worker, for a moment
	ReturnedFull    = "full"                  // a reason of Fleet.Returned: no room
	ReturnedDrain   = "draining"              // a reason of Fleet.Returned: takes nothing more
	ReturnedUnknown = "unknown_topic"         // a reason of Fleet.Returned: it does not serve the topic after all
)

// States of a worker.
const (
	WorkerAlive    = "alive"
	WorkerDraining = "draining"
	WorkerLost     = "lost"
)

// WorkerState is a worker as the Fleet sees it.
type WorkerState struct {
	Worker       string
	Pool         string
	Topics       []string
	Capabilities []string
	Labels       map[string]string
	Active       int // what it runs: ours that it has confirmed, and what it reports beyond ours
	Reserved     int // granted since its last heartbeat
	Max          int // as it says, within bounds
	CPU, GPU     float64
	State        string // WorkerAlive, WorkerDraining, WorkerLost
	Direct       bool
	LastSeen     time.Time
}

// QueueStat is what waits for workers of one topic.
type QueueStat struct {
	Topic  string
	Depth  int
	Oldest time.Time // when the one that waits longest was released
}
