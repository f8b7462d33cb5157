package runner

import "time"

// Leases (docs/architecture.md). A worker beats every 5 s: its lease is three heartbeats.
const (
	DefaultLeaseTTL    = 6 * time.Second
	DefaultLeaseRenew  = 2 * time.Second
	DefaultWorkerLease = 15 * time.Second
)

// Limits of processes that share a store ([Peers]).
const (
	DefaultPeerBeat   = time.Second
	DefaultPeerAway   = 4 * time.Second
	DefaultPeerListen = 500 * time.Millisecond
	DefaultDrain      = 10 * time.Second
	// levelLook is how often a process reads at which level the store is.
	levelLook = 2 * time.Second
	// keepEvery is how often a process looks at least which partitions it should take or give.
	keepEvery = 250 * time.Millisecond
	// takeAtOnce is how many partitions are taken at a time, giveAtOnce how many are on their way to others: the rest is served
	// meanwhile. handOver is how long it is waited for somebody to say that one was taken.
	takeAtOnce = 16
	giveAtOnce = 8
	handOver   = time.Second
	// renewAtOnce is how many leases are renewed at a time.
	renewAtOnce = 16
	// askEvery is how often workers are asked at most what they have, probeEvery how often a process that cannot take anything
	// looks whether the store answers.
	askEvery   = 500 * time.Millisecond
	probeEvery = time.Second
	// maxMembers is how many engine processes are known, maxAnnouncement the longest word of one in bytes.
	maxMembers      = 256
	maxAnnouncement = 64 << 10
)

// Limits of a lane.
const (
	// batchTasks is how many tasks one commit serves at most.
	batchTasks = 512
	// maxUnsureStarts is how many starts with a key are remembered whose outcome was not known.
	maxUnsureStarts = 10_000
	// inboxTasks is how many calls wait for a lane before more are refused.
	inboxTasks = 8192
	// loadAtOnce is how many runs are read for a lane at a time, maxLoadingTasks how many tasks wait for that; what comes then waits
	// with its lane.
	loadAtOnce      = 16
	maxLoadingTasks = 8192
	// softDelay is how long facts that nobody waits for (who got a job, progress) may stay uncommitted.
	softDelay = 200 * time.Millisecond
	// cachedRuns is how many runs a lane keeps in memory that need nothing now.
	cachedRuns = 4096
	// minTidySleepers is how many runs that sleep a lane has at least before it looks whether some are there twice.
	minTidySleepers = 4096
	// retryPause is the pause before what the store refused is tried again.
	retryPause = 250 * time.Millisecond
	// recoverGrace is how long an owner that starts waits for workers to say what they have, before it gives released
	// attempts away that nobody is known to have.
	recoverGrace = 1500 * time.Millisecond
	// lateTimer is how much later than due a timer is found where nobody listened, and saidAgain how long a worker takes at most to say
	// again what was not answered: it is connected again after a second and asks at least every five (sdk/go/limits.go).
	lateTimer = time.Second
	saidAgain = 6 * time.Second
	// idleSleep is how long a lane sleeps at most when nothing is due.
	idleSleep = time.Minute
)

