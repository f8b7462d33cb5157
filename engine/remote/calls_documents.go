package remote

import (
	"context"

	"cordum.dev/cordum/engine/runner"
)

// This file is the calls about documents, and what is kept as documents: definitions, schemas, topics, credentials, holds, drains and settings of the fleet. Their contracts
// are those of the methods of *runner.Runner of the same names; where each goes is in methods.go.

// Doc is the call of that name.
func (c *Client) Doc(ctx context.Context, kind, name string) (runner.Doc, error) {
	return one[runner.Doc](ctx, c, "Doc", kind, name)
}

// Docs is the call of that name.
func (c *Client) Docs(ctx context.Context, kind, after string, limit int) ([]runner.Doc, string, error) {
	return two[[]runner.Doc, string](ctx, c, "Docs", kind, after, limit)
}

// ChangeDocs is the call of that name.
func (c *Client) ChangeDocs(ctx context.Context, who runner.Caller, act, subject string, changes ...runner.DocChange) error {
	return none(ctx, c, "ChangeDocs", who, act, subject, changes)
}

// PutWorkflow is the call of that name.
func (c *Client) PutWorkflow(ctx context.Context, who runner.Caller, source []byte, f runner.Format) (runner.WorkflowVersion, error) {
	return one[runner.WorkflowVersion](ctx, c, "PutWorkflow", who, source, f)
}

// Workflow is the call of that name.
func (c *Client) Workflow(ctx context.Context, who runner.Caller, id, digest string) (runner.WorkflowVersion, error) {
	return one[runner.WorkflowVersion](ctx, c, "Workflow", who, id, digest)
}

// Workflows is the call of that name.
func (c *Client) Workflows(ctx context.Context, who runner.Caller, f runner.Filter) ([]runner.WorkflowVersion, string, error) {
	return two[[]runner.WorkflowVersion, string](ctx, c, "Workflows", who, f)
}

// PutSchema is the call of that name.
func (c *Client) PutSchema(ctx context.Context, who runner.Caller, schema, description string, src []byte) (runner.SchemaView, bool, error) {
	return two[runner.SchemaView, bool](ctx, c, "PutSchema", who, schema, description, src)
}

// Schema is the call of that name.
func (c *Client) Schema(ctx context.Context, who runner.Caller, schema, digest string) (runner.SchemaView, error) {
	return one[runner.SchemaView](ctx, c, "Schema", who, schema, digest)
}

// Schemas is the call of that name.
func (c *Client) Schemas(ctx context.Context, who runner.Caller, after string, limit int) ([]runner.SchemaView, string, error) {
	return two[[]runner.SchemaView, string](ctx, c, "Schemas", who, after, limit)
}

// DeleteSchema is the call of that name.
func (c *Client) DeleteSchema(ctx context.Context, who runner.Caller, schema string) error {
	return none(ctx, c, "DeleteSchema", who, schema)
}

// CreateTopic is the call of that name.
func (c *Client) CreateTopic(ctx context.Context, who runner.Caller, spec runner.TopicSpec) (runner.TopicView, error) {
	return one[runner.TopicView](ctx, c, "CreateTopic", who, spec)
}

// PutTopic is the call of that name.
func (c *Client) PutTopic(ctx context.Context, who runner.Caller, spec runner.TopicSpec) (runner.TopicView, bool, error) {
	return two[runner.TopicView, bool](ctx, c, "PutTopic", who, spec)
}

// Topic is the call of that name.
func (c *Client) Topic(ctx context.Context, who runner.Caller, name string) (runner.TopicView, error) {
	return one[runner.TopicView](ctx, c, "Topic", who, name)
}

// Topics is the call of that name.
func (c *Client) Topics(ctx context.Context, who runner.Caller, after string, limit int) ([]runner.TopicView, string, error) {
	return two[[]runner.TopicView, string](ctx, c, "Topics", who, after, limit)
}

// DeleteTopic is the call of that name.
func (c *Client) DeleteTopic(ctx context.Context, who runner.Caller, name string) error {
	return none(ctx, c, "DeleteTopic", who, name)
}

// CreateWorkerCredential is the call of that name.
func (c *Client) CreateWorkerCredential(ctx context.Context, who runner.Caller, spec runner.CredentialSpec) (runner.CredentialView, string, error) {
	return two[runner.CredentialView, string](ctx, c, "CreateWorkerCredential", who, spec)
}

