package bus

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
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

// workerInbox is where workers get their acknowledgements.
const workerInbox = "_INBOX.>"

// door decides who may come in and what they may do. A connection that shows nothing known is refused.
type door struct {
	engine Credentials
	worker Credentials
	open   bool
}

func newDoor(worker Credentials, open bool) *door {
	return &door{engine: Credentials{User: "cordum-engine", Password: rand.Text()}, worker: worker, open: open}
}

// Check is called by the server for every new connection.
func (d *door) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts()
	got := Credentials{User: shown.Username, Password: shown.Password, Token: shown.Token}
	switch {
	case d.engine.accepts(got):
		c.RegisterUser(&server.User{Username: d.engine.User})
		return true
	case d.open:
		return true
	case d.worker.accepts(got):
		c.RegisterUser(&server.User{Username: got.User, Permissions: workerPermissions()})
		return true
	}
	return false
}

// accepts compares without telling by its duration how much of a secret was right. Empty credentials accept nobody.
func (want Credentials) accepts(got Credentials) bool {
	if want.Token != "" && same(want.Token, got.Token) {
		return true
	}
	return want.User != "" && want.Password != "" && same(want.User, got.User) && same(want.Password, got.Password)
}

func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// workerPermissions are what any worker may do: get jobs, and say what became of them. A worker cannot send jobs,
// cancel them, or hear what others say.
func workerPermissions() *server.Permissions {
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			wire.SubjectAnyPart, wire.SubjectHeartbeat, wire.SubjectProgress, wire.SubjectResult, workerInbox,
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{
			wire.SubjectWorkerJobs("*"), wire.SubjectTopics, wire.SubjectCancel, wire.SubjectAskJobs, workerInbox,
		}},
		// An attempt to a topic nobody registered for comes with a reply subject of the engine's.
		Response: &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute},
	}
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s is in use by another process", ErrPortTaken, addr)
	}
	return fmt.Errorf("bus: cannot listen on %s: %w", addr, err)
}
