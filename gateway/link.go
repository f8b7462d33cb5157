package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// linkPath begins the address of an approval link's page; what follows is the credential.
const linkPath = "/a/"

// ticket is what an approval link says: who may answer what, as it was asked, until when. It is bound to one round and one
// hash, so that it is worth nothing for whatever is asked later, and to one person, who has one vote: that makes it good
// for one answer without anything being kept.
type ticket struct {
	Tenant   string `json:"t"`
	Approval string `json:"a"`
	Round    int    `json:"r"`
	Hash     string `json:"h"`
	Approver string `json:"p"` // "user:ann"
	Expires  int64  `json:"e"` // seconds since 1970
}

// linkSecret holds the key that signs links: a document of the installation, so that every replica has the same one and a copy
// of the store keeps links good. It is made with the first link.
type linkSecret struct {
	docs Documents

	mu  sync.Mutex
	key []byte
}

// The document that is the key of links.
const (
	secretKind = "secret"
	linkName   = "approval-links"
)

// read answers the key; nil when no link was ever made.
func (s *linkSecret) read(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	doc, err := s.docs.Doc(ctx, secretKind, linkName)
	if errors.Is(err, runner.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of approval links: %w", err)
	}
	if len(doc.Value) != sha256.Size {
		return nil, errors.New("the key of approval links is damaged")
	}
	s.key = doc.Value
	return s.key, nil
}

// make answers the key, and makes it when there is none yet.
func (s *linkSecret) make(ctx context.Context, c runner.Caller) ([]byte, error) {
	key, err := s.read(ctx)
	if key != nil || err != nil {
		return key, err
	}
	fresh, absent := make([]byte, sha256.Size), ""
	_, _ = rand.Read(fresh) // never fails
	c.Command = ""
	err = s.docs.ChangeDocs(ctx, c, "config.change", "the key of approval links", runner.DocChange{Kind: secretKind, Name: linkName, Value: fresh, IfMatch: &absent})
	if err != nil && !errors.Is(err, runner.ErrConflict) { // a conflict: somebody else made it
		return nil, fmt.Errorf("make the key of approval links: %w", err)
	}
	return s.read(ctx)
}

// Refusals of a link.
var (
	errNoLink   = errors.New("it is no link of this server")
	errLinkOver = errors.New("its time is over")
)

// sign writes the ticket as one part of a path.
func (t *ticket) sign(key []byte) (string, error) {
	raw, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode a link: %w", err)
	}
	body := base64.RawURLEncoding.EncodeToString(raw)
	return body + "." + base64.RawURLEncoding.EncodeToString(linkSum(key, body)), nil
}

func linkSum(key []byte, body string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("cordum approval link\x00" + body))
	return mac.Sum(nil)
}

// readTicket believes a link that this server signed, while its time lasts.
func readTicket(key []byte, text string, now time.Time) (*ticket, error) {
	body, sum, ok := strings.Cut(text, ".")
	if !ok || len(key) == 0 || len(text) > maxLink {
		return nil, errNoLink
	}
	// The strict alphabet: a link has one spelling.
	given, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if err != nil || !hmac.Equal(given, linkSum(key, body)) {
		return nil, errNoLink
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, errNoLink
	}
	var t ticket
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, errNoLink
	}
	if now.Unix() >= t.Expires {
		return nil, errLinkOver
	}
	return &t, nil
}

// LinkApproval asks for a link.
type LinkApproval struct {
	Approver  string     `json:"approver" minLength:"1" maxLength:"69" doc:"Who will answer, as user:ann"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the link stops being good; with the approval, and after 7 days, by default"`
}

// ApprovalLink is a link to an approval.
type ApprovalLink struct {
	Path      string    `json:"path" doc:"Below the server's address. Whoever has it answers as the approver"`
	Approver  string    `json:"approver"`
	ExpiresAt time.Time `json:"expires_at"`
}

type linkInput struct {
	ByID
	Body LinkApproval
}

