package runner

import (
	"context"
	"encoding/json"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// This file says where things live before they are there, for who has to ask the owner of their partition.

// HomeOfStart is the partition, of so many, in which a start, a single job, a rerun or a fork by a caller makes its run: key is
// its idempotency key, "" without. keyed is false when the run may be made anywhere, which is when the caller has no command id
// either.
func HomeOfStart(c Caller, key string, partitions int) (partition int, keyed bool) {
	scope, _ := startKey(c, key)
	if scope == "" {
		return 0, false
	}
	return id.HashPartition(scope, partitions), true
}

// startKey is what makes a start repeatable: its idempotency key, or the id of the caller's command. Neither: "".
func startKey(c Caller, key string) (scope string, own bool) {
	switch {
	case key != "":
		return startScope(c, key), true
	case c.Command != "":
		return "start by command\x00" + c.Tenant + "\x00" + c.Actor + "\x00" + c.Command, false
	}
	return "", false
}

// SingleJob is the id of the job that a single job's run is made for.
func SingleJob(run string) string { return jobOf(run) }

// HomeOfLock is the partition, of so many, in which a tenant's resource lock lives.
func HomeOfLock(tenant, lock string, partitions int) int {
	n := limitName{tenant: tenant, id: lockID(lock), kind: scheduler.LimitLock}
	return id.HashPartition(n.key(), partitions)
}

// PrepareJob keeps the definition of a single job, as Submit does, and starts nothing: so that Submit finds it in a process that
// does not write definitions. A second time changes nothing.
func (r *Runner) PrepareJob(ctx context.Context, c Caller, req JobRequest) error {
	plan, err := r.jobPlan(&req)
	if err != nil {
		return err
	}
	_, err = r.defs.put(ctx, c, plan, false)
	return err
}

// JobKind tells apart the single jobs whose definitions differ: two requests with the same kind share one definition.
func JobKind(tenant string, req JobRequest) (string, error) {
	source, err := json.Marshal(jobDefinition(req))
	return tenant + "\x00" + string(source), err
}

// Settled tells whether nothing happens to a run any more by itself: it has ended, and its compensation too.
func Settled(v *RunView) bool { return settled(v) }

// CutLocks makes a page of the locks of several processes, in the order of their names; more says that there are others behind
// them.
func CutLocks(all []LockView, limit int, more bool) ([]LockView, string, error) {
	n, err := Filter{Limit: limit}.limit()
	if err != nil {
		return nil, "", err
	}
	if len(all) > n {
		all, more = all[:n], true
	}
	if !more || len(all) == 0 {
		return all, "", nil
	}
	return all, encodeCursor(all[len(all)-1].Name), nil
}
