package outside

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
	links   []route
	board   *board           // that its parts are plugged into; nil: they share the loopback interface
	homes   map[string]*host // of the parts by name, with a board
}

// setupKind is a name and the function that starts it.
type setupKind struct {
	name     string
	build    func(*setup)
	patience time.Duration // until every run has ended, when the faults are over
}

// setups are those that are promised.
var setups = []setupKind{
	{"embedded", (*setup).embedded, endWithin},
	{"redis", (*setup).alone, endWithin},
	{"replicas", (*setup).replicas, endWithin},
	{namespacesName, (*setup).namespaces, endWithin},
	{"clusters", (*setup).clusters, endWithin},
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
	s.engines(redis, nats)
	s.gateways(nats)
	s.workers(nats)
}

func (s *setup) engines(redis, nats string) {
	for _, name := range []string{"engine-0", "engine-1"} {
		s.server(name, target{weight: 2, lease: partitionLease}, "--roles", "engine", "--nats-use-jetstream", "--nats-url", natsURL(s.link(nats)),
			"--store", "redis://"+s.link(redis), "--init-store")
	}
}

func (s *setup) gateways(nats string) {
	for _, name := range []string{"gateway-0", "gateway-1"} {
		s.server(name, target{weight: 4, lease: partitionLease}, "--roles", "gateway", "--nats-url", natsURL(s.link(nats)))
	}
}

// host is where a part lives.
func (s *setup) host(part string) *host {
	if s.board == nil {
		return loopback
	}
	if s.homes[part] == nil {
		if s.homes == nil {
			s.homes = map[string]*host{}
		}
		s.homes[part] = s.board.host()
	}
	return s.homes[part]
}

func (s *setup) ofLinks() int {
	if s.board == nil {
		return linksOfTwenty
	}
	return cablesOfTwenty
}

// trust is what lets a server start: on a loopback interface that nobody else is on, or with keys and a policy.
func (s *setup) trust() []string {
	if s.board == nil {
		return []string{"--dev"}
	}
	policy, list := filepath.Join(s.dir, "policy.yaml"), filepath.Join(s.dir, "keys")
	var lines strings.Builder
	for who, key := range keys {
		fmt.Fprintf(&lines, "%s:operator+author+approver::%s\n", cmp.Or(strings.TrimPrefix(who, "user:"), "ops"), key)
	}
	for path, text := range map[string]string{policy: "default: ALLOW\n", list: lines.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return []string{"--policy", policy, "--api-keys-file", list}
}

// server starts a process of the binary. One that has the role of a gateway is a door.
func (s *setup) server(name string, t target, args ...string) {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	home := s.host(name)
	addr := home.addr(s.t, "8081")
	args = append(append([]string{"serve", "--addr", addr, "--data-dir", filepath.Join(s.dir, name), "--rate-rps", "-1", "--public-rate-rps", "-1"}, s.trust()...), args...)
	t.name, t.part = name, newProcess(s.t, name, s.dir, func() *exec.Cmd { return home.command(path, args...) })
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
		s.child(target{name: id, weight: 4, lease: workerLease}, workerEnv+"="+id, serverEnv+"="+natsURL(addr), ledgerEnv+"="+s.ledger)
	}
}

// nats starts a NATS server as a process of its own, and answers its address.
func (s *setup) nats(weight int) string {
	n := natsServer{Name: "nats", Addr: s.host("nats").addr(s.t, "4222"), Dir: filepath.Join(s.dir, "nats")}
	s.runNATS(weight, n)
	return n.Addr
}

// child starts the test binary again, as a worker or as a NATS server.
func (s *setup) child(t target, env ...string) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	home := s.host(t.name)
	t.part = newProcess(s.t, t.name, s.dir, func() *exec.Cmd {
		cmd := home.command(self)
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
	home := s.host("redis")
	r.Addr = home.addr(s.t, "6379") // it comes back to it many times
	p := newProcess(s.t, "redis", s.dir, func() *exec.Cmd {
		args := append([]string{"--port", r.Port(), "--bind", home.ip, "--protected-mode", "no", "--dir", r.Dir(), "--save", ""}, settings...)
		return home.command("redis-server", args...)
	})
	s.add(target{name: "redis", weight: weight, lease: partitionLease, part: p})
	return r.Addr
}

// link is how a part reaches a server, so that it can be made bad; or several servers, with commas between them.
func (s *setup) link(upstream string) string {
	if s.board != nil {
		return upstream // by its cables
	}
	var addrs []string
	for server := range strings.SplitSeq(upstream, ",") {
		l := newLink(s.t, server)
		s.links, addrs = append(s.links, l), append(addrs, l.addr)
	}
	return strings.Join(addrs, ",")
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