// RotateWorkerCredential is the call of that name.
func (c *Client) RotateWorkerCredential(ctx context.Context, who runner.Caller, worker string) (runner.CredentialView, string, error) {
	return two[runner.CredentialView, string](ctx, c, "RotateWorkerCredential", who, worker)
}

// WorkerCredential is the call of that name.
func (c *Client) WorkerCredential(ctx context.Context, who runner.Caller, worker string) (runner.CredentialView, error) {
	return one[runner.CredentialView](ctx, c, "WorkerCredential", who, worker)
}

// WorkerCredentials is the call of that name.
func (c *Client) WorkerCredentials(ctx context.Context, who runner.Caller, after string, limit int) ([]runner.CredentialView, string, error) {
	return two[[]runner.CredentialView, string](ctx, c, "WorkerCredentials", who, after, limit)
}

// RevokeWorkerCredential is the call of that name.
func (c *Client) RevokeWorkerCredential(ctx context.Context, who runner.Caller, worker string) (runner.CredentialView, error) {
	return one[runner.CredentialView](ctx, c, "RevokeWorkerCredential", who, worker)
}

// Holds is the call of that name.
func (c *Client) Holds(ctx context.Context, who runner.Caller) ([]runner.Hold, error) {
	return one[[]runner.Hold](ctx, c, "Holds", who)
}

// SetHold is the call of that name.
func (c *Client) SetHold(ctx context.Context, who runner.Caller, h runner.Hold) (runner.Hold, error) {
	return one[runner.Hold](ctx, c, "SetHold", who, h)
}

// LiftHold is the call of that name.
func (c *Client) LiftHold(ctx context.Context, who runner.Caller, hold string) error {
	return none(ctx, c, "LiftHold", who, hold)
}

// Workers is the call of that name.
func (c *Client) Workers(ctx context.Context, who runner.Caller) ([]runner.WorkerView, error) {
	return one[[]runner.WorkerView](ctx, c, "Workers", who)
}

// Pools is the call of that name.
func (c *Client) Pools(ctx context.Context, who runner.Caller) ([]runner.PoolView, error) {
	return one[[]runner.PoolView](ctx, c, "Pools", who)
}

// Drains is the call of that name.
func (c *Client) Drains(ctx context.Context, who runner.Caller) ([]runner.Drain, error) {
	return one[[]runner.Drain](ctx, c, "Drains", who)
}

// SetDrain is the call of that name.
func (c *Client) SetDrain(ctx context.Context, who runner.Caller, of, name string) (runner.Drain, error) {
	return one[runner.Drain](ctx, c, "SetDrain", who, of, name)
}

// LiftDrain is the call of that name.
func (c *Client) LiftDrain(ctx context.Context, who runner.Caller, of, name string) error {
	return none(ctx, c, "LiftDrain", who, of, name)
}

// ConfigDocument is the call of that name.
func (c *Client) ConfigDocument(ctx context.Context, name string) (runner.FleetConfig, error) {
	return one[runner.FleetConfig](ctx, c, "ConfigDocument", name)
}

// PutConfigDocument is the call of that name.
func (c *Client) PutConfigDocument(ctx context.Context, who runner.Caller, name, text string, ifMatch *string) (runner.FleetConfig, error) {
	return one[runner.FleetConfig](ctx, c, "PutConfigDocument", who, name, text, ifMatch)
}

// AcquireLock is the call of that name.
func (c *Client) AcquireLock(ctx context.Context, who runner.Caller, req runner.LockRequest) (runner.LockHolder, error) {
	return one[runner.LockHolder](ctx, c, "AcquireLock", who, req)
}

// RenewLock is the call of that name.
func (c *Client) RenewLock(ctx context.Context, who runner.Caller, req runner.LockRequest) (runner.LockHolder, error) {
	return one[runner.LockHolder](ctx, c, "RenewLock", who, req)
}

// ReleaseLock is the call of that name.
func (c *Client) ReleaseLock(ctx context.Context, who runner.Caller, req runner.LockRequest) (runner.LockView, error) {
	return one[runner.LockView](ctx, c, "ReleaseLock", who, req)
}

// Lock is the call of that name.
func (c *Client) Lock(ctx context.Context, who runner.Caller, name string) (runner.LockView, error) {
	return one[runner.LockView](ctx, c, "Lock", who, name)
}