func (g *Gateway) linkApproval(ctx context.Context, in *linkInput) (*created[ApprovalLink], error) {
	b := in.Body
	if !isUser(b.Approver) {
		return nil, placedProblem("invalid_principal", "/approver", "Name a person as user:NAME.")
	}
	view, err := g.engine.Approval(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	until := time.Time{}
	if b.ExpiresAt != nil {
		until = *b.ExpiresAt
	}
	if _, err := g.engine.Approval(ctx, g.CallerByLink(requestOf(ctx).principal.Tenant, b.Approver), in.ID); errors.Is(err, runner.ErrNotFound) {
		return nil, placedProblem("invalid_principal", "/approver", "They are not among those who may answer it, with the roles that the server's configuration gives them (--approvers).")
	} else if err != nil {
		return nil, err
	}
	link, err := g.Link(ctx, creator(ctx), &view, b.Approver, until)
	if err != nil {
		return nil, err
	}
	if err := g.engine.ChangeDocs(ctx, creator(ctx), "approval.link", in.ID+" for "+b.Approver); err != nil {
		return nil, err // who cannot be held to it gets none
	}
	g.log.InfoContext(ctx, "approval link made", "approval", in.ID, "approver", b.Approver, "actor", requestOf(ctx).principal.Actor)
	return &created[ApprovalLink]{Status: 201, Location: approvalPath(in.ID), Body: link}, nil
}

// Link makes a link with which approver can answer an approval of c's tenant as it is asked now, until a time, or until the
// approval or MaxLinkAge ends when that is earlier or the time is zero.
func (g *Gateway) Link(ctx context.Context, c runner.Caller, view *runner.ApprovalView, approver string, until time.Time) (ApprovalLink, error) {
	now := g.keys.now()
	if view.State != "waiting" {
		return ApprovalLink{}, newProblem("conflict", "It is "+view.State+": nothing is asked.")
	}
	end := now.Add(MaxLinkAge)
	if view.ExpiresAt != nil && view.ExpiresAt.Before(end) {
		end = *view.ExpiresAt
	}
	if !until.IsZero() && until.Before(end) {
		end = until
	}
	if !end.After(now) {
		return ApprovalLink{}, placedProblem("invalid_argument", "/expires_at", "It is over already.")
	}
	key, err := g.links.make(ctx, c)
	if err != nil {
		return ApprovalLink{}, err
	}
	t := ticket{Tenant: c.Tenant, Approval: view.ID, Round: view.Round, Hash: view.Hash, Approver: approver, Expires: end.Unix()}
	text, err := t.sign(key)
	if err != nil {
		return ApprovalLink{}, err
	}
	return ApprovalLink{Path: linkPath + text, Approver: approver, ExpiresAt: time.Unix(t.Expires, 0).UTC()}, nil
}

// person is who answers by a link, with the roles that the configuration gives them now.
func (g *Gateway) person(tenant, actor string) Principal {
	p := Principal{Tenant: tenant, Actor: actor, Type: TypeHuman}
	for _, known := range g.cfg.Approvers {
		if known.Actor == actor {
			p.holding(append([]string{RoleApprover.String()}, known.Roles...))
			return p
		}
	}
	p.holding([]string{RoleApprover.String()})
	return p
}

// Approver is a person outside who answers approvals by links, such as those in e-mails.
type Approver struct {
	Actor string   // "user:ann@example.com"
	Roles []string // beside approver, as approvals name them
}

// ParseApprover reads ADDRESS or ADDRESS=ROLE+ROLE, where ADDRESS is of an e-mail.
func ParseApprover(text string) (Approver, error) {
	name, roles, has := strings.Cut(text, "=")
	if !plainName(name) || !strings.Contains(name, "@") {
		return Approver{}, errors.New("an approver is written as ADDRESS=ROLE+ROLE, such as ann@example.com=sre+oncall; an address has letters, digits, '.', '_', '-' and '+', at most 64")
	}
	a := Approver{Actor: userPrefix + name}
	if !has {
		return a, nil
	}
	for role := range strings.SplitSeq(roles, "+") {
		if !isRoleName(role) || role == RoleAdmin.String() {
			return Approver{}, fmt.Errorf("the roles of approver %s are names with + between them; nobody is admin by a link", name)
		}
		a.Roles = append(a.Roles, role)
	}
	return a, nil
}

// CallerByLink is who answers an approval of tenant by a link for approver.
func (g *Gateway) CallerByLink(tenant, approver string) runner.Caller {
	p := g.person(tenant, approver)
	return p.caller()
}