// Limits of what is stored.
const (
	// minSnapshotFacts is how many facts are worth a snapshot at least (docs/architecture.md, "Limits").
	minSnapshotFacts = 500
	// maxSnapshot is the largest snapshot kept; a run whose state weighs more is rebuilt from its log.
	maxSnapshot = 8 << 20
	// maxEntry is the largest log entry kept in the log itself. What weighs more (many large inputs in one batch) is kept
	// in blobs of blobChunk bytes that the entry names.
	maxEntry  = 4 << 20
	blobChunk = 8 << 20
	// logPage is how many entries of a log are read at once.
	logPage = 512
	// inlinePayload is the largest payload kept in a fact; larger ones are blobs (docs/architecture.md, "Limits").
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
	// idempotencyTTL is how long an idempotency key is remembered, commandTTL how long a command's id (docs/architecture.md, "Limits").
	idempotencyTTL = 24 * time.Hour
	commandTTL     = 10 * time.Minute
	// maxInput is the largest input or context of a run, or payload of a signal.
	maxInput = 2 << 20
	// smallInput is below every bound of an expression's result (expr.MaxResultString, MaxResultList: an entry has two bytes).
	smallInput    = 16 << 10
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
	// maxResult is the largest result (docs/architecture.md, "Limits").
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
	// progressEvery is how often what a worker says of one attempt is noted: more is more than people can read. maxProgressing is
	// of how many attempts that is looked after at once.
	progressEvery  = 250 * time.Millisecond
	maxProgressing = 4096
	// PatientSends is how many sends of a job may end before its worker begins, and cost nothing, until the next one waits:
	// resendFirst, and twice as long each time, up to ResendMost.
	PatientSends = 16
	resendFirst  = 100 * time.Millisecond
	ResendMost   = 30 * time.Second
	// askAgain is how long after a question to all workers for a heartbeat nobody asks them again.
	askAgain = 500 * time.Millisecond
	// topicTimeout is the timeout of an attempt that was sent to its topic where nothing else says one:
	// nobody is known whose silence would end it.
	topicTimeout = 10 * time.Minute
	// plainTimeout is that of an attempt of a worker whose heartbeats list no jobs: they renew whatever it was given, also what it
	// forgot because it started again under the same id, so that silence does not end it either.
	plainTimeout = 24 * time.Hour
	// maxPlain is how many results of plain workers wait for their jobs, maxPlainBytes what they weigh, maxPlainLine how many name
	// one attempt, and maxPlainAge for how long they do. retryPause, doubled up to retryMost, is between two tries,
	// plainPatience how long a job may take to answer, keptPause until a stream brings a result again.
	maxPlain      = 8192
	maxPlainBytes = 256 << 20
	maxPlainLine  = 8
	maxPlainAge   = 10 * time.Minute
	retryMost     = 4 * time.Second
	plainPatience = 30 * time.Second
	keptPause     = 2 * time.Second
	// pointerWait is how long a pointer's payload may take to be read or written.
	pointerWait = 10 * time.Second
	// pointerPause is the longest pause between two tries to reach payloads that are away, trialSize how much of the input that
	// could not be put is put for that, and trialTime for how long.
	pointerPause = 5 * time.Second
	trialSize    = 1 << 20
	trialTime    = time.Minute
	// maxPointer is the longest pointer, maxArtifacts how many artifacts of a result are kept, maxEnvItem the largest item
	// shown in the environment.
	maxPointer   = 1024
	maxArtifacts = 256
	maxEnvItem   = 32 << 10
	// maxLate is how many late results of a run are noted while it is in memory: a broken worker must not grow its log.
	maxLate = 16
)

// Limits of the logs of jobs. A worker's library keeps within them by itself; what comes beyond is left out and counted.
const (
	// maxLogLines and maxLogBytes are what is kept of an attempt: half of each from its beginning, half from its end. A line
	// weighs logLineOverhead beside its text, and maxLogLine is where its text is cut. maxLogSent is how many lines a worker is
	// asked to send at most: of those the last ones are among the kept.
	maxLogLines     = 10_000
	maxLogSent      = 100_000
	maxLogBytes     = 1 << 20
	maxLogLine      = 8 << 10
	logLineOverhead = 32
	// logLineRate and logByteRate are what an attempt may write in a second, the bursts what it may write at once.
	logLineRate  = 200
	logLineBurst = 2_000
	logByteRate  = 1 << 20
	logByteBurst = 2 << 20
	// maxLogRaw is how much of a line is looked at for secrets before it is cut, maxKeyBlock how many lines a key may have
	// that is written line by line.
	maxLogRaw   = 64 << 10
	maxKeyBlock = 200
	// maxLogBatch is how many lines come in one packet at most, maxLogWaiting how many packets wait for the answer whose
	// they are, maxLogName how long an attempt's id and its token are.
	maxLogBatch   = 4096
	maxLogWaiting = 64
	maxLogName    = 1024
	// maxLogNumber is the greatest number of a line, maxLogGap how many may be missing before one.
	maxLogNumber = 1 << 40
	maxLogGap    = 1 << 32
	// maxLogSkew is how far a line's time may be off.
	maxLogSkew = 24 * time.Hour
	// maxLogs is how many attempts have logs in memory at once, maxLogMemory what their lines may weigh together.
	maxLogs      = 100_000
	maxLogMemory = 256 << 20
	// logFlush is how often what is new is stored: a process that dies loses no more than that. maxLogChunks is in how many
	// pieces a log is stored before they are made one.
	logFlush     = 3 * time.Second
	maxLogChunks = 1000
	// logRest is after how long in which nothing came a log may leave memory, logRefusal how long a token that is nobody's is
	// not asked about again.
	logRest    = time.Minute
	logRefusal = 10 * time.Second
	// defaultLogPage and maxLogPage are the lines of a page, logScan the records read at once for it.
	defaultLogPage = 1_000
	maxLogPage     = 5_000
	logScan        = 32
)

