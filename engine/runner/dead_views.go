package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// States of a dead letter: it waits for somebody, or is being done again.
const (
	deadState     = "dead"
	retryingState = "retrying"
)

func (h *deadHead) state() string {
	if h.Again {
		return retryingState
	}
	return deadState
}

// DeadLetter is a job that ended badly for good, or a compensation that is held.
type DeadLetter struct {
	ID          string    `json:"id" doc:"Of the job"`
	JobID       string    `json:"job_id" doc:"The same"`
	RunID       string    `json:"run_id"`
	Workflow    string    `json:"workflow,omitempty" doc:"Absent of a job that was submitted alone"`
	Step        string    `json:"step,omitempty" doc:"Path of the step: ship, each[2], undo:ship"`
	Kind        string    `json:"kind" enum:"job,step,compensation"`
	Topic       string    `json:"topic,omitempty"`
	State       string    `json:"state" enum:"dead,retrying" doc:"Whether it waits for somebody, or is being done again"`
	Ended       string    `json:"ended" enum:"failed,timed_out,denied,held"`
	Reason      string    `json:"reason" doc:"As the runbook has it: timeout: dispatched exceeded, safety: denied, failed: CODE, …"`
	Code        string    `json:"code,omitempty" doc:"Of the error"`
	Message     string    `json:"message,omitempty" doc:"Of the error, without secrets; shortened in lists"`
	Fingerprint string    `json:"fingerprint" doc:"The same for deaths of the same kind"`
	Attempts    int       `json:"attempts"`
	Times       int       `json:"times" doc:"How often it has died, retries of it included"`
	Worker      string    `json:"worker,omitempty" doc:"That had it last"`
	FirstAt     time.Time `json:"first_at" doc:"When it died for the first time"`
	DiedAt      time.Time `json:"died_at"`
	ExpiresAt   time.Time `json:"expires_at" doc:"When the entry is removed"`

	*DeadDetail
}

