package bus_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"cordum.dev/cordum/bus"
)

// badge is a register of workers' credentials in memory.
type badge struct {
	mu     sync.Mutex
	issued map[string]bus.Permit // by token
	asked  int
}

func (b *badge) Worker(shown bus.Credentials) (bus.Permit, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	text := shown.Token
	if shown.User != "" {
		text = shown.Password
	}
	p, ok := b.issued[text]
	return p, ok && (shown.User == "" || shown.User == p.Worker)
}

func (b *badge) revoke(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.issued, token)
}

func tokenOf(worker string) string { return bus.WorkerToken(worker, strings.Repeat("5e", 32)) }

// office is a server with two workers' credentials: a's for job.db.* in the pool db, cap's for CAP.
func office(t *testing.T) (*bus.Server, *badge) {
	t.Helper()
	s := startServer(t, bus.ServerConfig{Worker: bus.Credentials{User: "shared", Password: "secret"}, Trusted: []string{"own"}})
	b := &badge{issued: map[string]bus.Permit{
		tokenOf("a"):   {Worker: "a", Topics: []string{"job.db.*", "job.mail"}, Pools: []string{"db"}},
		tokenOf("b"):   {Worker: "b", Topics: []string{"job.other"}},
		tokenOf("cap"): {Worker: "cap", Topics: []string{"job.cap"}, CAP: true},
	}}
	s.Admit(b)
	return s, b
}

// visitor is a connection that notes what the server refuses it.
type visitor struct {
	t    *testing.T
	conn *nats.Conn

	mu      sync.Mutex
	refused []string
}

func enter(t *testing.T, s *bus.Server, shown nats.Option) *visitor {
	t.Helper()
	v := &visitor{t: t}
	conn, err := nats.Connect(s.URL(), shown, nats.MaxReconnects(0), nats.CustomInboxPrefix("_INBOX.a"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.refused = append(v.refused, err.Error())
		}))
	must(t, err)
	t.Cleanup(conn.Close)
	v.conn = conn
	return v
}

// refusals are what the server refused so far.
func (v *visitor) refusals(at int) []string {
	v.t.Helper()
	must(v.t, v.conn.Flush())
	until(v.t, func() bool { v.mu.Lock(); defer v.mu.Unlock(); return len(v.refused) >= at })
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused
}

