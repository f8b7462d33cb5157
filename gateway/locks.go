package gateway

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// LockAcquire asks for a resource lock.
type LockAcquire struct {
	Name    string `json:"name" minLength:"1" maxLength:"200" doc:"As resource_lock names it" example:"cluster:production"`
	Owner   string `json:"owner,omitempty" maxLength:"128" doc:"Who holds it: each name holds it for itself. You by default"`
	Mode    string `json:"mode,omitempty" enum:"exclusive,shared" doc:"exclusive by default; others that share it may hold it too"`
	TTLSec  int    `json:"ttl_sec,omitempty" minimum:"0" maximum:"3600" doc:"How long it is held unless it is renewed; 30 by default"`
	WaitSec int    `json:"wait_sec,omitempty" minimum:"0" maximum:"60" doc:"How long to wait for it when it is not free; not at all by default"`
	Reason
}

// LockRenew asks to hold a lock for longer.
type LockRenew struct {
	Name   string `json:"name" minLength:"1" maxLength:"200"`
	Owner  string `json:"owner,omitempty" maxLength:"128" doc:"As it was acquired"`
	TTLSec int    `json:"ttl_sec,omitempty" minimum:"0" maximum:"3600" doc:"From now; 30 by default"`
	Token  int64  `json:"fencing_token,omitempty" minimum:"0" doc:"Of the grant that is meant: another one is lock_lost"`
}

// LockRelease asks to let a lock go.
type LockRelease struct {
	Name   string `json:"name" minLength:"1" maxLength:"200"`
	Owner  string `json:"owner,omitempty" maxLength:"128" doc:"As it was acquired"`
	Token  int64  `json:"fencing_token,omitempty" minimum:"0" doc:"Of the grant that is meant: another one is lock_lost"`
	Force  bool   `json:"force,omitempty" doc:"Take it from who holds it, whoever that is; for admins, with a reason"`
	Holder string `json:"holder,omitempty" maxLength:"256" doc:"With force: from this holder only, a job's id or an owner; from all by default"`
	Reason
}

type listLocksInput struct {
	Paging
	Prefix string `query:"prefix" maxLength:"200" doc:"Only locks whose name begins so"`
	Name   string `query:"name" maxLength:"200" doc:"Only this lock, held or free: for names that no path can have, such as those with a slash"`
}

func (g *Gateway) listLocks(ctx context.Context, in *listLocksInput) (*pageReply[runner.LockView], error) {
	if in.Name != "" {
		v, err := g.engine.Lock(ctx, caller(ctx, ""), in.Name)
		if err != nil {
			return nil, err
		}
		return &pageReply[runner.LockView]{Body: Page[runner.LockView]{Items: []runner.LockView{v}}}, nil
	}
	// The prefix is part of the cursor's mark.
	l, err := in.listOf(ctx, "/locks", runner.Filter{Kind: in.Prefix})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Locks(ctx, caller(ctx, ""), in.Prefix, l.Cursor, l.Limit)
	if err != nil {
		return nil, err
	}
	out := pageOf(l, items, next)
	if out.Link != "" {
		q := url.Values{"cursor": {out.Body.NextCursor}, "limit": {strconv.Itoa(l.Limit)}}
		if in.Prefix != "" {
			q.Set("prefix", in.Prefix)
		}
		out.Link = "<" + prefix + "/locks?" + q.Encode() + `>; rel="next"`
	}
	return out, nil
}

type lockInput struct {
	Name string `path:"name" maxLength:"600"`
}

func (g *Gateway) getLock(ctx context.Context, in *lockInput) (*reply[runner.LockView], error) {
	v, err := g.engine.Lock(ctx, caller(ctx, ""), in.Name)
	if err != nil {
		return nil, err
	}
	return &reply[runner.LockView]{v}, nil
}

func (g *Gateway) acquireLock(ctx context.Context, in *struct{ Body LockAcquire }) (*reply[runner.LockHolder], error) {
	b := &in.Body
	h, err := g.engine.AcquireLock(ctx, caller(ctx, b.text()), runner.LockRequest{
		Name: b.Name, Owner: b.Owner, Shared: b.Mode == "shared", TTL: seconds(b.TTLSec), Wait: seconds(b.WaitSec),
	})
	if err != nil {
		return nil, err
	}
	return &reply[runner.LockHolder]{h}, nil
}

func (g *Gateway) renewLock(ctx context.Context, in *struct{ Body LockRenew }) (*reply[runner.LockHolder], error) {
	b := &in.Body
	h, err := g.engine.RenewLock(ctx, caller(ctx, ""), runner.LockRequest{
		Name: b.Name, Owner: b.Owner, TTL: seconds(b.TTLSec), Token: b.Token,
	})
	if err != nil {
		return nil, err
	}
	return &reply[runner.LockHolder]{h}, nil
}

func (g *Gateway) releaseLock(ctx context.Context, in *struct{ Body LockRelease }) (*reply[runner.LockView], error) {
	b := &in.Body
	if b.Force && !requestOf(ctx).principal.Roles.Allow(RoleAdmin) {
		return nil, newProblem("forbidden", "Taking a lock from its holder needs the role admin.")
	}
	if b.Holder != "" && !b.Force {
		return nil, placedProblem("conflicting_fields", "/holder", "It says from whom to take the lock by force: say force, or leave it out.")
	}
	v, err := g.engine.ReleaseLock(ctx, caller(ctx, b.text()), runner.LockRequest{
		Name: b.Name, Owner: b.Owner, Token: b.Token, Force: b.Force, Holder: b.Holder,
	})
	if err != nil {
		return nil, err
	}
	return &reply[runner.LockView]{v}, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
