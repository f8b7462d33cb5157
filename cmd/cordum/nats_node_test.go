package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/freeport"
)

// A NATS node is the test binary started again with this set: its nodeConfig.
const natsNodeEnv = "CORDUM_TEST_NATS_NODE"

// init is where a node's process turns off, before the test binary takes itself for a test.
func init() {
	text := os.Getenv(natsNodeEnv)
	if text == "" {
		return
	}
	var cfg nodeConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s, err := natsd.NewServer(cfg.options())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.Start()
	s.WaitForShutdown()
	os.Exit(0)
}

// nodeConfig is a node with JetStream, alone or of a cluster.
type nodeConfig struct {
	Name, Addr, Dir string
	Route           string   // where other nodes reach it; empty: it is alone
	Routes          []string // of all nodes
}

func (c *nodeConfig) options() *natsd.Options {
	host, port := splitAddr(c.Addr)
	o := &natsd.Options{
		ServerName: c.Name, Host: host, Port: port, NoLog: true, JetStream: true, StoreDir: c.Dir,
		MaxPayload: bus.MaxPayload, MaxPending: bus.MaxPendingBytes,
	}
	if c.Route != "" {
		o.Cluster.Name = "test"
		o.Cluster.Host, o.Cluster.Port = splitAddr(c.Route)
		o.Routes = natsd.RoutesFromStr("nats://" + strings.Join(c.Routes, ",nats://"))
	}
	return o
}

func splitAddr(addr string) (host string, port int) {
	host, text, _ := net.SplitHostPort(addr)
	port, _ = strconv.Atoi(text) // of freeport: it is a number
	return host, port
}

// natsNode is a node in a process of its own.
type natsNode struct {
	t   *testing.T
	cfg nodeConfig
	cmd *exec.Cmd
}

// newNATS makes a cluster of n nodes, or one that is alone, and starts them.
func newNATS(t *testing.T, n int) []*natsNode {
	t.Helper()
	nodes := make([]*natsNode, n)
	var routes []string
	for i := range nodes {
		nodes[i] = &natsNode{t: t, cfg: nodeConfig{Name: fmt.Sprint("n", i+1), Addr: freeport.Addr(t), Dir: filepath.Join(t.TempDir(), "store")}}
		if n > 1 {
			nodes[i].cfg.Route = freeport.Addr(t)
			routes = append(routes, nodes[i].cfg.Route)
		}
	}
	for _, node := range nodes {
		node.cfg.Routes = routes
		t.Cleanup(node.kill)
		node.start()
	}
	return nodes
}

// natsURL is the addresses of all nodes.
func natsURL(nodes []*natsNode) string {
	var list []string
	for _, n := range nodes {
		list = append(list, "nats://"+n.cfg.Addr)
	}
	return strings.Join(list, ",")
}

// start starts the node and waits until it takes connections.
func (n *natsNode) start() {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	text, err := json.Marshal(n.cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	n.cmd = exec.Command(self)
	n.cmd.Env = append(os.Environ(), natsNodeEnv+"="+string(text))
	n.cmd.Stderr = os.Stderr
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", n.cfg.Addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("NATS does not come up: %v", err)
		}
	}
}

// kill is kill -9.
func (n *natsNode) kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// wipe deletes all that a node that does not run has kept.
func (n *natsNode) wipe() {
	n.t.Helper()
	if err := os.RemoveAll(n.cfg.Dir); err != nil {
		n.t.Fatal(err)
	}
}
