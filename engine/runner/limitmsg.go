package runner

import (
	"cmp"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is how a job and a limit speak with each other, wherever each of them lives: in lanes of one process, or in two
// processes. A letter that is lost, doubled or late does no harm: jobs ask again, limits doubt who was silent for long, and turns
// tell what is old.

// say brings a message to a limit, wherever it lives.
func (l *lane) say(n limitName, in scheduler.LimitInput) {
	if l.r.elsewhere(n.part) {
		l.post(n.part, write(letterLimit, &limitLetter{name: n, input: in}))
		return
	}
	l.r.laneOfPart(n.part).inbox.push(limitTask(n, in))
}

func limitTask(n limitName, in scheduler.LimitInput) task {
	return task{part: on(n.part), do: func(t *turn) { t.lane.takeLimit(n, in) }}
}

// tellHolder gives a limit's word to the run of a job, wherever it lives.
func (l *lane) tellHolder(n limitName, a scheduler.LimitAnswer, kind letterKind) {
	if isOutsider(a.Job) {
		l.answerOutsider(n, a)
		return
	}
	run := id.RunOf(a.Job)
	if p, err := id.Partition(run); err == nil && p < len(l.r.epochs) && l.r.elsewhere(store.Partition(p)) {
		l.post(store.Partition(p), write(kind, &limitLetter{name: n, answer: a}))
		return
	}
	l.r.tellHolder(n, a, kind)
}

// tellHolder is that for a run of this process.
func (r *Runner) tellHolder(n limitName, a scheduler.LimitAnswer, kind letterKind) {
	ref, err := id.ParseJob(a.Job)
	home := r.laneOf(ref.Run)
	if err != nil || home == nil {
		r.cfg.Logger.Error("limit is held by no job of this store", "limit", n.label, "job_id", clip(a.Job))
		return
	}
	do := (*turn).limitSaid
	if kind == letterDoubt {
		do = (*turn).limitDoubts
	}
	tenant := cmp.Or(a.Tenant, n.tenant)
	home.surely(task{run: ref.Run, tenant: tenant, do: func(t *turn) { do(t, ref, n, a) }}, func(err error) {
		home.limitLost(tenant, ref.Run, n, a, err)
	})
}

// limitLetter takes what another process says to a limit, or of one.
func (r *Runner) limitLetter(kind letterKind, m *limitLetter) {
	switch {
	case kind != letterLimit:
		r.tellHolder(m.name, m.answer, kind)
	case m.input != nil && !r.elsewhere(m.name.part):
		r.laneOfPart(m.name.part).inbox.push(limitTask(m.name, m.input))
	}
}

// askLimitsAgain has the jobs say again what they wait for, whose limit is in one of these partitions: it has another owner.
func (l *lane) askLimitsAgain(parts map[store.Partition]bool) {
	for _, lr := range l.runs {
		for _, step := range sortedKeys(lr.reserved.jobs) {
			res := lr.reserved.jobs[step]
			if res.asking >= 0 && parts[res.wants[res.asking].name.part] {
				l.ask(lr, step, res)
			}
		}
	}
}

// LockPartition is the partition whose owner has a lock of a tenant: there it is acquired, renewed, released and looked at.
func (r *Runner) LockPartition(tenant, name string) int { return int(r.lockName(tenant, name).part) }
