package scheduler

import "time"

// Defaults of Config.
const (
	// DefaultWorkerLease is three heartbeats of 5 s: a worker silent for so long is taken for dead.
	DefaultWorkerLease = 15 * time.Second
	// DefaultAgeing is the head start of one priority over the next lower one.
	DefaultAgeing = 30 * time.Second
	// DefaultPreferWait is how long an attempt waits for a preferred worker that is alive but has no room.
	DefaultPreferWait = 2 * time.Second
	// DefaultSlots is what a worker may run at once when its heartbeat does not say. Plain CAP workers handle one message
	// after another.
	DefaultSlots = 1
	// DefaultMaxWorkers bounds how many workers are remembered, lost ones included.
	DefaultMaxWorkers = 20_000
)

// Bounds on what a heartbeat may claim. What exceeds them is cut down to them, never believed.
const (
	MaxSlots        = 10_000 // jobs that one worker may run at once
	MaxListed       = 10_000 // jobs that one heartbeat may list
	MaxTopics       = 256    // topics of one worker
	MaxCapabilities = 256    // capabilities of one worker
	MaxLabels       = 32     // labels of one worker
	MaxNameBytes    = 256    // a worker's id, a topic, a capability, a pool, a label's name or value
)

// Rules of placement.
const (
	// overloadPercent: above this share of its slots a worker gets nothing more; so with 10 slots it runs at most 10, with
	// 100 at most 91.
	overloadPercent = 90
	// overloadLoad: a worker that reports this much CPU or GPU load, in percent, gets no more at once than it had (one, if it
	// had nothing) until a heartbeat says less.
	overloadLoad = 90
	// forgetLeases: how many leases after its loss a worker is still shown.
	forgetLeases = 10
	// BeatFlight is how old what a heartbeat says may be when it is read: what was granted or has ended within this time may
	// be missing from it, or still be in it.
	BeatFlight = time.Second
	// lateTick is how much later than asked for a tick comes that says that the process stood still. A worker's first tick is due at two
	// thirds of its lease: one that is a second late leaves those who live a heartbeat's time.
	lateTick = time.Second
	// wideDemand: a demand that more groups than this can meet keeps them in order instead of looking at each.
	wideDemand = 16
	// MaxByTopic is how many attempts may be out to a topic that nobody registered for.
	MaxByTopic = 64
	// unheardFirst and unheardMost are the shortest and the longest pause before a topic on which nobody listened is tried
	// again; the pause doubles. provedAfter is how long an attempt that was sent to try it must not come back for the topic
	// to be open again.
	unheardFirst = 100 * time.Millisecond
	unheardMost  = 5 * time.Second
	provedAfter  = 200 * time.Millisecond
	// introduction is how long those who listen on a topic have to say who they are, before something is sent to them as to
	// nobody that we know. A worker that has just connected listens a moment before its first heartbeat is heard, longer on a
	// busy machine.
	introduction = time.Second
	// refusalFirst and RefusalMost are the shortest and the longest time in which a worker that has given back what it got,
	// twice in a row and more often, is not believed that it takes work; the time doubles.
	refusalFirst = time.Second
	RefusalMost  = 30 * time.Second
	// turnUnit is one turn of a tenant of weight 1 on the clock of its group: 720,720 divides by the small weights, so they
	// are kept exactly.
	turnUnit = 720_720
	// idleTurns: turns of tenants with nothing waiting are remembered until their clock has passed, and looked through when
	// there are so many more of them than of the others.
	idleTurns = 16
	// minShift: what has left a queue is dropped from its front when it is more than half, and at least so many.
	minShift = 64
	// minSweep: demands are swept of those that nobody waits in when there are twice as many as after the last sweep,
	// and at least so many.
	minSweep = 1_024
)

// maxPast is how many sends without an answer a job remembers: a late answer to an older one settles nothing.
const maxPast = 32

// Limits of concurrency limits, rates and budgets.
const (
	// maxAmount is the most that counts of any limit or amount: 10^12 whole units in millionths. maxSpent is more than
	// any budget has; sums of both fit into 64 bits.
	maxAmount = 1_000_000 * Unit * Unit
	maxSpent  = 4 * maxAmount
	// rateEntries is into how many parts the window of a rate of more jobs than this is divided: tokens taken in one part
	// come back together.
	rateEntries = 64
	// HeldBy is how many holders of a lock somebody who waits for it is told of.
	HeldBy = 3
)
