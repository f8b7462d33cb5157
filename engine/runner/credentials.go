package runner

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
)

// credentialKind is the kind of documents that workers' credentials are, by the worker's id.
const credentialKind = "worker.credential"

// CredentialSpec is what a worker's own credential is for.
type CredentialSpec struct {
	Worker       string   // id: one token of a subject
	Topics       []string // topics, or patterns of them, whose jobs it may get; at least one
	Pools        []string // which it may say it is in
	Capabilities []string // which it may say it has
	CAP          bool     // it speaks CAP on the plain subjects
	Description  string
}

// credential is a worker's credential as it is kept: everything but the token, of which the SHA-256 is enough.
type credential struct {
	Worker       string     `json:"worker"`
	Hash         string     `json:"hash"` // SHA-256 of the token's text, in hex
	Topics       []string   `json:"topics"`
	Pools        []string   `json:"pools,omitempty"`
	Capabilities []string   `json:"capabilities,omitempty"`
	CAP          bool       `json:"cap,omitempty"`
	Description  string     `json:"description,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	CreatedBy    string     `json:"created_by"`
	RotatedAt    *time.Time `json:"rotated_at,omitempty"`
	RotatedBy    string     `json:"rotated_by,omitempty"`
	RevokedAt    *time.Time `json:"revoked_at,omitempty"`
	RevokedBy    string     `json:"revoked_by,omitempty"`
}

// CredentialView is a worker's credential as people see it: never its token.
type CredentialView struct {
	Worker       string     `json:"worker_id"`
	State        string     `json:"state" enum:"active,revoked"`
	Connected    bool       `json:"connected" doc:"Somebody is on the bus with it now"`
	Topics       []string   `json:"topics"`
	Pools        []string   `json:"pools,omitempty"`
	Capabilities []string   `json:"capabilities,omitempty"`
	CAP          bool       `json:"cap,omitempty" doc:"It may also speak on the subjects that all CAP workers share"`
	Description  string     `json:"description,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	CreatedBy    string     `json:"created_by"`
	RotatedAt    *time.Time `json:"rotated_at,omitempty"`
	RotatedBy    string     `json:"rotated_by,omitempty"`
	RevokedAt    *time.Time `json:"revoked_at,omitempty"`
	RevokedBy    string     `json:"revoked_by,omitempty"`
}

func (r *Runner) credentialView(c *credential) CredentialView {
	v := CredentialView{
		Worker: c.Worker, State: "active", Connected: r.inside(c.Worker), Topics: c.Topics, Pools: c.Pools, Capabilities: c.Capabilities, CAP: c.CAP,
		Description: c.Description, CreatedAt: c.CreatedAt, CreatedBy: c.CreatedBy, RotatedAt: c.RotatedAt, RotatedBy: c.RotatedBy,
		RevokedAt: c.RevokedAt, RevokedBy: c.RevokedBy,
	}
	if c.RevokedAt != nil {
		v.State = "revoked"
	}
	return v
}

// inside tells whether a connection is there by the worker's own credential.
func (r *Runner) inside(worker string) bool {
	return r.cfg.Trust.Door != nil && r.cfg.Trust.Door.Inside(worker)
}

// newToken makes a worker's token from randomness of the machine.
func newToken(worker string) (text, hash string) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	text = bus.WorkerToken(worker, hex.EncodeToString(random[:]))
	return text, hashOf(text)
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// is tells whether a text is the credential's token. A nil credential, or one that was revoked, has none; it takes as long.
func (c *credential) is(text string) bool {
	want := strings.Repeat("0", 2*sha256.Size)
	if c != nil && c.RevokedAt == nil {
		want = c.Hash
	}
	return subtle.ConstantTimeCompare([]byte(hashOf(text)), []byte(want)) == 1
}

// Worker implements bus.Workers: who comes with a worker's own credential, and what it is for. It answers from memory.
func (r *Runner) Worker(shown bus.Credentials) (bus.Permit, bool) {
	worker, text := shown.User, shown.Password
	if worker == "" {
		worker, text = bus.TokenWorker(shown.Token), shown.Token
	}
	c := r.registered.now.Load().credentials[worker]
	if !c.is(text) {
		return bus.Permit{}, false
	}
	return bus.Permit{Worker: c.Worker, Topics: c.Topics, Pools: c.Pools, CAP: c.CAP}, true
}

