package gateway

import (
	"context"
	"io"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
)

// Engine is what the gateway calls. Every method answers the errors of package runner; a tenant never sees what
// belongs to another, which is [runner.ErrNotFound]. Implementations are safe for concurrent use.
type Engine interface {
	Calls
	// Holds are those that are on. Pools are those of the fleet, and Drains what people let run empty: of is "worker" or "pool".
	Holds(ctx context.Context, c runner.Caller) ([]runner.Hold, error)
	Pools(ctx context.Context, c runner.Caller) ([]runner.PoolView, error)
	Drains(ctx context.Context, c runner.Caller) ([]runner.Drain, error)
	// Watch begins to follow a run or a workflow's runs. buffer is how many messages may wait for the viewer; when it
	// is full, what follows is one gap message.
	Watch(ctx context.Context, c runner.Caller, req runner.WatchRequest, buffer int) (Watch, error)
}

// Watch is a bounded queue of messages for one viewer.
type Watch interface {
	// Next blocks for the next message. When ctx ends first the answer is its error and nothing is lost.
	Next(ctx context.Context) (runner.Message, error)
	// Close ends the watch and frees its queue. It may be called more than once.
	Close()
}

// Documents are what the whole installation agrees on, such as keys.
type Documents interface {
	// Doc reads one document, or answers [runner.ErrNotFound].
	Doc(ctx context.Context, kind, name string) (runner.Doc, error)
	// Docs lists up to limit documents of a kind by name, behind the name after; next is empty on the last page.
	Docs(ctx context.Context, kind, after string, limit int) (docs []runner.Doc, next string, err error)
	// ChangeDocs makes all changes or none, in one commit with its audit record. [runner.ErrConflict]: an IfMatch did not
	// hold.
	ChangeDocs(ctx context.Context, c runner.Caller, act, subject string, changes ...runner.DocChange) error
}

// AuditLog is the record of who did what.
type AuditLog interface {
	// AuditRecords lists the caller's tenant's. Of the query the tenant has no effect.
	AuditRecords(ctx context.Context, c runner.Caller, q runner.AuditQuery) ([]runner.AuditRecord, string, error)
	// VerifyAudit checks the chains of the caller's tenant against the newest signed head.
	VerifyAudit(ctx context.Context, c runner.Caller) (runner.AuditReport, error)
	// ExportAudit writes all records of the caller's tenant. After an error what was written has no last line.
	ExportAudit(ctx context.Context, c runner.Caller, w io.Writer) error
	// AuditHeads lists the signed heads, newest first; with all, every tenant's chains are shown.
	AuditHeads(ctx context.Context, c runner.Caller, all bool, cursor string, limit int) ([]runner.AuditHead, string, error)
	// TakeAuditHead takes one now.
	TakeAuditHead(ctx context.Context, c runner.Caller, all bool) (runner.AuditHead, error)
	// Evidence is what a run did, with proof.
	Evidence(ctx context.Context, c runner.Caller, run string) (runner.AuditEvidence, error)
	// PlanRetention answers what retention would remove of the caller's tenant, and removes nothing.
	PlanRetention(ctx context.Context, c runner.Caller, ask runner.RetentionAsk) (runner.RetentionPlan, error)
	// LegalHolds keep records of the caller's tenant from being removed.
	LegalHolds(ctx context.Context, c runner.Caller) ([]runner.LegalHold, error)
	SetLegalHold(ctx context.Context, c runner.Caller, run string) (runner.LegalHold, error)
	LiftLegalHold(ctx context.Context, c runner.Caller, hold string) error
}

