package outside

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/freeport"
	"cordum.dev/cordum/internal/redisd"
)

// What processes hold their things by, as docs/replicas.md and docs/scheduling.md say.
const (
	partitionLease = 6 * time.Second
	workerLease    = 15 * time.Second
)

// target is a part with how it is hit.
type target struct {
	part
	name   string
	weight int           // how often it is killed, among the others
	lease  time.Duration // it is stopped for so long, or a few times that
	wipe   string        // a folder that it may lose; empty: it has nothing that may be lost
}

// what is a target's name without its number.
func (t *target) what() string {
	what, _, _ := strings.Cut(t.name, "-")
	return what
}

// setup is a system with everything that a fault can hit.
type setup struct {
	t       *testing.T
	name    string
	dir     string
	ledger  string
	doors   []string
	targets []target
	links   []*link
}

// setupKind is a name and the function that starts it.
type setupKind struct {
	name     string
	build    func(*setup)
	patience time.Duration // until every run has ended, when the faults are over
}

// setups are the three that are promised.
var setups = []setupKind{
	{"embedded", (*setup).embedded, endWithin},
	{"redis", (*setup).alone, endWithin},
	{"replicas", (*setup).replicas, endWithin},
}

// embedded is the server with everything in it.
func (s *setup) embedded() {
	nats := freeport.Addr(s.t)
	s.server("server", target{weight: 5, lease: partitionLease}, "--nats-addr", nats)
	s.workers(nats)
}

// alone is one server whose store is Redis.
func (s *setup) alone() {
	nats := freeport.Addr(s.t)
	redis := s.redis(2, redisd.Durable...)
	s.server("server", target{weight: 3, lease: partitionLease}, "--nats-addr", nats, "--store", "redis://"+s.link(redis), "--init-store")
	s.workers(nats)
}

// forgetful is alone with a Redis that loses everything when it is killed, and is nothing that is promised: it shows that a loss is
// found.
func (s *setup) forgetful() {
	nats := freeport.Addr(s.t)
	redis := s.redis(1, "--appendonly", "no")
	s.server("server", target{}, "--nats-addr", nats, "--store", "redis://"+redis, "--init-store", "--store-allow-loss")
	s.workers(nats)
}

// replicas are two engines and two gateways, one Redis, and a NATS server that keeps data of plain workers.
func (s *setup) replicas() {
	redis, nats := s.redis(2, redisd.Durable...), s.nats(2)
	for _, name := range []string{"engine-0", "engine-1"} {
		s.server(name, target{weight: 2, lease: partitionLease}, "--roles", "engine", "--nats-use-jetstream", "--nats-url", "nats://"+s.link(nats),
			"--store", "redis://"+s.link(redis), "--init-store")
	}
	for _, name := range []string{"gateway-0", "gateway-1"} {
		s.server(name, target{weight: 4, lease: partitionLease}, "--roles", "gateway", "--nats-url", "nats://"+s.link(nats))
	}
	s.workers(nats)
}

// server starts a process of the binary. One that has the role of a gateway is a door.
func (s *setup) server(name string, t target, args ...string) {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	addr := freeport.Addr(s.t)
	args = append([]string{"serve", "--dev", "--addr", addr, "--data-dir", filepath.Join(s.dir, name), "--rate-rps", "-1", "--public-rate-rps", "-1"}, args...)
	t.name, t.part = name, newProcess(s.t, name, s.dir, func() *exec.Cmd { return exec.Command(path, args...) })
	s.add(t)
	if !strings.HasPrefix(name, "engine") {
		s.doors = append(s.doors, addr)
	}
}

// workers starts two of them, each with a link of its own.
func (s *setup) workers(nats string) {
	for i := range 2 {
		id := "worker-" + strconv.Itoa(i)
		addr := s.link(nats)
		s.child(target{name: id, weight: 4, lease: workerLease}, workerEnv+"="+id, serverEnv+"=nats://"+addr, ledgerEnv+"="+s.ledger)
	}
}

// nats starts a NATS server as a process of its own, and answers its address.
func (s *setup) nats(weight int) string {
	addr, dir := freeport.Addr(s.t), filepath.Join(s.dir, "nats")
	s.child(target{name: "nats", weight: weight, lease: partitionLease, wipe: dir}, natsEnv+"="+addr, natsDirEnv+"="+dir)
	return addr
}

// child starts the test binary again, as a worker or as a NATS server.
func (s *setup) child(t target, env ...string) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	t.part = newProcess(s.t, t.name, s.dir, func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	})
	s.add(t)
}

// redis starts a Redis with some settings, and answers its address.
func (s *setup) redis(weight int, settings ...string) string {
	s.t.Helper()
	r := redisd.Start(s.t)
	r.Kill()
	r.Addr = freeport.Addr(s.t) // it comes back to it many times
	p := newProcess(s.t, "redis", s.dir, func() *exec.Cmd {
		args := append([]string{"--port", r.Port(), "--bind", "127.0.0.1", "--dir", r.Dir(), "--save", ""}, settings...)
		return exec.Command("redis-server", args...)
	})
	s.add(target{name: "redis", weight: weight, lease: partitionLease, part: p})
	return r.Addr
}

func (s *setup) link(upstream string) string {
	l := newLink(s.t, upstream)
	s.links = append(s.links, l)
	return l.addr
}

func (s *setup) add(t target) {
	s.targets = append(s.targets, t)
	t.launch()
}

// ready waits until every gateway takes work.
func (s *setup) ready(within time.Duration) {
	s.t.Helper()
	deadline := time.Now().Add(within)
	for _, door := range s.doors {
		for !answers("http://" + door + "/readyz") {
			if time.Now().After(deadline) {
				s.t.Fatalf("%s: %s is not ready after %v", s.name, door, within)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func answers(url string) bool {
	res, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// The NATS server is the test binary started again with these set.
const (
	natsEnv    = "CORDUM_OUTSIDE_NATS" // where it listens
	natsDirEnv = "CORDUM_OUTSIDE_NATS_DIR"
)

// serveNATS runs a NATS server with JetStream until it is killed.
func serveNATS(addr, dir string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := bus.NewServer(bus.ServerConfig{Host: host, Port: n, Open: true, StreamDir: dir})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		return err
	}
	select {}
}
