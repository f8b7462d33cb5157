package bus_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cordum.dev/cordum/bus"
)

// external starts a NATS server of its own, as it is started elsewhere.
func external(t *testing.T, change func(*server.Options)) (url string) {
	t.Helper()
	opts := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true}
	change(opts)
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not take connections")
	}
	return s.ClientURL()
}

// certificate makes one that signs itself, for the loopback address.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestExternalServers connects to servers that ask who comes, with what they want and with something else: what is wrong is an error
// at once, which says the address and why.
func TestExternalServers(t *testing.T) {
	cert, pool := certificate(t)
	plain := external(t, func(*server.Options) {})
	password := external(t, func(o *server.Options) { o.Username, o.Password = "cordum", "right" })
	token := external(t, func(o *server.Options) { o.Authorization = "right" })
	secure := external(t, func(o *server.Options) {
		o.TLS, o.TLSTimeout, o.TLSConfig = true, 30, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	})
	mutual := external(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 30
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	})
	users := func(at, user string) string { return strings.Replace(at, "://", "://"+user+"@", 1) }
	trust := func(name string, certs ...tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: pool, ServerName: name, Certificates: certs, MinVersion: tls.VersionTLS12}
	}
	for name, c := range map[string]struct {
		cfg  bus.ConnectConfig
		want string // of the error; empty: it is let in
	}{
		"open":                      {bus.ConnectConfig{URL: plain}, ""},
		"several, one away":         {bus.ConnectConfig{URL: "nats://127.0.0.1:1," + plain}, ""},
		"password":                  {bus.ConnectConfig{URL: password, Credentials: bus.Credentials{User: "cordum", Password: "right"}}, ""},
		"wrong password":            {bus.ConnectConfig{URL: password, Credentials: bus.Credentials{User: "cordum", Password: "wrong"}}, "Authorization Violation"},
		"no password":               {bus.ConnectConfig{URL: password}, "Authorization Violation"},
		"token":                     {bus.ConnectConfig{URL: token, Credentials: bus.Credentials{Token: "right"}}, ""},
		"wrong token":               {bus.ConnectConfig{URL: token, Credentials: bus.Credentials{Token: "wrong"}}, "Authorization Violation"},
		"password in the URL":       {bus.ConnectConfig{URL: users(password, "cordum:right")}, ""},
		"wrong password in the URL": {bus.ConnectConfig{URL: users(password, "cordum:hidden")}, "Authorization Violation"},
		"several with passwords":    {bus.ConnectConfig{URL: "nats://a:hidden@127.0.0.1:1, b:hidden@127.0.0.1:1"}, "nats://127.0.0.1:1,127.0.0.1:1"},
		"password that is no URL":   {bus.ConnectConfig{URL: "nats://a:hid den@127.0.0.1:1"}, "no address"},
		"no such credentials file":  {bus.ConnectConfig{URL: plain, CredsFile: filepath.Join(t.TempDir(), "none.creds")}, "none.creds"},
		"TLS":                       {bus.ConnectConfig{URL: secure, TLS: trust("")}, ""},
		"TLS of somebody else":      {bus.ConnectConfig{URL: secure, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, "certificate signed by unknown authority"},
		"TLS for another name":      {bus.ConnectConfig{URL: secure, TLS: trust("other")}, "certificate"},
		"TLS where there is none":   {bus.ConnectConfig{URL: plain, TLS: trust("")}, "secure connection not available"},
		"TLS with a certificate":    {bus.ConnectConfig{URL: mutual, TLS: trust("", cert)}, ""},
		"TLS without a certificate": {bus.ConnectConfig{URL: mutual, TLS: trust("")}, "asks for a tls certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := bus.Connect(c.cfg)
			switch {
			case err == nil && c.want != "":
				_ = b.Close()
				t.Fatal("it was let in")
			case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("%v", err)
			case err != nil:
				about, _, _ := strings.Cut(c.cfg.URL, ",")
				about = about[strings.LastIndexByte(about, '@')+1:]
				if c.cfg.CredsFile != "" {
					about = c.cfg.CredsFile
				}
				if !strings.Contains(err.Error(), about) {
					t.Errorf("it is not said what was to be reached: %v", err)
				}
				if strings.Contains(err.Error(), "hid") {
					t.Errorf("a password is shown: %v", err)
				}
				return
			}
			defer func() { _ = b.Close() }()
			sub, err := b.Subscribe("echo", "", func(m bus.Msg) { _ = b.Publish(m.Reply, m.Data) })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = sub.Unsubscribe() }()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if got, err := b.Request(ctx, "echo", []byte("word")); err != nil || string(got) != "word" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestExternalTooSmall: a server whose messages are too small for what has to go is not used, and it is said why.
func TestExternalTooSmall(t *testing.T) {
	b, err := bus.Connect(bus.ConnectConfig{URL: external(t, func(o *server.Options) { o.MaxPayload = bus.MinPayload - 1 })})
	if err == nil {
		_ = b.Close()
		t.Fatal("it was taken")
	}
	if !strings.Contains(err.Error(), "max_payload") || !strings.Contains(err.Error(), "1048575") {
		t.Errorf("%v", err)
	}
}

// TestExternalPayload: a server that takes less than the built-in one refuses what is larger with an error of its own, and goes on.
func TestExternalPayload(t *testing.T) {
	b, err := bus.Connect(bus.ConnectConfig{URL: external(t, func(o *server.Options) { o.MaxPayload = bus.MinPayload })})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	got := make(chan int, 1)
	sub, err := b.Subscribe("size", "", func(m bus.Msg) { got <- len(m.Data) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	large := make([]byte, bus.MinPayload+1)
	if err := b.Publish("size", large); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("a publish of too much: %v", err)
	}
	if err := b.PublishRequest("size", "answer", large); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("a request of too much: %v", err)
	}
	if err := errors.Join(b.Publish("size", large[1:]), b.Flush()); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-got:
		if n != bus.MinPayload {
			t.Errorf("%d bytes came", n)
		}
	case <-time.After(30 * time.Second):
		t.Error("what fits does not come")
	}
}

// TestDeployedServers: the configuration for servers elsewhere lets workers do what the built-in server does, takes messages as large,
// and gives nobody else anything: a worker neither speaks for another one nor hears what is another's.
func TestDeployedServers(t *testing.T) {
	for name, value := range map[string]string{
		"NODE_NAME": "n", "NODE_LISTEN": "127.0.0.1:1", "NODE_MONITOR": "127.0.0.1:2", "NODE_CLUSTER": "127.0.0.1:3", "NODE_DATA": t.TempDir(),
		"NODE_ROUTES": "[]", "NODE_PASSWORD": `"a"`, "NATS_PASSWORD": `"1b"`, "WORKER1_PASSWORD": `"2c"`, "WORKER2_PASSWORD": `"3d"`,
	} {
		t.Setenv(name, value)
	}
	opts, err := server.ProcessConfigFile("../deploy/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if opts.MaxPayload != bus.MaxPayload || opts.MaxPending != bus.MaxPendingBytes || opts.SyncInterval != time.Second {
		t.Errorf("a message has at most %d bytes, %d wait, what is kept is on disk after %s", opts.MaxPayload, opts.MaxPending, opts.SyncInterval)
	}
	var names []string
	for _, u := range opts.Users {
		names = append(names, u.Username)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"cordum", "worker1", "worker2"}) || opts.NoAuthUser != "" {
		t.Fatalf("users: %q", names)
	}
	url := external(t, func(o *server.Options) { o.Users = opts.Users })
	connect := func(user, password string) *bus.NATS {
		b, err := bus.Connect(bus.ConnectConfig{URL: url, Credentials: bus.Credentials{User: user, Password: password}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	engine := connect("cordum", "1b")
	for id, password := range map[string]string{"worker1": "2c", "worker2": "3d"} {
		other := map[string]string{"worker1": "worker2", "worker2": "worker1"}[id]
		t.Run(id+" says", func(t *testing.T) { saysOnlyItsOwn(t, engine, connect(id, password), id, other) })
		t.Run(id+" hears", func(t *testing.T) { hearsOnlyItsOwn(t, engine, connect(id, password), id, other) })
	}
}

// saysOnlyItsOwn has a worker say what it may, after what it may not.
func saysOnlyItsOwn(t *testing.T, engine, worker *bus.NATS, id, other string) {
	heard := make(chan string, 64)
	sub, err := engine.Subscribe(">", "", func(m bus.Msg) { heard <- m.Subject })
	if err != nil || engine.Flush() != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for _, subject := range []string{
		"cordum.call.00", "cordum.engines", "cordum.lane.00", "cordum.docs", "cordum.place.why", "cordum.peer.e.s", "_CORDUM.x.1", "sys.job.cancel", "job.example",
		"worker." + other + ".jobs", "worker." + id + ".jobs", bus.SubjectHeartbeat + "." + other, "sys.handshake." + other, "_INBOX." + other + ".x",
		bus.SubjectHeartbeat, bus.SubjectProgress, bus.SubjectResult, "$JS.API.STREAM.LIST",
	} {
		_ = worker.Publish(subject, nil) // refused by the server, later
	}
	may := []string{bus.SubjectHeartbeat + "." + id, "sys.handshake." + id, bus.Part(3)}
	for _, subject := range may {
		_ = worker.Publish(subject, nil)
	}
	for _, want := range may {
		if got := next(t, heard); got != want {
			t.Errorf("%s came from a worker, want %s", got, want)
		}
	}
}

// hearsOnlyItsOwn has a worker listen to everything; of what is said then it gets what is its own.
func hearsOnlyItsOwn(t *testing.T, engine, worker *bus.NATS, id, other string) {
	heard := make(chan string, 64)
	listen := func(subject, group string) {
		sub, err := worker.Subscribe(subject, group, func(m bus.Msg) { heard <- subject + " " + group + ": " + m.Subject })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Unsubscribe() })
	}
	for _, subject := range []string{
		">", "worker.*.jobs", "worker." + other + ".jobs", "job.>", "job.example", "job.other", "_INBOX.>", "_INBOX." + other + ".>", "sys.>",
		"sys.job.result", "cordum.>", "cordum.call.*", "cordum.engines", "cordum.lane.*", "cordum.peer.>", "cordum.part.*", "_CORDUM.>",
	} {
		listen(subject, "")
		listen(subject, "g"+id) // a group of its own would get all of it
	}
	listen("job.other", "job.other")
	mine := []string{"_INBOX." + id + ".1 : _INBOX." + id + ".1", "job.example job.example: job.example", "worker." + id + ".jobs : worker." + id + ".jobs"}
	listen("_INBOX."+id+".1", "")
	listen("job.example", "job.example")
	listen("worker."+id+".jobs", "")
	if err := worker.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{
		"worker." + other + ".jobs", "job.other", "_INBOX." + other + ".1", "sys.job.result", "cordum.call.00", "cordum.engines", "cordum.lane.00", "cordum.peer.e.s",
		"cordum.part.00", "_CORDUM.x.1", "_INBOX." + id + ".1", "job.example", "worker." + id + ".jobs",
	} {
		if err := engine.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Flush(); err != nil {
		t.Fatal(err)
	}
	for range mine {
		got := next(t, heard)
		if !slices.Contains(mine, got) {
			t.Errorf("it heard, by a subscription to %s", got)
		}
	}
	if err := worker.Flush(); err != nil { // what else was sent to it is here then
		t.Fatal(err)
	}
	select {
	case got := <-heard:
		t.Errorf("it heard, by a subscription to %s", got)
	default:
	}
}

func next(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case got := <-heard:
		return got
	case <-time.After(30 * time.Second):
		t.Fatal("what it may does not come")
		return ""
	}
}
