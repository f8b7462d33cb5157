package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// allJobs is the list of the jobs of the jobs API among the lists of runs by workflow: no workflow is called so.
const allJobs = "\x02jobs"

// statePrefix begins the rows of the runs of a kind that are in a state; of a job it is the job's.
func statePrefix(kind, state string) string { return kind + "/" + state + "\x01" }

// stateRow is a run's row in the index of states.
func (lr *live) stateRow() string {
	kind, state := lr.run.Kind.String(), lr.run.Status()
	if lr.run.Kind == engine.KindJob {
		state = lr.soleState().String()
	}
	return statePrefix(kind, state) + lr.id
}

// soleState is the state of the job of a run of the jobs API. Before its job is asked for it is pending; when its run ended
// before that, it is how the run ended.
func (lr *live) soleState() scheduler.JobState {
	if len(lr.jobs) > 0 && lr.jobs[0] != nil {
		return lr.jobs[0].State
	}
	if lr.run.State.Final() {
		return scheduler.JobCancelled
	}
	return scheduler.JobPending
}

// writeByState moves the run's row in the index of states to where it belongs now.
func (lr *live) writeByState(tx *store.Tx) {
	row := lr.stateRow()
	if row == lr.byState {
		return
	}
	if lr.byState != "" {
		tx.Deletes = append(tx.Deletes, byStateKey(lr.run.Tenant, lr.byState))
	}
	tx.Puts = append(tx.Puts, store.Put{Key: byStateKey(lr.run.Tenant, row), Value: []byte{1}})
	lr.byState = row
}

func byStateKey(tenant, row string) store.Key {
	return store.Key{Table: store.TableByState, Tenant: tenant, ID: row}
}

// DeleteJob takes a job of the jobs API that has ended out of every list: it is not found any more. What it did stays in the
// audit log. A job that has not ended is ErrConflict, as is one whose records are under a legal hold.
func (r *Runner) DeleteJob(ctx context.Context, c Caller, jobID string) error {
	ref, err := id.ParseJob(jobID)
	if err != nil {
		return fmt.Errorf("job %.64q: %w", jobID, ErrNotFound)
	}
	state, err := readRun(ctx, r, c.Tenant, ref.Run, func(lr *live) (string, error) {
		switch _, j := lr.job(ref); {
		case j == nil:
			return "", fmt.Errorf("job %.64q: %w", jobID, ErrNotFound)
		case lr.run.Kind != engine.KindJob:
			return "", fmt.Errorf("job %s belongs to run %s of workflow %s: %w", jobID, lr.id, lr.run.Workflow, ErrConflict)
		case !lr.run.Settled():
			return "", fmt.Errorf("job %s has not ended: cancel it first: %w", jobID, ErrConflict)
		}
		return lr.soleState().String(), nil
	})
	if err != nil {
		return err
	}
	holds, err := r.LegalHolds(ctx, c)
	if err != nil {
		return err
	}
	for _, h := range holds {
		if h.Run == "" || h.Run == ref.Run {
			return fmt.Errorf("job %s is under the legal hold %s: %w", jobID, h.ID, ErrConflict)
		}
	}
	return r.deleteRun(ctx, c, ref.Run, "job.delete", jobID, state)
}

// deleteRun removes a run that is settled and everything that is kept of it, with the record of the act. state is the one in which
// the index of states has it.
func (r *Runner) deleteRun(ctx context.Context, c Caller, run, act, subject, state string) error {
	h, err := r.header(ctx, c.Tenant, run)
	if err != nil {
		return asUnavailable(err)
	}
	all, err := r.remainsOf(ctx, c.Tenant, run, &h, state)
	if err != nil {
		return err
	}
	answer := newPromise[struct{}]()
	p := r.partOf(run)
	l := r.laneOf(run)
	err = l.inbox.offer(task{part: on(p), fail: answer.fail, do: func(t *turn) {
		record := docWrite{acts: []docAct{{caller: c, name: act, subject: subject}}}
		n, err := t.lane.retire(ctx, p, []remains{all}, record, func(_ int, err error) { answer.put(answerOf[struct{}]{err: err}) })
		if n == 0 && err == nil {
			err = fmt.Errorf("run %s goes on: %w", run, ErrConflict)
		}
		if err != nil {
			answer.fail(err)
		}
	}})
	if err != nil {
		return fmt.Errorf("delete %s: %w", subject, errors.Join(ErrUnavailable, err))
	}
	_, err = answer.wait(ctx)
	return err
}

// byState is the row of a run that is known by its header only.
func (h *runHeader) byState(tenant, run, state string) store.Put {
	return store.Put{Key: byStateKey(tenant, statePrefix(h.Kind.String(), state)+run), Value: []byte{1}}
}
