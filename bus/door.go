package bus

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cordum.dev/cordum/bus/wire"
)

// Credentials are what a connection shows: a user and a password, or a token.
type Credentials struct {
	User     string
	Password string
	Token    string
}

// InboxPrefix begins the reply subjects of the engine's own connections. Workers use NATS's own "_INBOX", and may
// not listen here, so none of them sees an answer meant for the engine.
const InboxPrefix = "_CORDUM"

// workerInbox is where workers without a credential of their own get their acknowledgements.
const workerInbox = "_INBOX.>"

// IsInbox tells whether a subject is one where somebody waits for an answer. What asks an engine for one names where it
// goes, so nothing else is ever answered to: the engine may publish everywhere, and who asks may not.
func IsInbox(subject string) bool {
	return (strings.HasPrefix(subject, "_INBOX.") || strings.HasPrefix(subject, InboxPrefix+".")) && checkSubject(subject, false) == nil
}

// Workers knows the workers that have credentials of their own. Its method may wait for a store, and is called for every
// connection that shows something; it is safe for concurrent use.
type Workers interface {
	// Worker answers whose a credential is and what it is for; false when it is none, or none any more. A worker shows its
	// id as user and its token as password, or the token alone.
	Worker(shown Credentials) (Permit, bool)
}

// Permit is what a worker with a credential of its own may do on the bus. Its zero value permits nothing but to be there.
type Permit struct {
	Worker string   // id: one token of a subject
	Topics []string // topics, or patterns of them, whose jobs it may get by queue group
	Pools  []string // whose names its queue groups may have
	CAP    bool     // also the plain subjects of CAP, which everybody shares
}

// door decides who may come in and what they may do. A connection that shows nothing known is refused.
type door struct {
	engine  Credentials
	worker  Credentials
	open    bool
	ownOnly bool     // shared credentials may not speak where workers speak for themselves
	trusted []string // worker ids of this process

	mu      sync.Mutex
	workers Workers                        // nil: nobody has a credential of their own
	inside  map[string]map[uint64]struct{} // connections by worker
	live    func(id uint64) bool           // tells whether a connection is still there
}

func newDoor(cfg *ServerConfig) *door {
	return &door{
		engine: Credentials{User: "cordum-engine", Password: rand.Text()}, worker: cfg.Worker, open: cfg.Open,
		ownOnly: cfg.OwnSubjectsOnly, trusted: cfg.Trusted, inside: map[string]map[uint64]struct{}{},
	}
}

// Check is called by the server for every new connection.
func (d *door) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts()
	got := Credentials{User: shown.Username, Password: shown.Password, Token: shown.Token}
	switch {
	case d.engine.accepts(got):
		c.RegisterUser(&server.User{Username: d.engine.User})
		return true
	case d.worker.accepts(got):
		c.RegisterUser(&server.User{Username: got.User, Permissions: d.sharedPermissions()})
		return true
	case d.admits(got, c):
		return true
	}
	return d.open
}

// admits lets a worker in by its own credential. The connection is noted before the credential is looked at: one that is
// revoked meanwhile is either refused here or found by disconnect.
func (d *door) admits(got Credentials, c server.ClientAuthentication) bool {
	d.mu.Lock()
	workers := d.workers
	d.mu.Unlock()
	claimed := got.worker()
	if workers == nil || claimed == "" {
		return false
	}
	id := c.GetID()
	d.note(claimed, id)
	p, ok := workers.Worker(got)
	if !ok || p.Worker != claimed {
		d.drop(claimed, id)
		return false
	}
	c.RegisterUser(&server.User{Username: p.Worker, Permissions: p.permissions()})
	return true
}

// note remembers a connection of a worker, and forgets those of the same worker that are gone.
func (d *door) note(worker string, id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := d.inside[worker]
	if ids == nil {
		ids = map[uint64]struct{}{}
		d.inside[worker] = ids
	}
	for old := range ids {
		if d.live != nil && !d.live(old) {
			delete(ids, old)
		}
	}
	ids[id] = struct{}{}
}

