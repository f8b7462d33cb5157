package runner

import "time"

// Leases (ARCHITECTURE §4). A worker beats every 5 s: its lease is three heartbeats.
const (
	DefaultLeaseTTL    = 6 * time.Second
	DefaultLeaseRenew  = 2 * time.Second
	DefaultWorkerLease = 15 * time.Second
)

// Limits of a lane.
const (
	// batchTasks is how many tasks one commit serves at most.
	batchTasks = 512
	// inboxTasks is how many calls wait for a lane before more are refused.
	inboxTasks = 8192
	// softDelay is how long facts that nobody waits for (who got a job, progress) may stay uncommitted.
	softDelay = 200 * time.Millisecond
	// cachedRuns is how many runs a lane keeps in memory that need nothing now.
	cachedRuns = 4096
	// retryPause is the pause before what the store refused is tried again.
	retryPause = 250 * time.Millisecond
	// recoverGrace is how long an owner that starts waits for workers to say what they have, before it gives released
	// attempts away that nobody is known to have.
	recoverGrace = 1500 * time.Millisecond
	// idleSleep is how long a lane sleeps at most when nothing is due.
	idleSleep = time.Minute
)

// Limits of what is stored.
const (
	// minSnapshotFacts is how many facts are worth a snapshot at least (ARCHITECTURE, "Limits").
	minSnapshotFacts = 500
	// maxSnapshot is the largest snapshot kept; a run whose state weighs more is rebuilt from its log.
	maxSnapshot = 8 << 20
	// maxEntry is the largest log entry kept in the log itself. What weighs more (many large inputs in one batch) is kept
	// in blobs of blobChunk bytes that the entry names.
	maxEntry  = 4 << 20
	blobChunk = 8 << 20
	// logPage is how many entries of a log are read at once.
	logPage = 512
	// inlinePayload is the largest payload kept in a fact; larger ones are blobs (ARCHITECTURE, "Limits").
	inlinePayload = 64 << 10
	// DefaultHeadEvery is how often a signed head of the audit log is taken when something was recorded.
	DefaultHeadEvery = 5 * time.Minute
	// maxHeadsPage is how many signed heads one page of their list has: each names every chain.
	maxHeadsPage = 20
	// cachedChains is how many audit chains a lane knows by heart; more are read again.
	cachedChains = 4096
	// cachedPlans is how many compiled definitions are kept in memory.
	cachedPlans = 1024
)

// Limits of a start and of commands.
const (
	// idempotencyTTL is how long an idempotency key is remembered, commandTTL how long a command's id (ARCHITECTURE §6).
	idempotencyTTL = 24 * time.Hour
	commandTTL     = 10 * time.Minute
	// maxInput is the largest input or context of a run, or payload of a signal.
	maxInput      = 2 << 20
	maxLabels     = 64
	maxLabel      = 256
	maxKey        = 256
	maxSignalName = 128
	// sweepEvery is how often a lane looks for keys that are no longer remembered, sweepRows how many it removes at once
	// from a partition.
	sweepEvery = time.Minute
	sweepRows  = 500
)

// Limits of what workers send.
const (
	// maxResult is the largest result (ARCHITECTURE, "Limits").
	maxResult   = 16 << 20
	maxMessage  = 4 << 10  // of an error or a progress
	maxDetails  = 64 << 10 // of an error
	maxCode     = 128
	maxState    = 64 << 10 // of a checkpoint
	maxHoldings = 100_000
	// maxKeeping is how many large results are written as blobs at a time; more are asked to come again.
	maxKeeping = 16
	// maxChecking is how many smaller ones are looked at by the output policy at a time; more are asked to come again.
	maxChecking = 1024
	// maxLate is how many late results of a run are noted while it is in memory: a broken worker must not grow its log.
	maxLate = 16
)

// Limits of reading and watching.
const (
	defaultLimit = 50
	// maxExpanded is how many iterations of a fan-out, or steps of a loop's rounds, a run's view shows one by one.
	maxExpanded = 1000
	maxLimit    = 1000
	// maxLooked is how many rows one page of a filtered list looks at; a page may then hold fewer than asked for.
	maxLooked = 10_000
	// maxTimeline is how many events one page of a timeline has at most.
	maxTimeline = 10_000
	// eventPayload is the largest payload shown in an event; the run's view has larger ones.
	eventPayload = 16 << 10
	// defaultBuffer and maxBuffer are how many messages wait for a viewer.
	defaultBuffer = 256
	maxBuffer     = 10_000
	// maxReplayed is how many runs are looked at for their decisions at once.
	maxReplayed = 100_000
	// replayPage is how many events a viewer that comes back is given at once.
	replayPage = 500
)

// Limits of telling people that approvals wait.
const (
	// maxAsked is how many approvals that were asked wait to be told of; whoever tells looks at all that wait beyond it.
	maxAsked = 1024
	// maxDeliveries is how many messages about one approval are listed.
	maxDeliveries = 1000
)

// Limits of documents.
const (
	maxDoc     = 8 << 20 // a policy of 2 MiB, compiled to its canonical form, fits
	maxDocName = 200
	// maxHolds is how many holds may be on: each is looked at for every job.
	maxHolds  = 100
	maxValues = 64 << 10 // of an approval's form
)
