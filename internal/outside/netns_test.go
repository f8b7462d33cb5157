package outside

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/internal/freeport"
	"cordum.dev/cordum/internal/redisd"
)

// The tests run in a network of their own where the kernel gives them one: a user namespace in which they are root, and a network
// namespace with nothing in it but what they make. It is gone with them, and what they send stays in it.
const (
	netnsEnv = "CORDUM_OUTSIDE_NETNS" // probe: see whether it can be had; else where the server's binary is, and go on in there
	hostEnv  = "CORDUM_OUTSIDE_HOST"  // be the namespace of a host, until killed
)

// noNetns is why there are no namespaces; empty: there are.
var noNetns = "the tests did not begin in one"

// enterNetns runs these tests again in a network of their own, and answers how they ended. Where that cannot be had it says why, and
// they run here.
func enterNetns() (code int, err error) {
	if err = systemPackage("iproute2", "ip"); err != nil {
		return 0, err
	}
	// What is installed or downloaded has to be before: in there is no way out.
	if err = systemPackage("redis-server", "redis-server"); err != nil {
		return 0, err
	}
	if out, err := again("probe").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	if _, err = binary(); err != nil {
		return 0, err
	}
	runtime.LockOSThread() // whoever is started dies with this thread
	tests := again(buildDir, os.Args[1:]...)
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = tests.Run()
	if ended := new(exec.ExitError); errors.As(err, &ended) {
		return max(1, ended.ExitCode()), nil
	}
	return 0, err
}

// again is the test binary in new namespaces. The user of in there who is root is the one who runs the tests.
func again(mode string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), netnsEnv+"="+mode)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:   syscall.SIGKILL,
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	return cmd
}

func systemPackage(name, command string) error {
	out, err := exec.Command(filepath.Join("..", "..", "scripts", "system-package"), name, command).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s is needed: %w\n%s", command, err, out)
	}
	return nil
}

// probeNetns sees whether the namespaces of this process are good for what is done in them.
func probeNetns() error {
	for _, args := range []string{"link set lo up", "link add br0 type bridge", "link add v0 type veth peer name v1"} {
		if err := ip(args); err != nil {
			return err
		}
	}
	return nil
}

// ip carries out a command of iproute2 here.
func ip(args string) error { return ipAt("", args) }

