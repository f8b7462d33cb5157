package dag

import "cordum.dev/cordum/internal/yamlx"

var failureWords = map[string]OnFailure{"halt": Halt, "continue": Continue, "rollback": Rollback}

// readOnFailure reads what a bad step does, where only words say it.
func readOnFailure(o *Object) OnFailure {
	return failureWords[o.OneOf("on_failure", "halt", "continue", "rollback")]
}

// readWorkflowFailure reads the workflow's, which may also come back to a checkpoint.
func readWorkflowFailure(o *Object) (OnFailure, *RollbackTo) {
	n := o.Get("on_failure")
	if n == nil || n.Kind != yamlx.Map {
		return readOnFailure(o), nil
	}
	to := NewObject(n, o.Place("on_failure"), o.report)
	to.Only([]string{"rollback_to", "then", "max"}, nil)
	to.Need("rollback_to")
	return Rollback, &RollbackTo{
		Checkpoint: to.Text("rollback_to"),
		Then:       thens[to.OneOf("then", "pause", "retry", "fail")],
		// With another `then` than retry there are no rounds to count, and saying how many does no harm.
		Max: to.Int("max", 1, MaxRollbackRounds),
	}
}

var thens = map[string]Then{"pause": ThenPause, "retry": ThenRetry, "fail": ThenFail}

// readConcurrency reads how many runs of one key are under way together.
func readConcurrency(top *Object) *Concurrency {
	n := top.Get("concurrency")
	if n == nil {
		return nil
	}
	o := NewObject(n, top.Place("concurrency"), top.report)
	o.Only([]string{"key", "limit", "when_busy"}, nil)
	o.Need("key")
	return &Concurrency{
		Key:      o.Template("key"),
		Limit:    o.Int("limit", 1, MaxConcurrency),
		WhenBusy: busyWords[o.OneOf("when_busy", "queue", "reject", "cancel_oldest")],
	}
}

var busyWords = map[string]WhenBusy{"queue": BusyQueue, "reject": BusyReject, "cancel_oldest": BusyCancelOldest}
