package sim

import (
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/store"
)

// waiting are the jobs that are released and that nobody has; has tells of a token whether a worker says that it has it.
func (l *fleetLaw) waiting(has map[string]string) (jobs []fleetWait, busy []fleetWait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for run, r := range l.runs {
		for node, j := range r.nodes {
			if !j.open {
				continue
			}
			w := fleetWait{since: j.since, given: j.worker, run: run, tenant: r.tenant, node: node, topic: j.topic, token: j.token, worker: j.worker, needs: j.requires, free: j.free}
			if holder, held := has[j.token]; held {
				w.worker = holder
			} else if !j.cap {
				jobs = append(jobs, w)
				continue
			}
			busy = append(busy, w)
		}
	}
	return jobs, busy
}

// fleetWait is a job that waits for a worker, or has one; given is who it was sent for.
type fleetWait struct {
	given                             string
	run, tenant, topic, token, worker string
	node                              int32
	needs                             fleetNeeds
	free                              int // sends of it that cost no attempt
	since                             time.Time
}

// unfinished are the runs that have not ended.
func (l *fleetLaw) unfinished() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for run, r := range l.runs {
		if !r.over {
			out = append(out, run)
		}
	}
	return out
}

// graves compares the rows of dead letters with the jobs that died: each has one of either kind, and nobody else has.
func (l *fleetLaw) graves(long, short []store.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	want, got := map[string][]int32{}, map[string][]string{}
	for run, r := range l.runs {
		for node, j := range r.nodes {
			if j.dead {
				want[run] = append(want[run], node)
			}
		}
	}
	for _, k := range long {
		run, _, _ := strings.Cut(k.ID, ".")
		got[run] = append(got[run], k.ID)
		if r := l.runs[run]; r == nil || r.tenant != k.Tenant {
			l.broken("the dead letter %s of tenant %s is nobody's", k.ID, k.Tenant)
		}
		if !slices.ContainsFunc(short, func(s store.Key) bool { return s.Tenant == k.Tenant && strings.HasSuffix(s.ID, "/"+jobOf(k.ID)) }) {
			l.broken("the dead letter %s is in no list", k.ID)
		}
	}
	if len(long) != len(short) {
		l.broken("%d dead letters, and %d in lists", len(long), len(short))
	}
	for run := range l.runs {
		if len(want[run]) != len(got[run]) {
			l.broken("run %s has nodes %v that died, and the dead letters %v", run, want[run], got[run])
		}
	}
}

// jobOf is the job of a dead letter's key.
func jobOf(key string) string {
	job, _, _ := strings.Cut(key, "/")
	return job
}

// tenantOf is whose run it is.
func (l *fleetLaw) tenantOf(run string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runs[run].tenant
}

// again takes that a worker is heard, who was not for a lease: what it had is lost, even if the log does not say so yet.
func (l *fleetLaw) again(worker string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.anew[worker] = time.Now()
}

// idle takes that a job waits although a worker could have it.
func (l *fleetLaw) idle(worker string, w fleetWait, said string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken("node %d of run %s, on %s, waits since %s although worker %s has room: %s", w.node, w.run, w.topic, clock(w.since), worker, said)
}

// stuck takes that a run does not end.
func (l *fleetLaw) stuck(what, run, state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken("%s: run %s has not ended: %s", what, run, state)
}