// Limits of reading and watching.
const (
	defaultLimit = 50
	// maxExpanded is how many iterations of a fan-out, or steps of a loop's rounds, a run's view shows one by one.
	maxExpanded = 1000
	maxLimit    = 1000
	// maxLooked is how many rows one page of a filtered list looks at; a page may then hold fewer than asked for.
	maxLooked = 10_000
	// maxBoth is how often two indexes are read for one page of a list that is what they have in common, up to maxLooked rows: more than
	// twice for each partition that a store may have, so that it always gets on. firstBoth and mostBoth are how many are read at once.
	maxBoth   = 600
	firstBoth = 4
	mostBoth  = 256
	// firstRows and mostRows are how many rows of an index are read at once of each partition for a list, readAtOnce of how many
	// partitions, and of how many single jobs, at a time.
	firstRows  = 2
	mostRows   = 256
	readAtOnce = 8
	// maxApprovalsLooked is maxLooked for approvals: each is read whole to know who may see it.
	maxApprovalsLooked = 2_000
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

// Limits of dead letters.
const (
	// DefaultDeadTTL is how long an entry is kept, DefaultDeadCap how many of one tenant are.
	DefaultDeadTTL = 30 * 24 * time.Hour
	DefaultDeadCap = 100_000
	// DefaultRedriveRate and MaxRedriveRate are how many entries a redrive retries a second.
	DefaultRedriveRate = 10
	MaxRedriveRate     = 1000
	minRedriveRate     = 0.01
	// redriveSaveEvery is how often its progress is kept, redriveTTL how long the record of one that has ended, maxRefusals how
	// many refusals it has.
	redriveSaveEvery = time.Second
	redriveTTL       = 7 * 24 * time.Hour
	maxRefusals      = 20
	// deadMessage is how much of an error's message lists show.
	deadMessage = 256
	// deadPage is how many entries of a partition are read at once.
	deadPage = 128
	// maxDeadGroups is how many groups are told apart, maxDeadAlso how many dead jobs of one run are looked at for a retry's answer,
	// maxPurge how many entries one purge removes.
	maxDeadGroups = 10_000
	maxDeadAlso   = 200
	maxPurge      = 10_000
	// deadSweepEvery is how often old entries are looked for, deadSweepRows how many go at once, deadCheckRows of how many it is
	// looked whether their run is still there.
	deadSweepEvery = time.Minute
	deadSweepRows  = 10_000
	deadCheckRows  = 500
)

// Limits of documents.
const (
	maxDoc     = 8 << 20 // a policy of 2 MiB, compiled to its canonical form, fits
	maxDocName = 200
	// maxHolds is how many holds may be on: each is looked at for every job.
	maxHolds  = 100
	maxValues = 64 << 10 // of an approval's form
)

// Limits of removing what is not kept any longer.
const (
	// DefaultRetainEvery is how often runs are looked for that are too old or too many, retainRest how many times as long as a
	// look took the next one waits at least.
	DefaultRetainEvery = time.Minute
	retainRest         = 10
	// DefaultBlobRest is how long a blob stays that nothing names (docs/architecture.md, "Limits"), DefaultDefinitionRest a
	// definition of a single job. retainSweepEvery is how often both are looked for, and definitionTrust the part of its rest for
	// which a process believes that a definition stays.
	DefaultBlobRest       = 24 * time.Hour
	DefaultDefinitionRest = 24 * time.Hour
	retainSweepEvery      = time.Hour
	definitionTrust       = 24
	// retainRuns is how many runs go in one commit, retainPage how many are looked for at once, retainRows how many rows of one
	// run's steps go with it: more go before. retainPause is the pause after a commit at least: as long as that took.
	retainRuns  = 32
	retainPage  = 1_000
	retainRows  = 1_000
	retainPause = 20 * time.Millisecond
	// retainPlanned is how many runs of a kind a plan looks at, retainExamples how many of each fate it names. MaxRetentionPlanned is the
	// greatest number of runs to keep that a plan goes by: it reads as many rows; MaxRetentionAge the greatest age.
	retainPlanned       = 4_096
	retainExamples      = 3
	MaxRetentionPlanned = 1_000_000
	MaxRetentionAge     = 100 * 365 * 24 * time.Hour
	// retainBlobs is at how many blobs of a partition it is looked at once, retainUses how many runs are looked at that name one,
	// retainDefinitions at how many definitions of a tenant.
	retainBlobs       = 500
	retainUses        = 100
	retainDefinitions = 500
)

// Limits of what is logged again and again.
const (
	// sayAgain is the pause before the same thing about a worker or a topic is logged again; each time is counted.
	sayAgain = time.Minute
	// sayOften is the same for jobs of one topic.
	sayOften = time.Second
	// maxSayings is how many different things are remembered; more are said again earlier.
	maxSayings = 10_000
	// maxNamed is how many names of a list one line of the log has.
	maxNamed = 8
)

// Limits of what is registered.
const (
	// MaxSchema is the largest registered schema in bytes.
	MaxSchema = 256 << 10
	// MaxRegistered is how many schemas, topics or credentials of workers there may be, of each: all are kept in memory.
	MaxRegistered = 10_000
	// maxVersions is how many versions of a schema are listed; the contents of older ones stay for the runs that began with
	// them.
	maxVersions = 100
	// maxMisfits is how many places of a value are named that do not fit a schema.
	maxMisfits = 16
	// MaxCredentialNames is how many topics, pools or capabilities a credential names, of each: every connection carries topics
	// times pools.
	MaxCredentialNames = 64
)

// Limits of handshakes.
const (
	// DefaultReadinessTTL is how long a handshake is believed (WORKER_READINESS_TTL).
	DefaultReadinessTTL = time.Minute
	// maxReady is how many workers' handshakes are kept; the oldest give way.
	maxReady = 10_000
	// maxReadyTopics is how many topics of one count.
	maxReadyTopics = 1024
)

// Limits of the fleet's configuration and of what is asked of it.
const (
	// DefaultFleetReload is how often the files and documents are looked at: SCHEDULER_CONFIG_RELOAD_INTERVAL's default.
	DefaultFleetReload = 30 * time.Second
	// maxTopicsKnown is how many answers are remembered of one configuration; then they are found anew.
	maxTopicsKnown = 10_000
	// maxPlacements is how many jobs of one view or list are asked about at the fleet: each may look at every worker.
	maxPlacements = 16
)

// Limits of holding a lock from outside.
const (
	// DefaultLockTTL is how long a lock is held that nobody renews, when who takes it does not say.
	DefaultLockTTL = 30 * time.Second
	// MaxLockTTL is the longest that may be said, MinLockTTL the shortest.
	MaxLockTTL = time.Hour
	MinLockTTL = time.Second
	// MaxLockWait is how long one call may wait for a lock.
	MaxLockWait = time.Minute
	// maxOwner is the longest name of an owner in bytes.
	maxOwner = 128
	// shownHolders is how many holders and how many waiters of one lock are shown.
	shownHolders = 100
)

// Limits of what metrics show.
const (
	// maxLabelValues is how many values of one label are counted by their name; what comes later is counted as otherValue. Callers
	// choose topics, packs and names of workflows, and a metric never forgets one that it has seen.
	maxLabelValues = 1000
	// maxQueues is how many topics have a queue of their own in the metrics; the others are one, named otherValue.
	maxQueues = maxLabelValues
	// maxBeats is how many workers' last heartbeats are shown, those of the longest silence first.
	maxBeats = 200
	// staleAfter is how long a released attempt waits before it counts as stale: the pending replayer's interval of old.
	staleAfter = time.Minute
)

// Limits of going by the same documents as others (agree.go).
const (
	// lookEvery is how often a process looks at least whether another one has changed a document.
	lookEvery = time.Second
	// filesPatience is how long files of processes may differ before it is said.
	filesPatience = 2 * time.Minute
	// softPatience is how long who changed what only has to be soon waits for the others.
	softPatience = time.Second
)