// Fleet is the workers, and how they are set up: the installation's, not a tenant's.
type Fleet interface {
	// AcquireLock takes a resource lock for a holder outside; [runner.ErrConflict] says who holds it. RenewLock holds it on, and
	// ReleaseLock lets it go. Locks are those that somebody holds or waits for.
	AcquireLock(ctx context.Context, c runner.Caller, req runner.LockRequest) (runner.LockHolder, error)
	RenewLock(ctx context.Context, c runner.Caller, req runner.LockRequest) (runner.LockHolder, error)
	ReleaseLock(ctx context.Context, c runner.Caller, req runner.LockRequest) (runner.LockView, error)
	Lock(ctx context.Context, c runner.Caller, name string) (runner.LockView, error)
	Locks(ctx context.Context, c runner.Caller, prefix, cursor string, limit int) ([]runner.LockView, string, error)

	Workers(ctx context.Context, c runner.Caller) ([]runner.WorkerView, error)
	SetDrain(ctx context.Context, c runner.Caller, of, name string) (runner.Drain, error)
	LiftDrain(ctx context.Context, c runner.Caller, of, name string) error
	// ConfigDocument is the document over pools.yaml or timeouts.yaml; PutConfigDocument replaces it, "" removes it.
	ConfigDocument(ctx context.Context, name string) (runner.FleetConfig, error)
	PutConfigDocument(ctx context.Context, c runner.Caller, name, text string, ifMatch *string) (runner.FleetConfig, error)
}

// Calls are the calls that are answered at once.
type Calls interface {
	Documents
	AuditLog
	Registry

	PutWorkflow(ctx context.Context, c runner.Caller, source []byte, f runner.Format) (runner.WorkflowVersion, error)
	CheckWorkflow(ctx context.Context, source []byte, f runner.Format) (runner.WorkflowVersion, []dag.Diagnostic)
	Workflow(ctx context.Context, c runner.Caller, id, digest string) (runner.WorkflowVersion, error)
	Workflows(ctx context.Context, c runner.Caller, f runner.Filter) ([]runner.WorkflowVersion, string, error)

	Start(ctx context.Context, c runner.Caller, req runner.StartRequest) (runner.Started, error)
	// Seen answers what the idempotency key of a start was used for; [runner.ErrNotFound] when it is free.
	Seen(ctx context.Context, c runner.Caller, key string) (runner.Started, error)
	Rerun(ctx context.Context, c runner.Caller, run string) (runner.Started, error)
	// Fork starts a new run from a step of another one, or says what that would reuse.
	Fork(ctx context.Context, c runner.Caller, run string, req runner.ForkRequest) (runner.Forked, error)
	Submit(ctx context.Context, c runner.Caller, req runner.JobRequest) (runner.JobView, bool, error)
	Command(ctx context.Context, c runner.Caller, run string, cmd runner.Command) (runner.RunView, error)

	// View is a run as it is now.
	View(ctx context.Context, c runner.Caller, run string) (runner.RunView, error)
	WaitRun(ctx context.Context, c runner.Caller, run string, since uint64) (runner.RunView, error)
	LatestRun(ctx context.Context, c runner.Caller, workflow string) (string, error)
	Runs(ctx context.Context, c runner.Caller, f runner.Filter) ([]runner.RunHeader, string, error)
	Timeline(ctx context.Context, c runner.Caller, run string, after uint64, limit int) ([]runner.Event, bool, error)
	// Effects are what the jobs of a run did to the world, as far as is known.
	Effects(ctx context.Context, c runner.Caller, run, cursor string, limit int) (runner.EffectPage, error)
	// Dump hands over stored facts of a run, oldest first, whoever owns it.
	Dump(ctx context.Context, c runner.Caller, q runner.DumpQuery, visit func(runner.DumpedFact) error) error
	// Logs are the lines that the jobs of a run, or one job, wrote.
	Logs(ctx context.Context, c runner.Caller, q runner.LogQuery) (runner.LogPage, error)
	// Iterations are those of a fan-out, by item; step is its path.
	Iterations(ctx context.Context, c runner.Caller, run, step, cursor string, limit int) ([]runner.StepView, string, error)
	// Held are the compensations of all runs that wait for a person.
	Held(ctx context.Context, c runner.Caller, cursor string, limit int) ([]runner.HeldView, string, error)
	// Inspect shows f a run with its log. Both are f's until it returns, and to be read only.
	Inspect(ctx context.Context, c runner.Caller, run string, f func(*engine.Run, []runner.EngineFact) error) error

	Job(ctx context.Context, c runner.Caller, id string) (runner.JobView, error)
	Jobs(ctx context.Context, c runner.Caller, f runner.Filter) ([]runner.JobView, string, error)
	CancelJob(ctx context.Context, c runner.Caller, id string) (runner.JobView, error)

	Approvals(ctx context.Context, c runner.Caller, f runner.Filter) ([]runner.ApprovalView, string, error)
	Approval(ctx context.Context, c runner.Caller, id string) (runner.ApprovalView, error)
	Decide(ctx context.Context, c runner.Caller, id string, d runner.Decision) (runner.ApprovalView, error)
	// EditJob gives a job that waits for its approval another input.
	EditJob(ctx context.Context, c runner.Caller, id string, e runner.Edit) (runner.ApprovalView, error)
	// Delegate lets somebody else answer in the caller's place for a while.
	Delegate(ctx context.Context, c runner.Caller, id string, d runner.Delegation) (runner.ApprovalView, error)
	// Deliveries are the messages about an approval to people outside, and what became of them.
	Deliveries(ctx context.Context, c runner.Caller, id string) ([]runner.Delivery, error)

	DeadLetterCalls

	// SetHold answers when nothing more is sent that the hold is over.
	SetHold(ctx context.Context, c runner.Caller, h runner.Hold) (runner.Hold, error)
	LiftHold(ctx context.Context, c runner.Caller, hold string) error

	// DeleteJob takes a job that has ended out of every list.
	DeleteJob(ctx context.Context, c runner.Caller, id string) error
	// JobDecisions are what the policy answered on a job, oldest first.
	JobDecisions(ctx context.Context, c runner.Caller, id string) ([]runner.DecisionView, error)

	Fleet
	// Health is nil when every partition is owned and the store answers.
	Health(ctx context.Context) error
}

