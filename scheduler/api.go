package scheduler

import (
	"time"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/dag"
)

// Config shapes a Fleet. Zero and, unless they say otherwise, negative fields mean their default.
type Config struct {
	WorkerLease time.Duration // silence after which a worker is lost; default DefaultWorkerLease
	Silence     time.Duration // silence after which a worker gets nothing new; default two thirds of WorkerLease: two beats
	Ageing      time.Duration // head start of one priority over the next lower one; default DefaultAgeing
	PreferWait  time.Duration // how long to wait for a full preferred worker; default DefaultPreferWait
	Slots       int           // jobs at once of a worker that does not say; default DefaultSlots
	MaxWorkers  int           // workers remembered; default DefaultMaxWorkers
	// ByTopic is how many attempts may be out to a topic that nobody registered for; default MaxByTopic, negative: none.
	ByTopic int
}

func (c Config) withDefaults() Config {
	if c.WorkerLease <= 0 {
		c.WorkerLease = DefaultWorkerLease
	}
	if c.Silence <= 0 || c.Silence > c.WorkerLease {
		c.Silence = c.WorkerLease * 2 / 3
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
	if c.ByTopic == 0 || c.ByTopic > MaxByTopic {
		c.ByTopic = MaxByTopic
	}
	if c.MaxWorkers <= 0 {
		c.MaxWorkers = DefaultMaxWorkers
	}
	return c
}

// Rules are how the fleet is set up. They may change at any time: [Fleet.Configure].
type Rules struct {
	// Fleet says which pools serve which topics, what pools and tenants may have, and the tenants' weights; nil says nothing of
	// any. It must not change afterwards.
	Fleet *config.Fleet
	// Drained are the workers, by id, that get nothing new because somebody said so.
	Drained map[string]bool
}

// Request is a released attempt that wants a worker.
type Request struct {
	Attempt string // the attempt's id, unique; what every other call names
	// Token is what its worker was given with it, and nobody else knows. A worker that says to have the attempt is believed
	// when it says the same. It must not change afterwards.
	Token  []byte
	Tenant string // whose turn it takes
	Topic  string // exact; workers may advertise patterns
	// Requires are capabilities that the worker must advertise, all of them.
	Requires []string
	// Placement are labels that the worker must have with these values, all of them.
	Placement map[string]string
	// PreferredWorker gets the attempt if it can. While it is alive and full it is waited for, for Config.PreferWait
	// counted from Announce; then anybody does. If it is away, unable or draining, anybody does at once.
	PreferredWorker string
	// PreferredPool is a preference among workers with room; it is never waited for.
	PreferredPool string
	Priority      dag.Priority // unsaid counts as batch
	// Fairness is whose turn it is within what the tenant has waiting in one line: keys take turns. May be empty: a key like
	// any other.
	Fairness string
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
	Labels       map[string]string // what Request.Placement is held against; the first MaxLabels by name count
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
	Token   []byte // what came with it
}

// Change is what a call led to. The caller sends the grants and tells the lanes of the losses, in any order.
type Change struct {
	Grants []Grant // send these
	// Adopted were waiting here, or were sent to their topic, and a worker's heartbeat lists them: it has them, send
	// nothing.
	Adopted []Grant
	// Listed were granted to a worker, and now its heartbeat lists them for the first time: it took them, even if what it said
	// of that was lost. Announcing such an attempt again says so once more.
	Listed []Grant
	// Unlisted were granted to a worker whose heartbeats do not list them, and nobody has said that they were sent: answer each
	// with [Fleet.Sent], behind everything that was said of the grant. Until then no heartbeat takes it from its worker.
	Unlisted []Unlisted
	Lost     []LostJob // these have no worker any more, and the Fleet has forgotten them
	Gone     []string  // workers that left or fell silent
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
	// ByTopic: nobody alive is known to serve the topic. Worker is empty, and whoever listens on the topic gets it.
	ByTopic bool
	// Asked, with ByTopic: who listens on the topic was asked and had time to say who they are ([Fleet.Stranger]), and nobody
	// did. Else they are to be asked before anything is sent there.
	Asked bool
	// Native: the worker's heartbeats list what it has, so it knows more than plain CAP.
	Native bool
	// Why this worker and no other, for people; empty for one that is only known to have it.
	Why string
}

// Unlisted is an attempt that its worker does not list, and the grant that gave it to it.
type Unlisted struct {
	Attempt string
	Grant   uint64 // its number: no other of the same attempt has it, another Fleet's included
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
)

// Why an attempt is where it is: the reasons of Fleet.Why.
const (
	WhyUnknown     = "unknown"               // neither waiting here nor given to a worker
	WhyGranted     = "granted"               // a worker has it, or it was sent to its topic
	WhyNoPool      = "no_pool_mapping"       // pools are said for topics, and none for this one
	WhyNoWorkers   = "no_workers"            // nobody alive serves the topic
	WhyCapability  = "capability_mismatch"   // who serves the topic lacks a required capability
	WhyPlacement   = "placement_mismatch"    // who could do it lacks a label that the placement demands
	WhyDraining    = "draining"              // everybody eligible takes nothing more, or is silent
	WhyTenantLimit = "tenant_limit"          // the tenant has as many at once as it may
	WhyOverloaded  = "pool_overloaded"       // everybody eligible is full, or gave back what it got last, or their pool is full
	WhyPreferBusy  = "preferred_worker_busy" // waiting for the preferred worker, for a moment
	WhyUnheard     = "topic_unheard"         // no worker is registered, and nobody answers on the topic
)

// RefusedReplaced is why the heartbeats of a known worker's older process are refused. Other refusals say what is wrong with
// the heartbeat, or with all of them.
const RefusedReplaced = "a newer process has taken this worker's id"

// Reasons of Fleet.Returned.
const (
	ReturnedFull    = "full"          // no room
	ReturnedDrain   = "draining"      // takes nothing more
	ReturnedUnknown = "unknown_topic" // it does not serve the topic after all
)

// States of a worker.
const (
	WorkerAlive    = "alive"
	WorkerDraining = "draining" // it says so, or people or the configuration do, of it or of its pool
	WorkerSilent   = "silent"   // it missed two heartbeats: nothing new until it beats
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
	State        string // WorkerAlive, WorkerDraining, WorkerSilent, WorkerLost
	Direct       bool
	LastSeen     time.Time
}

// QueueStat is what waits for workers of one topic.
type QueueStat struct {
	Topic  string
	Depth  int
	Oldest time.Time // when the one that waits longest was released
}
