package remote

import (
	"cmp"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
)

// place says which partition's owner a call goes to: a partition of so many, or any. An argument that names none is answered
// by whoever gets it: its runner says what is wrong with it.
type place func(args []any, partitions int) (partition int, any bool)

// systemPartition is the partition of documents, and of what there is one of.
const systemPartition = 0

func system([]any, int) (int, bool) { return systemPartition, false }

func anywhere([]any, int) (int, bool) { return 0, true }

// ofRun is the partition of a run, or of what has an id that begins with a run's.
func ofRun(arg int) place {
	return func(args []any, partitions int) (int, bool) {
		name, _ := args[arg].(string)
		return runPartition(name, partitions)
	}
}

func runPartition(name string, partitions int) (int, bool) {
	p, err := id.Partition(name)
	if err != nil || p >= partitions {
		return 0, true
	}
	return p, false
}

// ofNewRun is where a call makes a run: where its key says, else where the command does, else anywhere. What it is made of is read
// from the store.
func ofNewRun(key startKey) place {
	return func(args []any, partitions int) (int, bool) {
		p, keyed := runner.HomeOfStart(args[0].(runner.Caller), key(args), partitions)
		return p, !keyed
	}
}

// startKey answers the idempotency key of a call that makes a run; "" without.
type startKey func(args []any) string

// startKeys are those of the calls that make runs.
var startKeys = map[string]startKey{
	"Start":  func(args []any) string { return args[1].(runner.StartRequest).IdempotencyKey },
	"Submit": func(args []any) string { return args[1].(runner.JobRequest).IdempotencyKey },
	"Rerun":  func(args []any) string { return args[0].(runner.Caller).Command },
	"Fork": func(args []any) string {
		return cmp.Or(args[2].(runner.ForkRequest).IdempotencyKey, args[0].(runner.Caller).Command)
	},
}

func ofLogs(args []any, partitions int) (int, bool) {
	q := args[1].(runner.LogQuery)
	if q.Run != "" {
		return runPartition(q.Run, partitions)
	}
	return runPartition(q.Job, partitions)
}

func ofLockRequest(args []any, partitions int) (int, bool) {
	return runner.HomeOfLock(args[0].(runner.Caller).Tenant, args[1].(runner.LockRequest).Name, partitions), false
}

func ofLock(args []any, partitions int) (int, bool) {
	return runner.HomeOfLock(args[0].(runner.Caller).Tenant, args[1].(string), partitions), false
}

// withCommand gives the caller among the arguments a command id if it has none.
func withCommand(args []any, command func() string) {
	if c, is := args[0].(runner.Caller); is && c.Command == "" {
		c.Command = command()
		args[0] = c
	}
}

// ofPartition is the partition that the first argument is.
func ofPartition(args []any, _ int) (int, bool) { return args[0].(int), false }
