package bus

import (
	"fmt"

	"cordum.dev/cordum/bus/wire"
)

// Subjects of the wire, under the names the engine's side uses; wire has their meaning.
const (
	SubjectHeartbeat = wire.SubjectHeartbeat // workers → every scheduler
	SubjectCancel    = wire.SubjectCancel    // scheduler → all workers
	SubjectProgress  = wire.SubjectProgress
	SubjectResult    = wire.SubjectResult
	SubjectAskJobs   = wire.SubjectAskJobs // an engine that starts → all native workers
)

// WorkerJobs is where one worker's attempts are sent.
func WorkerJobs(worker string) string { return wire.SubjectWorkerJobs(worker) }

// AnyPart is every partition's subject, for a process that owns all of them: one subscription in place of one for each.
const AnyPart = "cordum.part.*"

// Part is where requests to a partition go; its owner subscribes plainly, never as a queue group.
func Part(p int) string { return fmt.Sprintf("cordum.part.%02X", p) }
