package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// KeyCreate asks for an API key.
type KeyCreate struct {
	Name      string     `json:"name" minLength:"1" maxLength:"64" doc:"What it is for" example:"ci"`
	Roles     []string   `json:"roles" minItems:"1" maxItems:"32" doc:"viewer, operator, approver, author, admin, and names that policies and approvals know" example:"[\"operator\"]"`
	Groups    []string   `json:"groups,omitempty" maxItems:"32" doc:"Groups as approvals name them"`
	Scopes    []string   `json:"scopes,omitempty" maxItems:"32" doc:"Verbs that it is good for, such as read, run.start or run.*; all that its roles allow when there are none"`
	Tenant    string     `json:"tenant,omitempty" maxLength:"64" doc:"Yours by default; another only where the key or the mode of the caller comes from the server's own configuration"`
	Owner     string     `json:"owner,omitempty" maxLength:"69" doc:"Whose it is, as user:ann: who owns it does not approve what it asks for, and both count as one. You by default"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it stops being good; never by default"`
}

// KeyView is an API key as people see it: never its text.
type KeyView struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Tenant     string     `json:"tenant"`
	State      string     `json:"state" enum:"active,expired,revoked"`
	Roles      []string   `json:"roles"`
	Groups     []string   `json:"groups,omitempty"`
	Scopes     []string   `json:"scopes,omitempty"`
	Owner      string     `json:"owner,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	RevokedBy  string     `json:"revoked_by,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"As far as this process saw since it started"`
}

// KeyCreated is an API key with its text, which is shown this once.
type KeyCreated struct {
	KeyView
	Key string `json:"key" doc:"The key itself. Nobody can read it again"`
}

func (g *Gateway) keyView(id string, k *storedKey) KeyView {
	return KeyView{
		ID: id, Name: k.Name, Tenant: k.Tenant, State: k.state(g.keys.now()), Roles: k.Roles, Groups: k.Groups, Scopes: k.Scopes,
		Owner: k.Owner, CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt,
		RevokedBy: k.RevokedBy, LastUsedAt: g.keys.lastUsed(id),
	}
}

type createKeyInput struct {
	Body KeyCreate
}

func (g *Gateway) createKey(ctx context.Context, in *createKeyInput) (*created[KeyCreated], error) {
	who := requestOf(ctx).principal
	k, err := keyOfBody(&in.Body, &who, g.keys.now())
	if err != nil {
		return nil, err
	}
	id, text := newKeyText(scopedCommand(ctx))
	sum := sha256.Sum256([]byte(text))
	k.Hash = hex.EncodeToString(sum[:])
	raw, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	absent := ""
	change := runner.DocChange{Kind: keyKind, Name: id, Value: raw, IfMatch: &absent}
	if err := g.engine.ChangeDocs(ctx, creator(ctx), "key.create", "key:"+id, change); errors.Is(err, runner.ErrConflict) {
		return nil, newProblem("conflict", "The key with this Idempotency-Key was made before, and its text was shown then: revoke it and make another one.")
	} else if err != nil {
		return nil, err
	}
	return &created[KeyCreated]{Status: 201, Location: keyPath(id), Body: KeyCreated{g.keyView(id, k), text}}, nil
}

// scopedCommand is the idempotency key of a request within its tenant.
func scopedCommand(ctx context.Context) string {
	r := requestOf(ctx)
	if r.command == "" {
		return ""
	}
	return r.principal.Tenant + "\x00" + r.command
}

func keyPath(id string) string { return prefix + "/keys/" + url.PathEscape(id) }

// keyOfBody checks what is asked for. Nobody makes a key that can do more than they can themselves.
func keyOfBody(b *KeyCreate, who *Principal, now time.Time) (*storedKey, error) {
	k := &storedKey{
		Name: b.Name, Tenant: b.Tenant, Roles: sorted(b.Roles), Groups: sorted(b.Groups), Scopes: sorted(b.Scopes), Owner: b.Owner,
		CreatedAt: now.UTC().Round(time.Millisecond), CreatedBy: who.Actor,
	}
	switch {
	case k.Tenant == "":
		k.Tenant = who.Tenant
	case !plainName(k.Tenant):
		return nil, placedProblem("invalid_tenant", "/tenant", "Use letters, digits, '.', '_' and '-', at most 64.")
	case k.Tenant != who.Tenant && !who.Operator:
		return nil, newProblem("tenant_mismatch", "Keys for other tenants are made with a key of the server's own configuration.")
	}
	if k.Owner == "" {
		k.Owner = ownerOf(who)
	} else if !isUser(k.Owner) {
		return nil, placedProblem("invalid_key", "/owner", "An owner is a person, written user:NAME.")
	}
	if b.ExpiresAt != nil {
		at := b.ExpiresAt.UTC().Round(time.Millisecond)
		if k.ExpiresAt = &at; !at.After(now) {
			return nil, placedProblem("invalid_key", "/expires_at", "It is over already.")
		}
	}
	return k, checkNames(k, who)
}

// ownerOf is the person behind a principal; empty when none is known.
func ownerOf(who *Principal) string {
	if who.Type == TypeHuman {
		return who.Actor
	}
	return who.Owner
}

