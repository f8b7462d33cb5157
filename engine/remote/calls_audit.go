package remote

import (
	"context"

	"cordum.dev/cordum/engine/runner"
)

// This file is the calls about the audit log and dead letters. Their contracts
// are those of the methods of *runner.Runner of the same names; where each goes is in methods.go.

// AuditRecords is the call of that name.
func (c *Client) AuditRecords(ctx context.Context, who runner.Caller, q runner.AuditQuery) ([]runner.AuditRecord, string, error) {
	return two[[]runner.AuditRecord, string](ctx, c, "AuditRecords", who, q)
}

// VerifyAudit is the call of that name.
func (c *Client) VerifyAudit(ctx context.Context, who runner.Caller) (runner.AuditReport, error) {
	return one[runner.AuditReport](ctx, c, "VerifyAudit", who)
}

// AuditHeads is the call of that name.
func (c *Client) AuditHeads(ctx context.Context, who runner.Caller, all bool, cursor string, limit int) ([]runner.AuditHead, string, error) {
	return two[[]runner.AuditHead, string](ctx, c, "AuditHeads", who, all, cursor, limit)
}

// TakeAuditHead is the call of that name.
func (c *Client) TakeAuditHead(ctx context.Context, who runner.Caller, all bool) (runner.AuditHead, error) {
	return one[runner.AuditHead](ctx, c, "TakeAuditHead", who, all)
}

// Evidence is the call of that name.
func (c *Client) Evidence(ctx context.Context, who runner.Caller, run string) (runner.AuditEvidence, error) {
	return one[runner.AuditEvidence](ctx, c, "Evidence", who, run)
}

// PlanRetention is the call of that name.
func (c *Client) PlanRetention(ctx context.Context, who runner.Caller, ask runner.RetentionAsk) (runner.RetentionPlan, error) {
	return one[runner.RetentionPlan](ctx, c, "PlanRetention", who, ask)
}

// LegalHolds is the call of that name.
func (c *Client) LegalHolds(ctx context.Context, who runner.Caller) ([]runner.LegalHold, error) {
	return one[[]runner.LegalHold](ctx, c, "LegalHolds", who)
}

// SetLegalHold is the call of that name.
func (c *Client) SetLegalHold(ctx context.Context, who runner.Caller, run string) (runner.LegalHold, error) {
	return one[runner.LegalHold](ctx, c, "SetLegalHold", who, run)
}

// LiftLegalHold is the call of that name.
func (c *Client) LiftLegalHold(ctx context.Context, who runner.Caller, hold string) error {
	return none(ctx, c, "LiftLegalHold", who, hold)
}

// DeadLetters is the call of that name.
func (c *Client) DeadLetters(ctx context.Context, who runner.Caller, f runner.DeadFilter, cursor string, limit int) ([]runner.DeadLetter, string, error) {
	return two[[]runner.DeadLetter, string](ctx, c, "DeadLetters", who, f, cursor, limit)
}

// DeadGroups is the call of that name.
func (c *Client) DeadGroups(ctx context.Context, who runner.Caller, f runner.DeadFilter, limit int) ([]runner.DeadGroup, bool, error) {
	return two[[]runner.DeadGroup, bool](ctx, c, "DeadGroups", who, f, limit)
}

// DeadLetter is the call of that name.
func (c *Client) DeadLetter(ctx context.Context, who runner.Caller, job string) (runner.DeadLetter, error) {
	return one[runner.DeadLetter](ctx, c, "DeadLetter", who, job)
}

// RetryDead is the call of that name.
func (c *Client) RetryDead(ctx context.Context, who runner.Caller, job string) (runner.DeadRetried, error) {
	return one[runner.DeadRetried](ctx, c, "RetryDead", who, job)
}

// DeleteDead is the call of that name.
func (c *Client) DeleteDead(ctx context.Context, who runner.Caller, job string) error {
	return none(ctx, c, "DeleteDead", who, job)
}

// PurgeDead is the call of that name.
func (c *Client) PurgeDead(ctx context.Context, who runner.Caller, f runner.DeadFilter, dryRun bool) (runner.Purged, error) {
	return one[runner.Purged](ctx, c, "PurgeDead", who, f, dryRun)
}

// StartRedrive is the call of that name.
func (c *Client) StartRedrive(ctx context.Context, who runner.Caller, req runner.RedriveRequest) (runner.Redrive, error) {
	return one[runner.Redrive](ctx, c, "StartRedrive", who, req)
}

// Redrive is the call of that name.
func (c *Client) Redrive(ctx context.Context, who runner.Caller, redrive string) (runner.Redrive, error) {
	return one[runner.Redrive](ctx, c, "Redrive", who, redrive)
}

// Redrives is the call of that name.
func (c *Client) Redrives(ctx context.Context, who runner.Caller) ([]runner.Redrive, error) {
	return one[[]runner.Redrive](ctx, c, "Redrives", who)
}

// StopRedrive is the call of that name.
func (c *Client) StopRedrive(ctx context.Context, who runner.Caller, redrive string) (runner.Redrive, error) {
	return one[runner.Redrive](ctx, c, "StopRedrive", who, redrive)
}