// DeadDetail is what is only said of one dead letter alone: every field of its job.
type DeadDetail struct {
	Pack              string            `json:"pack,omitempty"`
	Tool              string            `json:"tool,omitempty"`
	Requires          []string          `json:"requires,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Priority          string            `json:"priority,omitempty"`
	PreferredWorkerID string            `json:"preferred_worker_id,omitempty"`
	PreferredPool     string            `json:"preferred_pool,omitempty"`
	InputBytes        int               `json:"input_bytes,omitempty" doc:"Size of the input; the input itself is the run's"`
	InputBlob         string            `json:"input_ptr,omitempty" doc:"Digest of a large input"`
	Retryable         bool              `json:"retryable" doc:"What its worker said of the last failure"`
	Unknown           bool              `json:"outcome_unknown,omitempty" doc:"Nobody knows whether it had its effect"`
	Details           json.RawMessage   `json:"details,omitempty" doc:"Of the error, without secrets"`
	Decision          *DeadDecision     `json:"decision,omitempty" doc:"The policy's, on its last attempt"`
	CreatedAt         *time.Time        `json:"created_at,omitempty"`
	Timeline          string            `json:"timeline" doc:"Path of the run's timeline"`
}

// DeadDecision is what the policy decided about a dead job.
type DeadDecision struct {
	Snapshot    string          `json:"snapshot,omitempty" doc:"Digest of the policy"`
	Rule        string          `json:"rule,omitempty"`
	Hash        string          `json:"job_hash,omitempty" doc:"SHA-256 of the job as it was decided about: a retry with the same input has the same"`
	Constraints json.RawMessage `json:"constraints,omitempty"`
}

// DeadGroup is dead letters of the same kind.
type DeadGroup struct {
	Fingerprint string    `json:"fingerprint"`
	Count       int       `json:"count"`
	Retrying    int       `json:"retrying,omitempty" doc:"How many of them are being done again"`
	Workflow    string    `json:"workflow,omitempty"`
	Step        string    `json:"step,omitempty" doc:"Id of the step"`
	Topic       string    `json:"topic,omitempty"`
	Reason      string    `json:"reason"`
	Code        string    `json:"code,omitempty"`
	Message     string    `json:"message,omitempty" doc:"Of the example"`
	FirstSeen   time.Time `json:"first_seen"`
	LastSeen    time.Time `json:"last_seen"`
	Example     string    `json:"example" doc:"Id of the newest"`
}

func (r *Runner) deadView(h *deadHead) DeadLetter {
	v := DeadLetter{
		ID: h.Job, JobID: h.Job, RunID: id.RunOf(h.Job), Workflow: h.Workflow, Kind: "job", Topic: h.Topic, State: h.state(), Ended: h.State,
		Reason: h.Reason, Code: h.Code, Message: h.Message, Fingerprint: h.Fingerprint, Attempts: int(h.Attempts), Times: int(h.Times),
		Worker: h.Worker, FirstAt: h.First, DiedAt: h.At, ExpiresAt: h.At.Add(r.cfg.DeadLetters.TTL),
	}
	if h.Workflow != "" {
		v.Kind, v.Step = "step", h.Step
	}
	if h.Undo {
		v.Kind = "compensation"
	}
	return v
}

func (r *Runner) deadDetail(row *deadRow) DeadLetter {
	v := r.deadView(&row.deadHead)
	v.Message = row.Text
	v.DeadDetail = &DeadDetail{
		Pack: row.Pack, Tool: row.Tool, Requires: row.Requires, Labels: row.Labels, Priority: row.Priority,
		PreferredWorkerID: row.PreferredWorkerID, PreferredPool: row.PreferredPool, InputBytes: int(row.InputBytes), InputBlob: row.InputBlob,
		Retryable: row.Retryable, Unknown: row.Unknown, Details: row.Details, CreatedAt: optional(row.CreatedAt),
		Timeline: "/api/v1/runs/" + v.RunID + "/timeline",
	}
	if row.Hash != "" || row.Snapshot != "" {
		v.Decision = &DeadDecision{Snapshot: row.Snapshot, Rule: row.Rule, Hash: row.Hash, Constraints: row.Constraints}
	}
	return v
}

// DeadLetters lists those of the caller's tenant that fit, newest first. Limit is 1 to 1,000; 0 means 50. A page of a narrow
// filter may hold fewer although more are left: only an empty cursor is the end.
func (r *Runner) DeadLetters(ctx context.Context, c Caller, f DeadFilter, cursor string, limit int) ([]DeadLetter, string, error) {
	n, err := Filter{Limit: limit}.limit()
	if err == nil {
		err = f.check()
	}
	behind := ""
	if err == nil && cursor != "" {
		behind, err = deadCursor(cursor)
	}
	if err != nil {
		return nil, "", err
	}
	w := r.walkDead(c.Tenant, f, behind, false, min(max(2*n/len(r.epochs), firstRows), deadPage))
	out := []DeadLetter{}
	for last := behind; ; {
		h, place, ok, err := w.next(ctx)
		switch {
		case err != nil:
			return nil, "", err
		case !ok:
			return out, "", nil
		case len(out) == n || w.looked > maxLooked:
			return out, encodeCursor(last), nil
		}
		if last = place; f.fits(&h) {
			out = append(out, r.deadView(&h))
		}
	}
}

func deadCursor(cursor string) (string, error) {
	place, err := decodeCursor(cursor)
	if err != nil {
		return "", err
	}
	if _, ok := parseDeadPlace(place); !ok {
		return "", ErrInvalidCursor
	}
	return place, nil
}

// DeadGroups groups those that fit by their fingerprint, the largest group first. Limit is as in DeadLetters. more says that
// there are more groups than that.
func (r *Runner) DeadGroups(ctx context.Context, c Caller, f DeadFilter, limit int) (groups []DeadGroup, more bool, err error) {
	n, err := Filter{Limit: limit}.limit()
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return nil, false, err
	}
	at := make(map[string]int)
	groups = []DeadGroup{}
	err = r.eachDead(ctx, c.Tenant, f, func(h *deadHead) {
		i, known := at[h.Fingerprint]
		switch {
		case !known && len(groups) >= maxDeadGroups:
			more = true
			return
		case !known:
			i = len(groups)
			at[h.Fingerprint] = i
			groups = append(groups, DeadGroup{
				Fingerprint: h.Fingerprint, Workflow: h.Workflow, Step: h.StepID, Topic: h.Topic, Reason: h.Reason, Code: h.Code,
				Message: h.Message, LastSeen: h.At, Example: h.Job,
			})
			if h.Workflow == "" {
				groups[i].Step = ""
			}
		}
		g := &groups[i]
		g.Count++
		if h.Again {
			g.Retrying++
		}
		if g.FirstSeen.IsZero() || h.First.Before(g.FirstSeen) {
			g.FirstSeen = h.First
		}
	})
	slices.SortStableFunc(groups, func(a, b DeadGroup) int { return cmp.Compare(b.Count, a.Count) })
	if len(groups) > n {
		groups, more = groups[:n], true
	}
	return groups, more, err
}

// eachDead shows every entry that fits, newest first.
func (r *Runner) eachDead(ctx context.Context, tenant string, f DeadFilter, see func(*deadHead)) error {
	w := r.walkDead(tenant, f, "", false, deadPage)
	for {
		h, _, ok, err := w.next(ctx)
		if err != nil || !ok {
			return err
		}
		if f.fits(&h) {
			see(&h)
		}
	}
}

// DeadLetter answers one with every field of its job.
func (r *Runner) DeadLetter(ctx context.Context, c Caller, job string) (DeadLetter, error) {
	row, _, err := r.readDead(ctx, c.Tenant, job)
	if err != nil {
		return DeadLetter{}, err
	}
	return r.deadDetail(&row), nil
}

// readDead reads the entry of a job and where it is, or answers ErrNotFound.
func (r *Runner) readDead(ctx context.Context, tenant, job string) (row deadRow, at deadPlace, err error) {
	missing := fmt.Errorf("dead letter %.64q: %w", job, ErrNotFound)
	ref, err := id.ParseJob(job)
	if err != nil || r.laneOf(ref.Run) == nil {
		return row, at, missing
	}
	// '0' follows '/': the range holds what begins with the id and '/'. The last is the newest death.
	page, err := r.store.Scan(ctx, r.partOf(ref.Run), store.Range{
		Table: store.TableDeadLetter, Tenant: tenant, From: job + "/", To: job + "0", Reverse: true, Limit: 1,
	})
	if err != nil {
		return row, at, fmt.Errorf("read a dead letter: %w", errors.Join(ErrUnavailable, err))
	}
	if len(page.Records) == 0 {
		return row, at, missing
	}
	if err := codec.Decode(page.Records[0].Value, &row); err != nil {
		return row, at, fmt.Errorf("dead letter %s: %w", job, errors.Join(ErrUnavailable, err))
	}
	var seq uint64
	if _, err := fmt.Sscanf(page.Records[0].Key.ID[len(job)+1:], "%x", &seq); err != nil {
		return row, at, fmt.Errorf("dead letter %s: its row has a broken name: %w", job, ErrUnavailable)
	}
	return row, deadPlace{row.At, seq, job}, nil
}