func checkNames(k *storedKey, who *Principal) error {
	if k.Name != strings.TrimSpace(k.Name) || strings.ContainsFunc(k.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return placedProblem("invalid_key", "/name", "A name is one line of text.")
	}
	for _, role := range k.Roles {
		if !isRoleName(role) {
			return placedProblem("invalid_key", "/roles", "A role has letters, digits, '.', '_', '-', '@' and '+', at most 64, and is neither denied nor public.")
		}
	}
	for _, group := range k.Groups {
		if !plainName(group) {
			return placedProblem("invalid_key", "/groups", "A group has letters, digits, '.', '_', '-', '@' and '+', at most 64.")
		}
	}
	known := verbs()
	for _, scope := range k.Scopes {
		if !isScope(scope, known) {
			return placedProblem("invalid_key", "/scopes", "There is no such verb. Known are "+strings.Join(known, ", ")+", and families such as run.*.")
		}
	}
	if len(who.Scopes) == 0 {
		return nil
	}
	for _, scope := range k.Scopes {
		if !slices.ContainsFunc(who.Scopes, func(own string) bool { return scopeCovers(own, scope) }) {
			return newProblem("forbidden", "Your own key is not good for "+scope+".")
		}
	}
	if len(k.Scopes) == 0 {
		return newProblem("forbidden", "Your own key has scopes: name those of the new one.")
	}
	return nil
}

func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

type listKeysInput struct {
	Paging
	Tenant string `query:"tenant" maxLength:"64" doc:"Yours by default; another only for those who may make keys for it"`
}

func (g *Gateway) listKeys(ctx context.Context, in *listKeysInput) (*pageReply[KeyView], error) {
	who := requestOf(ctx).principal
	tenant := in.Tenant
	if tenant == "" {
		tenant = who.Tenant
	}
	if tenant != who.Tenant && !who.Operator {
		return nil, newProblem("tenant_mismatch", "Leave tenant out, or name your own.")
	}
	// The tenant is part of the cursor's mark: one of another tenant's list is refused.
	l, err := in.listOf(ctx, "/keys", runner.Filter{Kind: tenant})
	if err != nil {
		return nil, err
	}
	items, next, err := g.keysOf(ctx, tenant, l.Cursor, l.Limit)
	if err != nil {
		return nil, err
	}
	out := pageOf(l, items, next)
	if out.Link != "" {
		q := url.Values{"cursor": {out.Body.NextCursor}, "limit": {strconv.Itoa(l.Limit)}, "tenant": {tenant}}
		out.Link = "<" + prefix + "/keys?" + q.Encode() + `>; rel="next"`
	}
	return out, nil
}

// keysOf lists the keys of one tenant by id. It looks through those of others, MaxKeyPages at a time.
func (g *Gateway) keysOf(ctx context.Context, tenant, after string, limit int) (items []KeyView, next string, err error) {
	for range MaxKeyPages {
		docs, more, err := g.engine.Docs(ctx, keyKind, after, MaxPage)
		if err != nil {
			return nil, "", err
		}
		for _, doc := range docs {
			k, err := decodeKey(doc.Value)
			if err != nil {
				g.log.ErrorContext(ctx, "a key cannot be read", "key", doc.Name, "error", err.Error())
				continue
			}
			if k.Tenant != tenant {
				continue
			}
			if len(items) == limit {
				return items, items[limit-1].ID, nil
			}
			items = append(items, g.keyView(doc.Name, &k))
		}
		if more == "" {
			return items, "", nil
		}
		after = more
	}
	return items, after, nil
}

// ownKey reads a key of the caller's tenant. Another's is not there.
func (g *Gateway) ownKey(ctx context.Context, id string) (runner.Doc, *storedKey, error) {
	doc, err := g.engine.Doc(ctx, keyKind, id)
	if err != nil {
		return doc, nil, err
	}
	k, err := decodeKey(doc.Value)
	if err != nil {
		return doc, nil, fmt.Errorf("read key %s: %w", id, err)
	}
	who := requestOf(ctx).principal
	if k.Tenant != who.Tenant && !who.Operator {
		return doc, nil, fmt.Errorf("key: %w", runner.ErrNotFound)
	}
	return doc, &k, nil
}

func (g *Gateway) getKey(ctx context.Context, in *ByID) (*reply[KeyView], error) {
	_, k, err := g.ownKey(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[KeyView]{g.keyView(in.ID, k)}, nil
}

func (g *Gateway) revokeKey(ctx context.Context, in *reasonInput) (*reply[KeyView], error) {
	doc, k, err := g.ownKey(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if k.RevokedAt != nil {
		return &reply[KeyView]{g.keyView(in.ID, k)}, nil
	}
	now := g.keys.now().UTC().Round(time.Millisecond)
	k.RevokedAt, k.RevokedBy = &now, requestOf(ctx).principal.Actor
	raw, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	c := caller(ctx, in.Body.text())
	err = g.engine.ChangeDocs(ctx, c, "key.revoke", "key:"+in.ID, runner.DocChange{Kind: keyKind, Name: in.ID, Value: raw, IfMatch: &doc.ETag})
	g.keys.forget(in.ID) // whatever came of it: what is true is read again
	if err != nil {
		return nil, err
	}
	return &reply[KeyView]{g.keyView(in.ID, k)}, nil
}

// RolesOf answers the roles that an actor has now, by their names. known is false for who is kept nowhere, such as a person
// whom dev mode believed: nothing is known of them but what they said when they asked. It waits for the store at most.
func (g *Gateway) RolesOf(ctx context.Context, actor string) (roles []string, known bool) {
	for _, a := range g.cfg.Approvers {
		if a.Actor == actor {
			p := g.person("", actor)
			return p.Names, true
		}
	}
	id, ok := strings.CutPrefix(actor, "key:")
	if !ok {
		return nil, false
	}
	for _, k := range g.ring {
		if k.principal.Actor == actor {
			return k.principal.Names, true
		}
	}
	k, err := g.keys.get(ctx, id)
	if err != nil || k.state(g.keys.now()) != "active" {
		return nil, true // who cannot be asked about has none
	}
	return k.principal(id).Names, true
}