// watched is an engine in this process, as package runner's: its watches have a concrete type of their own, and what it has in
// memory it answers without fail.
type watched[W Watch] interface {
	Calls
	Holds(ctx context.Context, c runner.Caller) []runner.Hold
	Pools(ctx context.Context, c runner.Caller) []runner.PoolView
	Drains(ctx context.Context, c runner.Caller) []runner.Drain
	Watch(ctx context.Context, c runner.Caller, req runner.WatchRequest, buffer int) (W, error)
}

// Adapt makes an [Engine] of an engine in this process: gateway.Adapt(theRunner).
func Adapt[W Watch](e watched[W]) Engine { return adapted[W]{Calls: e, watched: e} }

type adapted[W Watch] struct {
	Calls
	watched watched[W]
}

func (a adapted[W]) Watch(ctx context.Context, c runner.Caller, req runner.WatchRequest, buffer int) (Watch, error) {
	w, err := a.watched.Watch(ctx, c, req, buffer)
	if err != nil {
		return nil, err // never a typed nil
	}
	return w, nil
}

func (a adapted[W]) Holds(ctx context.Context, c runner.Caller) ([]runner.Hold, error) {
	return a.watched.Holds(ctx, c), nil
}

func (a adapted[W]) Pools(ctx context.Context, c runner.Caller) ([]runner.PoolView, error) {
	return a.watched.Pools(ctx, c), nil
}

func (a adapted[W]) Drains(ctx context.Context, c runner.Caller) ([]runner.Drain, error) {
	return a.watched.Drains(ctx, c), nil
}

// far is an engine that may be in another process, as package remote's.
type far[W Watch] interface {
	Calls
	Holds(ctx context.Context, c runner.Caller) ([]runner.Hold, error)
	Pools(ctx context.Context, c runner.Caller) ([]runner.PoolView, error)
	Drains(ctx context.Context, c runner.Caller) ([]runner.Drain, error)
	Watch(ctx context.Context, c runner.Caller, req runner.WatchRequest, buffer int) (W, error)
}

// AdaptFar makes an [Engine] of an engine that may be in another process.
func AdaptFar[W Watch](e far[W]) Engine { return adaptedFar[W]{e} }

type adaptedFar[W Watch] struct{ far[W] }

func (a adaptedFar[W]) Watch(ctx context.Context, c runner.Caller, req runner.WatchRequest, buffer int) (Watch, error) {
	w, err := a.far.Watch(ctx, c, req, buffer)
	if err != nil {
		return nil, err // never a typed nil
	}
	return w, nil
}
