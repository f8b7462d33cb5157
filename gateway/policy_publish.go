package gateway

import (
	"context"
	"encoding/json"
	"strconv"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety/kernel"
)

// PolicyVersion is one entry of the history of policies.
type PolicyVersion struct {
	kernel.Version
	Active bool `json:"active" doc:"It was published last"`
}

// PolicyPublish asks for drafts to become active.
type PolicyPublish struct {
	Bundles        []string `json:"bundles,omitempty" maxItems:"1000" doc:"Only these; without any, all drafts, which are then all there is beside the policy file"`
	Reason         string   `json:"reason,omitempty" maxLength:"4096" doc:"Why; kept with the version. X-Reason by default"`
	MaxNewlyDenied *int     `json:"max_newly_denied,omitempty" minimum:"0" doc:"Refuse when more recorded decisions than this would be denied"`
	BreakGlass     bool     `json:"break_glass,omitempty" doc:"Go past what the policy says of its own change, and past approvals that nobody could give; needs a reason"`
}

// PolicyRollback asks for an older version.
type PolicyRollback struct {
	To         string `json:"to" minLength:"1" maxLength:"64" doc:"A version's number, or the digest of a snapshot"`
	Reason     string `json:"reason,omitempty" maxLength:"4096" doc:"Why; kept with the version. X-Reason by default"`
	BreakGlass bool   `json:"break_glass,omitempty" doc:"Go past what the policy says of its own change; needs a reason"`
}

// PolicyPublished answers a publish or a rollback: it is in force.
type PolicyPublished struct {
	PolicyVersion
	Previous  string          `json:"previous,omitempty" doc:"Digest of what was in force before"`
	Unchanged bool            `json:"unchanged,omitempty" doc:"It was in force already; nothing was written"`
	Findings  []PolicyFinding `json:"findings,omitempty" doc:"Warnings, with their places"`
	Replay    *kernel.Report  `json:"replay,omitempty" doc:"What it would have done, when max_newly_denied was given"`
}

type publishInput struct {
	Body *PolicyPublish
}

func (g *Gateway) publishPolicy(ctx context.Context, in *publishInput) (*reply[PolicyPublished], error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	body := in.Body
	if body == nil {
		body = &PolicyPublish{}
	}
	p, err := k.Publish(ctx, who, kernel.Publish{
		Bundles: body.Bundles, Reason: body.Reason, MaxNewlyDenied: body.MaxNewlyDenied, BreakGlass: body.BreakGlass,
	})
	return publishedReply(p, err)
}

type rollbackPolicyInput struct {
	Body PolicyRollback
}

func (g *Gateway) rollbackPolicy(ctx context.Context, in *rollbackPolicyInput) (*reply[PolicyPublished], error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	p, err := k.Rollback(ctx, who, kernel.Rollback{To: in.Body.To, Reason: in.Body.Reason, BreakGlass: in.Body.BreakGlass})
	return publishedReply(p, err)
}

func publishedReply(p kernel.Published, err error) (*reply[PolicyPublished], error) {
	if err != nil {
		return nil, err
	}
	return &reply[PolicyPublished]{PolicyPublished{
		PolicyVersion: PolicyVersion{p.Version, true}, Previous: p.Previous, Unchanged: p.Unchanged, Findings: findings(p.Warnings), Replay: p.Replay,
	}}, nil
}

func (g *Gateway) listSnapshots(ctx context.Context, in *Paging) (*pageReply[PolicyVersion], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	l, err := in.listOf(ctx, "/policy/snapshots", runner.Filter{})
	if err != nil {
		return nil, err
	}
	before := int64(0)
	if l.Cursor != "" {
		if before, err = strconv.ParseInt(l.Cursor, 10, 64); err != nil || before < 1 {
			return nil, runner.ErrInvalidCursor
		}
	}
	list, next, err := k.Versions(ctx, before, l.Limit)
	if err != nil {
		return nil, err
	}
	newest, after := k.Status().Version.Version, ""
	items := make([]PolicyVersion, len(list))
	for i, v := range list {
		items[i] = PolicyVersion{v, v.Version == newest}
	}
	if next > 0 {
		after = strconv.FormatInt(next, 10)
	}
	return pageOf(l, items, after), nil
}

// PolicySnapshot is one version of the history in full.
type PolicySnapshot struct {
	PolicyVersion
	Canonical json.RawMessage `json:"canonical" doc:"The canonical form; the SHA-256 of exactly these bytes is the digest"`
	Texts     []kernel.Text   `json:"texts" doc:"What it was made of, as it was written"`
}

type snapshotInput struct {
	ID string `path:"id" pattern:"^([0-9a-f]{64}|[0-9]{1,18})$" doc:"The digest of a snapshot, or a version's number"`
}

func (g *Gateway) getSnapshot(ctx context.Context, in *snapshotInput) (*reply[PolicySnapshot], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	v, err := k.Version(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := PolicySnapshot{PolicyVersion: PolicyVersion{v, v.Version == k.Status().Version.Version}}
	if out.Canonical, err = k.Canonical(ctx, v.Digest); err != nil {
		return nil, err
	}
	if out.Texts, err = k.Texts(ctx, v.Version); err != nil {
		return nil, err
	}
	return &reply[PolicySnapshot]{out}, nil
}

// PolicyActive says what is in force.
type PolicyActive struct {
	PolicyVersion
	InForce           bool               `json:"in_force" doc:"When it is not, no job starts"`
	Base              string             `json:"base,omitempty" doc:"The policy file or address of the server"`
	Shadow            *kernel.ShadowInfo `json:"shadow,omitempty" doc:"What is evaluated beside it"`
	Alert             *kernel.Alert      `json:"alert,omitempty" doc:"What was wrong at the last look at the file"`
	SignatureRequired bool               `json:"signature_required"`
	Keys              []string           `json:"keys" doc:"Ids of the public keys of who may sign"`
	MaxBytes          int                `json:"max_bytes" doc:"The largest bundle"`
}

type activeInput struct{}

func (g *Gateway) getActivePolicy(ctx context.Context, _ *activeInput) (*tagged[PolicyActive], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	s := k.Status()
	out := &tagged[PolicyActive]{Status: 200, Body: PolicyActive{
		PolicyVersion: PolicyVersion{s.Version, true}, InForce: s.InForce, Base: s.Base, Shadow: s.Shadow, Alert: s.Alert,
		SignatureRequired: s.SignatureRequired, Keys: s.Keys, MaxBytes: s.MaxBytes,
	}}
	if s.Version.Digest != "" {
		out.ETag = `"` + s.Version.Digest + `"`
	}
	return out, nil
}