// ipAt carries it out in the network namespace with a path; empty: here.
func ipAt(netns, args string) error {
	line := append([]string{"ip"}, strings.Fields(args)...)
	if netns != "" {
		line = append([]string{"nsenter", "--net=" + netns, "--"}, line...)
	}
	if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// host is where a part lives: on the loopback interface with all others, or in a network of its own.
type host struct {
	ip    string
	netns string // the path of its namespace; empty: that of the tests
	port  string // the name of its port at the switch
}

var loopback = &host{ip: "127.0.0.1"}

// addr is an address of the host with a port that nobody else has.
func (h *host) addr(t *testing.T, port string) string {
	t.Helper()
	if h.netns == "" {
		return freeport.Addr(t)
	}
	return net.JoinHostPort(h.ip, port)
}

// command is a program that is started there.
func (h *host) command(name string, args ...string) *exec.Cmd {
	if h.netns == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("nsenter", append([]string{"--net=" + h.netns, "--", name}, args...)...)
}

// board is a switch that hosts are plugged into, and the clients too. What it drops is dropped as in a real network: without a word,
// with all connections open.
type board struct {
	t       *testing.T
	name    string
	subnet  string
	clients *host

	mu      sync.Mutex
	hosts   []*host
	dropped map[way]int // by how many faults
}

// way is from one host to another.
type way struct{ from, to *host }

// boards counts those of this process: each has names and addresses of its own.
var boards struct {
	sync.Mutex
	n int
}

func newBoard(t *testing.T) *board {
	t.Helper()
	boards.Lock()
	boards.n++
	n := boards.n
	boards.Unlock()
	b := &board{t: t, name: "br" + strconv.Itoa(n), subnet: fmt.Sprintf("10.213.%d.", n), dropped: map[way]int{}}
	b.clients = &host{ip: b.subnet + "1"}
	b.must(ip("link add " + b.name + " type bridge"))
	b.must(ip("addr add " + b.clients.ip + "/24 dev " + b.name))
	b.must(ip("link set " + b.name + " up"))
	t.Cleanup(func() { b.must(ip("link del " + b.name)) })
	return b
}

func (b *board) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// host plugs a new one in. A process that does nothing keeps its namespace while those who live there come and go.
func (b *board) host() *host {
	b.t.Helper()
	keeper := exec.Command(os.Args[0])
	keeper.Env = append(os.Environ(), hostEnv+"=yes")
	keeper.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNET}
	b.must(keeper.Start())
	b.t.Cleanup(func() {
		_ = keeper.Process.Kill()
		_ = keeper.Wait()
	})
	b.mu.Lock()
	n := len(b.hosts) + 10
	h := &host{ip: b.subnet + strconv.Itoa(n), netns: fmt.Sprintf("/proc/%d/ns/net", keeper.Process.Pid), port: fmt.Sprintf("%sp%d", b.name, n)}
	b.hosts = append(b.hosts, h)
	b.mu.Unlock()
	b.must(ip(fmt.Sprintf("link add %s type veth peer name eth0 netns %d", h.port, keeper.Process.Pid)))
	b.must(ip(fmt.Sprintf("link set %s master %s up", h.port, b.name)))
	b.must(ipAt(h.netns, "link set lo up"))
	b.must(ipAt(h.netns, "addr add "+h.ip+"/24 dev eth0"))
	b.must(ipAt(h.netns, "link set eth0 up"))
	return h
}

// nobody is a hardware address that no host has: what is sent to it reaches nobody, and the sender is not told.
const nobody = "02:00:00:00:00:01"

// drop has what goes some ways get lost.
func (b *board) drop(ways []way) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all error
	for _, w := range ways {
		if b.dropped[w]++; b.dropped[w] == 1 {
			all = errors.Join(all, ipAt(w.from.netns, fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", w.to.ip, nobody, b.wire(w.from))))
		}
	}
	return all
}

// pass takes drop back.
func (b *board) pass(ways []way) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all error
	for _, w := range ways {
		if b.dropped[w]--; b.dropped[w] == 0 {
			all = errors.Join(all, ipAt(w.from.netns, fmt.Sprintf("neigh del %s dev %s", w.to.ip, b.wire(w.from))))
		}
	}
	return all
}

// wire is the interface by which a host reaches the others.
func (b *board) wire(h *host) string {
	if h == b.clients {
		return b.name
	}
	return "eth0"
}

// cable is what connects two hosts, or one with all others. It is a route that loses packets.
type cable struct {
	board *board
	there []way // as the question goes
	back  []way // as the answer goes

	mu      sync.Mutex
	lost    []way
	stutter chan struct{} // closed to end it
	still   sync.WaitGroup
}

// between connects two hosts.
func (b *board) between(from, to *host) *cable {
	return &cable{board: b, there: []way{{from, to}}, back: []way{{to, from}}}
}

// around connects a host with all that are plugged in, and with the clients.
func (b *board) around(h *host) *cable {
	c := &cable{board: b}
	for _, o := range append([]*host{b.clients}, b.hosts...) {
		if o != h {
			c.there, c.back = append(c.there, way{h, o}), append(c.back, way{o, h})
		}
	}
	return c
}

func (c *cable) cut() error { return c.lose(c.there, c.back) }

// halfOpen loses the answers, or both.
func (c *cable) halfOpen(both bool) error {
	if both {
		return c.cut()
	}
	return c.lose(c.back)
}

