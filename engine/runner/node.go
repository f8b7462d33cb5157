package runner

import (
	"slices"
	"strconv"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// This file is how the runner calls the nodes of a run: by numbers inside, by job ids outside.

// attemptIDs are a job's ids, made once for each send.
type attemptIDs struct {
	send         int32
	job, attempt string
	withheld     uint32    // how often an attempt was taken out of the queue by a pause
	sentAt       time.Time // when the send under way left; zero: it did not, or that is not remembered
}

// grow makes room for the jobs of nodes that facts appended.
func (lr *live) grow() {
	if n := len(lr.run.Steps) - len(lr.jobs); n > 0 {
		lr.jobs = append(slices.Grow(lr.jobs, n), make([]*scheduler.Job, n)...)
		lr.ids = append(slices.Grow(lr.ids, n), make([]attemptIDs, n)...)
	}
}

// jobID is the id of a node's job, approval or compensation: the step's, with 0 for a step of the workflow itself and the
// node's number for every other.
func (lr *live) jobID(node int32) string {
	known := &lr.ids[node]
	if known.job == "" {
		known.job = nodeID(lr.run, node)
	}
	return known.job
}

func nodeID(r *engine.Run, node int32) string {
	k := 0
	if node >= r.Root() {
		k = int(node)
	}
	return id.Job(r.ID, r.DefOf(node).ID, k)
}

// node finds the node that an id names.
func (lr *live) node(ref id.JobRef) (int32, bool) {
	root := int(lr.run.Root())
	if ref.Iteration == 0 {
		step, ok := lr.plan.ByID[ref.Step]
		return int32(step), ok && step < root
	}
	k := ref.Iteration
	if k < root || k >= len(lr.run.Steps) || lr.run.DefOf(int32(k)).ID != ref.Step {
		return 0, false
	}
	return int32(k), true
}

// job finds the job that an id names; nil when there is none.
func (lr *live) job(ref id.JobRef) (int32, *scheduler.Job) {
	node, ok := lr.node(ref)
	if !ok {
		return 0, nil
	}
	return node, lr.jobs[node]
}

// approvalOf tells which node's approval an id names.
func (lr *live) approvalOf(ref id.JobRef) (int32, bool) {
	node, ok := lr.node(ref)
	return node, ok && lr.approvals[node] != nil
}

// attemptID is what the wire calls the send under way of a node's job.
func (lr *live) attemptID(node int32) string {
	known, send := &lr.ids[node], lr.jobs[node].Send
	if known.attempt == "" || known.send != send {
		known.send, known.attempt = send, id.Attempt(lr.jobID(node), int(send))
	}
	return known.attempt
}

// effectKey is the idempotency key of what a node does to the world: the same over attempts, retries and restarts, and
// another one when the node runs again after its effect was undone.
func (lr *live) effectKey(node int32) string {
	if floor := lr.run.Floor(node); floor > 0 {
		return lr.jobID(node) + "+" + strconv.Itoa(int(floor))
	}
	return lr.jobID(node)
}

// serves tells whether a node's job may begin and be answered: its run is under way, or it is a compensation of a run that
// has ended.
func (lr *live) serves(node int32) bool {
	return lr.run.State == engine.RunRunning || (lr.active() && lr.run.IsUndo(node))
}

// active tells whether something of the run may be under way.
func (lr *live) active() bool {
	r := lr.run
	return r.State == engine.RunRunning || (r.State.Final() && r.Undoing && r.Fault == "")
}

// shed frees what an iteration's job kept that has succeeded: a fan-out of very many must not hold on to all of it.
func (lr *live) shed(node int32) {
	if j := lr.jobs[node]; j != nil && lr.run.Steps[node].Item >= 0 && j.State == scheduler.JobSucceeded {
		j.Shed()
		lr.ids[node] = attemptIDs{}
	}
}