func TestWorkerComesInByItsOwnCredential(t *testing.T) {
	s, _ := office(t)
	for name, c := range map[string]struct {
		shown nats.Option
		in    bool
	}{
		"user and token":          {nats.UserInfo("a", tokenOf("a")), true},
		"token alone":             {nats.Token(tokenOf("a")), true},
		"shared":                  {nats.UserInfo("shared", "secret"), true},
		"another's token":         {nats.UserInfo("b", tokenOf("a")), false},
		"wrong token":             {nats.UserInfo("a", bus.WorkerToken("a", "00")), false},
		"no token":                {nats.UserInfo("a", ""), false},
		"unknown worker":          {nats.Token(tokenOf("c")), false},
		"a token that is no text": {nats.Token("cordumw_"), false},
		"the engine's name":       {nats.UserInfo("cordum-engine", tokenOf("a")), false},
	} {
		conn, err := nats.Connect(s.URL(), c.shown)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != c.in {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWorkerHearsOnlyItsOwn: everything that is not its own is refused by the server itself, also by tricks with queue groups.
func TestWorkerHearsOnlyItsOwn(t *testing.T) {
	s, _ := office(t)
	engine := connect(t, bus.ConnectConfig{InProcess: s})
	v := enter(t, s, nats.Token(tokenOf("a")))
	denied := [][2]string{
		{">"},
		{"*"},
		{"job.*"},
		{"job.>"},
		{"job.db.one"},
		{"job.mail"},
		{"sys.>"},
		{"sys.job.result"},
		{"sys.heartbeat"},
		{"sys.heartbeat.*"},
		{"sys.heartbeat.a"},
		{"_INBOX.>"},
		{"_INBOX.*"},
		{"_INBOX.b.>"},
		{"$JS.API.>"},
		{"$JS.ACK.>"},
		{"$SYS.>"},
		{bus.InboxPrefix + ".>"},
		{"worker.b.jobs"},
		{"worker.*.jobs"},
		{"worker.>"},
		{"cordum.part.00"},
		{"job.db.one", "mine"},
		{"job.mail", "db2"},
		{"job.mail", "*"},
		{"job.mail", ">"},
		{"job.>", "job.>"},
		{"job.*", "job.*"},
		{"job.other", "job.other"},
		{"worker.b.jobs", "db"},
		{"_INBOX.>", "job.mail"},
		{">", "db"},
		{"$JS.API.>", "db"},
		{"cordum.>", "db"},
	}
	for i, d := range denied {
		_, err := v.conn.QueueSubscribe(d[0], d[1], func(m *nats.Msg) { t.Errorf("%v heard %s", d, m.Subject) })
		must(t, err)
		if got := v.refusals(i + 1); len(got) != i+1 || !strings.Contains(strings.ToLower(got[i]), "permissions violation") {
			t.Fatalf("%v: %v", d, got[i:])
		}
	}
	heard := make(chan string, 32)
	allowed := [][2]string{
		{"worker.a.jobs"}, {"sys.job.cancel"}, {"cordum.jobs.ask"}, {"_INBOX.a.x"}, {"job.db.one", "job.db.one"}, {"job.db.two", "db"}, {"job.mail", "job.mail"},
	}
	for _, a := range allowed {
		_, err := v.conn.QueueSubscribe(a[0], a[1], func(m *nats.Msg) { heard <- m.Subject })
		must(t, err)
	}
	must(t, v.conn.Flush())
	for _, a := range allowed {
		must(t, engine.Publish(a[0], nil))
	}
	must(t, engine.Publish("job.other", nil))
	must(t, engine.Publish("worker.b.jobs", nil))
	must(t, engine.Publish("sys.policy.reload", nil))
	seen := map[string]bool{}
	for range allowed {
		select {
		case subject := <-heard:
			seen[subject] = true
		case <-time.After(patience):
			t.Fatalf("heard only %v", seen)
		}
	}
	if len(seen) != len(allowed) || len(v.refusals(len(denied))) != len(denied) {
		t.Errorf("heard %v, refused %d", seen, len(v.refusals(0)))
	}
}

// TestWorkerSpeaksOnlyForItself: as itself, and to its answer subjects; never for another, and never where the engine speaks.
func TestWorkerSpeaksOnlyForItself(t *testing.T) {
	for name, c := range map[string]struct {
		worker  string
		allowed []string
	}{
		"native": {"a", []string{bus.Part(0), "sys.heartbeat.a", "sys.handshake.a"}},
		"CAP":    {"cap", []string{bus.Part(0), "sys.heartbeat.cap", "sys.handshake.cap", "sys.heartbeat", "sys.handshake", "sys.job.result", "sys.job.progress"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := office(t)
			engine := connect(t, bus.ConnectConfig{InProcess: s})
			v := enter(t, s, nats.UserInfo(c.worker, tokenOf(c.worker)))
			got := listen(t, engine, ">", "")
			denied := []string{
				"sys.job.submit", "sys.job.cancel", "sys.job.dlq", "sys.heartbeat.b", "sys.handshake.b", "sys.heartbeat.a.b", "sys.policy.reload", "sys.config.changed",
				"job.db.one", "job.mail", "worker.a.jobs", "worker.b.jobs", "cordum.jobs.ask", "$JS.API.STREAM.LIST", "$JS.API.CONSUMER.CREATE.CORDUM_JOBS", "$SYS.REQ.SERVER.PING",
				"_INBOX.b.1", bus.InboxPrefix + ".x", "sys.audit.x",
			}
			if !strings.HasPrefix(name, "CAP") {
				denied = append(denied, "sys.heartbeat", "sys.handshake", "sys.job.result", "sys.job.progress")
			}
			for i, subject := range denied {
				must(t, v.conn.Publish(subject, nil))
				if refused := v.refusals(i + 1); len(refused) != i+1 {
					t.Fatalf("%s: %v", subject, refused)
				}
			}
			for _, subject := range c.allowed {
				must(t, v.conn.Publish(subject, nil))
			}
			wantSubjects(t, got, c.allowed...)
		})
	}
}

// TestSharedCredentialAndOwnSubjects: who shows what all share may speak for itself only where nobody asks who it is.
func TestSharedCredentialAndOwnSubjects(t *testing.T) {
	shared := bus.Credentials{User: "shared", Password: "secret"}
	for name, c := range map[string]struct {
		ownOnly bool
		heard   []string
	}{
		"asked for":     {true, []string{"sys.heartbeat"}},
		"not asked for": {false, []string{"sys.heartbeat.w", "sys.handshake.w", "sys.heartbeat"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, bus.ServerConfig{Worker: shared, OwnSubjectsOnly: c.ownOnly, Trusted: []string{"own"}})
			got := listen(t, connect(t, bus.ConnectConfig{InProcess: s}), ">", "")
			v := enter(t, s, nats.UserInfo(shared.User, shared.Password))
			for _, subject := range []string{"sys.heartbeat.own", "sys.handshake.own", "sys.heartbeat.w", "sys.handshake.w", "sys.heartbeat"} {
				must(t, v.conn.Publish(subject, nil))
			}
			wantSubjects(t, got, c.heard...)
		})
	}
}

// TestRevocationPutsOut: a worker whose credential is revoked is out at once, on all of its connections, and no other is.
func TestRevocationPutsOut(t *testing.T) {
	s, b := office(t)
	one, two := enter(t, s, nats.Token(tokenOf("a"))), enter(t, s, nats.UserInfo("a", tokenOf("a")))
	other := enter(t, s, nats.Token(tokenOf("b")))
	if !s.Inside("a") || !s.Inside("b") || s.Inside("cap") {
		t.Fatal("who is inside is not known")
	}
	b.revoke(tokenOf("a"))
	if n := s.Disconnect("a"); n != 2 {
		t.Errorf("%d connections were closed", n)
	}
	until(t, func() bool { return one.conn.IsClosed() && two.conn.IsClosed() })
	if s.Inside("a") || !s.Inside("b") || !other.conn.IsConnected() {
		t.Error("the wrong ones are out")
	}
	if _, err := nats.Connect(s.URL(), nats.Token(tokenOf("a"))); err == nil {
		t.Error("it is in again")
	}
	if n := s.Disconnect("nobody"); n != 0 {
		t.Errorf("%d connections of nobody", n)
	}
}

// TestRevocationMeetsReconnects: whoever comes in while the credential is revoked is refused or put out, never kept.
func TestRevocationMeetsReconnects(t *testing.T) {
	s, b := office(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []*nats.Conn
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := nats.Connect(s.URL(), nats.Token(tokenOf("a")), nats.MaxReconnects(0))
				if err != nil {
					return // revoked
				}
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			}
		})
	}
	until(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(conns) > 20 })
	b.revoke(tokenOf("a"))
	s.Disconnect("a")
	close(stop)
	all.Wait()
	until(t, func() bool { return !s.Inside("a") })
	for _, conn := range conns {
		until(t, conn.IsClosed)
	}
}

