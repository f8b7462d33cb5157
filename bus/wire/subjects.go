package wire

// Subjects of the wire, spelled once for both of its sides. Those that begin with sys, job and worker are CAP's;
// cordum.… are ours.
const (
	// SubjectHeartbeat carries Heartbeat, from workers to every scheduler.
	SubjectHeartbeat = "sys.heartbeat"
	// SubjectHeartbeats matches every worker's own heartbeat subject.
	SubjectHeartbeats = "sys.heartbeat.*"
	// SubjectHandshake carries Handshake: which topics a worker is ready for.
	SubjectHandshake = "sys.handshake"
	// SubjectHandshakes matches every worker's own handshake subject.
	SubjectHandshakes = "sys.handshake.*"
	// SubjectDeadLetter carries the JobResult of a job that became a dead letter; ours to publish.
	SubjectDeadLetter = "sys.job.dlq"
	// SubjectCancel carries JobCancel, from a scheduler to all workers.
	SubjectCancel = "sys.job.cancel"
	// SubjectProgress carries JobProgress of an attempt that named no answer subject.
	SubjectProgress = "sys.job.progress"
	// SubjectResult carries JobResult of an attempt that named no answer subject.
	SubjectResult = "sys.job.result"
	// SubjectAskJobs is published by an engine that starts: every native worker answers with a heartbeat at once, so
	// that nobody repeats work that a worker still has.
	SubjectAskJobs = "cordum.jobs.ask"
	// SubjectTopics matches every topic that jobs are sent to by queue group.
	SubjectTopics = "job.>"
	// SubjectAnyPart matches what is sent to any partition.
	SubjectAnyPart = "cordum.part.*"
)

// SubjectWorkerJobs is where the attempts of one worker are sent. WorkerJobs("*") matches every worker's.
func SubjectWorkerJobs(worker string) string { return "worker." + worker + ".jobs" }

// SubjectWorkerHeartbeat carries the Heartbeat of one worker. A worker with a credential of its own may publish here and
// on nobody else's, so that what it says is known to be its own.
func SubjectWorkerHeartbeat(worker string) string { return SubjectHeartbeat + "." + worker }

// SubjectWorkerHandshake is the same for Handshake.
func SubjectWorkerHandshake(worker string) string { return SubjectHandshake + "." + worker }

// WorkerInbox begins the reply subjects of one worker: with a credential of its own it may listen to no others.
func WorkerInbox(worker string) string { return "_INBOX." + worker }

// ProtocolVersion is what protocol_version of a packet says: CAP v2 speaks wire version 1.
const ProtocolVersion = 1