func (d *door) drop(worker string, id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.inside[worker], id); len(d.inside[worker]) == 0 {
		delete(d.inside, worker)
	}
}

// connections are those of a worker.
func (d *door) connections(worker string) []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.inside[worker]))
}

// accepts compares without telling by its duration how much of a secret was right. Empty credentials accept nobody.
func (c Credentials) accepts(shown Credentials) bool {
	if c.Token != "" && same(c.Token, shown.Token) {
		return true
	}
	return c.User != "" && c.Password != "" && same(c.User, shown.User) && same(c.Password, shown.Password)
}

func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// worker is the id that a worker's own credential claims: its user, or what its token says.
func (c Credentials) worker() string {
	if c.User != "" {
		return c.User
	}
	return TokenWorker(c.Token)
}

// tokenPrefix begins the token of a worker's own credential: cordumw_WORKER_SECRET.
const tokenPrefix = "cordumw_"

// WorkerToken makes the text of a worker's own token out of a secret without '_'.
func WorkerToken(worker, secret string) string { return tokenPrefix + worker + "_" + secret }

// TokenWorker is the worker that a token says it is of; "" for a text that is no worker's own token.
func TokenWorker(token string) string {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	at := strings.LastIndexByte(rest, '_')
	if !ok || at < 1 {
		return ""
	}
	return rest[:at]
}

// sharedPermissions are what any worker may do that shows what all of them share: get jobs, and say what became of them.
// It cannot send jobs, cancel them, or hear what engines say to each other. Which worker it is nobody can tell: it may listen to the
// jobs of any other, and to what they are answered. Who must not has a credential of its own (Permit).
func (d *door) sharedPermissions() *server.Permissions {
	publish := []string{wire.SubjectAnyPart, wire.SubjectHeartbeat, wire.SubjectHandshake, wire.SubjectProgress, wire.SubjectResult, workerInbox}
	var never []string
	if !d.ownOnly {
		publish = append(publish, wire.SubjectHeartbeats, wire.SubjectHandshakes)
		for _, id := range d.trusted {
			never = append(never, wire.SubjectWorkerHeartbeat(id), wire.SubjectWorkerHandshake(id))
		}
	}
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: publish, Deny: never},
		Subscribe: &server.SubjectPermission{Allow: []string{
			wire.SubjectWorkerJobs("*"), wire.SubjectTopics, wire.SubjectCancel, wire.SubjectAskJobs, workerInbox,
		}},
		// An attempt to a topic nobody registered for comes with a reply subject of the engine's.
		Response: &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute},
	}
}

// permissions are what a worker may do by its own credential: speak for itself, and get its own jobs. Topics are heard in a
// queue group only, so that it takes its share of them and no copy of everybody's.
func (p *Permit) permissions() *server.Permissions {
	publish := []string{wire.SubjectAnyPart, wire.SubjectWorkerHeartbeat(p.Worker), wire.SubjectWorkerHandshake(p.Worker)}
	if p.CAP {
		publish = append(publish, wire.SubjectHeartbeat, wire.SubjectHandshake, wire.SubjectProgress, wire.SubjectResult)
	}
	subscribe := []string{
		wire.SubjectWorkerJobs(p.Worker), wire.SubjectCancel, wire.SubjectAskJobs, wire.WorkerInbox(p.Worker) + ".>",
	}
	for _, topic := range p.Topics {
		subscribe = append(subscribe, topic+" "+topic)
		for _, pool := range p.Pools {
			subscribe = append(subscribe, topic+" "+pool)
		}
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: subscribe},
		Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute},
	}
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s is in use by another process", ErrPortTaken, addr)
	}
	return fmt.Errorf("bus: cannot listen on %s: %w", addr, err)
}