// hasty revokes a credential, and has who shows it put out, while it still answers that the credential is good.
type hasty struct {
	*badge
	server *bus.Server
}

func (h hasty) Worker(shown bus.Credentials) (bus.Permit, bool) {
	p, ok := h.badge.Worker(shown)
	h.revoke(shown.Token)
	h.server.Disconnect(p.Worker)
	return p, ok
}

// TestRevokedWhileComingIn: a credential that is revoked just when it is looked at lets nobody stay.
func TestRevokedWhileComingIn(t *testing.T) {
	s, b := office(t)
	s.Admit(hasty{b, s})
	conn, err := nats.Connect(s.URL(), nats.Token(tokenOf("a")), nats.MaxReconnects(0))
	if err != nil {
		return // it was not let in at all
	}
	defer conn.Close()
	if s.Inside("a") {
		t.Fatal("it is inside with a credential that was revoked")
	}
	until(t, conn.IsClosed)
}

// careless knows whose a token is, and does not compare it with who says to have it.
type careless struct{ *badge }

func (c careless) Worker(shown bus.Credentials) (bus.Permit, bool) {
	return c.badge.Worker(bus.Credentials{Token: shown.Password})
}

// TestNobodyComesInAsAnother: a credential is its worker's, whatever name is shown with it: under another one it would outlive its
// revocation.
func TestNobodyComesInAsAnother(t *testing.T) {
	s, b := office(t)
	s.Admit(careless{b})
	if conn, err := nats.Connect(s.URL(), nats.UserInfo("a", tokenOf("b"))); err == nil {
		conn.Close()
		t.Error("b's credential lets a in")
	}
	enter(t, s, nats.UserInfo("b", tokenOf("b")))
}

// TestManyReconnects: a thousand reconnects cost one question each and leave nothing behind.
func TestManyReconnects(t *testing.T) {
	s, b := office(t)
	for range 200 {
		conn, err := nats.Connect(s.URL(), nats.Token(tokenOf("a")))
		must(t, err)
		conn.Close()
	}
	until(t, func() bool { return !s.Inside("a") })
	if b.asked != 200 {
		t.Errorf("asked %d times", b.asked)
	}
}

func TestTokenNamesItsWorker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		worker := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{0,63}`).Draw(t, "worker")
		secret := rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "secret")
		if got := bus.TokenWorker(bus.WorkerToken(worker, secret)); got != worker {
			t.Fatalf("%q is of %q", worker, got)
		}
	})
	for _, text := range []string{"", "cordumw_", "cordumw__", "cordumw_x", "cordum_k1_00", "x_y_z"} {
		if got := bus.TokenWorker(text); got != "" {
			t.Errorf("%q is of %q", text, got)
		}
	}
}

func TestIsInbox(t *testing.T) {
	for subject, want := range map[string]bool{
		"_INBOX.a.1": true, "_INBOX.xyz": true, bus.InboxPrefix + ".x.1": true,
		"": false, "_INBOX": false, "_INBOX.": false, "_INBOX.>": false, "_INBOX.*.x": false, "_INBOX.a b": false, "_INBOXX.a": false,
		"sys.policy.reload": false, "worker.b.jobs": false, "$JS.API.STREAM.DELETE.X": false, "cordum.part.00": false,
	} {
		if got := bus.IsInbox(subject); got != want {
			t.Errorf("%q: %v", subject, got)
		}
	}
}
