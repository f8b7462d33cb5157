package runner

// The places where a test stops the process on purpose: before or after each step that must not be taken for granted.
// [Config.Crash] is called there with the name; it may end the process, or return to go on. Nil in production.
const (
	CrashSubmitted = "CP1"  // a start is valid, nothing is written
	CrashStarted   = "CP2"  // a start is durable, its caller does not know
	CrashDecided   = "CP4"  // a policy decision is made, not persisted
	CrashCommitted = "CP5"  // an attempt is released and granted, not sent
	CrashHalfSent  = "CP6"  // an attempt is sent, others of its batch are not
	CrashSent      = "CP7"  // an attempt is sent and noted in memory, its acceptance is not seen
	CrashResult    = "CP12" // a worker's result has come, nothing is decided
	CrashAccepted  = "CP13" // a result is durable, its worker does not know
	CrashTimer     = "CP14" // a timer is taken, its effect not decided
	CrashUndone    = "CP15" // a compensation's end is durable, the next one is to come
	CrashApproved  = "CP16" // an approval's answer is durable, nothing is done about it
	CrashOwned     = "CP17" // the partitions are taken, no run is loaded
	CrashSnapshot  = "CP18" // a snapshot is encoded, not written
	CrashPublished = "CP20" // another policy is durable and in force, no lane has looked again
	CrashDrain     = "CP23" // the process is stopping, the last commit is to come
)

// CrashPoints lists the names above.
func CrashPoints() []string {
	return []string{
		CrashSubmitted, CrashStarted, CrashDecided, CrashCommitted, CrashHalfSent, CrashSent, CrashResult, CrashAccepted, CrashTimer,
		CrashUndone, CrashApproved, CrashOwned, CrashSnapshot, CrashPublished, CrashDrain,
	}
}

func (r *Runner) crash(point string) {
	if r.cfg.Crash != nil {
		r.cfg.Crash(point)
	}
}
