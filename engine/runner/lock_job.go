package runner

import (
	"net/url"
	"strings"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is a job's side of its resource lock, and of the limits that its topic has in the configuration of the fleet. Both
// are wants beside those of its decision.

// builtinTopics begin so: the registry of topics says nothing of them either.
const builtinTopics = scheduler.BuiltinTopics

// fleetTenant owns the limits that are the installation's and no tenant's.
const fleetTenant = docTenant

// lockName names a resource lock of a tenant.
func (r *Runner) lockName(tenant, lock string) limitName {
	return r.limit(tenant, scheduler.LimitLock, lockLabel+lock, lockID(lock), lockTerms(false))
}

func lockID(lock string) string { return lockPrefix + url.PathEscape(lock) }

// lockLabel begins what people call a lock.
const lockLabel = "lock "

// limitLabel is how people read a limit of which only the stored id is known.
func limitLabel(kind scheduler.LimitKind, limit string) string {
	if kind != scheduler.LimitLock {
		return limit
	}
	name, err := url.PathUnescape(strings.TrimPrefix(limit, lockPrefix))
	if err != nil {
		return limit
	}
	return lockLabel + name
}

func lockTerms(shared bool) scheduler.LimitTerms { return scheduler.LimitTerms{Max: 1, Shared: shared} }

// lockWant is the lock that a job needs. Its name is the one that was rendered when the attempt was asked for.
func (lr *live) lockWant(r *Runner, step int32) want {
	name := r.lockName(lr.run.Tenant, lr.jobs[step].Lock)
	name.terms = lockTerms(lr.lockShared(step))
	return want{name: name, terms: name.terms}
}

func (lr *live) lockShared(step int32) bool {
	lock := lr.run.DefOf(step).ResourceLock
	return lock != nil && lock.Shared
}

// topicWants are the limits that the configuration of the fleet sets a topic. Each topic that an entry stands for has them for
// itself.
func (r *Runner) topicWants(topic string) (out []want) {
	if strings.HasPrefix(topic, builtinTopics) {
		return nil
	}
	t := r.fleet.topic(topic)
	if t.Rate.Count > 0 && t.Rate.Per > 0 {
		terms := scheduler.LimitTerms{Max: int64(t.Rate.Count), Per: t.Rate.Per}
		limit := limitID(ratePrefix+t.Rate.Per.String()+"/", "fleet", topic)
		out = append(out, want{terms: terms, name: r.limit(fleetTenant, scheduler.LimitRate, "rate of "+topic, limit, terms)})
	}
	if t.MaxJobs > 0 {
		terms := scheduler.LimitTerms{Max: int64(t.MaxJobs)}
		limit := limitID(concurrentPrefix, "fleet", topic)
		out = append(out, want{terms: terms, name: r.limit(fleetTenant, scheduler.LimitConcurrent, "max_jobs of "+topic, limit, terms)})
	}
	return out
}

// limited tells whether a job has limits that no decision names.
func (lr *live) limited(r *Runner, step int32) bool {
	j := lr.jobs[step]
	return j.Lock != "" || len(r.topicWants(j.Topic)) > 0
}

// fence is the fencing token under which a job may be released; 0 when it has no lock.
func (lr *live) fence(step int32) int64 {
	res := lr.reserved.jobs[step]
	if res == nil {
		return 0
	}
	for i := range res.wants {
		if w := &res.wants[i]; w.name.kind == scheduler.LimitLock && w.held {
			return w.fence
		}
	}
	return 0
}

// lockHolds is what a worker is told of the lock that its job holds.
func (lr *live) lockHolds(step int32) []*wire.LockHold {
	j := lr.jobs[step]
	if j.Lock == "" || j.Fence == 0 {
		return nil
	}
	return []*wire.LockHold{{Name: j.Lock, Shared: lr.lockShared(step), FencingToken: j.Fence}}
}

// lockAwaited takes the word that a lock is not free: the job waits for it holding nothing else.
func (t *turn) lockAwaited(step int32, res *reservation, a scheduler.LimitAnswer) {
	if res.asking < 0 {
		return
	}
	res.blocked = a.Held
	if res.holds() {
		t.waitOn(step, res)
	}
}

// lockGot takes over a lock that was granted.
func (t *turn) lockGot(w *want, a scheduler.LimitAnswer) {
	if w.name.kind != scheduler.LimitLock {
		return
	}
	w.fence = a.Token
	t.lane.r.metrics.locks.wait.Observe(max(t.now.Sub(w.since), 0).Seconds())
	w.since = t.now
}

// heldBy says who holds the lock that a job waits for.
func heldBy(holders []string) string {
	if len(holders) == 0 {
		return ""
	}
	named := make([]string, len(holders))
	for i, h := range holders {
		named[i] = h
		if owner, is := ownerOf(h); is {
			named[i] = owner
		}
	}
	return ", held by " + strings.Join(named, ", ")
}

// lockDefinition is the lock of a job from the jobs API as the step of its run has it.
func lockDefinition(req JobRequest) any {
	if !req.LockShared {
		return req.ResourceLock
	}
	return map[string]any{"name": req.ResourceLock, "mode": modeName(true)}
}

// fenceKey is where the fencing tokens of a partition's locks are counted.
func fenceKey() store.Key {
	return store.Key{Table: store.TableLimit, Tenant: docTenant, ID: "lock-fence"}
}