// slow is a cable with a loose contact: nothing gets through for some milliseconds, then everything for as many, and so on. What is
// lost comes again, later.
func (c *cable) slow(ms int) error {
	if err := c.lose(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	end := make(chan struct{})
	c.stutter = end
	c.still.Go(func() {
		for bad := true; ; bad = !bad {
			ways := [][]way{c.there, c.back}
			if !bad {
				ways = nil
			}
			if err := c.become(ways); err != nil {
				c.board.t.Error(err)
			}
			select {
			case <-end:
				return
			case <-time.After(time.Duration(ms) * time.Millisecond):
			}
		}
	})
	return nil
}

func (c *cable) heal() error { return c.lose() }

// lose ends the fault that there is, and has some ways lost from now on.
func (c *cable) lose(ways ...[]way) error {
	c.mu.Lock()
	end := c.stutter
	c.stutter = nil
	c.mu.Unlock()
	if end != nil {
		close(end)
		c.still.Wait()
	}
	return c.become(ways)
}

func (c *cable) become(ways [][]way) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.lost
	c.lost = nil
	for _, some := range ways {
		c.lost = append(c.lost, some...)
	}
	return errors.Join(c.board.drop(c.lost), c.board.pass(before))
}

// namespacesName is the set-up that needs them.
const namespacesName = "namespaces"

// namespaces is replicas with each process on a host of its own, with keys and a policy, as servers are that others can reach. What its
// faults lose is not refused but never heard of again.
func (s *setup) namespaces() {
	s.board = newBoard(s.t)
	redis, nats := s.redis(2, redisd.Durable...), s.nats(2)
	s.engines(redis, nats)
	s.gateways(nats)
	s.workers(nats)
	for _, from := range s.targets {
		s.links = append(s.links, s.board.around(s.homes[from.name]))
		if what := from.what(); what == "redis" || what == "nats" {
			continue
		}
		s.links = append(s.links, s.board.between(s.homes[from.name], s.homes["nats"]))
		if from.what() == "engine" {
			s.links = append(s.links, s.board.between(s.homes[from.name], s.homes["redis"]))
		}
	}
}

// TestCablesLoseInSilence: a cable that is cut loses what goes through it and nothing else, one way or both, and is whole again after.
func TestCablesLoseInSilence(t *testing.T) {
	if noNetns != "" {
		t.Skip(noNetns)
	}
	b := newBoard(t)
	one, other := b.host(), b.host()
	ear, err := net.ListenPacket("udp4", b.clients.ip+":0")
	b.must(err)
	defer func() { _ = ear.Close() }()
	_, port, _ := net.SplitHostPort(ear.LocalAddr().String())
	heard := func(h *host) bool {
		t.Helper()
		b.must(h.command("bash", "-c", "echo hello >/dev/udp/"+b.clients.ip+"/"+port).Run())
		b.must(ear.SetReadDeadline(time.Now().Add(300 * time.Millisecond)))
		from := make([]byte, 8)
		_, who, err := ear.ReadFrom(from)
		return err == nil && strings.HasPrefix(who.String(), h.ip+":")
	}
	expect := func(when string, fromOne, fromOther bool) {
		t.Helper()
		if got := heard(one); got != fromOne {
			t.Errorf("%s: the first host is heard: %t", when, got)
		}
		if got := heard(other); got != fromOther {
			t.Errorf("%s: the second host is heard: %t", when, got)
		}
	}
	expect("before", true, true)
	c := b.between(b.clients, one)
	b.must(c.halfOpen(false))
	expect("its answers are lost", false, true)
	b.must(c.heal())
	expect("healed", true, true)
	all := b.around(other)
	b.must(all.cut())
	b.must(c.cut())
	expect("both are cut", false, false)
	b.must(all.heal())
	b.must(c.heal())
	b.must(c.heal())
	expect("healed again", true, true)
	b.must(b.between(one, other).cut())
	expect("the two are parted", true, true)
	b.must(all.slow(20))
	b.must(all.heal())
	expect("a loose contact mended", true, true)
}