// CreateWorkerCredential makes a worker a credential of its own and answers its token, which nobody can read again. A worker
// that has one is ErrConflict; one whose credential was revoked gets another.
func (r *Runner) CreateWorkerCredential(ctx context.Context, c Caller, spec CredentialSpec) (CredentialView, string, error) {
	if err := r.checkCredential(&spec); err != nil {
		return CredentialView{}, "", err
	}
	if err := r.mayChangeDocs(ctx); err != nil {
		return CredentialView{}, "", err
	}
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load()
	old := was.credentials[spec.Worker]
	switch {
	case old != nil && old.RevokedAt == nil:
		return CredentialView{}, "", fmt.Errorf("the worker %s has a credential: rotate it, or revoke it first: %w", spec.Worker, ErrConflict)
	case old == nil && len(was.credentials) >= MaxRegistered:
		return CredentialView{}, "", &InvalidError{Code: "invalid_credential", Message: fmt.Sprintf("there are %d credentials, and may not be more", MaxRegistered)}
	}
	text, hash := newToken(spec.Worker)
	next := &credential{
		Worker: spec.Worker, Hash: hash, Topics: compact(spec.Topics), Pools: compact(spec.Pools), Capabilities: compact(spec.Capabilities),
		CAP: spec.CAP, Description: spec.Description, CreatedAt: r.now(), CreatedBy: c.Actor,
	}
	if err := r.keepCredential(ctx, c, "worker.credential.create", next); err != nil {
		return CredentialView{}, "", err
	}
	return r.credentialView(next), text, nil
}

// compact is names sorted, each once.
func compact(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

// keepCredential writes a credential and puts it in force. The caller holds changing.
func (r *Runner) keepCredential(ctx context.Context, c Caller, act string, next *credential) error {
	row, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode a credential: %w", err)
	}
	if err := r.ChangeDocs(ctx, c, act, "worker:"+next.Worker, DocChange{Kind: credentialKind, Name: next.Worker, Value: row}); err != nil {
		return err
	}
	g := r.registered.now.Load().clone()
	g.credentials[next.Worker] = next
	r.registered.now.Store(g)
	return nil
}

// workerToken is what ids of workers with credentials look like: one token of a subject, so that no id begins another's
// subjects.
var workerToken = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// permitted is what a credential's topics look like: words as topics have, with the wildcards of the bus.
var permitted = regexp.MustCompile(`^job(\.([A-Za-z0-9_-]+|\*))*(\.([A-Za-z0-9_-]+|\*|>))$`)

func (r *Runner) checkCredential(spec *CredentialSpec) error {
	bad := func(field, message string) error {
		return &InvalidError{Code: "invalid_credential", Message: "/" + field + ": " + message, Places: []Place{{Pointer: "/" + field, Message: message}}}
	}
	switch {
	case !workerToken.MatchString(spec.Worker):
		return bad("worker_id", "a worker's id has letters, digits, '_' and '-', at most 64, and no dot: it is one word of a subject")
	case slices.Contains(r.cfg.Trust.Workers, spec.Worker):
		return bad("worker_id", "this is the server's own worker")
	case len(spec.Topics) == 0:
		return bad("topics", "name at least one topic, or a pattern such as job.db.*")
	case len(spec.Topics) > MaxCredentialNames || len(spec.Pools) > MaxCredentialNames || len(spec.Capabilities) > MaxCredentialNames:
		return bad("topics", fmt.Sprintf("at most %d topics, pools and capabilities each; a pattern stands for many topics", MaxCredentialNames))
	case len(spec.Description) > maxMessage:
		return bad("description", fmt.Sprintf("at most %d bytes", maxMessage))
	}
	for _, topic := range spec.Topics {
		switch {
		case len(topic) > steps.MaxTopic || !permitted.MatchString(topic):
			return bad("topics", fmt.Sprintf("%.64q is no topic: write job. and words, '*' for one word and a last '>' for all that follow", topic))
		case strings.HasPrefix(topic, builtinTopics):
			return bad("topics", builtinTopics+" is what the server does itself")
		}
	}
	for _, pool := range spec.Pools {
		if !poolName.MatchString(pool) {
			return bad("pools", fmt.Sprintf("%.64q is no pool: letters, digits, '.', '_' and '-', at most 128", pool))
		}
	}
	for _, name := range spec.Capabilities {
		if name == "" || len(name) > maxLabel {
			return bad("capabilities", fmt.Sprintf("a capability has 1 to %d bytes", maxLabel))
		}
	}
	return nil
}

