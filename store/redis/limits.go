package redis

import "time"

const (
	// DefaultPartitions is the number of partitions of a new store when none is asked for.
	DefaultPartitions = 64
	// DefaultPrefix begins the names of a store's keys.
	DefaultPrefix = "cordum"
	// DefaultPool is how many connections to a server are open at most.
	DefaultPool = 16

	maxPartitions = 256 // what two hexadecimal digits of a run id can name
	maxPrefix     = 64  // bytes
	maxReplicas   = 16  // that a commit can be made to wait for
)

// Waiting. A partition's lease runs for 6 s and is renewed every 2 s: patience ends in between, so that an owner hears of
// a server that does not answer before somebody else takes over.
const (
	callTimeout = 2 * time.Second // for one answer
	patience    = 4 * time.Second // for all tries of one call
	openTimeout = 10 * time.Second
	firstPause  = 5 * time.Millisecond // between tries; doubled up to
	longPause   = 200 * time.Millisecond
	shortestTry = 200 * time.Millisecond

	// slowestWire lengthens the waiting for large requests, in bytes a second.
	slowestWire = 8 << 20
	// answers are rarely as large as they may be: of that size one part in so many lengthens the waiting.
	answerShare = 8
)

// Sizes of what commits are gathered into. Redis reads 16 KiB of a connection, and then fsyncs before it reads on: longer
// pipelines wait for several fsyncs, while what comes over several connections shares one (measured with 32 partitions
// in a call and appendfsync always: twice the throughput of one long pipeline).
const (
	maxFlights     = 4        // pipelines on their way to one server
	maxFlightUnits = 256      // scripts in a pipeline, one per partition
	maxFlightBytes = 16 << 10 // ends gathering for a pipeline; one unit may be larger
	maxUnitTxs     = 512      // transactions of several callers in a script
	maxUnitBytes   = 4 << 20  // ends gathering for a script; the first caller's may be larger
)

// idKept is how long a transaction's id is known: the hour of the contract and what clocks differ by.
const idKept = time.Hour + 5*time.Minute

// lookEvery is between two looks at the server's settings while no connection is new.
const lookEvery = 30 * time.Second

// Walking. SCAN looks at so many keys, of whatever kind, before it answers.
const (
	walkCount   = 5_000
	walkEntries = 256 // of a log at a time
)

// acquireTries is how often other owners may be quicker before Acquire gives up.
const acquireTries = 32

// oldestServer is the oldest version of Redis whose scripts behave as these need it: memory that ran out is told before
// the first write of a script or not at all.
const oldestServer = 7