// WorkerCredential answers a worker's credential.
func (r *Runner) WorkerCredential(_ context.Context, _ Caller, worker string) (CredentialView, error) {
	c := r.registered.now.Load().credentials[worker]
	if c == nil {
		return CredentialView{}, fmt.Errorf("credential of worker %.64q: %w", worker, ErrNotFound)
	}
	return r.credentialView(c), nil
}

// WorkerCredentials lists up to limit credentials by worker, behind the worker after; next is empty on the last page.
func (r *Runner) WorkerCredentials(_ context.Context, _ Caller, after string, limit int) ([]CredentialView, string, error) {
	return pageOf(r.registered.now.Load().credentials, after, limit, r.credentialView)
}

// RotateWorkerCredential gives a worker another token and answers it. The one before is worthless at once: who came in by it is
// put out, and comes back with the new one. What the worker has it keeps for its lease.
func (r *Runner) RotateWorkerCredential(ctx context.Context, c Caller, worker string) (CredentialView, string, error) {
	text, hash := newToken(worker)
	v, err := r.changeCredential(ctx, c, worker, "worker.credential.rotate", func(next *credential, at time.Time) error {
		if next.RevokedAt != nil {
			return fmt.Errorf("the credential of %s was revoked: make another one: %w", worker, ErrConflict)
		}
		next.Hash, next.RotatedAt, next.RotatedBy = hash, &at, c.Actor
		return nil
	})
	if err != nil {
		return v, "", err
	}
	r.putOut(worker)
	return v, text, nil
}

// RevokeWorkerCredential makes a worker's credential worthless: who came in by it is put out before the answer, and what the
// worker had runs elsewhere. A second time changes nothing.
func (r *Runner) RevokeWorkerCredential(ctx context.Context, c Caller, worker string) (CredentialView, error) {
	was := r.registered.now.Load().credentials[worker]
	if was != nil && was.RevokedAt != nil {
		return r.credentialView(was), nil
	}
	v, err := r.changeCredential(ctx, c, worker, "worker.credential.revoke", func(next *credential, at time.Time) error {
		next.RevokedAt, next.RevokedBy = &at, c.Actor
		return nil
	})
	if err != nil {
		return v, err
	}
	r.putOut(worker)
	r.registered.ready.forget(worker)
	r.dispatch.beat(scheduler.Beat{Worker: worker, Leaving: true})
	v.Connected = false
	return v, nil
}

func (r *Runner) changeCredential(ctx context.Context, c Caller, worker, act string, change func(*credential, time.Time) error) (CredentialView, error) {
	if err := r.mayChangeDocs(ctx); err != nil {
		return CredentialView{}, err
	}
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load().credentials[worker]
	if was == nil {
		return CredentialView{}, fmt.Errorf("credential of worker %.64q: %w", worker, ErrNotFound)
	}
	next := *was
	if err := change(&next, r.now()); err != nil {
		return CredentialView{}, err
	}
	if err := r.keepCredential(ctx, c, act, &next); err != nil {
		return CredentialView{}, err
	}
	return r.credentialView(&next), nil
}

// putOut closes every connection that came in by a worker's own credential.
func (r *Runner) putOut(worker string) {
	if r.cfg.Trust.Door == nil {
		return
	}
	if n := r.cfg.Trust.Door.Disconnect(worker); n > 0 {
		r.cfg.Logger.Info("a worker's connections were closed: its credential has changed", "worker_id", worker, "connections", n)
	}
}
